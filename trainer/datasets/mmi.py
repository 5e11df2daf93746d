"""MMI, clips of posed expressions and single facial actions.

M. Pantic, M. Valstar, R. Rademaker, L. Maat. "Web-based database for facial expression analysis."
ICME 2005. Each session's folder has one clip (or photograph), session.xml with what was recorded,
and XML files named after the clip: one says which emotion is shown (Metatag "Emotion"), another
which action units. A clip goes from neutral to its peak and back; all its frames are listed, and
which of them count is the protocol's matter (Ali et al. 2020, section 4.2: three in the middle).

As in the papers only frontal views are read. session.xml's track has view 0 for these, 1 for a
profile and 2 for both beside each other; the layout of the table says how many were left out.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.parsers import expat

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DROPPED, DataSet, Sample, Table, add_dataset
from trainer.datasets.listing import BadRows, is_picture, make_table, picture
from trainer.datasets.sequences import kind, tops
from trainer.datasets.store import FolderStore
from trainer.datasets.video import count_frames, frame

NAME: Final = "mmi"
EMOTIONS: Final = {
    1: EXPRESSIONS.index("anger"),
    2: EXPRESSIONS.index("disgust"),
    3: EXPRESSIONS.index("fear"),
    4: EXPRESSIONS.index("happiness"),
    5: EXPRESSIONS.index("sadness"),
    6: EXPRESSIONS.index("surprise"),
}
"""The Metatag "Emotion" -> label; other numbers are no basic expressions and give DROPPED."""
VIDEOS: Final = (".avi", ".mpg", ".mpeg", ".mp4")

_FRONTAL: Final = "0"
_SESSION: Final = "session.xml"
_SUBJECT: Final = re.compile(r"(S\d{3})-\d{3}", re.ASCII)
_ACTION_UNIT: Final = re.compile(r"[A-Z]?(\d{1,2})[A-Z]?", re.ASCII)  # R12: the right side's
_NEUTRAL: Final = 0  # of a marker's phases; 1 onset, 2 apex, 3 offset
_MAX_XML: Final = 2_000_000  # bytes
_EXPECTED: Final = "expected Sessions/1/ and so on, each with a clip and session.xml"

_Phases = list[tuple[int, bool]]
"""Frames, from 0, where a phase begins, and whether the action unit is active in it."""


@dataclass(slots=True)
class _Notes:
    """What the XML files of one clip say.

    Attributes:
        subject: who session.xml says it is, or "".
        view: session.xml's view, or "".
        label: 0..7 or DROPPED.
        phases: action unit -> its phases in order; none where it was only noted for the clip as a
            whole.
    """

    subject: str = ""
    view: str = ""
    label: int = DROPPED
    phases: dict[int, _Phases] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Clip:
    """One clip or photograph with its notes."""

    session: Path
    file: Path
    notes: _Notes


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All frames of frontal clips that lie at `path`; see `trainer.datasets.base.Reader`.

    A frame has an action unit's value 1 from its onset to the end of its offset; where a unit is
    only noted for the clip as a whole, the three middle frames have it.

    Args:
        path: the folder with Sessions, or Sessions itself.
        skip_bad: leave bad sessions out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, a session without a clip, XML that is malformed
            or declares entities, or a video without frames.
    """
    bad = BadRows(skip_bad)
    found: list[_Clip] = []
    for session in _sessions(path):
        try:
            found += _clips(session)
        except DataError as error:
            bad.add(error)
    frontal = [clip for clip in found if clip.notes.view in ("", _FRONTAL)]
    samples: list[Sample] = []
    for clip, subject in _subjects(frontal, bad):
        try:
            samples += _samples(clip, subject)
        except DataError as error:
            bad.add(error)
    layout = f"sessions, frontal views; left out {len(found) - len(frontal):,} other views"
    return make_table(path, layout, samples, bad, cropped=False)


def _sessions(path: Path) -> list[Path]:
    if kind(path) != "folder":
        raise DataError(f"{path} is no folder; {_EXPECTED}.")
    folder = path / "Sessions" if kind(path / "Sessions") == "folder" else path
    names = [name for name in tops(FolderStore(folder)) if re.fullmatch("[0-9]{1,9}", name)]
    sessions = [folder / name for name in sorted(names, key=int)]
    sessions = [session for session in sessions if kind(session) == "folder"]
    if not sessions:
        found = ", ".join(tops(FolderStore(folder))[:5]) or "nothing"
        raise DataError(f"{path} is not laid out like MMI: {_EXPECTED}; found {found}.")
    return sessions


def _clips(session: Path) -> list[_Clip]:
    """A session's clips with their notes."""
    files = [session / name for name in tops(FolderStore(session))]
    media = [file for file in files if _is_video(file) or is_picture(file.name)]
    if not media:
        raise DataError(f"{session} has no clip: expected one of {', '.join(VIDEOS)} or a picture.")
    return [_Clip(session, file, _notes(session, file, files)) for file in media]


def _is_video(file: Path) -> bool:
    return file.suffix.lower() in VIDEOS


