"""Spans of time in which a person's expression stays the same."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ferdesk.sessions.readings import Annotation, Readings

LEAST_S: Final = 0.5
"""Shorter than this is rather the net's flicker than a change of expression: what is not hidden
lasts from half a second on (P. Ekman, "Emotions Revealed", 2003), and no shorter cue is read."""

MOMENT_S: Final = 2.0
"""How long what was said about a moment is shown."""

_GAP_S: Final = 1.0  # without frames: paused, or the camera was gone
_USUAL_STEP_S: Final = 0.04


class Span(NamedTuple):
    """A span of one expression.

    Attributes:
        face_id: the person.
        start_s: seconds from the session's start.
        end_s: the same; larger.
        label: the expression.
    """

    face_id: int
    start_s: float
    end_s: float
    label: str


def spans(readings: Readings, least_s: float = LEAST_S) -> list[Span]:
    """The spans of all people by start.

    A span ends where the frame after its last one begins, or, where none follows soon, after the
    usual time between frames.

    Args:
        readings: the session.
        least_s: an expression shown for less joins the one before it, else the one after; alone, it
            stays.
    """
    whole: dict[int, list[Span]] = {}
    for run in _runs(readings):
        whole.setdefault(run.face_id, []).append(run)
    found = [span for runs in whole.values() for span in merged(runs, least_s)]
    return sorted(found, key=lambda span: (span.start_s, span.face_id))


def end_of(note: Annotation) -> float:
    """When what is said ends to be shown, in seconds; after its start."""
    if note.end_s is None or note.end_s <= note.start_s:
        return note.start_s + MOMENT_S
    return note.end_s


def words(note: Annotation) -> str:
    """What an annotation says, on one line."""
    text = " ".join(note.text.split())
    return f"{note.kind}: {text}" if text else note.kind


def _runs(readings: Readings) -> Iterator[Span]:
    """Runs of frames of the same label, each complete when it is given."""
    open_runs: dict[int, Span] = {}
    last_s: float | None = None
    fps = readings.meta.fps
    step_s = 1 / fps if fps else _USUAL_STEP_S
    for frame in readings.frames():
        gap = last_s is not None and frame.time_s - last_s > _GAP_S
        if last_s is not None and not gap:
            step_s = max(frame.time_s - last_s, 1e-3)
        shown = {one.face.track_id: one.label for one in frame.faces if one.label}
        for face_id, run in list(open_runs.items()):
            ended = run._replace(end_s=run.end_s + step_s if gap else frame.time_s)
            if gap or shown.get(face_id) != run.label:
                yield ended
                del open_runs[face_id]
        for face_id, label in shown.items():
            begun = open_runs.get(face_id) or Span(face_id, frame.time_s, frame.time_s, label)
            open_runs[face_id] = begun._replace(end_s=frame.time_s)
        last_s = frame.time_s
    for run in open_runs.values():
        yield run._replace(end_s=run.end_s + step_s)


def merged(runs: Sequence[Span], least_s: float) -> list[Span]:
    """One person's runs of a label by time, the short ones joined to their neighbours.

    Args:
        runs: each ends where the next begins, or before.
        least_s: see `spans`.
    """
    found: list[Span] = []
    for run in runs:
        before = found[-1] if found else None
        if before is None or before.end_s != run.start_s:
            found.append(run)
        elif run.label == before.label or _short(run, least_s):
            found[-1] = before._replace(end_s=run.end_s)
        elif _short(before, least_s):
            found[-1] = run._replace(start_s=before.start_s)
        else:
            found.append(run)
    return found


def _short(span: Span, least_s: float) -> bool:
    return span.end_s - span.start_s < least_s
