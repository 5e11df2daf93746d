"""What goes into the self-contained folder and what stays out: the tables that build.spec reads."""

import re
import shutil
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]

EXTRAS: Final = ("lsl", "report")
"""Extras of pyproject.toml that go in where they are installed. pyvirtualcam (GPL-2.0 alone) and
pandas with pyarrow (some 200 MB) do not."""

EXCLUDED: Final = (
    # The trainer and what it needs.
    *("trainer", "torch", "torchvision", "torchgen", "torch_tensorrt", "functorch", "triton"),
    *("sklearn", "scipy", "joblib", "safetensors", "onnx", "onnxscript", "onnx_ir", "ml_dtypes"),
    *("sympy", "networkx", "mpmath", "skimage", "imageio", "tifffile", "h5py"),
    # Extras that are installed beside the app by those who want them.
    *("onnxruntime", "tensorrt"),
    *("mediapipe", "feat", "ray", "pandas", "pyarrow", "pyvirtualcam"),
    # What openvino would load to convert models and to report home.
    *("openvino_telemetry", "openvino.tools", "openvino.torch"),
    *(f"openvino.frontend.{name}" for name in ("jax", "paddle", "pytorch", "tensorflow")),
    # What pyqtgraph would take for graphics cards.
    *("cupy", "cuda", "nvidia", "numba", "OpenGL"),
    # Tools, and other window toolkits that libraries would take if they found them.
    *("pip", "setuptools", "pkg_resources", "pytest", "_pytest", "mypy", "IPython", "PyInstaller"),
    *("yaml", "tkinter", "PyQt5", "PyQt6", "PySide2", "wx", "gi"),
)
"""Modules that must not get in, whatever lies in the environment that builds."""

CATALOGUES: Final = tuple(sorted((ROOT / "resources" / "locale").glob("*/LC_MESSAGES/*.mo")))
"""Of the window's texts; Qt's own go in for the same languages: docs/translating.md."""

_QT_TEXTS: Final = re.compile(r"/PySide6/(?:Qt/)?translations/(qtbase_(\w+)\.qm)?")

_UNUSED_FILES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        # OpenVINO reads ONNX and TFLite here, and computes on the processor.
        r"openvino_(gguf|jax|paddle|pytorch|tensorflow)_frontend\.",
        r"openvino_intel_(gpu|npu)_plugin\.|openvino/libs/cache\.json",
        r"openvino_c\.",
        # OpenCV's own windows are never opened.
        r"/cv2/qt/",
        # Qt: no QML, no data bases, no printing, no network, no screens without a window system.
        r"/(lib)?Qt6?(Qml|Quick|Sql|Designer|Help|Test|PrintSupport|Pdf|VirtualKeyboard|EglF)",
        r"/plugins/(sqldrivers|printsupport|qmltooling|designer|tls|networkinformation|generic)/",
        r"/plugins/(egldeviceintegrations|wayland-graphics-integration-server)/",
        r"/plugins/platforms/(lib)?q(eglfs|linuxfb|minimalegl|vnc|vkkhrdisplay|direct2d)",
        r"/plugins/platforminputcontexts/(lib)?qtvirtualkeyboard",
        # The theme is ours, not GTK's; what only GTK's needs goes with it.
        r"/platformthemes/libqgtk3\.",
        r"^/lib(atk|cairo|datrie|fribidi|gdk_pixbuf|gio|gmodule|pango|pixman|thai)[a-z0-9]*[-.]",
        # Plots are PNGs.
        r"/matplotlib/mpl-data/(sample_data|images|fonts/(afm|pdfcorefonts))/",
        r"/pillow\.libs/libavif|/PIL/_(avif|webp|imagingtk)\.",
    )
)

_LICENCE: Final = re.compile(r"(licen[cs]e|copying|notice|authors|third-party)", re.IGNORECASE)
_TEXT: Final = frozenset({"", ".txt", ".md", ".rst", ".apache", ".bsd"})


