"""The line that says what came of asking the action units."""

import re
from typing import Final

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ferdesk.core.types import FaceResult
from ferdesk.overlay_verdict import verdict_line
from ferdesk.texts import tr
from ferdesk.ui.theme import DARK, Colours

QUIET: Final = tr("Not contested")
"""Shown where the net had a clear winner."""

_LINES: Final = 2
_MOST_REASONS: Final = 3
_BEFORE_VALUE: Final = re.compile(r" (?=[+−])|(?<=→) ")
"""Where a line is not broken: within "AU20 +0.41" and "→ fear"."""
_WRAPPED: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap


class VerdictLabel(QWidget):
    """Two lines high whatever it says; gives as many reasons as that has room for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._colours = DARK
        self._judged: FaceResult | None = None
        self._going_on = False
        self.setAccessibleName(QUIET)

    def show_judged(self, judged: FaceResult | None, going_on: bool) -> None:
        """Show a verdict.

        Args:
            judged: the result with the verdict; None where there is nothing to say.
            going_on: whether the face is still contested; greyed where it is not.
        """
        if judged is not self._judged or going_on != self._going_on:
            self._going_on = going_on
            self._judged = judged
            full = self._line(_MOST_REASONS)
            self.setToolTip("" if judged is None else full)
            self.setAccessibleName(full)
            self.update()

    def text(self) -> str:
        """What is shown, in the room that there is."""
        lines = (self._line(most) for most in range(_MOST_REASONS, 0, -1))
        return next((line for line in lines if self._fits(line)), self._line(1))

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.update()

    def sizeHint(self) -> QSize:
        """Two lines."""
        return QSize(240, _LINES * self.fontMetrics().lineSpacing())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the line."""
        with QPainter(self) as painter:
            painter.setPen(QColor(self._colours.text if self._going_on else self._colours.muted))
            painter.drawText(self.rect(), _WRAPPED, self.text())

    def _line(self, most: int) -> str:
        if self._judged is None or self._judged.verdict is None:
            return QUIET
        line = verdict_line(self._judged.verdict, self._judged.aus, most, tr)
        return _BEFORE_VALUE.sub("\u00a0", line)

    def _fits(self, line: str) -> bool:
        room = QRect(0, 0, self.width(), 10_000)
        needed = self.fontMetrics().boundingRect(room, _WRAPPED, line)
        return needed.height() <= _LINES * self.fontMetrics().lineSpacing()
