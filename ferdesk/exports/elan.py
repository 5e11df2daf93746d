"""An annotation file for ELAN, the Max Planck Institute's annotator of videos."""

import os
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

from pympi.Elan import Eaf, to_string

from ferdesk.exports.base import Place
from ferdesk.exports.spans import end_of, spans
from ferdesk.sessions.readings import Annotation, Readings

_MIME_TYPE: Final = "video/mp4"
# What XML 1.0 cannot hold, escaped or not.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_eaf(readings: Readings, file: BinaryIO, place: Place) -> None:
    """Write a tier for each person's expressions and one for each kind of annotation."""
    eaf = Eaf(author="ferdesk")
    eaf.remove_tier("default")
    if place.video is not None:
        # Relative in both places: a file that is given away tells nothing of this machine.
        link = f"./{_relative(place.video, place)}"
        eaf.add_linked_file(link, relpath=link, mimetype=_MIME_TYPE)
    for span in spans(readings, place.least_s):
        person = f"Person {span.face_id}"
        if person not in eaf.get_tier_names():
            eaf.add_tier(person, part=person)
        eaf.add_annotation(person, *_milliseconds(span.start_s, span.end_s), span.label)
    taken: dict[str, int] = {}
    for note in readings.annotations():
        start, end = _milliseconds(note.start_s, end_of(note))
        tier = _free_tier(taken, note.kind, start)
        if tier not in taken:
            eaf.add_tier(tier)
        taken[tier] = end
        eaf.add_annotation(tier, start, end, _text(note))
    # The library's own way to a file moves a file of that name aside, and asks no umask.
    file.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    file.write(to_string(eaf, encoding="unicode").encode("utf-8"))


def left_out(readings: Readings) -> tuple[str, ...]:
    """What of a session ELAN's file does not hold."""
    return ("all numbers",)


def _free_tier(taken: Mapping[str, int], kind: str, start: int) -> str:
    """The tier for an annotation: in ELAN those of one tier do not overlap."""
    names = (kind if number == 1 else f"{kind} {number}" for number in count(1))
    return next(name for name in names if taken.get(name, 0) <= start)


def _text(note: Annotation) -> str:
    about = f"Person {note.face_id}: " if note.face_id is not None else ""
    author = f" ({' '.join(note.author.split())})" if note.author else ""
    return _NO_XML.sub("\ufffd", about + (" ".join(note.text.split()) or note.kind) + author)


def _milliseconds(start_s: float, end_s: float) -> tuple[int, int]:
    start = round(max(start_s, 0.0) * 1000)
    return start, max(round(end_s * 1000), start + 1)


def _relative(video: Path, place: Place) -> str:
    return Path(os.path.relpath(video.resolve(), place.path.resolve().parent)).as_posix()
