"""Draws curves over time into a picture: every peak, yet no more points than it can show."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np

from ferdesk.core.types import FloatArray, ImageU8, Matrix
from ferdesk.review.columns import IntArray

_DENSE: Final = 4
"""Points of a column that is drawn from its first, least, greatest and last value."""
_SHIFT: Final = 3
"""Bits behind the point of OpenCV's coordinates."""
_FAR: Final = 3.0
"""Values are drawn as if they were no farther from 0, for a coordinate has to fit 32 bits."""


class Line(NamedTuple):
    """One curve.

    Attributes:
        values: (n,) float32, over the times of all lines; NaN where it is broken.
        colour: red, green, blue and opacity, 0 to 255.
    """

    values: FloatArray
    colour: tuple[int, int, int, int]


class View(NamedTuple):
    """What a picture shows.

    Attributes:
        start_s: the time at its left edge.
        end_s: the time at its right edge.
        bottom: the value at its lower edge.
        top: the value at its upper edge.
    """

    start_s: float
    end_s: float
    bottom: float
    top: float


class Size(NamedTuple):
    """How large a picture is.

    Attributes:
        width: in pixels of the screen.
        height: the same.
        scale: pixels of the screen in one of the window.
    """

    width: int
    height: int
    scale: float


def draw(times_s: Matrix, lines: Sequence[Line], view: View, size: Size) -> ImageU8:
    """Draw lines, the later ones on top.

    Args:
        times_s: (n,) float64, rising.
        lines: the curves.
        view: what is in sight.
        size: how large the picture becomes.

    Returns:
        (height, width, 4) uint8, BGRA with colours multiplied by opacity, transparent between the
        lines.
    """
    image = np.zeros((size.height, size.width, 4), np.uint8)
    columns = max(1, round(size.width / size.scale))
    first = max(0, int(np.searchsorted(times_s, view.start_s)) - 1)
    last = int(np.searchsorted(times_s, view.end_s, side="right")) + 1
    share = (times_s[first:last] - view.start_s) / (view.end_s - view.start_s)
    for values, (red, green, blue, opacity) in lines:
        height = (view.top - values[first:last].clip(-_FAR, _FAR)) / (view.top - view.bottom)
        strokes = [
            np.rint((stroke * (size.width, size.height) - 0.5) * 2**_SHIFT).astype(np.int32)
            for stroke in _strokes(share, height, columns)
        ]
        # Drawn smoothly onto nothing, all four channels are weighed alike: multiplied by opacity.
        colour = [channel * opacity / 255 for channel in (blue, green, red, 255)]
        thickness = max(1, round(size.scale))
        cv2.polylines(image, strokes, False, colour, thickness, cv2.LINE_AA, _SHIFT)
    return image


def _strokes(share: Matrix, height: Matrix, columns: int) -> list[Matrix]:
    """The unbroken pieces of a curve, (points, 2) each, across and down.

    Args:
        share: (n,) where its points lie from left to right, 0 to 1 within the picture, rising.
        height: (n,) the same from above; NaN where the curve is broken.
        columns: how many the picture has.
    """
    known = np.flatnonzero(np.isfinite(height))
    points = np.stack([share[known], height[known]], axis=1)
    dense = len(known) > _DENSE * columns
    column = np.floor(points[:, 0] * columns)
    kept = _extremes(column, points[:, 1]) if dense else np.arange(len(known))
    broken = np.flatnonzero(np.diff(known[kept]) != np.diff(kept)) + 1
    return np.split(points[kept], broken)


def _extremes(column: Matrix, height: Matrix) -> IntArray:
    """The places of each column's first, least, greatest and last value, rising.

    What is drawn from these looks as if all were drawn: M4 of Jugel et al., VLDB 2014.
    """
    starts = np.flatnonzero(np.diff(column, prepend=-np.inf))
    ends = np.append(starts[1:], len(column)) - 1
    widths = ends - starts + 1
    found = [starts, ends]
    for extreme in (np.minimum, np.maximum):
        places = np.flatnonzero(height == np.repeat(extreme.reduceat(height, starts), widths))
        first = np.diff(column[places], prepend=-np.inf) > 0  # of equal ones
        found.append(places[first])
    return np.unique(np.concatenate(found))
