"""Marks what is known of a face's form: the points of its mesh, and where the head is turned."""

from typing import Final

import cv2
import numpy as np

from ferdesk.core.types import Face, ImageU8
from ferdesk.faces.pose import head_axes
from ferdesk.overlay_colours import RGB

_POINTS: Final = (125, 240, 255)
_AXES: Final[tuple[RGB, RGB, RGB]] = ((255, 70, 70), (90, 230, 90), (70, 130, 255))
"""Of the arrows to the image's right, up and out of the face, as (red, green, blue)."""
_AXIS_LENGTH: Final = 0.5
"""In widths of the face's box."""
_TIP: Final = 0.15
_NOSE_TIP: Final = 1
_MESH_POINTS: Final = 468
_FARTHEST: Final = 10_000
"""Pixels: ends out there are drawn at that distance, lest numbers overflow."""


def dot_landmarks(image: ImageU8, face: Face, side: int) -> None:
    """Draw a small square on each landmark within the picture, in place.

    Args:
        image: (height, width, 3) uint8, BGR.
        face: whose.
        side: of a square, in pixels.
    """
    height, width = image.shape[:2]
    points = face.landmarks[:, :2]
    corners = np.round(points[np.isfinite(points).all(axis=1)] - (side - 1) / 2)
    for x, y in np.ndindex(side, side):
        at = corners + np.array((x, y))
        inside = ((at >= 0) & (at < (width, height))).all(axis=1)
        column, row = at[inside].astype(int).T
        image[row, column] = _POINTS[::-1]


def draw_pose(image: ImageU8, face: Face, line: int) -> None:
    """Draw the head's axes from the tip of the nose, in place; from the box's middle without mesh.

    Args:
        image: (height, width, 3) uint8, BGR.
        face: whose.
        line: width of the arrows, in pixels.
    """
    box = face.box
    start = np.array((box.x + box.w / 2, box.y + box.h / 2))
    if len(face.landmarks) >= _MESH_POINTS:
        start = face.landmarks[_NOSE_TIP, :2].astype(float)
    across, down, back = head_axes(face.pose).T
    ends = start + _AXIS_LENGTH * box.w * np.stack((across, -down, -back))[:, :2]
    if not (np.isfinite(start).all() and np.isfinite(ends).all()):
        return
    origin, *tips = np.round(np.vstack((start, ends)).clip(-_FARTHEST, _FARTHEST)).astype(int)
    for tip, (red, green, blue) in zip(tips, _AXES, strict=True):
        colour = blue, green, red
        cv2.arrowedLine(
            image, origin.tolist(), tip.tolist(), colour, line, cv2.LINE_AA, tipLength=_TIP
        )
