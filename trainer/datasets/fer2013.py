"""FER2013, the set of the 2013 challenge that FER+ labels anew.

I. J. Goodfellow et al. "Challenges in Representation Learning: A Report on Three Machine Learning
Contests." ICONIP 2013. The competition gave a table with the columns emotion, pixels and Usage
(fer2013.csv; icml_face_data.csv is the same with spaces in its header). Usage is Training,
PublicTest or PrivateTest: here "train", "valid" and "test". What most people have is a copy with a
folder a class below train/ and test/; there `test` usually holds PublicTest and PrivateTest
together, so that copy has no valid part of its own, and figures from it are not comparable.
"""

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import ImageU8
from trainer.datasets.base import DataSet, Part, Sample, Table, add_dataset
from trainer.datasets.listing import (
    BadRows,
    expression,
    is_picture,
    make_table,
    picture,
    rows,
    some,
)
from trainer.datasets.store import FolderStore, Store, open_store

NAME: Final = "fer2013"
SIDE: Final = 48  # pixels
USAGE: Final[dict[str, Part]] = {"training": "train", "publictest": "valid", "privatetest": "test"}
CODES: Final = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The table's labels, by their number."""

_NAMES: Final = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_LABELS: Final = tuple(EXPRESSIONS.index(name) for name in _NAMES)
_TABLES: Final = ("fer2013.csv", "icml_face_data.csv")
_COLUMNS: Final = ("emotion", "pixels", "usage")
_FOLDERS: Final[dict[str, Part]] = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
}
_MAX_TABLE: Final = 1_000_000_000  # characters
_EXPECTED: Final = (
    "expected fer2013.csv or icml_face_data.csv (emotion, pixels, Usage), or train/ and test/ with "
    "a folder a class"
)


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All parts that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: the table, or a folder or zip with it, or one with train/ and test/.
        skip_bad: leave bad rows out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, or a malformed row.
    """
    bad = BadRows(skip_bad)
    if path.is_file() and path.suffix.lower() == ".csv":
        return _from_table(FolderStore(path.parent), path.name, bad)
    store = open_store(path)
    names = store.names()
    tables = [name for name in names if PurePosixPath(name).name.lower() in _TABLES]
    if len(tables) > 1:
        raise DataError(
            f"{path} has the table twice ({tables[0]}, {tables[1]}): expected one; give its path."
        )
    if tables:
        return _from_table(store, tables[0], bad)
    return _from_folders(path, store, names, bad)


def _from_table(store: Store, name: str, bad: BadRows) -> Table:
    where = store.where(name)
    lines = rows(store, name, _MAX_TABLE)
    header = [cell.strip().lower() for cell in next(lines, (0, []))[1]]
    if not set(_COLUMNS) <= set(header):
        raise DataError(
            f"{where} has another header: expected {', '.join(_COLUMNS)}, "
            f"found {', '.join(header)[:80] or 'nothing'}."
        )
    places = [header.index(column) for column in _COLUMNS]
    samples = []
    for number, (line, row) in enumerate(lines):
        try:
            if len(row) != len(header):
                raise DataError(f"{len(row)} columns where the header has {len(header)}.")
            # FER+ calls the same pictures by these names.
            samples.append(_sample(f"fer{number:07d}.png", *(row[place] for place in places)))
        except DataError as error:
            bad.add(DataError(f"{where}, line {line}: {error}"))
    layout = f"table {PurePosixPath(name).name}: Training, PublicTest, PrivateTest"
    return make_table(where, layout, samples, bad, cropped=True)


def _sample(name: str, emotion: str, pixels: str, usage: str) -> Sample:
    code = emotion.strip()
    if not (code.isascii() and code.isdecimal() and len(code) == 1 and int(code) < len(CODES)):
        raise DataError(f"emotion must be 0..{len(CODES) - 1}, found {code[:20]!r}.")
    part = USAGE.get(usage.strip().lower())
    if part is None:
        raise DataError(
            f"Usage must be Training, PublicTest or PrivateTest, found {usage.strip()[:20]!r}."
        )
    return Sample(name, partial(_given, _pixels(pixels)), label=_LABELS[int(code)], part=part)


def _pixels(text: str) -> ImageU8:
    """Numbers in text to (48, 48) uint8."""
    if not (text.isascii() and text.replace(" ", "").isdecimal()):
        raise DataError("pixels must be whole numbers of 0..255 with spaces between.")
    values = np.fromstring(text, np.int64, sep=" ")  # too long a number becomes the largest
    if values.size != SIDE * SIDE:
        raise DataError(f"{values.size:,} pixels where {SIDE} x {SIDE} are {SIDE * SIDE:,}.")
    if values.max() > np.iinfo(np.uint8).max:
        raise DataError(f"pixels must lie in 0..255, found {values.max()}.")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _given(image: ImageU8) -> ImageU8:
    return image


def _from_folders(path: Path, store: Store, names: list[str], bad: BadRows) -> Table:
    samples: list[Sample] = []
    tops: dict[Part, str] = {}
    pictures = [name for name in names if is_picture(name)]
    if not any(_part(name) for name in pictures):
        raise DataError(f"{path} is not laid out like FER2013: {_EXPECTED}; found {some(names)}.")
    for name in pictures:
        part, label = _part(name), expression(PurePosixPath(name).parent.name)
        if part is None or label not in _LABELS:
            bad.add(
                DataError(
                    f"{store.where(name)} lies in no class folder: expected train/ or test/, below "
                    f"it one of {', '.join(CODES)}."
                )
            )
            continue
        top = str(PurePosixPath(name).parent.parent)
        if tops.setdefault(part, top) != top:
            raise DataError(f"{path} has the {part} part twice: {tops[part]} and {top}.")
        samples.append(Sample(name, picture(store, name), label=label, part=part))
    layout = "a folder a class: " + ", ".join(f"{top}/ as {part}" for part, top in tops.items())
    if "valid" not in tops:
        layout += "; such a test/ usually is PublicTest and PrivateTest together"
    return make_table(path, layout, samples, bad, cropped=True)


def _part(name: str) -> Part | None:
    """The part of a picture in part/class/file, under whatever else."""
    folders = PurePosixPath(name).parts[:-1]
    return _FOLDERS.get(folders[-2].lower()) if len(folders) > 1 else None


add_dataset(
    DataSet(
        name=NAME,
        title="FER2013 (Goodfellow et al. 2013): 48 x 48 grey faces from an image search",
        where="Kaggle's 'Challenges in Representation Learning: Facial Expression Recognition'",
        terms="for research; the pictures were gathered from the web",
        layout=(
            "fer2013.csv or icml_face_data.csv (emotion, pixels, Usage), itself or in a folder/zip",
            "train/ and test/ (and valid/ or validation/), each with angry, disgust, fear, happy, "
            "neutral, sad, surprise, in a folder or zip",
        ),
        published={
            "train": 28709,
            "valid": 3589,
            "test": 3589,
            "neutral": 6198,
            "happiness": 8989,
            "surprise": 4002,
            "sadness": 6077,
            "anger": 4953,
            "disgust": 547,
            "fear": 5121,
        },
        source="parts: Ng et al. 2015, section 3.3; expressions: Kyritsis, table 3.2",
        read=read,
    )
)
