"""py-feat's table, as its Detectorv1 saves it and `feat.utils.io.read_feat` reads it.

J. H. Cheong et al. "Py-Feat: Python Facial Expression Analysis Toolbox." Affective Science 4, 2023.
Columns, units and signs are those of py-feat 2.1: head angles in radians, positive where the head
looks up (Pitch), turns towards the person's own right (Yaw) and tilts to it (Roll). It is read from
Detectorv1, Detectorv2 and MPDetector.
"""

import math
import re
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final

import numpy as np

from ferdesk.core.aus import AU_INDEX, AU_NUMBERS, unit
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import AuValues, Box, Face, FaceReading, FloatArray, Pose
from ferdesk.exports import dialect
from ferdesk.exports.base import Column, Place
from ferdesk.exports.csv_in import CsvRow
from ferdesk.exports.csv_out import write_csv
from ferdesk.exports.dialect import Dialect, Found
from ferdesk.exports.landmarks68 import COUNT, landmarks68
from ferdesk.outputs.table import cell
from ferdesk.sessions.readings import FrameReading, Readings

_UNITS: Final = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
_COLUMN_OF: Final = {number: unit(number).code for number in _UNITS}
_EMOTIONS: Final = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_PLACES: Final = tuple(EXPRESSIONS.index(name) for name in _EMOTIONS)
# Detectorv2's names, in the same order.
_EMOTIONS_2: Final = ("Anger", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
_BOX: Final = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
_POSE: Final = ("Pitch", "Roll", "Yaw")
_X: Final = tuple(f"x_{number}" for number in range(COUNT))
_Y: Final = tuple(f"y_{number}" for number in range(COUNT))
_MESH_POINTS: Final = range(478)
_MESH: Final = tuple(tuple(f"{axis}_{number}" for number in _MESH_POINTS) for axis in "xyz")
_MESH_2: Final = tuple(tuple(f"mesh_{axis}_{number}" for number in _MESH_POINTS) for axis in "xyz")
_PERSON: Final = re.compile(r"Person_(\d{1,6})")
_TIME: Final = "time_s"

COLUMNS: Final = (
    Column("FaceRectX", "number", "left edge of the face, in pixels; empty: no face in this frame"),
    Column("FaceRectY", "number", "upper edge"),
    Column("FaceRectWidth", "number", "width"),
    Column("FaceRectHeight", "number", "height"),
    Column("FaceScore", "number", "how sure the landmark net is that this is a face, 0 to 1"),
    *(Column(name, "number", "landmark of iBUG's 68, pixels to the right") for name in _X),
    *(Column(name, "number", "landmark of iBUG's 68, pixels down") for name in _Y),
    Column("Pitch", "number", "radians; positive: looks up"),
    Column("Roll", "number", "radians; positive: tilted to the person's own right"),
    Column("Yaw", "number", "radians; positive: turned to the person's own right"),
    *(Column(name, "number", "place of the head, which is not known: empty") for name in "XYZ"),
    *(
        Column(unit(number).code, "number", f"activation of {unit(number).name}, 0 to 1")
        for number in _UNITS
    ),
    *(Column(name, "number", f"probability of {name}; contempt has none") for name in _EMOTIONS),
    Column("FrameHeight", "number", "of the frame, in pixels"),
    Column("FrameWidth", "number", "of the frame, in pixels"),
    Column("input", "string", "what was watched"),
    Column("frame", "integer", "the frame's number in its source, from 0"),
    Column("approx_time", "string", "minutes:seconds from the session's start"),
    Column("Identity", "string", "the person in this session, from Person_0"),
    Column(_TIME, "number", "seconds from the session's start; py-feat has only approx_time"),
)
"""py-feat's columns in py-feat's order, and one of ours at the end."""

_KNOWN: Final = {column.name for column in COLUMNS}.union(_EMOTIONS_2, *_MESH, *_MESH_2)


def columns(_readings: Readings) -> tuple[Column, ...]:
    """The same for every session: py-feat expects all of them."""
    return COLUMNS


def write_table(readings: Readings, file: BinaryIO, _place: Place) -> None:
    """Write the CSV: one row a face, and an empty one for a frame without."""
    write_csv(file, COLUMNS, _rows(readings))


def left_out(readings: Readings) -> tuple[str, ...]:
    """What of a session py-feat's table does not hold."""
    foreign = [number for number in readings.meta.units if number not in _UNITS]
    units = (f"units without a column ({', '.join(f'AU{n:02d}' for n in foreign)})",)
    return (
        "contempt",
        "landmarks beyond the 68",
        "values before the neutral profile and of the sides",
        *(units if foreign else ()),
        *(("annotations",) if readings.annotations() else ()),
        "and of py-feat's columns: X Y Z, gaze and identity embeddings",
    )


def _rows(readings: Readings) -> Iterator[list[str]]:
    meta = readings.meta
    size = [str(meta.height or ""), str(meta.width or "")]
    empty = [""] * (len(COLUMNS) - len(size) - 5)
    source = cell(meta.source)
    for frame in readings.frames():
        where = [*size, source, str(frame.source_index), _minutes(frame)]
        time = f"{frame.time_s:.6f}"
        for one in frame.faces:
            person = f"Person_{max(one.face.track_id - 1, 0)}"
            yield [*_face(one.face), *_values(one), *where, person, time]
        if not frame.faces:
            yield [*empty, *where, "", time]


def _face(face: Face) -> list[str]:
    landmarks = landmarks68(face.landmarks)
    places = [""] * (2 * COUNT)
    if landmarks is not None:
        places = [f"{value:.1f}" for value in landmarks.T.ravel().tolist()]
    yaw, pitch, roll = map(math.radians, face.pose)
    return [
        *(_text(value, 2) for value in face.box),
        _text(face.score, 6),
        *places,
        *(_text(angle, 6) for angle in (pitch, -roll, -yaw)),
        *("", "", ""),
    ]


def _values(one: FaceReading) -> list[str]:
    odds = one.probabilities.tolist()
    return [*_activations(one.aus), *(_text(odds[place], 6) for place in _PLACES)]


def _activations(aus: AuValues | None) -> list[str]:
    if aus is None:
        return [""] * len(_UNITS)
    values = aus.activation.tolist()
    return [_text(values[AU_INDEX[number]], 6) for number in _UNITS]


def _minutes(frame: FrameReading) -> str:
    minutes, seconds = divmod(int(frame.time_s), 60)
    return f"{minutes:02d}:{seconds:02d}"


def _text(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _read(row: CsvRow) -> Found:
    number = row.whole("frame")
    time_s = row.number(_TIME, 0)
    height, width = (row.number(name, 0, 1e5) for name in ("FrameHeight", "FrameWidth"))
    sides = [0 if math.isnan(side) else int(side) for side in (width, height)]
    box = Box(*row.numbers(_BOX))
    score = row.number("FaceScore")
    source = row.text("input")
    if all(map(math.isnan, box)) or score == 0:
        return Found(number, time_s, None, source, *sides)
    face = Face(box, _landmarks(row), _pose(row), score, _track_id(row))
    aus = dialect.action_units(row, _COLUMN_OF, "py-feat", 1.0)
    return Found(number, time_s, dialect.reading(face, _odds(row), aus), source, *sides)


def _pose(row: CsvRow) -> Pose:
    """The head's angles; not those of old versions, which had no X and other units and signs."""
    if not row.has("X"):
        return dialect.UNKNOWN_POSE
    turn = 2 * math.pi
    pitch, roll, yaw = (math.degrees(row.number(name, -turn, turn)) for name in _POSE)
    return Pose(-yaw, pitch, -roll)


def _landmarks(row: CsvRow) -> FloatArray:
    for mesh in (_MESH_2, _MESH):
        if row.text(mesh[0][-1]):
            return dialect.points(row, mesh)
    return dialect.points(row, (_X, _Y))


def _odds(row: CsvRow) -> FloatArray | None:
    """Probabilities in the canonical order; contempt, which py-feat does not have, is 0."""
    names = _EMOTIONS if any(map(row.text, _EMOTIONS)) else _EMOTIONS_2
    odds = [row.number(name, 0, 1.001) for name in names]
    if all(map(math.isnan, odds)):
        return None
    if any(map(math.isnan, odds)):
        raise row.error(names[0], "some emotions of this row are empty")
    found = np.zeros(len(EXPRESSIONS), np.float32)
    found[list(_PLACES)] = np.minimum(odds, 1)
    return found


def _track_id(row: CsvRow) -> int:
    text = row.text("Identity")
    if not text:
        return 0
    match = _PERSON.fullmatch(text)
    if match is None:
        raise row.error("Identity", f"{text[:40]!r} is none of py-feat's, Person_0, Person_1, ...")
    return int(match[1]) + 1


def _units(names: Collection[str]) -> tuple[int, ...]:
    return tuple(number for number in AU_NUMBERS if _COLUMN_OF.get(number) in names)


DIALECT: Final = Dialect(
    name="pyfeat",
    title="py-feat",
    au_scale="activation, 0 (at rest) to 1, as py-feat gave it",
    needs=("frame", *_BOX),
    recognises=lambda names: set(_BOX) <= set(names),
    units=_units,
    knows=_KNOWN.__contains__,
    read=_read,
)
