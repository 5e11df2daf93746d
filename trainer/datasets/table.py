"""A table that users write for pictures of their own.

A CSV with a header. `path` is where a picture lies, from the table's folder on, which it cannot
leave. Then either `label` with the name of an expression (or nothing, where a picture has none), or
counts of votes: the eight expressions' columns, or FER+'s ten with `unknown` and `not-a-face`.
Optional columns: subject, part (train, valid, test), fold (from 0), AU1 to AU45 (0..1, empty where
unknown), gender (woman, man, 0, 1), age (years), and cropped (1: the pictures are faces already;
the same in all rows; 0 unless given).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS, FERPLUS_VOTES
from trainer.datasets.base import DROPPED, PARTS, DataSet, Part, Sample, Table, add_dataset
from trainer.datasets.listing import (
    BadRows,
    check_path,
    expression,
    is_picture,
    make_table,
    picture,
    rows,
)
from trainer.datasets.store import FolderStore

NAME: Final = "csv"
_PLAIN: Final = ("path", "label", "subject", "part", "fold", "gender", "age", "cropped")
_AU: Final = re.compile(r"au0*([1-9]\d?)", re.ASCII)
_MAX_AU: Final = 45
_MAX_AGE: Final = 130  # years
_MAX_FOLD: Final = 1000
_MAX_VOTES: Final = 255
_MAX_TABLE: Final = 256_000_000  # characters
_GENDERS: Final = {"": -1, "0": 0, "woman": 0, "female": 0, "1": 1, "man": 1, "male": 1}
_CROPPED: Final = {"0": False, "1": True}


@dataclass(frozen=True, slots=True)
class _Header:
    """Where a table has its columns.

    Attributes:
        width: how many there are.
        plain: name of a column that is not votes or a unit -> its place.
        votes: places of the vote columns in FER+'s order, eight or ten; or none.
        units: action unit -> its place.
    """

    width: int
    plain: Mapping[str, int]
    votes: tuple[int, ...]
    units: Mapping[int, int]


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All rows of the table at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: the table, or a folder with no other.
        skip_bad: leave bad rows out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, an unknown or missing column, a malformed row, or a picture that
            is missing, listed twice, or outside the table's folder.
    """
    path = _find(path)
    store = FolderStore(path.parent)
    lines = rows(store, path.name, _MAX_TABLE)
    header = _header([cell.strip().lower() for cell in next(lines, (0, []))[1]], str(path))
    bad = BadRows(skip_bad)
    samples: list[Sample] = []
    listed: set[str] = set()
    cropped: bool | None = None
    for line, row in lines:
        try:
            if len(row) != header.width:
                raise DataError(f"{len(row)} columns where the header has {header.width}.")
            cells = [cell.strip() for cell in row]
            whole = _cropped(header, cells)
            sample = _sample(store, header, cells)
            if sample.name in listed:
                raise DataError(f"{sample.name} is listed twice.")
            if cropped not in (None, whole):
                raise DataError("cropped must be the same in all rows; make two tables of it.")
        except DataError as error:
            bad.add(DataError(f"{path}, line {line}: {error}"))
            continue
        cropped = whole
        listed.add(sample.name)
        samples.append(sample)
    layout = f"a table with {'votes' if header.votes else 'labels'}"
    return make_table(path, layout, samples, bad, cropped=bool(cropped))


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    try:
        found = sorted(path.glob("*.csv")) if path.is_dir() else []
    except OSError as error:
        raise DataError(f"Cannot look into {path}: {error.strerror or error}.") from error
    if len(found) != 1:
        names = ", ".join(file.name for file in found[:5]) or "none"
        raise DataError(f"{path}: expected a CSV table, or a folder with one; found {names}.")
    return found[0]


def _header(names: list[str], where: str) -> _Header:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{where}: column {twice[:30]!r} is there twice.")
    units: dict[int, int] = {}
    for place, name in enumerate(names):
        match = _AU.fullmatch(name)
        if match and int(match[1]) <= _MAX_AU:
            if int(match[1]) in units:
                raise DataError(f"{where}: column AU{match[1]} is there twice.")
            units[int(match[1])] = place
        elif name not in _PLAIN and name not in FERPLUS_VOTES:
            # A misspelt column would be a silent loss, so none is passed over.
            raise DataError(
                f"{where}: unknown column {name[:60]!r}; expected {', '.join(_PLAIN)}, AU1 to "
                f"AU{_MAX_AU}, or votes: {', '.join(FERPLUS_VOTES)}; with commas between."
            )
    plain = {name: names.index(name) for name in names if name in _PLAIN}
    if "path" not in plain:
        raise DataError(f"{where} has no column path; found {', '.join(names)[:80] or 'nothing'}.")
    voted = {name for name in names if name in FERPLUS_VOTES}
    if bool(voted) == ("label" in plain):
        raise DataError(f"{where}: expected either a column label or columns of votes.")
    if voted and voted not in (set(EXPRESSIONS), set(FERPLUS_VOTES)):
        missing = [name for name in FERPLUS_VOTES if name not in voted]
        raise DataError(
            f"{where}: expected votes for all eight expressions, or FER+'s ten columns; "
            f"missing {', '.join(missing)}."
        )
    votes = tuple(names.index(name) for name in FERPLUS_VOTES if name in voted)
    return _Header(len(names), plain, votes, units)


