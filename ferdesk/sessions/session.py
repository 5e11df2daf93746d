"""Reads a recorded session, and changes its annotations."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, get_args

from pydantic import ValidationError

from ferdesk.core.errors import SessionError
from ferdesk.core.types import FaceReading
from ferdesk.outputs.dataframe import rows_to_dataframe
from ferdesk.outputs.table import face_cells
from ferdesk.sessions import schema
from ferdesk.sessions.readings import Annotation, AnnotationKind, FrameReading, SessionMeta
from ferdesk.sessions.rows import face_of

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

_AT_ONCE: Final = 200  # frames
_MAX_META_BYTES: Final = 100_000
_MAX_FACES: Final = 64
_LONGEST_S: Final = 1e9


class Session:
    """An open session. Frames are read as they are asked for; it may still be recorded.

    Args:
        folder: the session's folder.
        write: whether annotations are to be changed.

    Raises:
        SessionError: it is none, it is damaged, or of a newer ferdesk.
    """

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        self.folder = folder
        self._path = folder / schema.DATABASE
        self._db = schema.connect(self._path, write=write)
        self._db.row_factory = sqlite3.Row
        try:
            self._meta = self._read_meta()
        except BaseException:
            self._db.close()
            raise

    @property
    def meta(self) -> SessionMeta:
        """What the session says about itself."""
        return self._meta

    @property
    def db(self) -> sqlite3.Connection:
        """Its database, for those who look after it."""
        return self._db

    @property
    def video(self) -> Path | None:
        """Its video; None where it has none."""
        path = self.folder / schema.VIDEO
        return path if path.is_file() else None

    def count(self, table: str) -> int:
        """Rows of a table, one of `schema.TABLES`."""
        return int(self._all(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608

    def duration_s(self) -> float:
        """Time of the last frame; 0 where there is none."""
        return float(self._all("SELECT coalesce(max(time_s), 0) FROM frames")[0][0])

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[FrameReading]:
        """Frames in the order of their numbers.

        Args:
            first: number of the first.
            last: number of the last; None for all.

        Raises:
            SessionError: the database is damaged.
        """
        end = last if last is not None else 2**62
        while first <= end:
            rows = self._all(
                "SELECT * FROM frames WHERE frame BETWEEN ? AND ? ORDER BY frame LIMIT ?",
                (first, end, _AT_ONCE),
            )
            if not rows:
                return
            until = int(rows[-1]["frame"])
            faces = self._faces(int(rows[0]["frame"]), until)
            for row in rows:
                yield self._frame(row, faces.get(int(row["frame"]), ()))
            first = until + 1

    def annotations(self) -> tuple[Annotation, ...]:
        """All annotations by time.

        Raises:
            SessionError: the database is damaged.
        """
        rows = self._all("SELECT * FROM annotations ORDER BY start_s, id")
        return tuple(map(self._annotation, rows))

    def to_dataframe(self) -> "pd.DataFrame":
        """One row a face, with the columns of the CSV; see `ferdesk.outputs.dataframe`.

        Raises:
            SessionError: the database is damaged.
            OutputError: pandas is not installed.
        """
        units = self._meta.units
        rows = (
            face_cells(
                face,
                units,
                file=self._meta.source,
                frame=frame.number,
                time_s=frame.time_s,
                au_shift_s=0.0,
            )
            for frame in self.frames()
            for face in frame.faces
        )
        return rows_to_dataframe(rows, units)

    def annotate(self, note: Annotation) -> Annotation:
        """Store an annotation: a new one where its id is 0, else in place of the one of that id.

        Returns:
            It, with its id.
        """
        columns = schema.names("annotations")[1:]
        values = [getattr(note, column) for column in columns]
        if note.id:
            assigned = ", ".join(f"{column} = ?" for column in columns)
            self._all(f"UPDATE annotations SET {assigned} WHERE id = ?", (*values, note.id))  # noqa: S608
            return note
        self._all(schema.insert("annotations", columns), values)
        (number,) = self._all("SELECT last_insert_rowid()")[0]
        return Annotation(**dict(zip(columns, values, strict=True)), id=number)

    def remove(self, note: Annotation) -> None:
        """Delete an annotation."""
        self._all("DELETE FROM annotations WHERE id = ?", (note.id,))

    def close(self) -> None:
        """Close the database; may be called more than once."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _faces(self, first: int, last: int) -> dict[int, list[FaceReading]]:
        found: dict[int, list[FaceReading]] = {}
        rows = self._all(
            "SELECT * FROM faces WHERE frame BETWEEN ? AND ? ORDER BY frame, place", (first, last)
        )
        for row in rows:
            number = int(row["frame"])
            faces = found.setdefault(number, [])
            try:
                faces.append(face_of(dict(row)))
            except (ValueError, TypeError) as error:
                raise SessionError(f"{self._path}, frame {number}: {error}.") from error
            if len(faces) > _MAX_FACES:
                raise SessionError(f"{self._path}, frame {number}: more faces than can be.")
        return found

    def _annotation(self, row: sqlite3.Row) -> Annotation:
        try:
            if row["kind"] not in get_args(AnnotationKind):
                raise ValueError(f"there is no kind {str(row['kind'])[:40]!r}")
            return Annotation(
                id=int(row["id"]),
                start_s=_time(row["start_s"]),
                end_s=_optional(_time, row["end_s"]),
                face_id=_optional(int, row["face_id"]),
                kind=row["kind"],
                text=str(row["text"]),
                author=str(row["author"]),
            )
        except (ValueError, TypeError) as error:
            raise SessionError(f"{self._path}, annotation {row['id']}: {error}.") from error

    def _frame(self, row: sqlite3.Row, faces: Sequence[FaceReading]) -> FrameReading:
        try:
            return FrameReading(
                number=int(row["frame"]),
                source_index=int(row["source_index"]),
                time_s=_time(row["time_s"]),
                source_time_s=_optional(float, row["source_time_s"]),
                captured_ns=int(row["captured_ns"]),
                done_ns=int(row["done_ns"]),
                shown_ns=_optional(int, row["shown_ns"]),
                in_video=bool(row["in_video"]),
                faces=tuple(faces),
            )
        except (ValueError, TypeError) as error:
            raise SessionError(f"{self._path}, frame {row['frame']}: {error}.") from error

    def _read_meta(self) -> SessionMeta:
        rows = self._all("SELECT value FROM meta WHERE name = 'session'")
        text = rows[0][0] if rows else ""
        if not isinstance(text, str) or not 0 < len(text) <= _MAX_META_BYTES:
            raise SessionError(f"{self._path} does not say what it is.")
        try:
            return SessionMeta.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise SessionError(f"{self._path}, {where}: {first['msg']}.") from error

    def _all(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
            raise schema.damaged(self._path, error) from error


def _optional(kind: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else kind(value)


def _time(value: Any) -> float:
    seconds = float(value)
    if not abs(seconds) <= _LONGEST_S:
        raise ValueError(f"a time of {seconds} s")
    return seconds
