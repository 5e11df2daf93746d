"""OpenFace 2's table, as its FeatureExtraction writes it, in both directions.

T. Baltrušaitis, A. Zadeh, Y. C. Lim, L.-P. Morency. "OpenFace 2.0: Facial Behavior Analysis
Toolkit." FG 2018; its wiki's page "Output Format": columns, units, and the head's rotation, which
is in radians, R = Rx Ry Rz, with x to the right, y down and z away from the camera.
"""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO, Final

from ferdesk.core.aus import AU_INDEX, AU_NUMBERS, unit
from ferdesk.core.types import AuValues, Face, Pose
from ferdesk.exports import dialect
from ferdesk.exports.base import Column, Place
from ferdesk.exports.csv_in import CsvRow
from ferdesk.exports.csv_out import write_csv
from ferdesk.exports.dialect import Dialect, Found
from ferdesk.exports.landmarks68 import COUNT, landmarks68
from ferdesk.sessions.readings import FrameReading, Readings

MOST: Final = 5.0
"""The largest intensity, FACS's E; our activation 1."""
PRESENT_FROM: Final = 2.0
"""The least intensity that counts as present: FACS's B, "slight", and DISFA's rule for occurrence
(S. M. Mavadati et al., IEEE Transactions on Affective Computing 4(2), 2013). A, "trace", is within
the noise of a webcam."""

_INTENSITIES: Final = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
_PRESENCES: Final = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)
_BLINK: Final = 45
_CLOSED: Final = 43  # a blink is eyes closed for a moment: the same movement, the same muscle

_X: Final = tuple(f"x_{number}" for number in range(COUNT))
_Y: Final = tuple(f"y_{number}" for number in range(COUNT))
_READ: Final = re.compile(
    r"frame|face_id|timestamp|confidence|success|pose_R[xyz]|[xy]_\d+|AU\d+_r"
)

_START: Final = (
    Column("frame", "integer", "the frame's number in its source, from 1"),
    Column("face_id", "integer", "the person's number in this session, from 0"),
    Column("timestamp", "number", "seconds from the session's start"),
    Column("confidence", "number", "how sure the landmark net is that this is a face, 0 to 1"),
    Column("success", "integer", "1, or 0 for a frame without a face; then all else is 0"),
    Column("pose_Rx", "number", "radians, R = Rx Ry Rz; positive: looks down"),
    Column("pose_Ry", "number", "positive: turned towards the left of the picture"),
    Column("pose_Rz", "number", "positive: tilted clockwise in the picture"),
    *(Column(name, "number", "landmark of iBUG's 68, pixels to the right") for name in _X),
    *(Column(name, "number", "landmark of iBUG's 68, pixels down") for name in _Y),
)


def columns(readings: Readings) -> tuple[Column, ...]:
    """OpenFace's columns in OpenFace's order, less those that this session cannot give."""
    has = set(readings.meta.units)
    intensities = [number for number in _INTENSITIES if _ours(number) in has]
    presences = [number for number in _PRESENCES if _ours(number) in has]
    return (
        *_START,
        *(
            Column(
                f"AU{number:02d}_r",
                "number",
                f"intensity of {_meaning(number)}, 0 to {MOST:g}: activation x {MOST:g}",
            )
            for number in intensities
        ),
        *(
            Column(
                f"AU{number:02d}_c",
                "integer",
                f"1 where the intensity of {_meaning(number)} is {PRESENT_FROM:g} or more",
            )
            for number in presences
        ),
    )


def write_table(readings: Readings, file: BinaryIO, _place: Place) -> None:
    """Write the CSV: one row a face, and one with success 0 for a frame without."""
    declared = columns(readings)
    names = [column.name for column in declared[len(_START) :]]
    intensities = [AU_INDEX[_ours(_number(name))] for name in names if name.endswith("_r")]
    presences = [AU_INDEX[_ours(_number(name))] for name in names if name.endswith("_c")]
    write_csv(file, declared, _rows(readings, intensities, presences))


def left_out(readings: Readings) -> tuple[str, ...]:
    """What of a session OpenFace's table does not hold."""
    notes = ("annotations",) if readings.annotations() else ()
    foreign = sorted({number for number in readings.meta.units if number not in _HELD})
    units = (f"units without a column ({', '.join(f'AU{n:02d}' for n in foreign)})",)
    return (
        "expressions",
        "boxes",
        "landmarks beyond the 68",
        "values before the neutral profile and of the sides",
        *(units if foreign else ()),
        *notes,
        "and of OpenFace's columns: gaze, eye_lmk, pose_T, X Y Z in mm and shape parameters (p_)",
    )