class DataFile(NamedTuple):
    """A file or folder of ours and the folder that it goes into, as PyInstaller wants it."""

    source: Path
    folder: str


def wanted(destination: str) -> bool:
    """Whether a collected file stays in, by its path in the folder."""
    path = "/" + destination.replace("\\", "/")
    if texts := _QT_TEXTS.search(path):
        return texts[2] in {one.parts[-3] for one in CATALOGUES}
    return not any(pattern.search(path) for pattern in _UNUSED_FILES)


def data_files(face_models: Iterable[Path] = ()) -> list[DataFile]:
    """Our own files that are looked for at run time.

    Args:
        face_models: nets to put in, if any.
    """
    resources = ROOT / "resources"
    found = [DataFile(resources / name, f"resources/{name}") for name in ("icons", "models")]
    found.append(DataFile(resources / "demo" / "demo.mp4", "resources/demo"))
    found.append(DataFile(ROOT / "ferdesk" / "exports" / "report.html.j2", "ferdesk/exports"))
    found += [DataFile(path, path.parent.relative_to(ROOT).as_posix()) for path in CATALOGUES]
    found += [DataFile(path, "resources/face-models") for path in face_models]
    return found


def distributions() -> list[Distribution]:
    """The installed packages that ferdesk needs, with those that they need, by name."""
    found: dict[str, Distribution] = {}
    seen: set[str] = set()
    left = _own_requirements()
    while left:
        wish = left.pop()
        name, _, extra = wish.partition("[")
        key = re.sub(r"[-_.]+", "-", name).lower()
        if wish in seen or key.replace("-", "_") in EXCLUDED:
            continue
        seen.add(wish)
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            continue
        left += _required(found[key].requires or (), extra.rstrip("]"))
    # Its boot loader starts the program.
    return [*(found[key] for key in sorted(found)), distribution("pyinstaller")]


def openvino_libraries() -> list[Path]:
    """OpenVINO's libraries; it opens its plugins by name, so nothing else would find them."""
    folder = Path(str(distribution("openvino").locate_file("openvino/libs")))
    kinds = (".so", ".dll", ".dylib", ".json")
    return sorted(path for path in folder.iterdir() if any(kind in path.suffixes for kind in kinds))


def has(package: str) -> bool:
    """Whether a package is installed here."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def copy_licences(folder: Path) -> None:
    """Put our LICENSE and NOTICE into a folder, and below it those of every package.

    The wheels of Qt and of FFmpeg's libraries do not carry the texts that they are under.
    """
    for name in ("LICENSE", "NOTICE"):
        shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(ROOT / "packaging" / "licences", folder / "licences", dirs_exist_ok=True)
    for package in distributions():
        place = folder / "licences" / package.name
        place.mkdir(parents=True, exist_ok=True)
        for field in ("License-Expression", "License", "Home-page", "Project-URL"):
            for text in package.metadata.get_all(field) or ():
                with (place / "METADATA.txt").open("a", encoding="utf-8") as file:
                    file.write(f"{package.name} {package.version}\n{field}: {text}\n")
        for path in package.files or ():
            if _LICENCE.search(path.name) and path.suffix.lower() in _TEXT:
                name = "-".join(path.parts[-3:]) if (place / path.name).exists() else path.name
                shutil.copyfile(str(path.locate()), place / name)


def _own_requirements() -> list[str]:
    """What pyproject.toml asks for; an editable install may remember an older one."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    texts = list(project["dependencies"])
    for extra in EXTRAS:
        texts += project["optional-dependencies"][extra]
    return _required(texts, "")


def _required(texts: Iterable[str], extra: str) -> list[str]:
    """Names of what is needed here, without what belongs to other extras."""
    from packaging.requirements import Requirement

    parsed = [Requirement(text) for text in texts]
    return [
        f"{one.name}[{next(iter(one.extras))}]" if one.extras else one.name
        for one in parsed
        if one.marker is None or one.marker.evaluate({"extra": extra})
    ]