def _sample(store: FolderStore, header: _Header, cells: list[str]) -> Sample:
    """One row; raises DataErrors that do not name the place."""
    name = cells[header.plain["path"]]
    if not is_picture(name):
        raise DataError(f"expected a picture's path, found {name[:60]!r}.")
    check_path(store.folder, name)
    votes = _votes([cells[place] for place in header.votes]) if header.votes else ()
    age = _cell(header, cells, "age")
    return Sample(
        name,
        picture(store, name),
        label=_plurality(votes) if votes else _label(cells[header.plain["label"]]),
        votes=votes,
        subject=_cell(header, cells, "subject"),
        part=_part(header, cells),
        fold=_fold(header, cells),
        aus={
            unit: _number(cells[place], f"AU{unit}", 1.0)
            for unit, place in header.units.items()
            if cells[place]
        },
        gender=_gender(_cell(header, cells, "gender")),
        age=_number(age, "age", _MAX_AGE) if age else math.nan,
    )


def _cell(header: _Header, cells: list[str], column: str) -> str:
    """What a row has in an optional column."""
    return cells[header.plain[column]] if column in header.plain else ""


def _label(word: str) -> int:
    if not word:
        return DROPPED
    label = expression(word)
    if label is None:
        raise DataError(f"label must be one of {', '.join(EXPRESSIONS)}, found {word[:20]!r}.")
    return label


def _votes(cells: list[str]) -> tuple[int, ...]:
    """Ten counts, with zeros for the last two where the table has eight."""
    if not all(cell.isascii() and cell.isdecimal() and len(cell) < 4 for cell in cells):
        raise DataError(f"votes must be whole numbers of 0..{_MAX_VOTES}: {cells}"[:200] + ".")
    counts = [int(cell) for cell in cells]
    if max(counts) > _MAX_VOTES:
        raise DataError(f"votes must lie in 0..{_MAX_VOTES}, found {max(counts)}.")
    if sum(counts) == 0:
        raise DataError("nobody voted.")
    return (*counts, *[0] * (len(FERPLUS_VOTES) - len(counts)))


def _plurality(votes: tuple[int, ...]) -> int:
    best = votes.index(max(votes))  # the first of equals, as in FER+
    return best if best < len(EXPRESSIONS) else DROPPED


def _part(header: _Header, cells: list[str]) -> Part | Literal[""]:
    if "part" not in header.plain:
        return ""
    text = cells[header.plain["part"]].lower()
    for part in PARTS:
        if part == text:
            return part
    raise DataError(f"part must be one of {', '.join(PARTS)}, found {text[:20]!r}.")


def _fold(header: _Header, cells: list[str]) -> int:
    if "fold" not in header.plain:
        return -1
    text = cells[header.plain["fold"]]
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and int(text) < _MAX_FOLD):
        raise DataError(f"fold must be a whole number of 0..{_MAX_FOLD - 1}, found {text[:20]!r}.")
    return int(text)


def _gender(word: str) -> int:
    if word.lower() not in _GENDERS:
        raise DataError(f"gender must be woman, man, 0 or 1, found {word[:20]!r}.")
    return _GENDERS[word.lower()]


def _number(text: str, what: str, most: float) -> float:
    """A number of 0..most."""
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{what} must be a number, found {text[:20]!r}.") from None
    if not 0 <= value <= most:
        raise DataError(f"{what} must lie in 0..{most:g}, found {text[:20]!r}.")
    return value


def _cropped(header: _Header, cells: list[str]) -> bool:
    if "cropped" not in header.plain:
        return False
    text = cells[header.plain["cropped"]]
    if text not in _CROPPED:
        raise DataError(f"cropped must be 0 or 1, found {text[:20]!r}.")
    return _CROPPED[text]


add_dataset(
    DataSet(
        name=NAME,
        title="a table of your own pictures",
        where="your own: write a CSV with a header beside your pictures",
        terms="those of the pictures; the table carries none",
        layout=(
            "path, and label (an expression's name) or votes (a column an expression, and unknown "
            "and not-a-face if you have them)",
            "optional: subject, part (train, valid, test), fold, AU1 to AU45 (0..1), gender, age, "
            "cropped (0 or 1, the same in all rows)",
        ),
        published={},
        source="",
        read=read,
    )
)
