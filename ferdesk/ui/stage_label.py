"""Large words for an audience: what the largest faces express."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FaceResult
from ferdesk.ui.face_card import percent
from ferdesk.ui.theme import DARK, Colours, expression_colour

_MOST: Final = 3
_SHARE: Final = 0.13
"""Of the window's height."""


class StageLabel(QWidget):
    """A line below the picture in the stage view."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._colours = DARK
        self._shown: list[tuple[int, str, float]] = []

    def show_faces(self, faces: Sequence[FaceResult]) -> None:
        """Show what these express, largest first."""
        known = [face for face in faces[:_MOST] if face.label]
        shown = [(face.face.track_id, face.label, face.confidence) for face in known]
        if shown != self._shown:
            self._shown = shown
            words = ", ".join(f"face {number}: {label}" for number, label, _ in shown)
            self.setAccessibleName(words or "No face")
            self.update()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.update()

    def sizeHint(self) -> QSize:
        """A part of the window's height."""
        return QSize(320, max(48, round(_SHARE * self.window().height())))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the words side by side."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._colours.stage))
        font = painter.font()
        count = max(1, len(self._shown))
        width = self.width() / count
        font.setPixelSize(max(12, min(round(self.height() * 0.6), round(width / 9))))
        font.setBold(True)
        painter.setFont(font)
        for place, (number, label, confidence) in enumerate(self._shown):
            colour = expression_colour(EXPRESSIONS.index(label), self._colours)
            painter.setPen(colour)
            who = f"{number}  " if count > 1 else ""
            text = f"{who}{label.capitalize()}  {percent(confidence)}"
            cell = QRectF(place * width, 0, width, self.height())
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()
