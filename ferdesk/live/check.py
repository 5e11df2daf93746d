"""Notices a camera that gives pictures, but none of anything: black, or always the same."""

from typing import Final, Literal

import numpy as np

from ferdesk.core.types import Frame, ImageU8

Fault = Literal["", "black", "frozen"]

PATIENCE_S: Final = 3.0
"""Some cameras need a moment before the first picture; a fault is one that lasts so long."""

_EVERY: Final = 16  # pixels; enough to tell
_BLACK: Final = 8
"""Grey level that nothing exceeds in a picture with a closed shutter; sensors' noise is below."""

SAID: Final[dict[Fault, str]] = {
    "black": "gives black pictures: is its shutter closed, or another program using it?",
    "frozen": "gives the same picture again and again: unplug it and plug it in again",
}


class PictureCheck:
    """Looks at each frame of a live source."""

    def __init__(self) -> None:
        self._last: ImageU8 | None = None
        self._since: dict[Fault, float] = {}

    def look(self, frame: Frame) -> Fault:
        """What is wrong with the pictures of the last seconds; "" where nothing is.

        Args:
            frame: the next one. Real sensors are never still: two pictures in a row that are equal
                in every pixel looked at are one picture.
        """
        few = frame.image[::_EVERY, ::_EVERY].copy()
        last, self._last = self._last, few
        seen: dict[Fault, bool] = {
            "black": int(few.max(initial=0)) <= _BLACK,
            "frozen": last is not None and np.array_equal(last, few),
        }
        now_s = frame.captured_ns / 1e9
        for fault, on in seen.items():
            if on:
                self._since.setdefault(fault, now_s)
            else:
                self._since.pop(fault, None)
        for fault in ("black", "frozen"):
            if now_s - self._since.get(fault, now_s) >= PATIENCE_S:
                return fault
        return ""
