"""Photographs with one main face each, and a table of who it is and how they look.

Beside the pictures lies labels.csv with the columns image, identity, expression. Whole photographs,
so the app's own finder and crop cut the faces out; there are no parts.
"""

from pathlib import Path, PurePosixPath
from typing import Final

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DataSet, Sample, Table, add_dataset
from trainer.datasets.listing import (
    BadRows,
    check_path,
    expression,
    is_picture,
    make_table,
    picture,
    rows,
    some,
)
from trainer.datasets.store import FolderStore, open_store

NAME: Final = "faces"
_TABLE: Final = "labels.csv"
_COLUMNS: Final = ("image", "identity", "expression")
_MAX_TABLE: Final = 64_000_000  # characters


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All photographs that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: a folder or zip with labels.csv and the pictures beside it, itself or in one folder.
        skip_bad: leave bad rows out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, a malformed row, or a picture that is missing or
            listed twice.
    """
    store = open_store(path)
    names = store.names()
    tables = [name for name in names if PurePosixPath(name).name == _TABLE]
    if len(tables) != 1:
        raise DataError(
            f"{path} is not laid out like photographs: expected one {_TABLE} with the pictures "
            f"beside it; found {', '.join(tables[:3]) or some(names)}."
        )
    where = store.where(tables[0])
    folder = tables[0].removesuffix(_TABLE)
    there = set(names)
    lines = rows(store, tables[0], _MAX_TABLE)
    header = tuple(cell.strip().lower() for cell in next(lines, (0, []))[1])
    if header != _COLUMNS:
        raise DataError(
            f"{where} has another header: expected {','.join(_COLUMNS)}, "
            f"found {','.join(header)[:80] or 'nothing'}."
        )
    bad = BadRows(skip_bad)
    samples: list[Sample] = []
    listed: set[str] = set()
    for line, row in lines:
        try:
            if len(row) != len(_COLUMNS):
                raise DataError(f"{len(row)} columns where there are {len(_COLUMNS)}.")
            image, identity, word = (cell.strip() for cell in row)
            label = _check(image, identity, word, folder, there)
            if image in listed:
                raise DataError(f"{image} is listed twice.")
            if isinstance(store, FolderStore):
                check_path(store.folder, folder + image)
        except DataError as error:
            bad.add(DataError(f"{where}, line {line}: {error}"))
            continue
        listed.add(image)
        # Only names that the listing has are ever opened.
        reader = picture(store, folder + image)
        samples.append(Sample(image, reader, label=label, subject=identity))
    return make_table(path, f"{_TABLE} and pictures", samples, bad, cropped=False)


def _check(image: str, identity: str, word: str, folder: str, there: set[str]) -> int:
    """The label of a row."""
    if not is_picture(image) or "/" in image or "\\" in image:
        raise DataError(f"expected a plain picture's file name, found {image[:60]!r}.")
    if folder + image not in there:
        raise DataError(f"{image} is not beside the table.")
    if not identity:
        raise DataError(f"{image} has no identity.")
    label = expression(word)
    if label is None:
        raise DataError(f"expected one of {', '.join(EXPRESSIONS)}, found {word[:20]!r}.")
    return label


add_dataset(
    DataSet(
        name=NAME,
        title="photographs with one main face each, labelled with identity and expression",
        where="your own: any photographs with such a table beside them",
        terms="those of the photographs; the layout carries none",
        layout=(
            "labels.csv (image,identity,expression) and the pictures beside it, folder or zip",
        ),
        published={},
        source="",
        read=read,
        classes=EXPRESSIONS,
    )
)
