"""Makes a session without a video of another program's table, so that all can read it."""

import math
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from ferdesk.core.errors import DataError, OutputError
from ferdesk.core.types import FaceReading
from ferdesk.exports import openface, pyfeat
from ferdesk.exports.csv_in import CsvRow, CsvTable
from ferdesk.exports.dialect import Dialect, Found
from ferdesk.outputs.files import failed, make_folder
from ferdesk.sessions import schema
from ferdesk.sessions.describe import WRITTEN_BY, write_readme
from ferdesk.sessions.readings import FrameReading, SessionMeta
from ferdesk.sessions.store import SessionStore

DIALECTS: Final = {one.name: one for one in (pyfeat.DIALECT, openface.DIALECT)}
SOURCE_KIND: Final = "import"

_MAX_FACES: Final = 64
_MAX_NAME: Final = 500


class Imported(NamedTuple):
    """What came of an import.

    Attributes:
        title: the program whose table it was.
        frames: that the session holds.
        faces: the same.
        left_out: columns that were not read, their numbers written as *.
    """

    title: str
    frames: int
    faces: int
    left_out: tuple[str, ...]


def import_table(
    table: Path, folder: Path, dialect: str | None = None, fps: float | None = None
) -> Imported:
    """Make a session of a table.

    Args:
        table: the CSV.
        folder: the session's, which ends in .ferdesk; nothing may be there.
        dialect: a name in `DIALECTS`; None recognises it by the columns.
        fps: frames a second, which gives frames their times instead of the table.

    Raises:
        DataError: the table is of no known program, or holds what cannot be.
        OutputError: the session cannot be made.
    """
    if folder.suffix != schema.ENDING:
        raise OutputError(f"{folder} is no name of a session: it must end in {schema.ENDING}.")
    if folder.exists():
        raise OutputError(f"{folder} is there already. Choose another name.")
    with CsvTable(table) as rows:
        chosen = _dialect(rows, dialect)
        part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        try:
            make_folder(part)
            frames, faces = _fill(part, rows, chosen, fps)
            part.rename(folder)
        except OSError as error:
            raise failed(folder, error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return Imported(chosen.title, frames, faces, _unread(rows.names, chosen.knows))


def _dialect(table: CsvTable, wanted: str | None) -> Dialect:
    names = set(table.names)
    if wanted is None:
        found = next((one for one in DIALECTS.values() if one.recognises(names)), None)
    else:
        found = DIALECTS.get(wanted)
    if found is None:
        known = ", ".join(DIALECTS)
        raise DataError(f"{table.path} is of no known program. Say which: --from {known}.")
    if missing := [name for name in found.needs if name not in names]:
        raise DataError(f"{table.path} has no column {missing[0]!r}, as {found.title} writes it.")
    return found


def _fill(folder: Path, table: CsvTable, dialect: Dialect, fps: float | None) -> tuple[int, int]:
    meta = SessionMeta(
        written_by=WRITTEN_BY,
        started=datetime.fromtimestamp(table.path.stat().st_mtime, UTC),
        started_ns=0,
        source=table.path.name[:_MAX_NAME],
        source_kind=SOURCE_KIND,
        live=False,
        width=0,
        height=0,
        fps=fps,
        au_estimator=dialect.title if dialect.units(table.names) else "",
        units=dialect.units(table.names),
        au_scale=dialect.au_scale,
    )
    faces = frames = 0
    end_s = 0.0
    with SessionStore(folder / schema.DATABASE, meta) as store:
        for reading, first in _readings(table, dialect, fps):
            if not frames and (first.source or first.width):
                meta = meta.model_copy(
                    update={
                        "source": (first.source or meta.source)[:_MAX_NAME],
                        "width": first.width,
                        "height": first.height,
                    }
                )
            store.add(reading)
            frames += 1
            faces += len(reading.faces)
            end_s = reading.time_s
        if not frames:
            raise DataError(f"{table.path} has no rows.")
        meta = meta.model_copy(update={"finished": meta.started + timedelta(seconds=end_s)})
        store.describe(meta)
    write_readme(folder, meta)
    return frames, faces


def _readings(
    table: CsvTable, dialect: Dialect, fps: float | None
) -> Iterator[tuple[FrameReading, Found]]:
    """The frames of a table, which follow each other, and the first row of each."""
    numbers = count()
    last: Found | None = None
    faces: list[FaceReading] = []
    for row in table.rows():
        found = _timed(row, dialect.read(row), fps)
        if last is not None and found.frame != last.frame:
            yield _frame(next(numbers), last, faces), last
            _check_order(row, found, last)
            faces = []
        _add(row, faces, found)
        if not faces or last is None or found.frame != last.frame:
            last = found
    if last is not None:
        yield _frame(next(numbers), last, faces), last


def _timed(row: CsvRow, found: Found, fps: float | None) -> Found:
    if fps is not None:
        found = found._replace(time_s=max(found.frame, 0) / fps)
    if math.isnan(found.time_s):
        raise row.error("frame", "it has no time. Give the frame rate: --fps 30")
    return found


def _check_order(row: CsvRow, found: Found, last: Found) -> None:
    if found.frame < last.frame:
        raise row.error("frame", "frames go back. Sort the table; one table holds one video")
    if found.time_s <= last.time_s:
        raise row.error("frame", "its time is not after the one before. Give --fps instead")


def _add(row: CsvRow, faces: list[FaceReading], found: Found) -> None:
    if found.face is None:
        return
    if len(faces) == _MAX_FACES:
        raise row.error("frame", f"more than {_MAX_FACES} faces")
    reading = found.face
    if not reading.face.track_id:  # the table does not say who it is
        named = replace(reading.face, track_id=len(faces) + 1)
        reading = replace(reading, face=named)
    if reading.aus is not None:
        reading = replace(reading, aus=replace(reading.aus, time_s=found.time_s))
    if any(one.face.track_id == reading.face.track_id for one in faces):
        raise row.error("frame", "the same person twice in a frame")
    faces.append(reading)


def _frame(number: int, found: Found, faces: Sequence[FaceReading]) -> FrameReading:
    at_ns = round(found.time_s * 1e9)
    return FrameReading(
        number=number,
        source_index=found.frame,
        time_s=found.time_s,
        source_time_s=found.time_s,
        captured_ns=at_ns,
        done_ns=at_ns,
        shown_ns=None,
        in_video=False,
        faces=tuple(faces),
    )


def _unread(names: Collection[str], knows: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.sub(r"\d+", "*", name) for name in names if not knows(name)))
