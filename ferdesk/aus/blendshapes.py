"""Action units read off MediaPipe's face blendshapes.

The blendshape net is the third of the face landmarker's: 146 landmarks in, 52 blendshapes out. What
stands for which unit: `ferdesk.core.blendshapes`. Lips that part are measured on the landmarks.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ferdesk.aus.base import au_values, is_reliable
from ferdesk.core.align import OUTER_EYE_CORNERS
from ferdesk.core.blendshapes import AU_SHAPES, BLENDSHAPES, sided_units, whole_units
from ferdesk.core.errors import ModelError
from ferdesk.core.types import AuValues, Crop, Face, FloatArray, Frame
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from ferdesk.faces import store

NAME: Final = "blendshapes"

# kLandmarksSubsetIdxs in mediapipe/tasks/cc/vision/face_landmarker/face_blendshapes_graph.cc,
# google-ai-edge/mediapipe, Apache-2.0.
# fmt: off
LANDMARKS: Final = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65,
    66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136,
    144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172,
    173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283,
    284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324,
    332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385,
    386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472,
    473, 474, 475, 476, 477,
)
# fmt: on
"""The 146 landmarks that the net takes, of the 478 with irises."""

_INNER_LIPS: Final = (13, 14)
_LIPS_PART: Final = 25
_LIPS_CLOSED, _LIPS_APART = 0.02, 0.3
"""Gap between the inner lips in parts of the distance between the outer eye corners, where the
lips' parting begins and where it counts as full. Nearly half of FER+ valid's neutral faces lie
below the first; one in fourteen of all its faces lies above the second, a mouth wide open."""


class BlendshapeEstimator:
    """Units by MediaPipe's blendshape net; needs the landmarker set (478 points)."""

    name = NAME
    units = tuple(sorted((*AU_SHAPES, _LIPS_PART)))

    def __init__(self, threads: int = 0) -> None:
        """Load the net.

        It runs in f32 always. Its inputs are pixels, of which bf16 keeps eight bits: on 50
        photographs that moved a blendshape by up to 0.15.

        Args:
            threads: threads it may use; 0 lets the engine choose.

        Raises:
            ModelError: the net is not installed, or not what it should be.
        """
        self._engine = OpenVinoEngine(store.whole_file(store.BLENDSHAPES), threads, "f32")

    def estimate(
        self, frame: Frame, time_s: float, faces: Sequence[Face], crops: Sequence[Crop]
    ) -> list[AuValues | None]:
        """See `AuEstimator.estimate`.

        Raises:
            ModelError: the faces are of a landmark net without irises.
        """
        if not faces:
            return []
        shapes = self.blendshapes(faces)
        found: list[AuValues | None] = []
        for face, values in zip(faces, shapes, strict=True):
            whole = {**whole_units(values), _LIPS_PART: lips_part(face.landmarks)}
            sides = sided_units(values)
            found.append(au_values(self.name, whole, sides, time_s, is_reliable(face)))
        return found

    def blendshapes(self, faces: Sequence[Face]) -> FloatArray:
        """The (n, 52) float32 blendshapes of n >= 1 faces, 0..1, in `BLENDSHAPES`' order.

        Raises:
            ModelError: as `estimate`.
        """
        if min(len(face.landmarks) for face in faces) <= max(LANDMARKS):
            raise ModelError(
                "Blendshapes need the landmarker models (478 points), and these faces have fewer: "
                "run ferdesk models install, or choose the native action units."
            )
        points = np.stack([face.landmarks[LANDMARKS, :2] for face in faces])
        (values,) = self._engine.run(np.asarray(points, np.float32)).values()
        return values.reshape(len(faces), len(BLENDSHAPES))

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Let go of the net."""
        self._engine.close()


def lips_part(landmarks: FloatArray) -> float:
    """How far the lips are apart (AU25), 0..1.

    The gap between the inner lips over the distance between the outer eye corners, both in space,
    so that a turned head does not change it; linear between `_LIPS_CLOSED` and `_LIPS_APART`.

    Args:
        landmarks: (>= 468, 3) float32, face-mesh numbering.
    """
    gap, eyes = (
        float(np.linalg.norm(landmarks[one] - landmarks[other]))
        for one, other in (_INNER_LIPS, OUTER_EYE_CORNERS)
    )
    beyond = gap / max(eyes, 1e-6) - _LIPS_CLOSED
    return float(np.clip(beyond / (_LIPS_APART - _LIPS_CLOSED), 0, 1))
