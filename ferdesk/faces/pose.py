"""Head pose from face-mesh landmarks."""

import math
from typing import Final

import numpy as np

from ferdesk.core.types import FloatArray, Pose

_TEMPLES: Final = (127, 356)
"""The face's edge beside the eyes, at the image's left and right."""
_FOREHEAD, _CHIN = 10, 152


def head_pose(landmarks: FloatArray) -> Pose:
    """Yaw, pitch and roll of the head's own axes.

    The axes are read off the mesh itself, which is a metric model of a face up to scale: temple to
    temple, forehead to chin made orthogonal to it, and their cross product through the nose. No
    camera calibration is needed; the error of assuming a far camera is a few degrees at the edges
    of a wide-angle picture.

    Args:
        landmarks: (n >= 468, 3) float32, frame pixels, y down, z away from the camera.

    Returns:
        Degrees; see `Pose` for the signs.
    """
    points = landmarks.astype(np.float64)
    right = _unit(points[_TEMPLES[1]] - points[_TEMPLES[0]])
    down = points[_CHIN] - points[_FOREHEAD]
    down = _unit(down - right * (down @ right))
    back = np.cross(right, down)
    # R = Rz(roll) Ry(-yaw) Rx(-pitch) with columns right, down, back.
    yaw = math.atan2(right[2], math.hypot(right[0], right[1]))
    pitch = math.atan2(-down[2], back[2])
    roll = math.atan2(right[1], right[0])
    return Pose(*(math.degrees(angle) for angle in (yaw, pitch, roll)))


def _unit(vector: np.ndarray[tuple[int], np.dtype[np.float64]]) -> FloatArray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))
