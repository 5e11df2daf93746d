"""Reads tables that may come from anyone: row by row, with limits, and errors that name the row."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from ferdesk.core.errors import DataError

MAX_LINE: Final = 1_000_000
"""Characters. The widest table of py-feat, 2,300 columns, has lines of 50,000."""
MAX_COLUMNS: Final = 10_000
MAX_ROWS: Final = 20_000_000
"""A week at 30 frames a second."""
LARGEST: Final = 1e7
"""Of any number, pixels and seconds included."""


class CsvTable:
    """A CSV file that is read row by row.

    Args:
        path: the file.

    Raises:
        DataError: it cannot be read, is no table, or has two columns of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: TextIO = path.open(encoding="utf-8-sig", errors="replace", newline="")
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
        try:
            self._rows = self._cells()
            self._index = self._header(next(self._rows, []))
        except BaseException:
            self._file.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, without the spaces that OpenFace puts around them."""
        return tuple(self._index)

    def rows(self) -> Iterator["CsvRow"]:
        """The rows after the header; may be called once.

        Raises:
            DataError: a row is too long, or has other cells than the header.
        """
        for number, cells in enumerate(self._rows, 2):
            if not cells:
                continue
            if len(cells) != len(self._index):
                raise DataError(
                    f"{self.path}, row {number}: {len(cells)} cells, and the header has "
                    f"{len(self._index)}."
                )
            if number > MAX_ROWS:
                raise DataError(f"{self.path} has more than {MAX_ROWS} rows.")
            yield CsvRow(self.path, number, self._index, cells)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _cells(self) -> Iterator[list[str]]:
        try:
            yield from csv.reader(self._lines())
        except (csv.Error, OSError) as error:
            raise DataError(f"{self.path} is no table: {error}.") from error

    def _lines(self) -> Iterator[str]:
        while line := self._file.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise DataError(f"{self.path} is no table: it has lines of over {MAX_LINE} signs.")
            yield line

    def _header(self, cells: list[str]) -> dict[str, int]:
        names = [cell.strip() for cell in cells]
        if len(names) < 2 or len(names) > MAX_COLUMNS:
            raise DataError(f"{self.path} is no table with commas: {len(names)} columns.")
        index = {name: place for place, name in enumerate(names)}
        if len(index) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{self.path} has two columns of the name {twice!r}.")
        return index


class CsvRow:
    """A row of a table.

    Args:
        path: of the table, for errors.
        number: of the row; the header is 1.
        index: places of the columns.
        cells: the row.
    """

    __slots__ = ("_cells", "_index", "_number", "_path")

    def __init__(self, path: Path, number: int, index: Mapping[str, int], cells: list[str]) -> None:
        self._path = path
        self._number = number
        self._index = index
        self._cells = cells

    def has(self, name: str) -> bool:
        """Whether the table has such a column."""
        return name in self._index

    def text(self, name: str) -> str:
        """A cell without spaces around it; empty where there is no such column."""
        place = self._index.get(name)
        return "" if place is None else self._cells[place].strip()

    def number(self, name: str, low: float = -LARGEST, high: float = LARGEST) -> float:
        """A cell's number; NaN where it is empty or there is no such column.

        Raises:
            DataError: it is no number, or not within `low` and `high`.
        """
        text = self.text(name)
        if not text:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            raise self.error(name, f"{text[:40]!r} is no number") from None
        if not (low <= value <= high or math.isnan(value)):
            raise self.error(name, f"{text[:40]} is not within {low:g} and {high:g}")
        return value

    def numbers(self, names: Iterable[str]) -> list[float]:
        """Several cells' numbers; see `number`."""
        return [self.number(name) for name in names]

    def whole(self, name: str) -> int:
        """A cell's whole number, 0 or more.

        Raises:
            DataError: it is none.
        """
        value = self.number(name, 0, 1e9)
        if math.isnan(value) or value != int(value):
            raise self.error(name, f"{self.text(name)[:40]!r} is no whole number")
        return int(value)

    def error(self, name: str, trouble: str) -> DataError:
        """The error to raise about a cell."""
        return DataError(f"{self._path}, row {self._number}, {name}: {trouble}.")
