"""Regions of interest: rotated squares that are warped to a net's input."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from ferdesk.core.align import OUTER_EYE_CORNERS
from ferdesk.core.types import Box, Face, FloatArray, ImageU8, Matrix

MARGIN: Final = 1.5
"""A region's side over the longer side of the face box it surrounds (MediaPipe's face graph)."""


@dataclass(frozen=True, slots=True)
class Region:
    """A square around a face.

    Attributes:
        x: centre, frame pixels.
        y: centre, frame pixels.
        side: frame pixels.
        angle: rotation in radians, clockwise in the image; 0 is upright.
    """

    x: float
    y: float
    side: float
    angle: float

    def to_frame(self, size: int) -> Matrix:
        """The (2, 3) float64 map from a patch of size x size pixels to frame pixels."""
        scale = self.side / size
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        half = size / 2
        return np.array(
            [
                [cos, -sin, self.x - cos * half + sin * half],
                [sin, cos, self.y - sin * half - cos * half],
            ]
        )


def from_detection(box: Box, left_eye: FloatArray, right_eye: FloatArray) -> Region:
    """The region that starts a track: the detector's box, its eyes made level.

    Args:
        box: the detected box, frame pixels.
        left_eye: (2,) the eye at the image's left, frame pixels.
        right_eye: (2,) the eye at the image's right.
    """
    return _around(box, left_eye, right_eye)


def from_face(face: Face) -> Region:
    """The region for the next frame: the box of this frame's landmarks, its eyes made level."""
    left, right = OUTER_EYE_CORNERS
    return _around(face.box, face.landmarks[left], face.landmarks[right])


def _around(box: Box, left_eye: FloatArray, right_eye: FloatArray) -> Region:
    angle = math.atan2(float(right_eye[1] - left_eye[1]), float(right_eye[0] - left_eye[0]))
    side = max(box.w, box.h) * MARGIN
    return Region(box.x + box.w / 2, box.y + box.h / 2, side, angle)


def bounding_box(landmarks: FloatArray) -> Box:
    """The upright box around points given as (n, 2 or 3), frame pixels."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def warp(image: ImageU8, region: Region, size: int) -> ImageU8:
    """Cut a region out of a frame.

    Args:
        image: (height, width, 3) uint8.
        region: what to cut.
        size: side of the patch in pixels.

    Returns:
        (size, size, 3) uint8, same colour order; black outside the frame, as MediaPipe does it.
    """
    patch = cv2.warpAffine(
        image,
        region.to_frame(size),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return np.asarray(patch, np.uint8)


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    return _intersection(first, second) / max(
        first.w * first.h + second.w * second.h - _intersection(first, second), 1e-9
    )


def coverage(first: Box, second: Box) -> float:
    """Intersection over the smaller box's area, 0..1."""
    return _intersection(first, second) / max(min(first.w * first.h, second.w * second.h), 1e-9)


def _intersection(first: Box, second: Box) -> float:
    width = min(first.x + first.w, second.x + second.w) - max(first.x, second.x)
    height = min(first.y + first.h, second.y + second.h) - max(first.y, second.y)
    return max(width, 0.0) * max(height, 0.0)
