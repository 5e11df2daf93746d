"""One person's numbers, ready to be drawn over time."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ferdesk.core.types import FloatArray, Matrix
from ferdesk.review.columns import PersonColumns, UnitColumns, read_units
from ferdesk.review.events import contested_spans, event_times
from ferdesk.review.opening import Opened
from ferdesk.sessions.session import Session

GAP_S: Final = 0.5
"""A line is not drawn across a time without the person that is longer."""
_CHOSEN: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What is drawn of a person.

    Attributes:
        person: the columns that they were made from.
        times_s: (n,) float64, rising; where the person was gone there is one time more.
        odds: (8, n) float32, probabilities as shown; NaN where nothing is drawn.
        units: the action units' numbers.
        corrected: (units, n) float32, less the neutral face.
        raw: (units, n) float32, as estimated.
        same: whether these two are: no neutral face was taken off.
        contested: starts and ends of the times without a clear winner, in seconds.
        changes_s: (changes,) float64, when the expression changed.
        contests_s: (contests,) float64, when something began to be contested.
        moved: the units that changed most, to begin with.
    """

    person: PersonColumns
    times_s: Matrix
    odds: FloatArray
    units: tuple[int, ...]
    corrected: FloatArray
    raw: FloatArray
    same: bool
    contested: tuple[tuple[float, float], ...]
    changes_s: Matrix
    contests_s: Matrix
    moved: tuple[int, ...]


def curves_of(opened: Opened, person: PersonColumns) -> Curves:
    """Read and prepare all that is drawn of a person.

    Raises:
        SessionError: the database is damaged, or holds what no face can have.
    """
    with Session(opened.folder) as session:
        columns = read_units(session, person, opened.timeline)
    times_s, (odds, corrected, raw) = with_gaps(
        person.times_s, person.probabilities, columns.corrected, columns.raw
    )
    return Curves(
        person,
        times_s,
        odds,
        columns.units,
        corrected,
        raw,
        np.array_equal(raw, corrected, equal_nan=True),
        tuple(contested_spans(person)),
        event_times("change", person, ()),
        event_times("contest", person, ()),
        _most_moved(columns),
    )


def with_gaps(times_s: Matrix, *columns: FloatArray) -> tuple[Matrix, list[FloatArray]]:
    """Put a NaN into each longer time without a row, so that no line is drawn across it.

    Args:
        times_s: (n,) float64, rising.
        columns: (n, curves) float32 each.

    Returns:
        The times, and for each of `columns` (curves, n) float32, each curve in one piece.
    """
    before = np.flatnonzero(np.diff(times_s) > GAP_S) + 1
    times = np.insert(times_s, before, (times_s[before - 1] + times_s[before]) / 2)
    filled = (np.insert(column, before, np.nan, axis=0) for column in columns)
    return times, [np.ascontiguousarray(column.T) for column in filled]


def _most_moved(columns: UnitColumns) -> tuple[int, ...]:
    values = columns.corrected
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / count
    spread = (np.where(known, values - mean, 0) ** 2).sum(axis=0) / count
    places = [place for place in np.argsort(-spread)[:_CHOSEN].tolist() if known[:, place].any()]
    return tuple(sorted(columns.units[place] for place in places))
