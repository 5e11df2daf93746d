"""FER2013, the set of the 2013 challenge that FER+ labels anew.

I. J. Goodfellow et al. "Challenges in Representation Learning: A Report on Three Machine Learning
Contests." ICONIP 2013. The competition gave a table with the columns emotion, pixels and Usage
(fer2013.csv; icml_face_data.csv is the same with spaces in its header). Usage is Training,
PublicTest or PrivateTest: here "train", "valid" and "test". What most people have is a copy with a
folder a class below train/ and test/; there `test` usually holds PublicTest and PrivateTest
together, so that copy has no valid part of its own, and figures from it are not comparable.
Where FER+'s folders carry the older labels too, in fer2013_labels.csv, those are read: fewer
pictures, for FER+ leaves out what is no face.
"""

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import ImageU8
from trainer.datasets import ferplus
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
_BESIDE: Final = "fer2013_labels.csv"
_BESIDE_COLUMNS: Final = ("image", "emotion")
_FOLDERS: Final[dict[str, Part]] = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
}
_MAX_TABLE: Final = 1_000_000_000  # characters
_EXPECTED: Final = (
    "expected fer2013.csv or icml_face_data.csv (emotion, pixels, Usage), train/ and test/ with a "
    "folder a class, or FER+'s folders with fer2013_labels.csv"
)


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All parts that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: the table, or a folder or zip with it, or one with train/ and test/, or FER+ with
            fer2013_labels.csv (image, emotion) in each of its folders.
        skip_bad: leave bad rows out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, or a malformed row.
    """
    bad = BadRows(skip_bad)
    if path.is_file() and path.suffix.lower() == ".csv":
        return _from_table(FolderStore(path.parent), path.name, bad)
    beside = _beside(path)
    if beside:
        return _from_ferplus(path, beside, bad)
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


def _beside(path: Path) -> dict[Part, Store]:
    """FER+'s parts that carry the older labels; none where no FER+ lies there."""
    try:
        found = ferplus.find(path)
    except DataError:  # another layout, which is looked for next
        return {}
    return {part: store for part, store in found.items() if _BESIDE in store.names()}


def _from_ferplus(path: Path, parts: dict[Part, Store], bad: BadRows) -> Table:
    samples: dict[str, Sample] = {}
    for part, store in parts.items():
        where, there = store.where(_BESIDE), set(store.names())
        lines = rows(store, _BESIDE, _MAX_TABLE)
        header = tuple(cell.strip().lower() for cell in next(lines, (0, []))[1])
        if header != _BESIDE_COLUMNS:
            raise DataError(f"{where} has another header: expected {','.join(_BESIDE_COLUMNS)}.")
        for line, row in lines:
            try:
                if len(row) != len(_BESIDE_COLUMNS) or row[0] not in there or row[0] in samples:
                    raise DataError(f"no picture of its own there: {', '.join(row)[:60]!r}.")
                label = _label(row[1])
            except DataError as error:
                bad.add(DataError(f"{where}, line {line}: {error}"))
                continue
            reader = partial(ferplus.picture, store, row[0])
            samples[row[0]] = Sample(row[0], reader, label=label, part=part)
    layout = f"FER+'s folders with {_BESIDE}: the older labels"
    return make_table(str(path), layout, list(samples.values()), bad, cropped=True)


def _label(emotion: str) -> int:
    code = emotion.strip()
    if not (code.isascii() and code.isdecimal() and len(code) == 1 and int(code) < len(CODES)):
        raise DataError(f"emotion must be 0..{len(CODES) - 1}, found {code[:20]!r}.")
    return _LABELS[int(code)]


def _sample(name: str, emotion: str, pixels: str, usage: str) -> Sample:
    label = _label(emotion)
    part = USAGE.get(usage.strip().lower())
    if part is None:
        raise DataError(
            f"Usage must be Training, PublicTest or PrivateTest, found {usage.strip()[:20]!r}."
        )
    return Sample(name, partial(_given, _pixels(pixels)), label=label, part=part)


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
            "FER+'s folders with fer2013_labels.csv (image,emotion) in each: the faces of FER+",
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