def _rows(
    readings: Readings, intensities: Sequence[int], presences: Sequence[int]
) -> Iterator[list[str]]:
    width = len(_START) - 5 + len(intensities) + len(presences)
    for frame in readings.frames():
        for face in frame.faces:
            yield [
                *_begin(frame, face.face.track_id - 1, face.face.score, 1),
                *_where(face.face),
                *_intensities(face.aus, intensities, presences),
            ]
        if not frame.faces:
            yield [*_begin(frame, 0, 0.0, 0), *["0"] * width]


def _begin(frame: FrameReading, face_id: int, confidence: float, success: int) -> tuple[str, ...]:
    sure = _text(confidence, 6)
    return str(frame.source_index + 1), str(face_id), f"{frame.time_s:.6f}", sure, str(success)


def _where(face: Face) -> list[str]:
    angles = [_text(angle, 6) for angle in to_openface(face.pose)]
    landmarks = landmarks68(face.landmarks)
    if landmarks is None:
        return [*angles, *[""] * (2 * COUNT)]
    return [*angles, *(f"{value:.1f}" for value in landmarks.T.ravel().tolist())]


def _intensities(aus: AuValues | None, strong: Sequence[int], present: Sequence[int]) -> list[str]:
    if aus is None:
        return [""] * (len(strong) + len(present))
    values = (aus.activation * MOST).tolist()
    seen = [values[index] for index in present]
    return [
        *(_text(values[index], 6) for index in strong),
        *("" if math.isnan(one) else str(int(one >= PRESENT_FROM)) for one in seen),
    ]


def to_openface(pose: Pose) -> tuple[float, float, float]:
    """The head's rotation as OpenFace's pose_Rx, pose_Ry and pose_Rz, in radians."""
    yaw, pitch, roll = map(math.radians, pose)
    return _turned_about(-pitch, -yaw, roll)


def from_openface(about_x: float, about_y: float, about_z: float) -> Pose:
    """The other way, from radians."""
    # The transpose of Rx Ry Rz is Rz Ry Rx of the negative angles, so one formula does both ways.
    pitch, yaw, roll = (-angle for angle in _turned_about(-about_x, -about_y, -about_z))
    return Pose(math.degrees(-yaw), math.degrees(-pitch), math.degrees(roll))


def _turned_about(x: float, y: float, z: float) -> tuple[float, float, float]:
    """The angles a, b, c of Rx(a) Ry(b) Rz(c) = Rz(z) Ry(y) Rx(x)."""
    cos_x, cos_y, cos_z = math.cos(x), math.cos(y), math.cos(z)
    sin_x, sin_y, sin_z = math.sin(x), math.sin(y), math.sin(z)
    sin_b = cos_z * sin_y * cos_x + sin_z * sin_x
    return (
        math.atan2(cos_z * sin_x - sin_z * sin_y * cos_x, cos_y * cos_x),
        math.asin(max(-1.0, min(1.0, sin_b))),
        math.atan2(sin_z * cos_x - cos_z * sin_y * sin_x, cos_z * cos_y),
    )


def _read(row: CsvRow) -> Found:
    number = row.whole("frame") - 1
    time_s = row.number("timestamp", 0)
    if row.number("success", 0, 1) == 0:
        return Found(number, time_s, None)
    landmarks = dialect.points(row, (_X, _Y))
    angles = row.numbers(("pose_Rx", "pose_Ry", "pose_Rz"))
    face = Face(
        dialect.box_around(landmarks),
        landmarks,
        dialect.UNKNOWN_POSE if any(map(math.isnan, angles)) else from_openface(*angles),
        row.number("confidence", 0, 1),
        row.whole("face_id") + 1 if row.text("face_id") else 1,
    )
    aus = dialect.action_units(row, _COLUMN_OF, "OpenFace 2", MOST)
    return Found(number, time_s, dialect.reading(face, aus=aus))


def _recognises(names: Collection[str]) -> bool:
    return {"frame", "timestamp", "success"} <= set(names)


def _units(names: Collection[str]) -> tuple[int, ...]:
    return tuple(number for number in AU_NUMBERS if _COLUMN_OF.get(number) in names)


def _ours(number: int) -> int:
    return _CLOSED if number == _BLINK else number


def _number(name: str) -> int:
    return int(name[2:4])


def _meaning(number: int) -> str:
    if number == _BLINK:
        return f"AU45 Blink (the values of {unit(_CLOSED).code} {unit(_CLOSED).name})"
    return f"{unit(number).code} {unit(number).name}"


def _text(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


_HELD: Final = frozenset(_ours(number) for number in _PRESENCES)
_COLUMN_OF: Final = {_ours(number): f"AU{number:02d}_r" for number in _INTENSITIES}

DIALECT: Final = Dialect(
    name="openface",
    title="OpenFace 2",
    au_scale=f"activation, 0 (at rest) to 1: OpenFace's intensity AU_r, 0 to {MOST:g}, "
    f"divided by {MOST:g}",
    needs=("frame", "timestamp"),
    recognises=_recognises,
    units=_units,
    knows=lambda name: _READ.fullmatch(name) is not None,
    read=_read,
)
