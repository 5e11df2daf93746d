"""Between readings and the rows of a session's database."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import (
    AuValues,
    Box,
    Face,
    FaceReading,
    FloatArray,
    Pose,
    Reason,
    Verdict,
)
from ferdesk.outputs.table import unit_columns

Row = Sequence[Any]

_POINTS: Final = (68, 468, 478)
_STEPS: Final = 32_767  # of int16
_NOTHING: Final = np.zeros(0, np.float32)
_PLACES: Final = [(unit_columns(one.number), index) for index, one in enumerate(ACTION_UNITS)]


def face_row(frame: int, place: int, reading: FaceReading, shift_s: float) -> list[Any]:
    """A face as a row of the table `faces`.

    Args:
        frame: number of the recorded frame.
        place: 0 for the largest face.
        reading: what is known.
        shift_s: what is added to a time on the source's clock to make it one of the session's.
    """
    face = reading.face
    return [
        frame,
        place,
        face.track_id,
        *face.box,
        *face.pose,
        face.score,
        reading.label,
        reading.confidence,
        *map(float, reading.probabilities),
        *map(float, reading.raw),
        *_verdict_cells(reading),
        *_unit_cells(reading.aus, shift_s),
        *_landmark_cells(face.landmarks),
    ]


def _verdict_cells(reading: FaceReading) -> Row:
    verdict = reading.verdict
    if verdict is None:
        return (reading.net_label, None, None, None, None, None)
    reasons = json.dumps([[one.au, one.weight] for one in verdict.reasons])
    contested = "|".join(verdict.contested)
    return (verdict.own, contested, verdict.chosen, verdict.abstained, verdict.margin, reasons)


def _unit_cells(aus: AuValues | None, shift_s: float) -> list[Any]:
    if aus is None:
        return [None] * (3 + sum(len(columns) for columns, _ in _PLACES))
    cells: list[Any] = [aus.estimator, aus.reliable, aus.time_s + shift_s]
    vectors = [v.tolist() for v in (aus.activation, aus.raw, aus.left, aus.right)]
    for columns, index in _PLACES:
        for vector, _ in zip(vectors, columns, strict=False):
            value = vector[index]
            cells.append(None if math.isnan(value) else value)
    return cells


def _landmark_cells(landmarks: FloatArray) -> Row:
    largest = float(np.abs(landmarks).max(initial=0.0))
    if not math.isfinite(largest) or landmarks.shape[0] not in _POINTS:
        return (None, None)
    unit = max(largest, 1.0) / _STEPS
    return (np.rint(landmarks / unit).astype("<i2").tobytes(), unit)


def face_of(row: Mapping[str, Any]) -> FaceReading:
    """A row of the table `faces`, checked, since it may come from a stranger.

    Raises:
        ValueError, TypeError: it holds what no face can have.
    """
    box = Box(*(_number(row[name]) for name in ("box_x", "box_y", "box_w", "box_h")))
    pose = Pose(*(_number(row[name]) for name in ("yaw", "pitch", "roll")))
    face = Face(box, _landmarks(row), pose, _number(row["score"]), int(row["face_id"]))
    raw = _probabilities(row, "raw_")
    shown = _probabilities(row, "p_")
    if any(map(math.isinf, (*box, *pose, face.score))):
        raise ValueError("a number of a face is not finite")
    return FaceReading(face, raw, shown, _units(row), _verdict(row))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _probabilities(row: Mapping[str, Any], start: str) -> FloatArray:
    values = np.array([_number(row[start + name]) for name in EXPRESSIONS], np.float32)
    if np.isnan(values).all():
        return values
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a probability is not within 0 and 1")
    return values


def _landmarks(row: Mapping[str, Any]) -> FloatArray:
    data, unit = row["landmarks"], row["landmarks_unit"]
    if data is None:
        return np.zeros((0, 3), np.float32)
    if not isinstance(data, bytes) or len(data) // 6 not in _POINTS or len(data) % 6:
        raise ValueError("landmarks of another size")
    step = float(unit)
    if not 0 < step < 1e3:
        raise ValueError("landmarks in no unit")
    return (np.frombuffer(data, "<i2").reshape(-1, 3) * step).astype(np.float32)


def _units(row: Mapping[str, Any]) -> AuValues | None:
    estimator = row["au_estimator"]
    if estimator is None:
        return None
    vectors = np.full((4, len(ACTION_UNITS)), np.nan, np.float32)
    for columns, index in _PLACES:
        for vector, column in zip(vectors, columns, strict=False):
            if row[column] is not None:
                vector[index] = row[column]
    if np.isinf(vectors).any():
        raise ValueError("an action unit is not finite")
    activation, raw, left, right = vectors
    time_s = float(row["au_time_s"])
    reliable = bool(row["au_reliable"])
    return AuValues(str(estimator), raw, activation, left, right, time_s, reliable)


def _verdict(row: Mapping[str, Any]) -> Verdict | None:
    if row["chosen"] is None:
        return None
    contested = tuple(part for part in str(row["contested"]).split("|") if part)
    named: Callable[[str], bool] = EXPRESSIONS.__contains__
    if not all(map(named, (*contested, str(row["net_label"]), str(row["chosen"])))):
        raise ValueError("a verdict names no expression")
    reasons = tuple(Reason(int(au), float(weight)) for au, weight in json.loads(row["reasons"]))
    return Verdict(
        str(row["net_label"]),
        contested,
        str(row["chosen"]),
        bool(row["abstained"]),
        float(row["margin"]),
        reasons,
        _NOTHING,
    )
