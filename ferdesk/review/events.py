"""What happens in a session, as times to go to."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import numpy as np

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import Matrix
from ferdesk.exports.spans import LEAST_S, Span, merged
from ferdesk.review.columns import IntArray, PersonColumns
from ferdesk.sessions.readings import Annotation

EventKind = Literal["change", "contest", "annotation"]

_GAP_S: Final = 1.0
"""Without frames for so long, a person was gone, or the recording paused."""
_SAME_S: Final = 1e-6


def expression_spans(person: PersonColumns, least_s: float = LEAST_S) -> list[Span]:
    """Spans of time in which a person's expression stays the same; flickers join the one before.

    Args:
        person: their columns.
        least_s: what is shown for less is a flicker.
    """
    return merged(list(_runs(person, person.labels())), least_s)


def contested_spans(person: PersonColumns) -> list[tuple[float, float]]:
    """Starts and ends of the times at which the net had no clear winner, in seconds.

    Those that follow each other within half a second are one.
    """
    found: list[tuple[float, float]] = []
    for span in _runs(person, person.contested.astype(np.int64) - 1):
        if found and span.start_s - found[-1][1] < LEAST_S:
            found[-1] = found[-1][0], span.end_s
        else:
            found.append((span.start_s, span.end_s))
    return found


def event_times(
    kind: EventKind, person: PersonColumns | None, notes: Iterable[Annotation]
) -> Matrix:
    """The times of all events of a kind, (n,) float64, rising.

    Args:
        kind: changes of a person's expression, beginnings of contests, or of annotations.
        person: whose; None where nobody was seen.
        notes: the annotations.
    """
    starts: Sequence[float] = ()
    if kind == "annotation":
        starts = [note.start_s for note in notes]
    elif person is not None and kind == "change":
        # The first span is where the person came in: that is a change of the picture, too.
        starts = [span.start_s for span in expression_spans(person)]
    elif person is not None:
        starts = [start for start, _ in contested_spans(person)]
    return np.unique(np.array(starts, np.float64))


def next_time(times_s: Matrix, now_s: float) -> float | None:
    """The first of some times that is later than now; None after the last."""
    place = int(np.searchsorted(times_s, now_s + _SAME_S, side="right"))
    return float(times_s[place]) if place < len(times_s) else None


def time_before(times_s: Matrix, now_s: float) -> float | None:
    """The last of some times that is earlier than now; None before the first."""
    place = int(np.searchsorted(times_s, now_s - _SAME_S)) - 1
    return float(times_s[place]) if place >= 0 else None


def _runs(person: PersonColumns, labels: IntArray) -> Iterable[Span]:
    """Runs of frames of the same label, without those of -1."""
    times_s = person.times_s
    if not len(times_s):
        return
    steps = np.diff(times_s)
    usual_s = float(np.median(steps)) if len(steps) else 0.0
    gone = steps > _GAP_S
    borders = np.flatnonzero((np.diff(labels) != 0) | gone) + 1
    for first, last in zip([0, *borders], [*borders, len(labels)], strict=True):
        if labels[first] < 0:
            continue
        followed = last < len(labels) and not gone[last - 1]
        end_s = times_s[last] if followed else times_s[last - 1] + usual_s
        name = EXPRESSIONS[labels[first]]
        yield Span(person.face_id, float(times_s[first]), float(end_s), name)
