"""Makes faces unrecognisable in a picture that is shown or recorded."""

from typing import Final, Literal

import cv2
import numpy as np

from ferdesk.core.types import Box, FrameResult, ImageU8

Cover = Literal["blurred", "pixelated"]
Hiding = Literal["off", "blurred", "pixelated"]

_CELLS: Final = 6
"""A face is reduced to so many values across: far below what recognises a person."""

HOLD_S: Final = 2.0
"""A face that is lost for a moment stays covered where it was last seen, for so long."""

_SIDE: Final = 0.25
_ABOVE: Final = 0.5
"""The landmarks end at the brows: hair and ears tell who it is, too. Parts of the face's size."""

_GROWTH_PER_S: Final = 0.5
"""A lost face moves on: what covers it grows by this part of its size a second, on each side."""


def hidden(region: ImageU8, how: Cover) -> ImageU8:
    """A part of a picture in which nobody is recognised any more.

    Args:
        region: (height, width, 3) uint8; at least one pixel.
        how: blurred (no edges) or pixelated (squares); both keep the same few values.

    Returns:
        A new array of the same shape.
    """
    few = cv2.resize(region, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    size = (region.shape[1], region.shape[0])
    smooth = cv2.INTER_CUBIC if how == "blurred" else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(few, size, interpolation=smooth), np.uint8)


class FaceHider:
    """Covers every face that was found, and for a while those that were.

    Args:
        how: blurred (no edges) or pixelated (squares); both keep the same few values.
    """

    def __init__(self, how: Cover) -> None:
        self._how = how
        self._seen: dict[int, tuple[Box, float]] = {}

    def draw(self, result: FrameResult) -> ImageU8:
        """The frame's picture without faces.

        Args:
            result: the next of the video.

        Returns:
            (height, width, 3) uint8, BGR; a new array.
        """
        time_s = result.frame.clock_s
        for face in result.faces:
            self._seen[face.face.track_id] = (face.face.box, time_s)
        # A clock that jumps back belongs to a clip that began again.
        self._seen = {
            person: (box, seen_s)
            for person, (box, seen_s) in self._seen.items()
            if 0 <= time_s - seen_s <= HOLD_S
        }
        image = result.frame.image.copy()
        for box, seen_s in self._seen.values():
            self._cover(image, box, _GROWTH_PER_S * (time_s - seen_s))
        return image

    def _cover(self, image: ImageU8, box: Box, grown: float) -> None:
        height, width = image.shape[:2]
        left = max(0, int(box.x - box.w * (_SIDE + grown)))
        right = min(width, int(box.x + box.w * (1 + _SIDE + grown)) + 1)
        top = max(0, int(box.y - box.h * (_ABOVE + grown)))
        bottom = min(height, int(box.y + box.h * (1 + _SIDE + grown)) + 1)
        if left >= right or top >= bottom:
            return
        image[top:bottom, left:right] = hidden(image[top:bottom, left:right], self._how)
