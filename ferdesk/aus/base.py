"""The one interface of everything that estimates action units."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np

from ferdesk.core.align import OUTER_EYE_CORNERS
from ferdesk.core.aus import AU_INDEX, N_UNITS
from ferdesk.core.types import AuValues, Crop, Face, FloatArray, Frame

SMALLEST_EYE_DISTANCE: Final = 20.0
"""Pixels between the outer eye corners: below, there is too little to see of a lid or a lip."""
LARGEST_YAW: Final = 40.0
LARGEST_PITCH: Final = 35.0
"""Degrees from where one side of the face, or its lower or upper half, is out of sight."""


class AuEstimator(Protocol):
    """Estimates action units of faces; used by one thread."""

    @property
    def name(self) -> str:
        """What gives the values, with what it runs: "native au-native". SVMs belong to one name."""
        ...

    @property
    def units(self) -> tuple[int, ...]:
        """Numbers of the units that it gives, ascending; the others are NaN."""
        ...

    def estimate(
        self, frame: Frame, time_s: float, faces: Sequence[Face], crops: Sequence[Crop]
    ) -> list[AuValues | None]:
        """Estimate the units of all faces of a frame.

        Args:
            frame: the frame.
            time_s: its time on the source's clock.
            faces: its faces, with track ids.
            crops: the expression net's patches of the same faces.

        Returns:
            One entry a face; None where there is nothing yet.
        """
        ...

    def reset(self) -> None:
        """Forget what was seen: the next frame is of another source."""
        ...

    def close(self) -> None:
        """Let go of nets and threads."""
        ...


def is_reliable(face: Face) -> bool:
    """Whether a face is large enough and turned to the camera enough for its units to be read."""
    left, right = (face.landmarks[i] for i in OUTER_EYE_CORNERS)
    eye_distance = float(np.linalg.norm(left - right))
    return (
        eye_distance >= SMALLEST_EYE_DISTANCE
        and abs(face.pose.yaw) <= LARGEST_YAW
        and abs(face.pose.pitch) <= LARGEST_PITCH
    )


def au_values(
    estimator: str,
    whole: Mapping[int, float],
    sides: Mapping[int, tuple[float, float]],
    time_s: float,
    reliable: bool,
) -> AuValues:
    """Put numbers into vectors; what is in neither mapping is NaN, not estimated.

    Args:
        estimator: its name.
        whole: activation by unit, of units without known sides.
        sides: activations of the left and right side by unit.
        time_s: the frame's time on the source's clock.
        reliable: see `AuValues`.
    """
    raw, left, right = (np.full(N_UNITS, math.nan, np.float32) for _ in range(3))
    for number, value in whole.items():
        raw[AU_INDEX[number]] = value
    for number, (one, other) in sides.items():
        index = AU_INDEX[number]
        left[index], right[index] = one, other
        raw[index] = (one + other) / 2
    return AuValues(estimator, raw, _frozen(raw), _frozen(left), _frozen(right), time_s, reliable)


def _frozen(values: FloatArray) -> FloatArray:
    np.nan_to_num(values, copy=False, nan=math.nan, posinf=1.0, neginf=0.0)
    values.setflags(write=False)
    return values
