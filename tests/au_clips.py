"""What estimators of action units are shown: faces of clips, and when the demo clip does what."""

from collections.abc import Iterable, Sequence

import numpy as np

from ferdesk.aus.base import AuEstimator
from ferdesk.core.align import CropRecipe, eye_aligned
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.preprocess import extract
from ferdesk.core.types import AuValues, Crop, Face, Frame
from ferdesk.faces.finder import FaceFinder

# Seconds; resources/demo/make_demo.py has the score.
AT_REST, SMILES, SURPRISED, FROWNS = (0.2, 0.9), (2.0, 3.4), (5.4, 6.8), (8.4, 9.8)

SIZE = 48


def faces_of(finder: FaceFinder, frames: Iterable[Frame]) -> list[tuple[Frame, Face, Crop]]:
    """The largest face of each frame that has one, with its patch."""
    finder.reset()
    found = []
    for frame in frames:
        for face in finder.find(frame)[:1]:
            place = eye_aligned(face.landmarks, CropRecipe(), SIZE)
            found.append((frame, face, extract(frame.image, place, SIZE)))
    return found


def tracks_of(
    estimator: AuEstimator, clip: Sequence[tuple[Frame, Face, Crop]]
) -> list[tuple[float, Face, AuValues]]:
    """Time, face and values of a clip's faces."""
    seen = []
    for frame, face, crop in clip:
        time_s = frame.source_time_s or 0.0
        (values,) = estimator.estimate(frame, time_s, [face], [crop])
        assert values is not None
        seen.append((time_s, face, values))
    return seen


def value(values: AuValues, au: int) -> float:
    return float(values.raw[AU_INDEX[au]])


def over(
    seen: Sequence[tuple[float, Face, AuValues]], au: int, times: tuple[float, float]
) -> float:
    """A unit's mean between two times."""
    start, end = times
    return float(np.mean([value(values, au) for time, _, values in seen if start <= time < end]))
