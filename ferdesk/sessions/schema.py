"""The database of a session: its tables, and how it is opened.

Columns have the names of the CSV (`ferdesk.outputs.table`) where both have them.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.errors import DamagedSessionError, SessionError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.outputs.names import SESSION_ENDING
from ferdesk.outputs.table import unit_columns
from ferdesk.sessions.readings import SCHEMA_VERSION

DATABASE: Final = "session.db"
VIDEO: Final = "video.mp4"
README: Final = "README.txt"
ENDING: Final = SESSION_ENDING

APPLICATION_ID: Final = 0x66657264  # "ferd": says in the file's header whose it is
_BUSY_S: Final = 5.0
_MAX_VALUE_BYTES: Final = 1_000_000

Column = tuple[str, str, str]
"""Name, SQL type, and what it means, for people."""

FRAME_COLUMNS: Final[tuple[Column, ...]] = (
    ("frame", "INTEGER PRIMARY KEY", "number of the recorded frame, from 0, without gaps"),
    ("source_index", "INTEGER NOT NULL", "the frame's number in its source; gaps: dropped before"),
    ("time_s", "REAL NOT NULL", "seconds from the start, also the time in the video"),
    ("source_time_s", "REAL", "the frame's own time in a file, in seconds"),
    ("captured_ns", "INTEGER NOT NULL", "monotonic clock when it was read, nanoseconds"),
    ("done_ns", "INTEGER NOT NULL", "the same when its analysis ended"),
    ("shown_ns", "INTEGER", "the same when the window showed it; empty: it did not"),
    ("faces", "INTEGER NOT NULL", "how many faces it has"),
    ("in_video", "INTEGER NOT NULL", "1 where its picture was given to the video"),
)

# Only in sessions that were made from another program's table may numbers of a face be missing.
_FACE_START: Final[tuple[Column, ...]] = (
    ("frame", "INTEGER NOT NULL", "the frame's number"),
    ("place", "INTEGER NOT NULL", "0 for the largest face of the frame, then 1, ..."),
    ("face_id", "INTEGER NOT NULL", "the person's number in this session"),
    ("box_x", "REAL", "left edge of the face, in pixels of the frame"),
    ("box_y", "REAL", "upper edge"),
    ("box_w", "REAL", "width"),
    ("box_h", "REAL", "height"),
    ("yaw", "REAL", "degrees; positive: turned towards the right of the picture"),
    ("pitch", "REAL", "degrees; positive: looks up"),
    ("roll", "REAL", "degrees; positive: tilted clockwise in the picture"),
    ("score", "REAL", "how sure the landmark net is that this is a face, 0 to 1"),
    ("label", "TEXT NOT NULL", "the most probable expression, as shown; empty: none judged"),
    ("confidence", "REAL", "its probability, 0 to 1"),
)

FACE_COLUMNS: Final[tuple[Column, ...]] = (
    *_FACE_START,
    *((f"p_{name}", "REAL", f"probability of {name}, as shown") for name in EXPRESSIONS),
    *(
        (f"raw_{name}", "REAL", f"the net's own probability of {name} for this frame")
        for name in EXPRESSIONS
    ),
    ("net_label", "TEXT NOT NULL", "the net's own answer for this frame"),
    ("contested", "TEXT", "expressions without a clear winner, fear|surprise; empty: none asked"),
    ("chosen", "TEXT", "which of them the action units chose"),
    ("abstained", "INTEGER", "1 where the action units had nothing to say, or too little"),
    ("margin", "REAL", "by how much they spoke for it, in units of log-odds"),
    ("reasons", "TEXT", "what tipped it: JSON list of [unit, weight]"),
    ("au_estimator", "TEXT", "what estimated the action units"),
    ("au_reliable", "INTEGER", "1, or 0 for a face too small or turned too far"),
    ("au_time_s", "REAL", "time of the frame that the units were read from, seconds from start"),
    *(
        (name, "REAL", _meaning)
        for one in ACTION_UNITS
        for name, _meaning in zip(
            unit_columns(one.number),
            (
                f"activation of {one.name}, 0 to 1; empty: not estimated",
                "before the neutral profile was taken off",
                "the person's own left side",
                "the person's own right side",
            ),
            strict=False,
        )
    ),
    ("landmarks", "BLOB", "little-endian int16 (points, 3): x, y, z in units of landmarks_unit"),
    ("landmarks_unit", "REAL", "pixels of the frame"),
)

ANNOTATION_COLUMNS: Final[tuple[Column, ...]] = (
    ("id", "INTEGER PRIMARY KEY", "number of the annotation"),
    ("start_s", "REAL NOT NULL", "seconds from the session's start"),
    ("end_s", "REAL", "the same for its end; empty: a moment"),
    ("face_id", "INTEGER", "the person it is about; empty: all"),
    ("kind", "TEXT NOT NULL", "marker, note, label (a person's), or event (the program's)"),
    ("text", "TEXT NOT NULL", "what is said"),
    ("author", "TEXT NOT NULL", "who said it"),
)

META_COLUMNS: Final[tuple[Column, ...]] = (
    ("name", "TEXT PRIMARY KEY", "session: what it is about; one row"),
    ("value", "TEXT NOT NULL", "JSON"),
)

TABLES: Final = {
    "meta": META_COLUMNS,
    "frames": FRAME_COLUMNS,
    "faces": FACE_COLUMNS,
    "annotations": ANNOTATION_COLUMNS,
}


def names(table: str) -> tuple[str, ...]:
    """A table's columns."""
    return tuple(name for name, _, _ in TABLES[table])


