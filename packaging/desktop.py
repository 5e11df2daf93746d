"""What a desktop wants to know of the program: icons, menu entry, macOS keys, Windows version."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

ROOT: Final = Path(__file__).resolve().parents[1]
SIZES: Final = (16, 24, 32, 48, 64, 128, 256, 512)
"""Of the icons, in pixels."""

BUNDLE_ID: Final = "org.ferdesk.ferdesk"
INFO_PLIST: Final = {
    "CFBundleDisplayName": "ferdesk",
    "NSCameraUsageDescription": "ferdesk shows the expressions of the faces that the camera sees. "
    "Nothing leaves this machine.",
    "NSHighResolutionCapable": True,
    "NSSupportsAutomaticGraphicsSwitching": True,
    "LSApplicationCategoryType": "public.app-category.utilities",
}
"""Without the camera's line macOS ends the program as soon as it opens one."""


class Icons(NamedTuple):
    """What was drawn.

    Attributes:
        pictures: PNGs by size.
        icon: the program's own icon in the system's format; None on Linux, which has no such thing.
    """

    pictures: dict[int, Path]
    icon: Path | None


def draw_icons(folder: Path) -> Icons:
    """Draw resources/icons/ferdesk.svg in every size, and as .ico or .icns where that is wanted.

    Args:
        folder: where they go; made if it is not there.
    """
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    drawing = QSvgRenderer(str(ROOT / "resources" / "icons" / "ferdesk.svg"))
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {}
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        drawing.render(painter)
        painter.end()
        pictures[size] = folder / f"ferdesk-{size}.png"
        _save(image, pictures[size])
    kind = {"win32": "ico", "darwin": "icns"}.get(sys.platform)
    icon = folder / f"ferdesk.{kind}" if kind else None
    if icon is not None:
        _save(QImage(str(pictures[256 if kind == "ico" else 512])), icon)
    return Icons(pictures, icon)


def copy_entry(folder: Path, icons: Icons) -> None:
    """Lay the menu entry and the icons beside the program, as they go into ~/.local/share."""
    entry = folder / "share" / "applications" / "ferdesk.desktop"
    entry.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "packaging" / "ferdesk.desktop", entry)
    for size, picture in icons.pictures.items():
        place = folder / "share" / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "ferdesk.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, place)


def windows_version(version: str, folder: Path) -> str | None:
    """Write the version resource that Windows shows; None on other systems.

    Args:
        version: of the program, as 1.2.3; what follows the numbers is left out.
        folder: where the description goes.
    """
    if sys.platform != "win32":
        return None
    path = folder / "version.txt"
    path.write_text(version_resource(version), encoding="utf-8")
    return str(path)


def version_resource(version: str) -> str:
    """The version resource as PyInstaller reads it."""
    numbers = [int(part) for part in version.split(".") if part.isdigit()][:4]
    numbers += [0] * (4 - len(numbers))
    said = {
        "CompanyName": "The ferdesk authors",
        "FileDescription": "Live facial expression recognition on your own machine",
        "FileVersion": version,
        "InternalName": "ferdesk",
        "LegalCopyright": "The ferdesk authors, Apache-2.0; see LICENSE and NOTICE",
        "OriginalFilename": "ferdesk.exe",
        "ProductName": "ferdesk",
        "ProductVersion": version,
    }
    rows = ", ".join(f"StringStruct({name!r}, {text!r})" for name, text in said.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={tuple(numbers)}, prodvers={tuple(numbers)}), "
        f"kids=[StringFileInfo([StringTable('040904B0', [{rows}])]), "
        "VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )


def _save(image: "QImage", path: Path) -> None:
    if not image.save(str(path)):
        raise SystemExit(f"{path} cannot be drawn: Qt has no writer for it.")
