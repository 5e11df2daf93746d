"""The 68 landmarks of iBUG's mark-up, as points of MediaPipe's face mesh.

C. Sagonas et al. "300 Faces in-the-Wild Challenge." ICCV Workshops 2013, figure 1: the mark-up that
OpenFace, py-feat and dlib share. The indices follow the contours that MediaPipe publishes with its
mesh (face oval, brows, eyes, lips); on each contour the points lie where the mark-up has them. Left
and right are mirror images of each other. The jaw is the mesh's outline, which lies a little
further out than the mark-up's on a face that is turned away.
"""

from typing import Final

import numpy as np

from ferdesk.core.types import FloatArray

COUNT: Final = 68
MESH: Final = (468, 478)

_JAW: Final = (127, 234, 93, 132, 172, 136, 150, 176, 152)
_JAW_BACK: Final = (400, 379, 365, 397, 361, 323, 454, 356)
_BROWS: Final = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE: Final = (168, 197, 5, 4, 98, 97, 2, 326, 327)
_EYES: Final = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_LIPS: Final = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
_MOUTH: Final = (78, 81, 13, 311, 308, 402, 14, 178)

POINTS: Final = (*_JAW, *_JAW_BACK, *_BROWS, *_NOSE, *_EYES, *_LIPS, *_MOUTH)
"""From a landmark's number, 0 to 67, to its point in the mesh. The left of the picture comes first:
0 is beside the person's right eye."""

_INDEX: Final = np.array(POINTS)


def landmarks68(landmarks: FloatArray) -> FloatArray | None:
    """The 68 landmarks of a face.

    Args:
        landmarks: (468 or 478, 3) float32 in MediaPipe's numbering, or (68, 3) in iBUG's.

    Returns:
        (68, 2) float32, x and y in the same unit; None where there are no landmarks.
    """
    if len(landmarks) == COUNT:
        return landmarks[:, :2]
    if len(landmarks) not in MESH:
        return None
    found: FloatArray = landmarks[_INDEX, :2]
    return found
