"""A face's small picture in its card."""

import time
from typing import Final

import cv2
import numpy as np
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ferdesk.core.types import Box, ImageU8
from ferdesk.overlay_hide import Hiding, hidden
from ferdesk.texts import tr
from ferdesk.ui.theme import DARK, Colours

SIDE: Final = 56
"""Device-independent pixels."""

_AROUND: Final = 1.35
"""The side of what is shown, in sides of the face's box: with the hair."""
_RADIUS: Final = 8


class FaceThumb(QWidget):
    """The picture, kept until another one comes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("The face"))
        self._colours = DARK
        self._pixels: ImageU8 | None = None
        self._image: QImage | None = None
        self.shown_s = 0.0

    @property
    def image(self) -> QImage | None:
        """What is shown; None where that is nothing yet."""
        return self._image

    def show_face(self, image: ImageU8, box: Box, hide: Hiding, mirrors: bool) -> None:
        """Show a face.

        Args:
            image: (height, width, 3) uint8, BGR, the whole frame.
            box: of the face, in its pixels.
            hide: whether the face is made unrecognisable, and how.
            mirrors: whether it is shown as in a mirror.
        """
        side = round(SIDE * self.devicePixelRatioF())
        self._pixels = cut_face(image, box, side, hide, mirrors)
        if self._pixels is None:
            self.forget()
            return
        stride = self._pixels.strides[0]
        self._image = QImage(self._pixels.data, side, side, stride, QImage.Format.Format_RGB32)
        self.shown_s = time.monotonic()
        self.update()

    def forget(self) -> None:
        """Show nothing: another person comes, or what was shown may not be seen any more."""
        self._pixels = None
        self._image = None
        self.shown_s = 0.0
        self.update()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.update()

    def sizeHint(self) -> QSize:
        """Always the same."""
        return QSize(SIDE, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it with round corners."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect())
        corners = QPainterPath()
        corners.addRoundedRect(rect, _RADIUS, _RADIUS)
        painter.setClipPath(corners)
        if self._image is None:
            painter.fillRect(rect, QColor(self._colours.raised))
        else:
            painter.drawImage(rect, self._image)
        painter.end()


def cut_face(image: ImageU8, box: Box, side: int, hide: Hiding, mirrors: bool) -> ImageU8 | None:
    """A square picture of a face.

    Args:
        image: (height, width, 3) uint8, BGR.
        box: of the face, in its pixels.
        side: of the square.
        hide: whether the face is made unrecognisable, and how.
        mirrors: whether left and right change places.

    Returns:
        (side, side, 4) uint8, BGRA, contiguous; None where it has no place.
    """
    if not np.isfinite(box).all():
        return None
    length = max(1, round(min(max(box.w, box.h) * _AROUND, *image.shape[:2])))
    left = _within(box.x + box.w / 2, length, image.shape[1])
    top = _within(box.y + box.h / 2, length, image.shape[0])
    part = image[top : top + length, left : left + length]
    shrinks = length > side
    small = cv2.resize(
        part, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    face = np.asarray(cv2.flip(small, 1) if mirrors else small, np.uint8)
    if hide != "off":
        face = hidden(face, hide)
    return np.ascontiguousarray(cv2.cvtColor(face, cv2.COLOR_BGR2BGRA), np.uint8)


def _within(middle: float, length: int, whole: int) -> int:
    """Where a span about a middle begins, moved into a whole that is no shorter."""
    return int(min(max(middle - length / 2, 0), whole - length))
