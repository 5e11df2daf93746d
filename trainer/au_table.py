"""Tables of action units on disk: our own, and those that OpenFace 2 and py-feat write.

Ours is a CSV with the columns image, estimator, reliable (0 or 1), then AU01 and so on for the
units that the estimator gives, 0..1, and for paired units AU01_left and AU01_right. An empty cell
was not estimated, which is something else than 0. A face that was not found has a row of empty
cells that is not reliable.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PureWindowsPath
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.aus import AU_INDEX, N_UNITS, unit
from ferdesk.core.errors import DataError, OutputError
from ferdesk.core.types import AuValues, FloatArray
from trainer.datasets.listing import PICTURE_SUFFIXES, rows
from trainer.datasets.store import FolderStore
from trainer.errors import write_failure

OPENFACE: Final = "openface2"
PYFEAT: Final = "py-feat"
_OURS: Final = ("image", "estimator", "reliable")
_ACTIVATION, _LEFT, _RIGHT = 0, 1, 2
_SUFFIX: Final = {"": _ACTIVATION, "_left": _LEFT, "_right": _RIGHT}
_OUR_COLUMN: Final = re.compile(r"AU(\d\d)(|_left|_right)", re.ASCII)
_PYFEAT_COLUMN: Final = re.compile(r"AU(\d\d)", re.ASCII)
_OPENFACE_COLUMN: Final = re.compile(r"AU(\d\d)_([rc])", re.ASCII)
_OPENFACE_MOST: Final = {"r": 5.0, "c": 1.0}
"""T. Baltrušaitis et al., "OpenFace 2.0", FG 2018: intensity 0..5, presence 0 or 1."""
_OPENFACE_SURE: Final = 0.8
"""Confidence from which a tracked face counts as reliable."""
_MAX_CHARACTERS: Final = 1_000_000_000
_MAX_ROWS: Final = 1_000_000
_MAX_NAME: Final = 1000


@dataclass(frozen=True, slots=True, eq=False)
class AuTable:
    """Action units of many pictures, each vector in the order of `ferdesk.core.aus`.

    Attributes:
        estimator: what gave them, `AuEstimator.name`, or "openface2" or "py-feat".
        names: (n,) which picture; as `Sample.name` where we wrote it.
        activation: (n, 30) float32, 0..1; of a paired unit the mean of its sides; NaN where not
            estimated.
        left: (n, 30) float32, the person's own left side; NaN where not estimated.
        right: (n, 30) float32, the same of the right side.
        reliable: (n,) bool, see `AuValues`; False where no face was found.
    """

    estimator: str
    names: tuple[str, ...]
    activation: FloatArray
    left: FloatArray
    right: FloatArray
    reliable: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.names)

    def at(self, names: Sequence[str]) -> "AuTable":
        """The rows of some pictures, in their order; those that are missing are not reliable."""
        place = {name: index for index, name in enumerate(self.names)}
        index = np.array([place.get(name, -1) for name in names], np.int64)
        there = index >= 0

        def moved(source: FloatArray) -> FloatArray:
            found = np.full((len(names), N_UNITS), np.nan, np.float32)
            found[there] = source[index[there]]
            return found

        return AuTable(
            self.estimator,
            tuple(names),
            moved(self.activation),
            moved(self.left),
            moved(self.right),
            there & self.reliable[index],
        )


class _Column(NamedTuple):
    """Where a number stands and what it is: value / most of a unit."""

    place: int
    vector: int
    unit: int
    most: float = 1.0


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a table's rows are read.

    Attributes:
        estimator: from a row's cells.
        name: likewise.
        reliable: likewise.
        columns: the units'.
        blank_unless_reliable: whether the numbers of a face that was lost mean nothing.
    """

    estimator: Callable[[list[str]], str]
    name: Callable[[list[str]], str]
    reliable: Callable[[list[str]], bool]
    columns: tuple[_Column, ...]
    blank_unless_reliable: bool = False


