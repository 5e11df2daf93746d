"""A report to read and to print: one HTML file that needs nothing else, and no network."""

import base64
import importlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.aus import ACTION_UNITS, N_UNITS
from ferdesk.core.errors import OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.exports.base import Place
from ferdesk.sessions.readings import Annotation, Readings

_TEMPLATE: Final = Path(__file__).with_name("report.html.j2")
_BINS: Final = 400  # at most: what a printed line can show
_PLOTTED: Final = 4  # people
_STRONGEST: Final = 6  # units
_MOST_NOTES: Final = 500


class Curves(NamedTuple):
    """A person's numbers over time; NaN where the person was not seen.

    Attributes:
        times_s: (n,), the middle of each step.
        probabilities: (n, 8), in the canonical order.
        units: (n, k), activations.
        codes: of the k strongest units.
    """

    times_s: NDArray[np.floating]
    probabilities: NDArray[np.floating]
    units: NDArray[np.floating]
    codes: tuple[str, ...]


@dataclass
class _Person:
    """What is counted about a person."""

    face_id: int
    frames: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)
    units: NDArray[np.floating] = field(default_factory=lambda: np.zeros(N_UNITS))
    with_units: int = 0

    def strongest(self) -> list[int]:
        """Places of the units that were strongest on average, strongest first."""
        order = np.argsort(-self.units, kind="stable")
        return [int(place) for place in order[:_STRONGEST] if self.units[place] > 0]

    def shares(self) -> list[tuple[str, float]]:
        """Expressions and the part of the person's frames in which they were the most probable."""
        judged = sum(self.labels.values())
        return [(label, count / judged) for label, count in self.labels.most_common()]


def write_report(readings: Readings, file: BinaryIO, place: Place) -> None:
    """Write the report.

    Raises:
        OutputError: matplotlib or jinja2 is not installed.
    """
    jinja2 = _needed("jinja2")
    _needed("matplotlib")
    from ferdesk.exports.report_plots import draw

    people, frames, end_s = _count(readings)
    pictures = {
        face_id: base64.b64encode(draw(curves)).decode("ascii")
        for face_id, curves in _curves(readings, people[:_PLOTTED], frames, end_s).items()
    }
    notes = readings.annotations()
    template = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(_TEMPLATE.read_text(encoding="utf-8"))
    parts = template.stream(
        meta=readings.meta,
        settings=readings.meta.settings.model_dump() if readings.meta.settings else {},
        video=place.video.name if place.video else "",
        frames=frames,
        end=_clock(end_s),
        people=[_shown(person, pictures.get(person.face_id, "")) for person in people],
        notes=[_note(note) for note in notes[:_MOST_NOTES]],
        more_notes=max(0, len(notes) - _MOST_NOTES),
        judged=any(person.labels for person in people),
    )
    for part in parts:
        file.write(part.encode("utf-8", "replace"))


def left_out(_readings: Readings) -> tuple[str, ...]:
    """What of a session the report does not hold."""
    return ("the numbers of single frames", f"curves of more than {_PLOTTED} people")


def _count(readings: Readings) -> tuple[list[_Person], int, float]:
    """The people, longest seen first; the number of frames; the time of the last."""
    people: dict[int, _Person] = {}
    frames, end_s = 0, 0.0
    for frame in readings.frames():
        frames, end_s = frames + 1, frame.time_s
        for one in frame.faces:
            face_id = one.face.track_id
            person = people.setdefault(face_id, _Person(face_id, first_s=frame.time_s))
            person.frames += 1
            person.last_s = frame.time_s
            if one.label:
                person.labels[one.label] += 1
            if one.aus is not None:
                person.units += np.nan_to_num(one.aus.activation)
                person.with_units += 1
    order = sorted(people.values(), key=lambda person: (-person.frames, person.face_id))
    return order, frames, end_s


def _curves(
    readings: Readings, people: list[_Person], frames: int, end_s: float
) -> dict[int, Curves]:
    if not people:
        return {}
    bins = max(1, min(_BINS, frames // 2))  # with less than a frame in each, lines would have gaps
    width = len(EXPRESSIONS) + N_UNITS
    sums = {person.face_id: np.zeros((bins, width)) for person in people}
    counts = {person.face_id: np.zeros((bins, width)) for person in people}
    step_s = max(end_s, 1e-3) / bins
    for face_id, time_s, values in _values(readings):
        if face_id in sums:
            place = min(max(int(time_s / step_s), 0), bins - 1)
            sums[face_id][place] += np.nan_to_num(values)
            counts[face_id][place] += ~np.isnan(values)
    times = (np.arange(bins) + 0.5) * step_s
    found = {}
    for person in people:
        seen = counts[person.face_id]
        means = sums[person.face_id] / np.where(seen > 0, seen, np.nan)
        odds, units = means[:, : len(EXPRESSIONS)], means[:, len(EXPRESSIONS) :]
        strongest = person.strongest()
        codes = tuple(ACTION_UNITS[place].code for place in strongest)
        found[person.face_id] = Curves(times, odds, units[:, strongest], codes)
    return found


def _values(readings: Readings) -> Iterator[tuple[int, float, NDArray[np.floating]]]:
    unknown = np.full(N_UNITS, np.nan)
    for frame in readings.frames():
        for one in frame.faces:
            units = unknown if one.aus is None else one.aus.activation
            yield one.face.track_id, frame.time_s, np.concatenate((one.probabilities, units))


def _shown(person: _Person, picture: str) -> dict[str, Any]:
    units = [
        (ACTION_UNITS[place], person.units[place] / max(person.with_units, 1))
        for place in person.strongest()
    ]
    return {
        "id": person.face_id,
        "frames": person.frames,
        "first": _clock(person.first_s),
        "last": _clock(person.last_s),
        "shares": person.shares(),
        "units": units,
        "picture": picture,
    }


def _note(note: Annotation) -> dict[str, str]:
    return {
        "start": _clock(note.start_s),
        "end": "" if note.end_s is None else _clock(note.end_s),
        "kind": note.kind,
        "person": "" if note.face_id is None else str(note.face_id),
        "text": note.text,
        "author": note.author,
    }


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(seconds, 0.0), 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02d}:{rest:06.3f}"


def _needed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise OutputError(f'{name} is not installed: pip install "ferdesk[report]"') from error