def insert(table: str, columns: Sequence[str] | None = None) -> str:
    """The statement that adds a row, its values by position."""
    wanted = names(table) if columns is None else columns
    listed = ", ".join(wanted)
    return f"INSERT INTO {table} ({listed}) VALUES ({', '.join('?' * len(wanted))})"  # noqa: S608


def create(path: Path) -> sqlite3.Connection:
    """Make a new database for the user alone; write-ahead log, so that readers never wait.

    Raises:
        SessionError: it is there already, or cannot be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("PRAGMA journal_mode = WAL")
        _tune(db)
        for table, columns in TABLES.items():
            listed = ", ".join(f"{name} {kind}" for name, kind, _ in columns)
            db.execute(f"CREATE TABLE {table} ({listed})")
        db.execute("CREATE INDEX faces_by_frame ON faces (frame)")
    except FileExistsError as error:
        raise SessionError(f"{path} is there already.") from error
    except (OSError, sqlite3.Error) as error:
        raise SessionError(f"{path} cannot be written: {error}.") from error
    return db


def connect(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """Open a session's database, which may come from a stranger.

    Args:
        path: the database.
        write: whether annotations are to be changed; else nothing is, but for what a killed
            program left in its log, which is brought in.

    Raises:
        SessionError: it is none of ours, or damaged.
    """
    if not path.is_file():
        raise SessionError(f"{path.parent} is no session: it has no {path.name}.")
    # What lies on a disk that is read only cannot have a log to bring in.
    fixed = "" if os.access(path.parent, os.W_OK) else "?immutable=1"
    address = f"{path.resolve().as_uri()}{fixed}"
    try:
        db = sqlite3.connect(
            address, isolation_level=None, check_same_thread=False, timeout=_BUSY_S, uri=True
        )
    except sqlite3.Error as error:
        raise damaged(path, error) from error
    try:
        _check(db, path)
        if not write:
            db.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        db.close()
        raise damaged(path, error) from error
    except SessionError:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, path: Path) -> None:
    # Nothing in a stranger's file may run: no views or triggers with functions of their own.
    db.execute("PRAGMA trusted_schema = OFF")
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    _tune(db)
    (owner,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    found = {str(row[0]) for row in db.execute("SELECT type || ' ' || name FROM sqlite_schema")}
    wanted = {f"table {table}" for table in TABLES}
    if owner != APPLICATION_ID or not wanted <= found or any(map(_acts, found)):
        raise SessionError(f"{path} is no database of a session.")
    if version != SCHEMA_VERSION:
        raise SessionError(f"{path} was written by a newer ferdesk. Install that, or newer.")


def damaged(path: Path, error: Exception) -> DamagedSessionError:
    """The error to raise where a database cannot be read."""
    return DamagedSessionError(
        f"{path} is damaged ({error}). Save what can be read: ferdesk sessions repair {path.parent}"
    )


def _tune(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA synchronous = FULL")  # a power cut loses what was not committed, no more


def _acts(entry: str) -> bool:
    return entry.startswith(("view ", "trigger "))
