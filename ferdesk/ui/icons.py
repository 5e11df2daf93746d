"""The window's icons: SVG line drawings in resources, coloured like the theme's text."""

from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from ferdesk import resources

Name = Literal[
    "camera",
    "close",
    "curve",
    "films",
    "frame_back",
    "frame_on",
    "help",
    "maps",
    "mirror",
    "net",
    "neutral",
    "outputs",
    "pause",
    "play",
    "plots",
    "record",
    "refresh",
    "sliders",
    "snapshot",
    "stage",
    "theme",
    "tint",
    "to_end",
    "to_start",
    "units",
]

_SIZE = 20
_RATIO = 3  # drawn for the densest common screens and scaled down elsewhere


@lru_cache
def icon(name: Name, colour: str) -> QIcon:
    """The icon in one colour (#rrggbb)."""
    text = (resources.root() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    drawing = QSvgRenderer(QByteArray(text.replace("currentColor", colour).encode()))
    pixmap = QPixmap(_SIZE * _RATIO, _SIZE * _RATIO)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    drawing.render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(_RATIO)
    return QIcon(pixmap)


def app_icon() -> QIcon:
    """The application's own icon."""
    return QIcon(str(resources.root() / "icons" / "ferdesk.svg"))
