"""A session's numbers as columns, straight from its database."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.aus import AU_INDEX
from ferdesk.core.errors import SessionError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray, Matrix
from ferdesk.outputs.table import unit_columns
from ferdesk.sessions import schema
from ferdesk.sessions.session import Session

IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

_AT_ONCE: Final = 400
"""Rows that are brought into arrays in one go: while that runs, no other thread does."""
_MOST_FACES: Final = 5_000_000
"""Fifteen hours at 30 frames a second with three people: more is not held in memory."""
_LONGEST_S: Final = 1e9
_SAME_S: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The frames of a session.

    Attributes:
        numbers: (frames,) int64, each frame's number, rising.
        times_s: (frames,) float64, seconds from the session's start, rising.
        in_video: (frames,) bool, whether its picture was given to the video.
    """

    numbers: IntArray
    times_s: Matrix
    in_video: Mask

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def seconds(self) -> float:
        """The time of the last frame; 0 where there is none."""
        return float(self.times_s[-1]) if len(self) else 0.0

    def index_at(self, time_s: float) -> int:
        """The last frame that is not later than a time; the first one before that."""
        return max(0, int(np.searchsorted(self.times_s, time_s + _SAME_S, side="right")) - 1)

    def frame_times(self, times_s: Matrix) -> Matrix:
        """(n,) float64: the times of the frames that are shown at some times, each once."""
        if not len(self):
            return times_s[:0]
        places = np.searchsorted(self.times_s, times_s + _SAME_S, side="right") - 1
        return np.unique(self.times_s[places.clip(min=0)])


@dataclass(frozen=True, slots=True, eq=False)
class PersonColumns:
    """One person's expressions over the frames that show them.

    Attributes:
        face_id: the person.
        frames: (n,) int64, places in the timeline, rising.
        times_s: (n,) float64, their times.
        probabilities: (n, 8) float32 as shown, in the canonical order; NaN where none were judged.
        contested: (n,) bool, whether the net had no clear winner.
    """

    face_id: int
    frames: IntArray
    times_s: Matrix
    probabilities: FloatArray
    contested: Mask

    def labels(self) -> IntArray:
        """(n,) int64, the most probable expression's place in `EXPRESSIONS`; -1 where unknown."""
        known = ~np.isnan(self.probabilities).any(axis=1)
        return np.where(known, self.probabilities.argmax(axis=1), -1)


@dataclass(frozen=True, slots=True, eq=False)
class UnitColumns:
    """One person's action units, a row for each of `PersonColumns`.

    Attributes:
        units: the units' numbers.
        corrected: (n, units) float32, less the person's neutral face; NaN where not estimated.
        raw: the same as estimated.
    """

    units: tuple[int, ...]
    corrected: FloatArray
    raw: FloatArray


def read_timeline(session: Session) -> Timeline:
    """Read all frames' numbers and times.

    Raises:
        SessionError: the database is damaged, or its times do not rise.
    """
    found = _read(session, "SELECT frame, time_s, in_video FROM frames ORDER BY frame", ())
    times_s = found[:, 1]
    if not (np.abs(times_s) <= _LONGEST_S).all() or (np.diff(times_s) <= 0).any():
        raise SessionError(
            f"{session.folder}: the times of its frames do not rise. Look closer: "
            f"ferdesk sessions verify {session.folder}"
        )
    return Timeline(found[:, 0].astype(np.int64), times_s, found[:, 2] != 0)


def read_people(session: Session, timeline: Timeline) -> tuple[PersonColumns, ...]:
    """Read everybody's expressions.

    Returns:
        The people by number.

    Raises:
        SessionError: the database is damaged, or holds what no face can have.
    """
    if session.count("faces") > _MOST_FACES:
        raise SessionError(
            f"{session.folder} has more than {_MOST_FACES} faces, too many to be shown. "
            "Export it to look at it."
        )
    odds = ", ".join(f"p_{name}" for name in EXPRESSIONS)
    contested = "contested IS NOT NULL AND contested != ''"
    found = _read(
        session,
        f"SELECT face_id, frame, {contested}, {odds} FROM faces ORDER BY rowid",  # noqa: S608
        (),
    )
    values = found[:, 3:]
    if not ((values >= 0) & (values <= 1) | np.isnan(values)).all():
        raise SessionError(f"{session.folder}: a probability is not within 0 and 1.")
    order = np.argsort(found[:, 0], kind="stable")
    people, starts = np.unique(found[order, 0], return_index=True)
    parts = np.split(order, starts[1:]) if len(people) else []
    made = (
        _person(int(one), found[rows], timeline) for one, rows in zip(people, parts, strict=True)
    )
    return tuple(made)


def read_units(session: Session, person: PersonColumns, timeline: Timeline) -> UnitColumns:
    """Read one person's action units.

    Raises:
        SessionError: the database is damaged, or holds what no face can have.
    """
    units = tuple(number for number in session.meta.units if number in AU_INDEX)
    names = [unit_columns(number)[:2] for number in units]
    listed = [column for pair in zip(*names, strict=True) for column in pair]
    columns = ", ".join(["frame", *listed])
    found = _read(
        session,
        f"SELECT {columns} FROM faces WHERE face_id = ? ORDER BY rowid",  # noqa: S608
        (person.face_id,),
    )
    values = found[:, 1:].astype(np.float32)
    if np.isinf(values).any():
        raise SessionError(f"{session.folder}: an action unit is not finite.")
    _, kept = _placed(found[:, 0], timeline)
    corrected, raw = values[kept, : len(units)], values[kept, len(units) :]
    return UnitColumns(units, corrected, raw)


def _person(face_id: int, found: Matrix, timeline: Timeline) -> PersonColumns:
    frames, kept = _placed(found[:, 1], timeline)
    return PersonColumns(
        face_id,
        frames,
        timeline.times_s[frames],
        found[kept, 3:].astype(np.float32),
        found[kept, 2] != 0,
    )


def _placed(numbers: Matrix, timeline: Timeline) -> tuple[IntArray, IntArray]:
    """Places of frames in the timeline, rising, and the rows that have them.

    A row whose frame is gone is left out, and a second one of the same frame.
    """
    if not len(timeline):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    places = np.searchsorted(timeline.numbers, numbers).clip(max=len(timeline) - 1)
    there = np.flatnonzero(timeline.numbers[places] == numbers)
    frames, first = np.unique(places[there], return_index=True)
    return frames, there[first]


def _read(session: Session, statement: str, values: Sequence[Any]) -> Matrix:
    """All rows of a query, (rows, columns) float64; NaN for what is empty."""
    path = session.folder / schema.DATABASE
    try:
        cursor = session.db.execute(statement, values)
        cursor.row_factory = None
        parts = [np.array(rows, np.float64) for rows in _chunks(cursor)]
        width = len(cursor.description)
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise schema.damaged(path, error) from error
    except (ValueError, TypeError) as error:
        raise SessionError(f"{path}: a cell holds no number. It was edited by hand.") from error
    return np.concatenate([np.zeros((0, width)), *parts])


def _chunks(cursor: sqlite3.Cursor) -> Iterator[list[Any]]:
    while rows := cursor.fetchmany(_AT_ONCE):
        yield rows
