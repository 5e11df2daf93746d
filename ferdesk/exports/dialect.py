"""What a table of another program is made of, when it is read."""

import math
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

import numpy as np

from ferdesk.core.aus import AU_INDEX, N_UNITS
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import AuValues, Box, Face, FaceReading, FloatArray, Pose
from ferdesk.exports.csv_in import CsvRow

UNKNOWN_BOX: Final = Box(math.nan, math.nan, math.nan, math.nan)
UNKNOWN_POSE: Final = Pose(math.nan, math.nan, math.nan)
NO_LANDMARKS: Final = np.zeros((0, 3), np.float32)
_NOT_JUDGED: Final = np.full(len(EXPRESSIONS), np.nan, np.float32)


class Found(NamedTuple):
    """What a row tells.

    Attributes:
        frame: number in the source, from 0.
        time_s: seconds; NaN where the row has none.
        face: None where the row says that there was no face.
        source: what was watched; empty where the row does not say.
        width: of the frame in pixels; 0 where the row does not say.
        height: the same.
    """

    frame: int
    time_s: float
    face: FaceReading | None
    source: str = ""
    width: int = 0
    height: int = 0


class Dialect(NamedTuple):
    """Another program's table.

    Attributes:
        name: as `--from` takes it.
        title: the program.
        au_scale: what an activation means after it was read.
        needs: columns without which nothing can be read.
        recognises: whether a table with these columns is one.
        units: which of our units a table with these columns has, ascending.
        knows: the columns that are read.
        read: reads a row; raises DataError.
    """

    name: str
    title: str
    au_scale: str
    needs: tuple[str, ...]
    recognises: Callable[[Collection[str]], bool]
    units: Callable[[Collection[str]], tuple[int, ...]]
    knows: Callable[[str], bool]
    read: Callable[[CsvRow], Found]


def action_units(
    row: CsvRow, columns: dict[int, str], estimator: str, most: float
) -> AuValues | None:
    """The action units of a row, where it has any; their time is 0 until the frame has one.

    Args:
        row: from the table.
        columns: from a unit's number to its column.
        estimator: what gave them.
        most: the largest intensity, which is activation 1.
    """
    values = np.full(N_UNITS, np.nan, np.float32)
    for number, column in columns.items():
        values[AU_INDEX[number]] = row.number(column, 0, most) / most
    if np.isnan(values).all():
        return None
    unknown = np.full(N_UNITS, np.nan, np.float32)
    return AuValues(estimator, values, values, unknown, unknown, 0.0, True)


def points(row: CsvRow, columns: tuple[tuple[str, ...], ...]) -> FloatArray:
    """The landmarks of a row; none where it has not all of them.

    Args:
        row: from the table.
        columns: of x, y and perhaps z, each by the landmark's number.

    Returns:
        (n or 0, 3) float32, z 0 where there is none.
    """
    if not row.text(columns[0][0]):
        return NO_LANDMARKS
    found = np.zeros((len(columns[0]), 3), np.float32)
    for axis, names in enumerate(columns):
        found[:, axis] = row.numbers(names)
    return NO_LANDMARKS if np.isnan(found).any() else found


def box_around(landmarks: FloatArray) -> Box:
    """The upright box around landmarks; NaN where there are none."""
    if not len(landmarks):
        return UNKNOWN_BOX
    low, high = landmarks[:, :2].min(0).tolist(), landmarks[:, :2].max(0).tolist()
    return Box(low[0], low[1], high[0] - low[0], high[1] - low[1])


def reading(
    face: Face, probabilities: FloatArray | None = None, aus: AuValues | None = None
) -> FaceReading:
    """A face from a table; probabilities are NaN where the table has none."""
    judged = _NOT_JUDGED if probabilities is None else probabilities
    return FaceReading(face, judged, judged, aus)
