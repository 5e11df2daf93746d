"""Rectangles of whole pixels, and where a panel may lie beside another one."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple


class Rect(NamedTuple):
    """Whole pixels: left, top, width, height."""

    x: int
    y: int
    w: int
    h: int

    def overlap(self, other: "Rect") -> int:
        """The area that both cover, in pixels."""
        wide = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        high = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        return max(0, wide) * max(0, high)

    def inside(self, width: int, height: int) -> "Rect":
        """The same size, moved into a frame; cut to it where it is larger."""
        w, h = min(self.w, width), min(self.h, height)
        x, y = min(max(self.x, 0), width - w), min(max(self.y, 0), height - h)
        return Rect(x, y, w, h)


def around(box: Rect, width: int, height: int, beside: int, over: int) -> Iterator[Rect]:
    """Places for a panel, the most natural first: right, left, below, above; then the corners.

    Args:
        box: what the panel belongs to.
        width: of the panel.
        height: of the panel.
        beside: the gap to the box at its sides.
        over: the gap above and below, with room for a title between.
    """
    right, left = box.x + box.w + beside, box.x - beside - width
    below, above = box.y + box.h + over, box.y - over - height
    level, middle = box.y, box.x + (box.w - width) // 2
    bottom = box.y + box.h - height
    yield from (Rect(x, y, width, height) for x, y in ((right, level), (left, level)))
    yield from (Rect(x, bottom, width, height) for x in (right, left))
    yield from (Rect(middle, y, width, height) for y in (below, above))
    yield from (Rect(x, y, width, height) for x, y in product((right, left), (below, above)))
