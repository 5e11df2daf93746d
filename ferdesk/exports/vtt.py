"""Captions in WebVTT, the web's format: who expresses what when, and what was said about it.

W3C, "WebVTT: The Web Video Text Tracks Format", Candidate Recommendation, 2019.
"""

import html
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ferdesk.exports.base import Place
from ferdesk.exports.spans import end_of, spans, words
from ferdesk.sessions.readings import Readings


class _Cue(NamedTuple):
    start_ms: int
    end_ms: int
    voice: str
    text: str


def write_captions(readings: Readings, file: BinaryIO, place: Place) -> None:
    """Write a cue for each span of an expression and for each annotation, by time."""
    meta = readings.meta
    title = _safe(f"{meta.source}, {meta.started:%Y-%m-%d %H:%M:%S %Z}")
    parts = [f"WEBVTT\n\nNOTE\nExpressions that ferdesk read from {title}\n"]
    for number, cue in enumerate(sorted(_cues(readings, place.least_s)), 1):
        times = f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}"
        voice = f"<v {_safe(cue.voice)}>" if cue.voice else ""
        parts.append(f"\n{number}\n{times}\n{voice}{_safe(cue.text)}\n")
    file.write("".join(parts).encode("utf-8", "replace"))


def left_out(_readings: Readings) -> tuple[str, ...]:
    """What of a session captions do not hold."""
    return ("all numbers",)


def _cues(readings: Readings, least_s: float) -> Iterator[_Cue]:
    for span in spans(readings, least_s):
        yield _cue(span.start_s, span.end_s, f"Person {span.face_id}", span.label)
    for note in readings.annotations():
        about = f"Person {note.face_id}, " if note.face_id is not None else ""
        yield _cue(note.start_s, end_of(note), note.author, about + words(note))


def _cue(start_s: float, end_s: float, voice: str, text: str) -> _Cue:
    start = round(max(start_s, 0.0) * 1000)
    return _Cue(start, max(round(end_s * 1000), start + 1), voice, text)


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


def _safe(text: str) -> str:
    """Words of a stranger: on one line, and nothing in them is markup."""
    return html.escape(" ".join(text.replace("\0", " ").split()), quote=False)
