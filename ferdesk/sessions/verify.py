"""Checks that all that was stored of a session can be read."""

import sqlite3
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ferdesk.core.errors import SessionError, SourceError
from ferdesk.sessions import schema
from ferdesk.sessions.session import Session
from ferdesk.sources.video import VideoFile

SAME_TIME_S: Final = 0.001
"""The video counts in ninety-thousandths of a second."""

_AT_MOST: Final = 5  # of one kind of fault


@dataclass(slots=True)
class Findings:
    """What a look at a session found.

    Attributes:
        folder: the session's.
        finished: whether its recording was ended, and not cut off.
        frames: in the database.
        faces: in the database.
        seconds: time of the last frame.
        video_frames: pictures that can be played; None where there is to be no video.
        video_seconds: time of the last of them.
        notes: what is worth knowing and no fault, such as a video that ends a little earlier since
            the program was killed.
        faults: what was stored and cannot be read any more.
    """

    folder: str
    finished: bool = False
    frames: int = 0
    faces: int = 0
    seconds: float = 0.0
    video_frames: int | None = None
    video_seconds: float | None = None
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether all that was stored can be read."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {**asdict(self), "whole": self.whole}


def verify(folder: Path) -> Findings:
    """Read everything in a session once.

    Args:
        folder: the session's.

    Raises:
        SessionError: it is no session at all.
    """
    found = Findings(str(folder))
    if not (folder / schema.DATABASE).is_file():
        raise SessionError(f"{folder} is no session: it has no {schema.DATABASE}.")
    try:
        with Session(folder) as session:
            found.finished = session.meta.finished is not None
            if not found.finished:
                found.notes.append("the recording was cut off, or still goes on")
            found.faults += integrity(session)
            if session.meta.lost:
                found.notes.append(f"lost in a repair: {session.meta.lost}")
            times = _read_rows(session, found)
            if session.meta.video != "none":
                _read_video(folder / schema.VIDEO, times, found)
    except SessionError as error:
        found.faults.append(str(error))
    return found


def integrity(session: Session) -> list[str]:
    """What SQLite itself finds wrong with a database."""
    try:
        rows = session.db.execute("PRAGMA integrity_check(5)").fetchall()
    except sqlite3.Error as error:
        return [f"{schema.DATABASE}: {error}"]
    return [f"{schema.DATABASE}: {row[0]}" for row in rows if row[0] != "ok"]


def _read_rows(session: Session, found: Findings) -> list[float]:
    """The times of the frames whose picture is in the video."""
    times: list[float] = []
    last_s = -1.0
    faults: list[str] = []
    expected = 0
    for frame in session.frames():
        if frame.number != expected:
            faults.append(f"frame {expected} is missing before frame {frame.number}")
        expected = frame.number + 1
        if frame.time_s <= last_s:
            faults.append(f"frame {frame.number} is not later than the one before")
        last_s = frame.time_s
        found.frames += 1
        found.faces += len(frame.faces)
        if frame.in_video:
            times.append(frame.time_s)
    if not session.meta.lost:
        found.faults += faults[:_AT_MOST]
    found.faults += [f"faces of frame {number} are missing" for number in incomplete(session)]
    found.seconds = max(last_s, 0.0)
    return times


def incomplete(session: Session) -> list[int]:
    """Numbers of the first frames that have not as many faces as they should."""
    statement = (
        "SELECT frame FROM frames WHERE faces != "
        "(SELECT count(*) FROM faces WHERE faces.frame = frames.frame) LIMIT ?"
    )
    try:
        return [int(row[0]) for row in session.db.execute(statement, (_AT_MOST,))]
    except sqlite3.Error as error:
        raise schema.damaged(session.folder / schema.DATABASE, error) from error


def _read_video(path: Path, times: list[float], found: Findings) -> None:
    """Play it all; each frame must have its picture, at its time, up to where the video ends."""
    found.video_frames, found.video_seconds = 0, 0.0
    if not times:
        return
    matched = extra = 0
    try:
        with VideoFile(path) as video:
            while (frame := video.read()) is not None:
                time_s = frame.source_time_s or 0.0
                found.video_frames += 1
                found.video_seconds = time_s
                if matched < len(times) and abs(times[matched] - time_s) <= SAME_TIME_S:
                    matched += 1
                elif matched < len(times) and times[matched] < time_s:
                    found.faults.append(f"{path.name} has no picture at {times[matched]:.3f} s")
                    return
                else:
                    extra += 1
            if video.warning:
                found.notes.append(f"{path.name}: {video.warning}")
    except SourceError as error:
        found.faults.append(str(error))
        return
    if missing := len(times) - matched:
        gap_s = times[-1] - found.video_seconds
        text = f"{path.name} ends {gap_s:.2f} s ({missing} frames) before the database"
        (found.faults if found.finished else found.notes).append(text)
    if extra:
        found.notes.append(f"{path.name} has {extra} pictures that are not in the database")
