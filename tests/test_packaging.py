"""The self-contained folder: what its recipe says, and the folder itself, built and run."""

import configparser
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from material import ROOT

from ferdesk import resources


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


desktop, parts, try_app = load("desktop"), load("parts"), load("try_app")


def test_every_file_that_goes_in_is_there() -> None:
    files = parts.data_files([resources.demo_clip()])
    assert all(one.source.exists() for one in files)
    assert {"resources/icons", "resources/models", "resources/demo"} <= {
        one.folder for one in files
    }
    names = {path.name for path in (ROOT / "ferdesk").rglob("*") if path.is_file()}
    ours = {name for name in names if Path(name).suffix not in (".py", ".pyc", ".typed")}
    assert ours <= {one.source.name for one in files}, "a data file of ours would be left out"


def test_a_frozen_app_finds_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resources").mkdir()
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert resources.root() == tmp_path / "resources"
    assert resources.face_model_folders()[-1] == tmp_path / "resources" / "face-models"


def test_the_trainer_and_torch_stay_out() -> None:
    assert {"torch", "trainer", "sklearn", "ray", "pandas", "mediapipe"} <= set(parts.EXCLUDED)
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    # GPL-2.0 alone does not go together with Apache-2.0 in one program.
    assert "pyvirtualcam" in parts.EXCLUDED
    assert set(parts.EXTRAS) <= set(extras)


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("openvino/libs/libopenvino_intel_cpu_plugin.so", True),
        ("openvino/libs/libopenvino_tensorflow_lite_frontend.so.2641", True),
        ("openvino/libs/libopenvino_tensorflow_frontend.so.2641", False),
        ("openvino\\libs\\openvino_intel_npu_plugin.dll", False),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforms/libqoffscreen.so", True),
        ("PySide6/Qt/plugins/platforms/libqwayland.so", True),
        ("PySide6/Qt/plugins/platforms/libqvnc.so", False),
        ("PySide6\\plugins\\platforms\\qwindows.dll", True),
        ("libQt6Network.so.6", True),
        ("libQt6Quick.so.6", False),
        ("cv2/qt/plugins/platforms/libqxcb.so", False),
        ("libcairo.so.2", False),
        ("PySide6/Qt/translations/qtwebengine_de.qm", False),
    ],
)
def test_what_is_not_needed_is_left_out(path: str, stays: bool) -> None:
    assert parts.wanted(path) == stays


def test_catalogues_go_in_with_qts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path("resources") / "locale" / "eo" / "LC_MESSAGES"
    monkeypatch.setattr(parts, "CATALOGUES", (ROOT / place / "ferdesk.mo",))
    assert (ROOT / place / "ferdesk.mo", place.as_posix()) in parts.data_files()
    assert parts.wanted("PySide6/Qt/translations/qtbase_eo.qm")
    assert not parts.wanted("PySide6/Qt/translations/qtbase_de.qm")
    assert not parts.wanted("PySide6/Qt/translations/assistant_eo.qm")


def test_what_the_desktop_is_told(tmp_path: Path) -> None:
    assert "camera" in desktop.INFO_PLIST["NSCameraUsageDescription"]
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment, method-assign]
    entry.read(ROOT / "packaging" / "ferdesk.desktop", encoding="utf-8")
    said = entry["Desktop Entry"]
    assert said["Exec"].split()[0] == said["TryExec"] == said["Icon"] == "ferdesk"
    assert said["Terminal"] == "false"
    icons = desktop.draw_icons(tmp_path / "drawn")
    desktop.copy_entry(tmp_path, icons)
    for size in desktop.SIZES:
        folder = tmp_path / "share" / "icons" / "hicolor" / f"{size}x{size}" / "apps"
        head = (folder / "ferdesk.png").read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        assert int.from_bytes(head[16:20], "big") == int.from_bytes(head[20:24], "big") == size


def test_the_version_that_windows_shows() -> None:
    class Node(NamedTuple):
        args: tuple[object, ...]
        names: dict[str, object]

    def node(*args: object, **names: object) -> Node:
        return Node(args, names)

    kinds = ("VSVersionInfo", "FixedFileInfo", "StringFileInfo", "StringTable", "StringStruct")
    known = dict.fromkeys((*kinds, "VarFileInfo", "VarStruct"), node)
    # The text is an expression of these names: PyInstaller reads it the same way.
    read = eval(desktop.version_resource("1.2.3"), {"__builtins__": {}}, known)  # noqa: S307
    assert read.names["ffi"].names["filevers"] == (1, 2, 3, 0)
    assert "'ProductVersion', '1.2.3'" in desktop.version_resource("1.2.3")


def test_a_folder_with_torch_in_it_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("PyInstaller")
    parts.copy_licences(tmp_path)
    (tmp_path / "_internal" / "torch-2.14.1.dist-info").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"torch-2\.14\.1.* must not be"):
        try_app.try_app(tmp_path)
    (tmp_path / "licences" / "LGPL-3.0.txt").unlink()
    with pytest.raises(SystemExit, match=r"LGPL-3\.0\.txt is missing"):
        try_app.try_app(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dist/ferdesk, built from this checkout by this Python."""
    pytest.importorskip("PyInstaller", reason="needs the extra: pip install -e '.[app]'")
    out = tmp_path_factory.mktemp("app")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "PyInstaller", str(ROOT / "build.spec"), "--noconfirm"),
            *("--log-level", "ERROR", "--distpath", str(out), "--workpath", str(out / "work")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out / "ferdesk"


@pytest.mark.timeout(1500)
@pytest.mark.skipif(sys.platform != "linux", reason="building was tried on Linux alone")
def test_the_folder_is_built_and_runs(built: Path) -> None:
    assert try_app.try_app(built).startswith(str(built))
    from PyInstaller.archive.readers import CArchiveReader

    modules = CArchiveReader(str(built / "ferdesk")).open_embedded_archive("PYZ.pyz").toc
    assert "ferdesk.ui.app" in modules
    assert not {name.partition(".")[0] for name in modules}.intersection(parts.EXCLUDED)
    for path in ("share/applications/ferdesk.desktop", "_internal/resources/demo/demo.mp4"):
        assert (built / path).is_file()
