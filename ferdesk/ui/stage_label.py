"""Large words for an audience: what the largest faces express."""

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ferdesk.core.types import FaceResult
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.face_card import percent
from ferdesk.ui.face_names import unnamed
from ferdesk.ui.theme import DARK, Colours, label_colour

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
        self._names: Mapping[int, str] = {}
        self._unsure_below = 0.0

    def show_faces(self, faces: Sequence[FaceResult], names: Mapping[int, str]) -> None:
        """Show what these express.

        Args:
            faces: the largest first.
            names: what persons are called, by number, where they are called anything.
        """
        known = [face for face in faces[:_MOST] if face.label]
        least = self._unsure_below
        shown = [(one.face.track_id, one.shown_label(least), one.confidence) for one in known]
        if (shown, names) != (self._shown, self._names):
            self._shown, self._names = shown, names
            called = [names.get(number, unnamed(number)) for number, _, _ in shown]
            said = ", ".join(
                f"{who}: {words.expression(label)}"
                for who, (_, label, _) in zip(called, shown, strict=True)
            )
            self.setAccessibleName(said or tr("No face"))
            self.update()

    def set_unsure_below(self, share: float) -> None:
        """Call an expression unsure that is less probable than this."""
        self._unsure_below = share

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
            painter.setPen(label_colour(label, self._colours))
            who = self._names.get(number, str(number) if count > 1 else "")
            name = words.expression(label).capitalize()
            text = f"{who}  {name}  {percent(confidence)}".lstrip()
            text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideLeft, round(width))
            cell = QRectF(place * width, 0, width, self.height())
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()
