"""Saves what can be read of a session that was cut off or damaged."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import av
from pydantic import ValidationError

from ferdesk.core.errors import OutputError, SessionError
from ferdesk.sessions import schema
from ferdesk.sessions.readings import Annotation, SessionMeta
from ferdesk.sessions.remux import VideoPart, join_videos
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import SAME_TIME_S, Findings, integrity, verify

_DAMAGED: Final = ".damaged"
_NEW: Final = ".new"
_FILES: Final = ("", "-wal", "-shm")
_PAGE: Final = 4096
_AT_ONCE: Final = 256  # rows; a damaged page costs the search for its borders, not so many rows


def repair(folder: Path) -> tuple[Findings, list[str]]:
    """Bring a session into order: its log into the database, an end, an index in its video.

    A database that SQLite cannot read is read row by row into a new one; the damaged files are kept
    beside with ".damaged" at their names' ends.

    Args:
        folder: the session's; nobody may be writing it.

    Returns:
        What a look at it finds afterwards, and what was done.

    Raises:
        SessionError: it is no session, is still being recorded, or nothing of it can be read.
        OutputError: there is no room for the repaired copy.
    """
    path = folder / schema.DATABASE
    if not path.is_file():
        raise SessionError(f"{folder} is no session: it has no {schema.DATABASE}.")
    done: list[str] = []
    _refuse_if_in_use(path)
    if not _readable(folder):
        rows = _salvage(path)
        done.append(f"{rows} rows were saved into a new {schema.DATABASE}")
    with closing(schema.connect(path, write=True)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    done += _mend_video(folder)
    done += _finish(folder)
    return verify(folder), done


def _refuse_if_in_use(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as db:
            # In write-ahead mode this lock is given to the only one who has the file open.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("BEGIN EXCLUSIVE")
            db.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise SessionError(f"{path.parent} is open in another program; end that.") from error
    except sqlite3.DatabaseError:
        return  # damaged: that is what we are here for


def _readable(folder: Path) -> bool:
    try:
        with Session(folder) as session:
            return not integrity(session)
    except SessionError:
        return False


def _salvage(path: Path) -> int:
    """Put a new database in the place of a damaged one; returns the number of its rows."""
    new = path.with_name(path.name + _NEW)
    _unlink(new)
    _complete_last_page(path)
    try:
        rows = _copy_rows(path, new)
    except BaseException:
        _unlink(new)
        raise
    for ending in _FILES:
        old = path.with_name(path.name + ending)
        if old.exists():
            old.replace(old.with_name(old.name + _DAMAGED))
    new.replace(path)
    return rows


def _unlink(database: Path) -> None:
    for ending in _FILES:
        database.with_name(database.name + ending).unlink(missing_ok=True)


def _copy_rows(path: Path, new: Path) -> int:
    rows = 0
    with closing(schema.create(new)) as target, closing(sqlite3.connect(path)) as source:
        source.execute("PRAGMA query_only = ON")
        for table in schema.TABLES:
            target.execute("BEGIN")
            for row in _rows(source, table):
                # A row that was half overwritten may be there twice, or lack what it must have.
                with suppress(sqlite3.IntegrityError):
                    target.execute(schema.insert(table), row)
                    rows += 1
            target.execute("COMMIT")
        if not target.execute("SELECT count(*) FROM meta").fetchone()[0]:
            raise SessionError(f"Nothing can be read of {path}.")
        _note_losses(target)
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return rows


def _complete_last_page(path: Path) -> None:
    """Fill a database that was cut off up to the size it says it has, so that SQLite reads it.

    The pages that are gone are read as empty ones, which damages only what was on them.
    """
    try:
        with path.open("r+b") as file:
            header = file.read(100)
            pages = int.from_bytes(header[28:32], "big")
            size = int.from_bytes(header[16:18], "big") or _PAGE
            if header.startswith(b"SQLite format 3\0") and path.stat().st_size < pages * size:
                os.truncate(file.fileno(), pages * size)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def _rows(source: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """Every row that can be read, by rowid, over damaged places."""
    columns = ", ".join(schema.names(table))
    first, last = _bounds(source, table)
    while first <= last:
        step = _AT_ONCE
        while step:
            statement = f"SELECT {columns} FROM {table} WHERE rowid BETWEEN ? AND ?"  # noqa: S608
            try:
                found = source.execute(statement, (first, first + step - 1)).fetchall()
            except sqlite3.Error:
                step //= 2
                continue
            yield from found
            break
        first += step or 1


def _bounds(source: sqlite3.Connection, table: str) -> tuple[int, int]:
    try:
        first = source.execute(f"SELECT min(rowid) FROM {table}").fetchone()[0]  # noqa: S608
    except sqlite3.Error:
        return 1, 0
    if first is None:
        return 1, 0
    # The last rows are those that are gone: look for one that is not.
    last, step = int(first), 1 << 40
    while step:
        with suppress(sqlite3.Error):
            statement = f"SELECT rowid FROM {table} WHERE rowid >= ? LIMIT 1"  # noqa: S608
            found = source.execute(statement, (last + step,)).fetchone()
            if found is not None:
                last += step
                continue
        step //= 2
    return int(first), last


def _note_losses(db: sqlite3.Connection) -> None:
    """Take away faces whose frame is gone, and write down which frames and faces are missing."""
    db.execute("DELETE FROM faces WHERE frame NOT IN (SELECT frame FROM frames)")
    (frames, last) = db.execute("SELECT count(*), coalesce(max(frame), -1) FROM frames").fetchone()
    having = "(SELECT count(*) FROM faces WHERE faces.frame = frames.frame)"
    first, final, count = db.execute(
        f"SELECT min(frame), max(frame), count(*) FROM frames WHERE faces != {having}"  # noqa: S608
    ).fetchone()
    db.execute(f"UPDATE frames SET faces = {having}")  # noqa: S608
    lost = [f"{last + 1 - frames} frames before frame {last}"] if frames <= last else []
    if count:
        lost.append(f"faces of {count} frames, between frames {first} and {final}")
    meta = _meta(db)
    said = "; ".join([*([meta.lost] if meta.lost else []), *(lost or ["the last rows"])])
    _replace_meta(db, meta.model_copy(update={"lost": said[:10_000]}))


def _meta(db: sqlite3.Connection) -> SessionMeta:
    row = db.execute("SELECT value FROM meta WHERE name = 'session'").fetchone()
    try:
        return SessionMeta.model_validate_json(row[0] if row else "")
    except ValidationError as error:
        raise SessionError("Nothing can be read of it: it does not say what it is.") from error


def _mend_video(folder: Path) -> list[str]:
    """Give a video that was cut off its index."""
    path = folder / schema.VIDEO
    with Session(folder) as session:
        if session.meta.video == "none" or session.meta.finished is not None:
            return []
    if not path.is_file():
        return ["the video is gone"]
    new = path.with_name(path.name + _NEW)
    try:
        join_videos([VideoPart(path, 0.0)], new)
    except av.FFmpegError as error:
        new.unlink(missing_ok=True)
        return [f"the video cannot be read ({error.strerror})"]
    new.replace(path)
    return ["the video has its index"]


def _finish(folder: Path) -> list[str]:
    """Say of a recording that was cut off when it ended."""
    with Session(folder, write=True) as session:
        meta, duration_s = session.meta, session.duration_s()
        if meta.finished is not None:
            return []
        ended = meta.started + timedelta(seconds=duration_s)
        _replace_meta(session.db, meta.model_copy(update={"finished": ended}))
        found = verify(folder)
        if found.video_seconds is not None:
            until_s = found.video_seconds + SAME_TIME_S if found.video_frames else -1.0
            session.db.execute("UPDATE frames SET in_video = time_s <= ?", (until_s,))
        note = "the recording was cut off here; repaired"
        session.annotate(Annotation(duration_s, "event", note, author="ferdesk"))
        return [f"it ends after {duration_s:.2f} s"]


def _replace_meta(db: sqlite3.Connection, meta: SessionMeta) -> None:
    db.execute("UPDATE meta SET value = ? WHERE name = 'session'", (meta.model_dump_json(),))
