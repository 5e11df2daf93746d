"""What the data sets' files share: expression words, tables, pictures by name, bad rows."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import ImageU8
from trainer.datasets.base import Picture, Sample, Table
from trainer.datasets.faces import decode
from trainer.datasets.store import Store

MAX_PICTURE_BYTES: Final = 64_000_000
PICTURE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

_MAX_LINE: Final = 100_000  # characters; FER2013's rows have about 9,000
_WORDS: Final = {
    "neutral": ("neutral", "neutrality"),
    "happiness": ("happiness", "happy"),
    "surprise": ("surprise", "surprised"),
    "sadness": ("sadness", "sad"),
    "anger": ("anger", "angry"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "fearful"),
    "contempt": ("contempt",),
}
_INDEX: Final = {word: EXPRESSIONS.index(name) for name, ws in _WORDS.items() for word in ws}


def expression(word: str) -> int | None:
    """The canonical index 0..7 of an expression as data sets write it, or None."""
    return _INDEX.get(word.strip().lower())


class BadRows:
    """Raises what is wrong with a row, or keeps it as a line where bad rows are to be skipped.

    Args:
        skip: keep instead of raise.

    Attributes:
        lines: what was kept.
    """

    def __init__(self, skip: bool) -> None:
        self._skip = skip
        self.lines: list[str] = []

    def add(self, error: DataError) -> None:
        """Raise `error`, or keep its line."""
        if not self._skip:
            raise error
        self.lines.append(str(error))


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def picture(store: Store, name: str) -> Picture:
    """What reads a picture of a store; it survives pickling."""
    return partial(_read_picture, store, name)


def _read_picture(store: Store, name: str) -> ImageU8:
    return decode(store.read(name, MAX_PICTURE_BYTES), store.where(name))


def check_path(folder: Path, name: str) -> None:
    """Refuse a path out of a table that is not a plain one below the table's folder.

    Args:
        folder: where the table lies.
        name: the path as written there, with forward slashes.

    Raises:
        DataError: absolute, with `..`, through a link, or not there.
    """
    steps = name.split("/")
    if not name.isprintable() or "\\" in name or ":" in steps[0] or {"", ".", ".."} & set(steps):
        raise DataError(
            f"{name[:60]!r} is no plain path: expected one below the table's folder, with forward "
            "slashes and without `..`."
        )
    path = folder
    for step in steps:
        path /= step
        if path.is_symlink():
            raise DataError(f"{name} leads through a link ({path}): expected plain files.")
    if not path.is_file():
        raise DataError(f"{name} is not there, or no file: expected it below {folder}.")


def rows(store: Store, name: str, limit: int) -> Iterator[tuple[int, list[str]]]:
    """A CSV table's rows with their line numbers, read as they are asked for.

    Blank lines are passed over.

    Args:
        store: where the table lies.
        name: its name there.
        limit: how many characters it may have.

    Raises:
        DataError: missing, unreadable, too large, or no CSV table.
    """
    where = store.where(name)
    try:
        with (
            store.stream(name) as file,
            io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text,
        ):
            reader = csv.reader(_lines(text, where, limit))
            for row in reader:
                if row:
                    yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where} is not a CSV table: {error}.") from error
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"Cannot read {where}: {error}.") from error


def _lines(text: io.TextIOWrapper, where: str, limit: int) -> Iterator[str]:
    """Lines whose length is known before they are held."""
    total = 0
    while line := text.readline(_MAX_LINE + 1):
        total += len(line)
        if len(line) > _MAX_LINE:
            raise DataError(f"{where} has a line of more than {_MAX_LINE:,} characters.")
        if total > limit:
            raise DataError(f"{where} is larger than {limit:,} bytes; that is not such a file.")
        yield line


def some(names: Iterable[str]) -> str:
    """The first few top names of a listing, for messages."""
    tops = sorted({name.split("/")[0] for name in names})
    return ", ".join(tops[:5]) + (", ..." if len(tops) > 5 else "") or "nothing"


def make_table(
    where: object, layout: str, samples: list[Sample], bad: BadRows, *, cropped: bool
) -> Table:
    """A table of what was found.

    Raises:
        DataError: there is no sample.
    """
    if not samples:
        raise DataError(f"{where} has no usable picture: {len(bad.lines)} bad ones were left out.")
    return Table(layout, tuple(samples), cropped, tuple(bad.lines))
