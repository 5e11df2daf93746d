"""Annotates pictures the way the window asks for. No Qt."""

import threading
from dataclasses import replace

import cv2
import numpy as np

from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.mirror import mirrored
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_hide import FaceHider
from ferdesk.overlay_verdict import VerdictMemory
from ferdesk.ui.live import LiveResult


class Painter:
    """Draws results; any thread may call it."""

    def __init__(self) -> None:
        # The bars are in the cards beside the picture, where they hide nothing of it.
        self._options = OverlayOptions(bars=False)
        self._memory = VerdictMemory()
        self._hider: FaceHider | None = None
        self._mirrors = False
        self._lock = threading.Lock()

    def configure(self, options: OverlayOptions, mirrors: bool) -> bool:
        """Draw like this from the next picture on.

        Args:
            options: what is drawn.
            mirrors: whether the picture is shown as in a mirror.

        Returns:
            Whether anything changed.
        """
        before = self._options, self._mirrors
        if (options.hide, mirrors) != (self._options.hide, self._mirrors):
            # Where faces were seen last is another place in a mirrored picture.
            self._hider = None if options.hide == "off" else FaceHider(options.hide)
        self._options, self._mirrors = options, mirrors
        return before != (options, mirrors)

    def paint(self, result: FrameResult) -> ImageU8:
        """The annotated picture, (height, width, 3) uint8, BGR, a new array."""
        shown = mirrored(result) if self._mirrors else result
        with self._lock:
            return draw(shown, self._options, self._memory, self._hider)

    def paint_again(self, live: LiveResult) -> LiveResult:
        """The same result with its picture drawn anew."""
        picture = cv2.cvtColor(self.paint(live.result), cv2.COLOR_BGR2BGRA)
        return replace(live, image=np.ascontiguousarray(picture))