def _notes(session: Path, clip: Path, files: list[Path]) -> _Notes:
    """Put together what session.xml and the clip's own XML files say."""
    notes = _Notes()
    for file in files:
        own = file.stem == clip.stem or file.stem.startswith(f"{clip.stem}-")
        if file.suffix.lower() != ".xml" or not (own or file.name.lower() == _SESSION):
            continue
        unit: _Phases = []
        for tag, attributes in _elements(session, file):
            if tag == "subject":
                notes.subject = notes.subject or attributes.get("id", "").strip()
            elif tag == "track" and attributes.get("filename", clip.name) == clip.name:
                notes.view = notes.view or attributes.get("view", "").strip()
            elif tag == "metatag" and attributes.get("name", "").strip().lower() == "emotion":
                notes.label = _label(attributes.get("value", ""), file)
            elif tag == "actionunit":
                unit = notes.phases.setdefault(_number(attributes.get("number", ""), file), [])
            elif tag == "marker":
                unit.append(_phase(attributes, file))
    for marked in notes.phases.values():
        marked.sort()
    return notes


def _elements(session: Path, file: Path) -> list[tuple[str, dict[str, str]]]:
    """An XML file's elements in their order, with their attributes; names in lower case."""
    data = FolderStore(session).read(file.name, _MAX_XML)
    found: list[tuple[str, dict[str, str]]] = []

    def add(name: str, attributes: dict[str, str]) -> None:
        found.append((name.lower(), {key.lower(): value for key, value in attributes.items()}))

    def refuse(*_: object) -> None:
        # Entities may stand for a thousand times their own length, or for other files.
        raise DataError(f"{file} declares a document type; that is refused.")

    parser = expat.ParserCreate()
    parser.StartElementHandler = add
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        # The latter two: an encoding that does not exist, or is not one of single bytes.
        raise DataError(f"{file} is not well-formed XML: {error}.") from error
    return found


def _label(text: str, file: Path) -> int:
    try:
        return EMOTIONS.get(int(text), DROPPED)
    except ValueError as error:
        raise DataError(f"{file}: Emotion is {text[:20]!r}, not a number.") from error


def _number(text: str, file: Path) -> int:
    """An ActionUnit's number."""
    match = _ACTION_UNIT.fullmatch(text.strip().upper())
    if match is None:
        raise DataError(f"{file}: ActionUnit has the Number {text[:20]!r}.")
    return int(match[1])


def _phase(marker: Mapping[str, str], file: Path) -> tuple[int, bool]:
    """Where a phase begins, from 0, and whether the action unit is active in it."""
    try:
        return int(marker.get("frame", "")) - 1, int(marker.get("type", "")) != _NEUTRAL
    except ValueError as error:
        raise DataError(f"{file}: a Marker lacks its Frame or Type.") from error


def _subjects(clips: list[_Clip], bad: BadRows) -> list[tuple[_Clip, str]]:
    """Clips with whom they show.

    Either session.xml tells it for all of them or the clips' names do (S001-002 is the second of
    subject S001): were both used, one person could go by two names, and fall in two folds.
    """
    if all(clip.notes.subject for clip in clips):
        return [(clip, clip.notes.subject) for clip in clips]
    named: list[tuple[_Clip, str]] = []
    for clip in clips:
        match = _SUBJECT.match(clip.file.stem.upper())
        if match is None:
            bad.add(
                DataError(
                    f"{clip.file}: who is it? session.xml does not name a subject in every "
                    "session, and this is not called S001-001 or the like."
                )
            )
        else:
            named.append((clip, match[1]))
    return named


def _samples(clip: _Clip, subject: str) -> list[Sample]:
    """All frames of a clip."""
    name = f"{clip.session.name}/{clip.file.name}"
    video = _is_video(clip.file)
    count = count_frames(clip.file) if video else 1
    store = FolderStore(clip.session)
    return [
        Sample(
            f"{name}#{number}" if video else name,
            frame(clip.file, number) if video else picture(store, clip.file.name),
            label=clip.notes.label,
            subject=subject,
            sequence=name if video else "",
            frame=number,
            frames=count,
            aus=_units(clip.notes.phases, number, count),
        )
        for number in range(count)
    ]


def _units(phases: Mapping[int, _Phases], number: int, count: int) -> dict[int, float]:
    """The action units of one frame."""
    units: dict[int, float] = {}
    for unit, marked in phases.items():
        if marked:
            before = bisect_right(marked, number, key=_begin)
            active = before > 0 and marked[before - 1][1]
        else:
            active = abs(number - (count - 1) // 2) <= 1
        if active:
            units[unit] = 1.0
    return units


def _begin(phase: tuple[int, bool]) -> int:
    return phase[0]


add_dataset(
    DataSet(
        name=NAME,
        title="MMI facial expression database (Pantic et al. 2005)",
        where="from the MMI database's site, after its end user licence agreement is signed",
        terms="end user licence agreement: non-commercial research only, not to be passed on",
        layout=(
            "Sessions/1/ and so on, each with session.xml, a clip (S001-001.avi, .mpg or .mp4) or "
            "a picture, S001-001.xml (Metatag Emotion) and perhaps S001-001-oao_aucs.xml (action "
            "units)",
        ),
        published={"subjects": 31, "sequences": 208},
        source="Ali et al. 2020, section 4.2: frontal clips of one of the six expressions",
        read=read,
    )
)
