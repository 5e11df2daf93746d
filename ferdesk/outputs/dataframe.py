"""The results as a pandas DataFrame, for programs that go on computing with them."""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.errors import OutputError
from ferdesk.core.types import FrameResult
from ferdesk.outputs.table import Cell, columns, face_cells, unit_columns

if TYPE_CHECKING:
    import pandas as pd

_ALL_UNITS: Final = tuple(unit.number for unit in ACTION_UNITS)
_NAMES: Final = ("file", "label", "net_label", "contested", "au_estimator")
_NUMBERS: Final = ("frame", "face_id")
_MAYBE: Final = "au_reliable"


def to_dataframe(
    results: Iterable[FrameResult], units: Sequence[int] | None = None
) -> "pd.DataFrame":
    """One row a face, with the columns of the CSV (`ferdesk.outputs.table.Table`).

    Pixels are let go of frame by frame, so a long video may come straight from a `Recognizer`.

    Args:
        results: what frames of one source gave, in their order.
        units: numbers of the action units that get columns; by default those that were estimated
            in at least one face.

    Returns:
        `frame` and `face_id` are int64; `au_reliable` is Int8, 1 or 0; names are str; all else is
        float64. What is missing is NaN. `time_s` is a file's own time, and of cameras and streams
        that since the first result; pictures have none.

    Raises:
        OutputError: pandas is not installed.
    """
    _pandas()
    return rows_to_dataframe(_rows(results, _ALL_UNITS if units is None else units), units)


def rows_to_dataframe(
    rows: Iterable[Sequence[Cell]], units: Sequence[int] | None = None
) -> "pd.DataFrame":
    """The same of rows that `ferdesk.outputs.table.face_cells` made.

    Args:
        rows: one a face.
        units: numbers of the units that the rows have; None if they have all thirty and those that
            were never estimated are to be left out.

    Raises:
        OutputError: pandas is not installed.
    """
    pd = _pandas()
    names = columns(_ALL_UNITS if units is None else units)
    data = dict(zip(names, zip(*rows, strict=True), strict=False))
    table = pd.DataFrame(
        {name: pd.Series(data.get(name, ()), dtype=_dtype(name)) for name in names}
    )
    if units is None:
        unknown = [number for number in _ALL_UNITS if table[unit_columns(number)[1]].isna().all()]
        table = table.drop(columns=[name for number in unknown for name in unit_columns(number)])
    return table


def _rows(results: Iterable[FrameResult], units: Sequence[int]) -> Iterator[tuple[Cell, ...]]:
    first_ns: int | None = None
    for result in results:
        frame = result.frame
        first_ns = frame.captured_ns if first_ns is None else first_ns
        time_s = frame.source_time_s
        if time_s is None and not frame.still:
            time_s = (frame.captured_ns - first_ns) / 1e9
        shift = None if time_s is None else time_s - frame.clock_s
        for face in result.faces:
            yield face_cells(
                face, units, file=frame.name, frame=frame.index, time_s=time_s, au_shift_s=shift
            )


def _dtype(column: str) -> str:
    if column in _NAMES:
        return "str"
    if column == _MAYBE:
        return "Int8"
    return "int64" if column in _NUMBERS else "float64"


def _pandas() -> Any:
    try:
        return importlib.import_module("pandas")
    except ModuleNotFoundError as error:
        if error.name != "pandas":
            raise
        raise OutputError('pandas is not installed: pip install "ferdesk[table]"') from error
