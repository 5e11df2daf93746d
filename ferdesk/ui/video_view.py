"""The picture."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ferdesk.texts import tr
from ferdesk.ui.live import LiveResult
from ferdesk.ui.theme import DARK, Colours

_LATENCY_WINDOW_NS: Final = 1_000_000_000


class VideoView(QWidget):
    """Paints the newest result without copying it, and measures how old it then is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("video")
        self.setAccessibleName(tr("Picture with the faces found in it"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._colours = DARK
        self._text = ""
        self._live: LiveResult | None = None
        self._image: QImage | None = None
        self._painted = True
        self._latencies: deque[tuple[int, float]] = deque()
        self._tell_shown: list[Callable[[LiveResult, int], None]] = []

    @property
    def live(self) -> LiveResult | None:
        """The result that is shown."""
        return self._live

    def watch_shown(self, tell: Callable[[LiveResult, int], None]) -> None:
        """Let it be told of each result when it is first painted, with `time.monotonic_ns()`."""
        self._tell_shown.append(tell)

    def show_result(self, live: LiveResult) -> None:
        """Show a result. Its image is used in place, so nobody may write into it any more."""
        height, width = live.image.shape[:2]
        # One that is only drawn anew was shown before, and says nothing about the latency.
        self._painted = self._live is not None and self._live.result is live.result
        self._live = live
        # RGB32 lies in memory as BGRA, and Qt paints it about four times faster than BGR888.
        self._image = QImage(
            live.image.data, width, height, live.image.strides[0], QImage.Format.Format_RGB32
        )
        self.update()

    def show_text(self, text: str) -> None:
        """Show words instead of a picture."""
        self._live = None
        self._image = None
        self._text = text
        self._latencies.clear()
        self.update()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.update()

    def latency_ms(self) -> float | None:
        """Mean time from capture to being painted, over the last second; None without pictures."""
        self._forget_old(time.monotonic_ns())
        if not self._latencies:
            return None
        return sum(latency for _, latency in self._latencies) / len(self._latencies)

    def picture_rect(self) -> QRectF:
        """Where the picture lies within the widget: as large as fits, centred, aspect kept."""
        if self._image is None or self._image.isNull():
            return QRectF()
        scale = min(self.width() / self._image.width(), self.height() / self._image.height())
        # Whole device pixels, so that the edges are sharp on dense screens too.
        ratio = self.devicePixelRatioF()
        width = round(self._image.width() * scale * ratio) / ratio
        height = round(self._image.height() * scale * ratio) / ratio
        x = round((self.width() - width) / 2 * ratio) / ratio
        y = round((self.height() - height) / 2 * ratio) / ratio
        return QRectF(x, y, width, height)

    def sizeHint(self) -> QSize:
        """A good size to begin with."""
        return QSize(960, 540)

    def minimumSizeHint(self) -> QSize:
        """Small enough for small screens."""
        return QSize(320, 180)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture, or the words."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._colours.stage))
        if self._image is None:
            painter.setPen(QColor(self._colours.muted))
            box = self.rect().adjusted(24, 24, -24, -24)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(box, flags, self._text)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.picture_rect(), self._image)
        painter.end()
        self._note_shown()

    def _note_shown(self) -> None:
        """Take the shown time of a result that is painted for the first time."""
        if self._live is None or self._painted:
            return
        self._painted = True
        now = time.monotonic_ns()
        self._latencies.append((now, (now - self._live.result.frame.captured_ns) / 1e6))
        self._forget_old(now)
        for tell in self._tell_shown:
            tell(self._live, now)

    def _forget_old(self, now: int) -> None:
        while self._latencies and now - self._latencies[0][0] > _LATENCY_WINDOW_NS:
            self._latencies.popleft()
