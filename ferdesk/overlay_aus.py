"""Tints the muscles of a face by how strongly their action units act."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.types import AuValues, FloatArray, ImageU8
from ferdesk.overlay_regions import MUSCLES, UNIT_MUSCLE, Polygon, mirrored

TINT: Final = (20, 130, 255)
"""(red, green, blue), 0..255: no skin, light or dark, is of this hue."""

LEAST_SHOWN: Final = 0.1
"""Activations below are not drawn: estimators are seldom quite at 0."""

_OPACITY: Final = 0.5
"""Of a muscle at activation 1."""
_SOFTNESS: Final = 0.02
"""Standard deviation of the blurred edges, in widths of the face."""
_MASK_SIDE: Final = 160
"""The mask of a larger face is painted at this size and enlarged: its edges are soft anyway."""
_MARGIN: Final = 3
"""Standard deviations of blur that a polygon's surroundings need."""
_FARTHEST: Final = 10_000
"""Pixels from the mask: points out there are drawn at that distance, lest numbers overflow."""
_FRACTION_BITS: Final = 4

_SHARES: Final = np.linspace(0, _OPACITY, 256)[:, None]
_KEPT: Final = np.repeat(np.round(255 * (1 - _SHARES)), 3, axis=1).astype(np.uint8)[None]
_ADDED: Final = np.round(_SHARES * TINT[::-1]).astype(np.uint8)[None]
"""By the mask's value: how much of the picture stays, in 255ths, and how much of the tint comes."""

_OUTLINES: Final = {
    number: (MUSCLES[name], tuple(map(mirrored, MUSCLES[name])))
    for number, name in UNIT_MUSCLE.items()
}
"""Polygons of the person's right and left side by unit."""


def side_activations(values: AuValues) -> tuple[FloatArray, FloatArray]:
    """What the left and the right side of each unit do.

    The person's neutral face is known for both sides together, so it is taken off both alike, and
    a unit at rest is at rest on both; one without known sides does on both what it does as a whole.

    Returns:
        Left and right, the person's own, (30,) float32 each, 0..1; NaN where not estimated.
    """
    # activation = (raw - neutral) / (1 - neutral), so this is 1 / (1 - neutral).
    stretch = (1 - values.activation) / np.maximum(1 - values.raw, np.float32(1e-6))
    left, right = (
        np.where(
            np.isnan(side) | (values.raw >= 1) | (values.activation <= 0),
            values.activation,
            np.clip(1 - (1 - side) * stretch, 0, 1),
        ).astype(np.float32)
        for side in (values.left, values.right)
    )
    return left, right


def tint_muscles(image: ImageU8, landmarks: FloatArray, values: AuValues) -> None:
    """Tint the muscles whose units act, in place.

    Where muscles lie over each other, the one that acts most is seen.

    Args:
        image: (height, width, 3) uint8, BGR.
        landmarks: (468 or 478, 2 or 3) float32 in frame pixels.
        values: the face's units; nothing is drawn where they are not reliable.
    """
    acting = sorted(_acting(values)) if values.reliable else []
    if not acting:
        return
    points = landmarks[:, :2]
    sigma = _SOFTNESS * float(np.ptp(points[:, 0]))
    area = _area(points, acting, _MARGIN * sigma, image.shape[1], image.shape[0])
    if area is None:
        return
    x, y, width, height = area
    scale = min(1.0, _MASK_SIDE / max(width, height))
    mask = np.zeros((max(1, round(height * scale)), max(1, round(width * scale))), np.uint8)
    size = mask.shape[1] / width, mask.shape[0] / height
    # Half a pixel, for coordinates have their origin at a pixel's centre.
    placed = (points - (x, y) + 0.5) * size - 0.5
    placed = placed.clip(-_FARTHEST, _FARTHEST)
    fixed = np.round(placed * (1 << _FRACTION_BITS)).astype(np.int32)
    for strength, polygon in acting:
        grey = round(strength * 255)
        cv2.fillPoly(mask, [fixed[list(polygon)]], (grey,), cv2.LINE_8, _FRACTION_BITS)
    cv2.GaussianBlur(mask, (0, 0), max(sigma * scale, 0.5), dst=mask)
    _blend(image[y : y + height, x : x + width], mask)


def _acting(values: AuValues) -> Iterator[tuple[float, Polygon]]:
    left, right = side_activations(values)
    for index, unit in enumerate(ACTION_UNITS):
        # A comparison with NaN is false: what is not estimated is not drawn.
        for strength, polygons in zip(
            (float(right[index]), float(left[index])), _OUTLINES[unit.number], strict=True
        ):
            if strength >= LEAST_SHOWN:
                for polygon in polygons:
                    yield min(strength, 1.0), polygon


def _area(
    points: FloatArray,
    acting: list[tuple[float, Polygon]],
    margin: float,
    width: int,
    height: int,
) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of what the polygons cover; None where they are out of sight."""
    if not np.isfinite(points).all():
        return None
    used = points[list({one for _, polygon in acting for one in polygon})]
    left, top = np.floor(used.min(axis=0) - margin).clip(0, (width, height)).astype(int).tolist()
    right, bottom = np.ceil(used.max(axis=0) + margin).clip(0, (width, height)).astype(int).tolist()
    if right <= left or bottom <= top:
        return None
    return left, top, right - left, bottom - top


def _blend(patch: ImageU8, mask: ImageU8) -> None:
    """Mix the tint into a patch, as strongly as the mask says, 0..255."""
    wide = cv2.merge((mask, mask, mask))
    size = patch.shape[1], patch.shape[0]
    kept, added = (cv2.resize(cv2.LUT(wide, table), size) for table in (_KEPT, _ADDED))
    cv2.add(cv2.multiply(patch, kept, scale=1 / 255), added, dst=patch)
