"""The project's own table: the columns of `ferdesk.outputs.table`, as CSV and as Parquet."""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from ferdesk.core.aus import AU_NUMBERS
from ferdesk.core.errors import OutputError
from ferdesk.exports.base import Column, Datatype, Place
from ferdesk.exports.csv_out import write_csv
from ferdesk.outputs.table import Cell, cell_text, face_cells
from ferdesk.outputs.table import columns as names_of
from ferdesk.sessions.readings import Readings
from ferdesk.sessions.schema import FACE_COLUMNS

_ONLY_HERE: Final = {
    "file": "what was watched",
    "frame": "the frame's number in its source; frames without a face have no row",
    "time_s": "seconds from the session's start",
}
_MEANINGS: Final = {name: meaning for name, _, meaning in FACE_COLUMNS} | _ONLY_HERE
_TYPES: Final[dict[str, Datatype]] = {
    **dict.fromkeys(("file", "label", "net_label", "contested", "au_estimator"), "string"),
    **dict.fromkeys(("frame", "face_id"), "integer"),
    "au_reliable": "boolean",
}
_ROWS_AT_ONCE: Final = 5_000


def columns(readings: Readings) -> tuple[Column, ...]:
    """The table's columns: those of the units that were estimated, after the ones all have."""
    return tuple(
        Column(name, _TYPES.get(name, "number"), _MEANINGS[name])
        for name in names_of(_units(readings))
    )


def write_table(readings: Readings, file: BinaryIO, _place: Place) -> None:
    """Write the CSV, with the digits that `ferdesk analyze` writes."""
    declared = columns(readings)
    names = [column.name for column in declared]
    write_csv(file, declared, (map(cell_text, names, row) for row in rows(readings)))


def rows(readings: Readings) -> Iterator[tuple[Cell, ...]]:
    """One row a face, in the order of the frames."""
    units = _units(readings)
    for frame in readings.frames():
        for face in frame.faces:
            yield face_cells(
                face,
                units,
                file=readings.meta.source,
                frame=frame.source_index,
                time_s=frame.time_s,
                au_shift_s=0.0,
            )


def left_out(readings: Readings) -> tuple[str, ...]:
    """What of a session the table does not hold."""
    notes = ("annotations",) if readings.annotations() else ()
    return ("landmarks", "frames without a face", *notes)


def write_parquet(readings: Readings, file: BinaryIO, _place: Place) -> None:
    """Write a Parquet file: the same columns, typed, described in the file itself.

    Raises:
        OutputError: pyarrow is not installed.
    """
    pa, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    types = {
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
    }
    meta = readings.meta
    declared = columns(readings)
    schema = pa.schema(
        [
            pa.field(one.name, types[one.datatype], metadata={"description": one.meaning})
            for one in declared
        ],
        metadata={"au_scale": meta.au_scale, "ferdesk": meta.model_dump_json()},
    )
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows_of_one in _batches(rows(readings)):
            cells = zip(*rows_of_one, strict=True)
            arrays = [
                pa.array(values, one.type, from_pandas=True)
                for values, one in zip(cells, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _batches(found: Iterator[tuple[Cell, ...]]) -> Iterator[list[tuple[Cell, ...]]]:
    batch: list[tuple[Cell, ...]] = []
    for row in found:
        batch.append(row)
        if len(batch) == _ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _units(readings: Readings) -> Sequence[int]:
    return tuple(number for number in AU_NUMBERS if number in readings.meta.units)


def _pyarrow(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise OutputError('pyarrow is not installed: pip install "ferdesk[table]"') from error