def read_au_table(path: Path) -> AuTable:
    """Read action units from a CSV: ours, OpenFace 2's (FeatureExtraction) or py-feat's.

    OpenFace's pictures are named by their frame's number; its intensities are divided by 5, and
    where a unit has none its presence counts. py-feat's are named by their input's file name, and
    with #frame behind it where they are of a clip. Units that the thesis's table lacks (AU45) are
    passed over in theirs.

    Raises:
        DataError: missing, too large, another table, a number that is none or out of range, a
            picture that is there twice, or no rows.
    """
    lines = rows(FolderStore(path.parent), path.name, _MAX_CHARACTERS)
    header = [cell.strip() for cell in next(lines, (0, []))[1]]
    if twice := {name for name in header if name and header.count(name) > 1}:
        raise DataError(f"{path}: column {min(twice)[:30]!r} is there twice.")
    dialect = _dialect(header, path)
    estimator = ""
    names: dict[str, None] = {}
    reliable: list[bool] = []
    values: list[FloatArray] = []
    for line, row in lines:
        try:
            if len(row) != len(header):
                raise DataError(f"{len(row)} columns where the header has {len(header)}.")
            cells = [cell.strip() for cell in row]
            name, sure, vectors = _row(dialect, cells)
            if name in names:
                raise DataError(f"{name} is listed twice; a picture has one face here.")
            if estimator not in ("", dialect.estimator(cells)):
                raise DataError("another estimator; make two tables of it.")
            if len(names) >= _MAX_ROWS:
                raise DataError(f"more than {_MAX_ROWS:,} rows.")
        except DataError as error:
            raise DataError(f"{path}, line {line}: {error}") from error
        estimator = dialect.estimator(cells)
        names[name] = None
        reliable.append(sure)
        values.append(vectors)
    if not names:
        raise DataError(f"{path} has no rows.")
    whole = np.stack(values)
    activation, left, right = (whole[:, vector] for vector in (_ACTIVATION, _LEFT, _RIGHT))
    return AuTable(estimator, tuple(names), activation, left, right, np.array(reliable, np.bool_))


def _dialect(header: list[str], path: Path) -> _Dialect:
    if tuple(header[:3]) == _OURS:
        return _ours(header, path)
    if any(_OPENFACE_COLUMN.fullmatch(name) for name in header):
        return _openface(header, path)
    if any(_PYFEAT_COLUMN.fullmatch(name) for name in header):
        return _pyfeat(header, path)
    raise DataError(
        f"{path} is no table of action units: expected the columns {', '.join(_OURS)}, AU01, ..., "
        f"or those of OpenFace 2 or py-feat; found {', '.join(header)[:80] or 'nothing'}."
    )


def _ours(header: list[str], path: Path) -> _Dialect:
    columns = []
    for place, name in enumerate(header[3:], 3):
        match = _OUR_COLUMN.fullmatch(name)
        number = int(match[1]) if match else -1
        if match is None or number not in AU_INDEX or (match[2] and not unit(number).paired):
            raise DataError(f"{path}: {name[:30]!r} is no column of action units.")
        columns.append(_Column(place, _SUFFIX[match[2]], AU_INDEX[number]))
    if not columns:
        raise DataError(f"{path} has no column of action units.")
    return _Dialect(
        lambda cells: _text(cells[1]),
        lambda cells: _text(cells[0]),
        lambda cells: _flag(cells[2]),
        tuple(columns),
    )


def _openface(header: list[str], path: Path) -> _Dialect:
    place = _need(header, ("frame", "confidence", "success"), path)
    found: dict[int, _Column] = {}
    for index, name in enumerate(header):
        match = _OPENFACE_COLUMN.fullmatch(name)
        if match and int(match[1]) in AU_INDEX and not (match[2] == "c" and int(match[1]) in found):
            most = _OPENFACE_MOST[match[2]]
            found[int(match[1])] = _Column(index, _ACTIVATION, AU_INDEX[int(match[1])], most)

    def sure(cells: list[str]) -> bool:
        return _flag(cells[place["success"]]) and (
            _number(cells[place["confidence"]], 1.0) >= _OPENFACE_SURE
        )

    return _Dialect(
        lambda _: OPENFACE,
        lambda cells: _text(cells[place["frame"]]),
        sure,
        tuple(found.values()),
        blank_unless_reliable=True,
    )


def _pyfeat(header: list[str], path: Path) -> _Dialect:
    place = _need(header, ("input", "frame"), path)
    columns = tuple(
        _Column(index, _ACTIVATION, AU_INDEX[int(name[2:])])
        for index, name in enumerate(header)
        if _PYFEAT_COLUMN.fullmatch(name) and int(name[2:]) in AU_INDEX
    )

    def name(cells: list[str]) -> str:
        file = PureWindowsPath(cells[place["input"]]).name  # takes both kinds of slashes
        still = PurePath(file).suffix.lower() in PICTURE_SUFFIXES
        return _text(file) if still else f"{_text(file)}#{_text(cells[place['frame']])}"

    return _Dialect(
        lambda _: PYFEAT,
        name,
        lambda cells: any(cells[column.place] for column in columns),
        columns,
    )


