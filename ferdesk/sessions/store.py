"""Writes a session's database."""

import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ferdesk.core.errors import OutputError
from ferdesk.sessions import schema
from ferdesk.sessions.readings import Annotation, FrameReading, SessionMeta
from ferdesk.sessions.rows import face_row

COMMIT_S: Final = 0.5
"""What a killed program loses at most: by the clock, and by the session's own time, which of a file
passes faster."""

_FRAME: Final = schema.insert("frames")
_FACE: Final = schema.insert("faces")
_NOTE: Final = schema.insert("annotations", schema.names("annotations")[1:])
_META: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES ('session', ?)"


class SessionStore:
    """A new database. Rows are committed twice a second at least; one thread writes.

    Args:
        path: the database; nothing may be there.
        meta: what the session says about itself.

    Raises:
        SessionError: it cannot be made.
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, meta: SessionMeta) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = schema.create(path)
        self._open_since: float | None = None
        self._committed_s = 0.0
        self._last_s = 0.0
        self._run(_META, (meta.model_dump_json(),))
        self.commit()

    def add(self, reading: FrameReading, shift_s: float = 0.0) -> None:
        """Add a frame.

        Args:
            reading: what is known of it; its number follows the last one's.
            shift_s: what makes times of its action units times of the session.

        Raises:
            OutputError: the disk is full or gone; what was committed stays whole.
        """
        self._run(
            _FRAME,
            (
                reading.number,
                reading.source_index,
                reading.time_s,
                reading.source_time_s,
                reading.captured_ns,
                reading.done_ns,
                reading.shown_ns,
                len(reading.faces),
                reading.in_video,
            ),
        )
        for place, face in enumerate(reading.faces):
            self._run(_FACE, face_row(reading.number, place, face, shift_s))
        self._last_s = reading.time_s
        self._commit_if_due()

    def annotate(self, note: Annotation) -> None:
        """Add an annotation and commit.

        Raises:
            OutputError: the disk is full or gone.
        """
        self._run(
            _NOTE, (note.start_s, note.end_s, note.face_id, note.kind, note.text, note.author)
        )
        self.commit()

    def shown(self, number: int, shown_ns: int) -> None:
        """Note when the window showed a frame.

        Raises:
            OutputError: the disk is full or gone.
        """
        self._run("UPDATE frames SET shown_ns = ? WHERE frame = ?", (shown_ns, number))
        self._commit_if_due()

    def describe(self, meta: SessionMeta) -> None:
        """Replace what the session says about itself, and commit.

        Raises:
            OutputError: the disk is full or gone.
        """
        self._run(_META, (meta.model_dump_json(),))
        self.commit()

    def commit(self) -> None:
        """Make what was added outlive the program.

        Raises:
            OutputError: the disk is full or gone; what was committed before stays whole.
        """
        if self._open_since is None:
            return
        self._open_since = None
        self._execute("COMMIT", ())
        self._committed_s = self._last_s

    def close(self) -> None:
        """Commit and close; may be called more than once.

        Raises:
            OutputError: the last rows could not be written.
        """
        if self._db is None:
            return
        try:
            self.commit()
        finally:
            self._db.close()
            self._db = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, statement: str, values: Any) -> None:
        if self._open_since is None:
            self._execute("BEGIN", ())
            self._open_since = time.monotonic()
        self._execute(statement, values)

    def _execute(self, statement: str, values: Any) -> None:
        if self._db is None:
            raise OutputError(f"{self._path} cannot be written: it is closed.")
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            self._give_up(self._db)
            raise OutputError(f"{self._path} cannot be written: {error}.") from error

    def _give_up(self, db: sqlite3.Connection) -> None:
        """After a failed write: what is not committed is taken back, and no more is written."""
        self._db = None
        self._open_since = None
        db.close()  # rolls back

    def _commit_if_due(self) -> None:
        since = self._open_since
        if since is None:
            return
        if max(time.monotonic() - since, self._last_s - self._committed_s) >= COMMIT_S:
            self.commit()
