"""Joins sessions that follow each other into one."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import av

from ferdesk.core.errors import OutputError, SessionError
from ferdesk.core.types import FaceReading
from ferdesk.outputs.files import make_folder
from ferdesk.sessions import schema
from ferdesk.sessions.describe import WRITTEN_BY, write_readme
from ferdesk.sessions.readings import Annotation, SessionMeta
from ferdesk.sessions.remux import VideoPart, join_videos
from ferdesk.sessions.session import Session
from ferdesk.sessions.store import SessionStore

_SAME: Final = (
    "bundle",
    "bundle_sha256",
    "faces_backend",
    "au_estimator",
    "au_scale",
    "units",
    "disambiguator",
    "neutral",
    "video",
    "lossless",
    "width",
    "height",
    "live",
)
"""One description holds for the whole: what it says must be true of each part."""

_DEFAULT_FPS: Final = 30.0


def merge(folders: Sequence[Path], target: Path) -> SessionMeta:
    """Write sessions one after the other into a new one; they stay as they are.

    Recordings of a camera or stream keep the time between them, by the wall clock; those of files
    follow each other without a gap. Persons are numbered on, since nobody says who is who across
    recordings. Videos are joined without encoding them again.

    Args:
        folders: two or more; those of files in their order.
        target: the new session's folder; nothing may be there.

    Returns:
        What the new session says about itself.

    Raises:
        SessionError: a session cannot be read, overlaps another, or was made in another way.
        OutputError: the new one cannot be written.
    """
    if len(folders) < 2:
        raise SessionError("Name two sessions or more to merge.")
    if target.exists():
        raise OutputError(f"{target} is there already. Choose another name.")
    parts = [_look(folder) for folder in folders]
    if all(meta.live for _, meta, _ in parts):
        parts.sort(key=lambda part: part[1].started)
    starts = _starts([(meta, seconds) for _, meta, seconds in parts])
    first, last = parts[0][1], parts[-1][1]
    for folder, meta, _ in parts[1:]:
        if other := next((n for n in _SAME if getattr(meta, n) != getattr(first, n)), None):
            raise SessionError(f"{folder} was made in another way than {parts[0][0]}: {other}.")
    meta = first.model_copy(
        update={
            "written_by": WRITTEN_BY,
            "finished": last.finished,
            "consent": _joined(meta.consent for _, meta, _ in parts),
            "source": _joined((meta.source for _, meta, _ in parts), ", ")[:500],
        }
    )
    make_folder(target)
    write_readme(target, meta)
    with SessionStore(target / schema.DATABASE, meta) as store:
        number = person = 0
        for (folder, _, _), start_s in zip(parts, starts, strict=True):
            number, person = _append(store, folder, start_s, number, person)
    if meta.video != "none":
        videos = [
            VideoPart(folder / schema.VIDEO, start_s)
            for (folder, _, _), start_s in zip(parts, starts, strict=True)
        ]
        try:
            join_videos(videos, target / schema.VIDEO)
        except av.FFmpegError as error:
            raise SessionError(
                f"A video cannot be read ({error.strerror}). First: ferdesk sessions repair"
            ) from error
    return meta


def _look(folder: Path) -> tuple[Path, SessionMeta, float]:
    with Session(folder) as session:
        if session.meta.finished is None:
            raise SessionError(
                f"{folder} was cut off, or is being recorded. First: "
                f"ferdesk sessions repair {folder}"
            )
        return folder, session.meta, session.duration_s()


def _starts(parts: Sequence[tuple[SessionMeta, float]]) -> list[float]:
    """When each part begins in the whole, in seconds."""
    starts = [0.0]
    for (meta, _), (before, seconds) in zip(parts[1:], parts[:-1], strict=True):
        earliest = starts[-1] + seconds + 1.0 / (meta.fps or _DEFAULT_FPS)
        if not meta.live:
            starts.append(earliest)
            continue
        start_s = (meta.started - parts[0][0].started).total_seconds()
        if start_s < starts[-1] + seconds:
            raise SessionError(
                f"Recordings overlap: one began at {meta.started:%H:%M:%S}, before the end of that "
                f"of {before.started:%H:%M:%S}."
            )
        starts.append(start_s)
    return starts


def _append(
    store: SessionStore, folder: Path, start_s: float, number: int, person: int
) -> tuple[int, int]:
    """Add a part; returns the numbers of the next frame and of the last person."""
    most = person
    with Session(folder) as session:
        store.annotate(Annotation(start_s, "event", f"{folder.name} begins", author="ferdesk"))
        for frame in session.frames():
            faces = tuple(_renumbered(face, person) for face in frame.faces)
            most = max([most, *(face.face.track_id for face in faces)])
            moved = replace(frame, number=number, time_s=frame.time_s + start_s, faces=faces)
            store.add(moved, start_s)
            number += 1
        for note in session.annotations():
            store.annotate(
                replace(
                    note,
                    start_s=note.start_s + start_s,
                    end_s=None if note.end_s is None else note.end_s + start_s,
                    face_id=None if note.face_id is None else note.face_id + person,
                )
            )
    return number, most


def _renumbered(reading: FaceReading, shift: int) -> FaceReading:
    return replace(reading, face=replace(reading.face, track_id=reading.face.track_id + shift))


def _joined(texts: Iterable[str], between: str = "\n") -> str:
    return between.join(dict.fromkeys(text for text in texts if text))
