"""Tints a face by its class-activation map: what speaks for the shown expression, what against.

B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba. "Learning Deep Features for Discriminative
Localization." CVPR 2016, equation 2.
"""

from typing import Final

import cv2
import numpy as np

from ferdesk.core.types import Crop, FloatArray, ImageU8, Matrix
from ferdesk.overlay_colours import RGB

FULL: Final = 30.0
"""Logits of a place that is tinted in full. The same for every face, frame and net, so that a face
with little to show for its expression is tinted little."""

FOR: Final[RGB] = (214, 20, 200)
AGAINST: Final[RGB] = (0, 170, 70)
"""(red, green, blue), 0..255: purple and green are told apart by people who see few colours."""

_OPACITY: Final = 0.6
"""Of a place that is tinted in full."""


def evidence(maps: FloatArray, index: int) -> FloatArray:
    """How much each place speaks for one expression rather than for the others.

    The probabilities do not change when every expression gets the same more, so what all of them
    get at a place is taken off: what is left is the lead over their mean.

    Args:
        maps: (8, h, w) float32, in units of logits.
        index: the expression's place in the canonical order.

    Returns:
        (h, w) float32, in units of logits; its mean over the places is by how much the expression
        leads the mean of all, but for the net's biases.
    """
    return np.asarray(maps[index] - maps.mean(axis=0), np.float32)


def tint_map(image: ImageU8, crop: Crop, maps: FloatArray, index: int) -> None:
    """Tint what speaks for an expression and what against, in place.

    Args:
        image: (height, width, 3) uint8, BGR.
        crop: the patch that the maps are of, placed in this picture.
        maps: (8, h, w) float32, in units of logits.
        index: the expression's place in the canonical order.
    """
    size = crop.image.shape[0]
    area = _area(crop.from_frame, size, image.shape[1], image.shape[0])
    if area is None or not np.isfinite(maps).all():
        return
    x, y, width, height = area
    # A place is a cell of the patch; halfway between two of them it is something of both.
    share = cv2.resize(evidence(maps, index), (size, size), interpolation=cv2.INTER_LINEAR) / FULL
    opacity = (_OPACITY * np.abs(share).clip(0, 1))[..., None]
    kept = np.repeat(np.round(255 * (1 - opacity)), 3, axis=2).astype(np.uint8)
    tint = np.where(share[..., None] > 0, FOR[::-1], AGAINST[::-1])
    added = np.round(opacity * tint).astype(np.uint8)
    to_patch = crop.from_frame.copy()
    to_patch[:, 2] += to_patch[:, :2] @ (x, y)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    wide = (width, height)
    white = (255, 255, 255)
    placed = cv2.warpAffine(kept, to_patch, wide, flags=flags, borderValue=white)
    tinted = cv2.warpAffine(added, to_patch, wide, flags=flags)
    part = image[y : y + height, x : x + width]
    cv2.add(cv2.multiply(part, placed, scale=1 / 255), tinted, dst=part)


def _area(
    from_frame: Matrix, size: int, width: int, height: int
) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of the patch in the frame; None where it is out of sight."""
    if not np.isfinite(from_frame).all() or abs(np.linalg.det(from_frame[:, :2])) < 1e-9:
        return None
    back = np.linalg.inv(from_frame[:, :2])
    edge = size - 0.5
    corners = np.array([[-0.5, -0.5], [edge, -0.5], [-0.5, edge], [edge, edge]])
    placed = (corners - from_frame[:, 2]) @ back.T
    left, top = np.floor(placed.min(axis=0)).clip(0, (width, height)).astype(int).tolist()
    right, bottom = np.ceil(placed.max(axis=0) + 1).clip(0, (width, height)).astype(int).tolist()
    if right <= left or bottom <= top:
        return None
    return left, top, right - left, bottom - top
