"""Annotates pictures the way the window asks for. No Qt."""

import threading
from dataclasses import replace

import cv2
import numpy as np

from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.mirror import mirrored
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_verdict import VerdictMemory
from ferdesk.ui.live import LiveResult


class Painter:
    """Draws results; any thread may call it."""

    def __init__(self) -> None:
        # The bars are in the cards beside the picture, where they hide nothing of it.
        self._options = OverlayOptions(bars=False)
        self._memory = VerdictMemory()
        self._mirrors = False
        self._lock = threading.Lock()

    @property
    def tints(self) -> bool:
        """Whether muscles are tinted."""
        return self._options.aus

    def set_tints(self, on: bool) -> None:
        """Tint muscles from the next picture on, or no longer."""
        self._options = replace(self._options, aus=on)

    @property
    def mirrors(self) -> bool:
        """Whether the picture is shown as in a mirror."""
        return self._mirrors

    def set_mirrors(self, on: bool) -> None:
        """Show the picture as in a mirror from the next one on, or no longer."""
        self._mirrors = on

    @property
    def options(self) -> OverlayOptions:
        """What is drawn."""
        return self._options

    def set_options(self, options: OverlayOptions) -> None:
        """Draw other things from the next picture on."""
        self._options = options

    def paint(self, result: FrameResult) -> ImageU8:
        """The annotated picture, (height, width, 3) uint8, BGR, a new array."""
        shown = mirrored(result) if self._mirrors else result
        with self._lock:
            return draw(shown, self._options, self._memory)

    def paint_again(self, live: LiveResult) -> LiveResult:
        """The same result with its picture drawn anew."""
        picture = cv2.cvtColor(self.paint(live.result), cv2.COLOR_BGR2BGRA)
        return replace(live, image=np.ascontiguousarray(picture))