def _need(header: list[str], names: Sequence[str], path: Path) -> dict[str, int]:
    """Where some columns are."""
    if missing := [name for name in names if name not in header]:
        raise DataError(f"{path} has no column {', '.join(missing)}.")
    return {name: header.index(name) for name in names}


def _row(dialect: _Dialect, cells: list[str]) -> tuple[str, bool, FloatArray]:
    """Name, reliable, and (3, 30) values of a row; its DataErrors do not name the place."""
    name, reliable = dialect.name(cells), dialect.reliable(cells)
    vectors = np.full((3, N_UNITS), np.nan, np.float32)
    if reliable or not dialect.blank_unless_reliable:
        for place, vector, index, most in dialect.columns:
            if cells[place]:
                vectors[vector, index] = _number(cells[place], most) / most
    return name, reliable, vectors


def _text(cell: str) -> str:
    if not cell or len(cell) > _MAX_NAME or not cell.isprintable():
        raise DataError(f"expected a name, found {cell[:60]!r}.")
    return cell


def _flag(cell: str) -> bool:
    if cell not in ("0", "1"):
        raise DataError(f"expected 0 or 1, found {cell[:20]!r}.")
    return cell == "1"


def _number(cell: str, most: float) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise DataError(f"expected a number, found {cell[:20]!r}.") from None
    if not 0 <= value <= most:
        raise DataError(f"expected a number of 0..{most:g}, found {cell[:20]!r}.")
    return value


class AuTableWriter:
    """Writes our table, a row as soon as it is known; goes on where an earlier one stopped.

    Attributes:
        done: pictures whose rows are there already.
    """

    def __init__(self, path: Path, estimator: str, units: Sequence[int]) -> None:
        """Start a table, or take up one that is there; a half-written last row is cut off.

        Args:
            path: the CSV; its folder is made if missing.
            estimator: `AuEstimator.name`.
            units: `AuEstimator.units`.

        Raises:
            DataError: the table there is of another estimator, has other columns or is damaged.
            OutputError: it cannot be written.
        """
        self._path, self._estimator = path, estimator
        self._columns = tuple(_columns(units))
        header = [*_OURS, *(name for name, _ in self._columns)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.done = self._take_up(header) if path.exists() else frozenset[str]()
            self._file = path.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise OutputError(write_failure(path, error)) from error
        self._csv = csv.writer(self._file, lineterminator="\n")
        if self._file.tell() == 0:
            self._write(header)

    def write(self, name: str, values: AuValues | None) -> None:
        """Add the row of a picture.

        Args:
            name: `Sample.name`.
            values: its face's, or None where no face was found.

        Raises:
            DataError: a name that no table can hold.
            OutputError: it cannot be written.
        """
        if values is None:
            self._write([_text(name), self._estimator, "0", *[""] * len(self._columns)])
            return
        vectors = np.stack([values.raw, values.left, values.right])
        cells = [
            "" if np.isnan(vectors[c.vector, c.unit]) else f"{vectors[c.vector, c.unit]:.4f}"
            for _, c in self._columns
        ]
        self._write([_text(name), self._estimator, str(int(values.reliable)), *cells])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, cells: list[str]) -> None:
        try:
            self._csv.writerow(cells)
            self._file.flush()
        except OSError as error:
            raise OutputError(write_failure(self._path, error)) from error

    def _take_up(self, header: list[str]) -> frozenset[str]:
        whole = _cut_half_row(self._path)
        if not whole:
            return frozenset()
        with self._path.open(encoding="utf-8", newline="") as file:
            found = next(csv.reader(file))
        if found != header:
            raise DataError(
                f"{self._path} has other columns than {self._estimator} gives; choose another file."
            )
        if whole == 1:
            return frozenset()
        table = read_au_table(self._path)
        if table.estimator != self._estimator:
            raise DataError(
                f"{self._path} is of {table.estimator}, not of {self._estimator}; choose another "
                "file."
            )
        return frozenset(table.names)


def _columns(units: Sequence[int]) -> Iterator[tuple[str, _Column]]:
    for number in units:
        for suffix, vector in _SUFFIX.items():
            if not suffix or unit(number).paired:
                yield f"{unit(number).code}{suffix}", _Column(0, vector, AU_INDEX[number])


def _cut_half_row(path: Path) -> int:
    """Take a last line without its end off, and count the lines."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)
    return data.count(b"\n")
