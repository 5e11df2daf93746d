"""FER+ in its official layout.

E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. "Training Deep Networks for Facial Expression
Recognition with Crowd-Sourced Label Distribution." ICMI 2016. Its tools write FER2013Train,
FER2013Valid and FER2013Test, each with fer*.png (48 x 48, grey) and a label.csv whose rows are the
image's name, a box, and ten vote counts. "valid" is FER2013's PublicTest, "test" its PrivateTest.
"""

import csv
import io
import re
import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS, FERPLUS_VOTES
from ferdesk.core.types import ImageU8
from trainer.datasets.base import (
    DROPPED,
    PARTS,
    DataSet,
    Faces,
    Part,
    Sample,
    Table,
    add_dataset,
)
from trainer.datasets.faces import gather
from trainer.datasets.store import FolderStore, Store, ZipStore, open_zip

NAME: Final = "ferplus"
FOLDERS: Final[dict[Part, str]] = {
    "train": "FER2013Train",
    "valid": "FER2013Valid",
    "test": "FER2013Test",
}
SIDE: Final = 48  # pixels
TERMS: Final = (
    "labels: FER+, Microsoft, MIT licence; images: FER2013 (Goodfellow et al. 2013, Kaggle), "
    "for research use"
)

_CSV: Final = "label.csv"
_COLUMNS: Final = 2 + len(FERPLUS_VOTES)
_MAX_CSV_BYTES: Final = 64_000_000
_MAX_IMAGE_BYTES: Final = 65_536
_MAX_VOTES: Final = 255
_IMAGE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}\.png", re.ASCII)
_PNG_START: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_EXPECTED: Final = (
    "expected FER2013Train, FER2013Valid or FER2013Test, each with its images and label.csv, "
    "in a folder, in a zip, or in zips in a folder"
)


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All parts that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: a folder with the part folders, a zip with them, one part folder, or a folder with
            such zips. Zips are read in place.
        skip_bad: leave bad rows out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, a malformed row, or a name that occurs twice.
    """
    return _table(find(path), PARTS, skip_bad)


def load(path: Path, part: Part, *, skip_bad: bool = False) -> Faces:
    """Read one part into memory, 48 x 48 pixels each.

    Args:
        path: as for `read`.
        part: which part.
        skip_bad: leave bad rows and images out, and list them, instead of stopping at the first.

    Raises:
        DataError: as `read`, or an image that is unreadable or not 48 x 48 grey.
    """
    stores = find(path)
    if part not in stores:
        found = ", ".join(FOLDERS[p] for p in stores)
        raise DataError(f"{path} has no {FOLDERS[part]}: found only {found}.")
    table = _table(stores, (part,), skip_bad)
    return gather(NAME, part, table.samples, table, SIDE, skip_bad=skip_bad)


def _table(stores: dict[Part, Store], parts: Sequence[Part], skip_bad: bool) -> Table:
    """The samples of some parts; the other parts' names may not be among them."""
    taken = {
        name: part for part, store in stores.items() if part not in parts for name in _names(store)
    }
    samples: list[Sample] = []
    skipped: list[str] = []
    for part in parts:
        if part in stores:
            _read_part(stores[part], part, taken, skip_bad, samples, skipped)
    return Table("official", tuple(samples), cropped=True, skipped=tuple(skipped))


def find(path: Path) -> dict[Part, Store]:
    """Where each part lies.

    Raises:
        DataError: nothing there, or another layout.
    """
    try:
        return _look(path)
    except OSError as error:
        raise DataError(f"Cannot look into {path}: {error.strerror or error}.") from error


def _look(path: Path) -> dict[Part, Store]:
    if not path.exists():
        raise DataError(f"{path} does not exist; {_EXPECTED}.")
    found: dict[Part, Store] = {}
    looked: list[str] = []
    if path.is_file():
        _add(found, _in_zip(path))
    elif (path / _CSV).is_file():
        parts = [p for p in PARTS if FOLDERS[p] == path.resolve().name]
        found = {p: FolderStore(path) for p in parts}
    else:
        folders = {p: path / FOLDERS[p] for p in PARTS}
        found = {p: FolderStore(f) for p, f in folders.items() if (f / _CSV).is_file()}
        for file in sorted(path.glob("*.zip")):
            try:
                open_zip(file)
            except DataError:  # it may have nothing to do with FER+; named if no part is found
                looked.append(f"{file.name} (unreadable)")
                continue
            _add(found, _in_zip(file))
    if not found:
        looked += _a_few_names(path)
        raise DataError(f"{path} is not laid out like FER+: {_EXPECTED}; found {_said(looked)}.")
    return found


def _in_zip(path: Path) -> dict[Part, Store]:
    found: dict[Part, Store] = {}
    members = open_zip(path).namelist()
    for part in PARTS:
        tail = f"{FOLDERS[part]}/{_CSV}"
        tables = [n for n in members if n == tail or n.endswith("/" + tail)]
        for table in tables:
            _add(found, {part: ZipStore(path, table.removesuffix(_CSV))})
    return found


def _add(found: dict[Part, Store], more: dict[Part, Store]) -> None:
    for part, store in more.items():
        if part in found:
            raise DataError(
                f"{FOLDERS[part]} is there twice: {found[part].where(_CSV)} and "
                f"{store.where(_CSV)}. Remove one."
            )
        found[part] = store


def _a_few_names(path: Path) -> list[str]:
    if path.is_file():
        return sorted({name.split("/")[0] for name in open_zip(path).namelist()})[:5]
    return sorted(entry.name for entry in path.iterdir())[:5]


def _said(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names)) or "nothing"


def _rows(store: Store) -> Iterator[tuple[int, list[str]]]:
    """The table's rows with their line numbers; blank lines are passed over."""
    where = store.where(_CSV)
    try:
        text = store.read(_CSV, _MAX_CSV_BYTES).decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""))
        for row in reader:
            if row:
                yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where} is not a CSV table: {error}.") from error


def _names(store: Store) -> set[str]:
    return {row[0] for _, row in _rows(store)}


def _read_part(
    store: Store,
    part: Part,
    taken: dict[str, Part],
    skip_bad: bool,
    samples: list[Sample],
    skipped: list[str],
) -> None:
    """Add a part's samples and names; a name is refused where it, or another part, has it."""
    names: set[str] = set()
    for line, row in _rows(store):
        try:
            name, votes = _check_row(row, f"{store.where(_CSV)}, line {line}")
            if name in names or name in taken:
                other = "twice" if name in names else f"in {FOLDERS[taken[name]]} too"
                raise DataError(f"{store.where(name)} is listed {other}.")
        except DataError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
            continue
        names.add(name)
        best = max(range(len(votes)), key=votes.__getitem__)  # the first of equals
        label = best if best < len(EXPRESSIONS) else DROPPED
        reader = partial(picture, store, name)
        samples.append(Sample(name, reader, label=label, votes=tuple(votes), part=part))
    if not names:
        raise DataError(f"{store.where(_CSV)} lists no usable image.")
    taken.update(dict.fromkeys(names, part))


def picture(store: Store, name: str) -> ImageU8:
    """One of a part's faces: (48, 48) uint8, grey.

    Raises:
        DataError: unreadable, or not of that size.
    """
    return _decode(store.read(name, _MAX_IMAGE_BYTES), store.where(name))


def _check_row(row: list[str], where: str) -> tuple[str, list[int]]:
    if len(row) != _COLUMNS:
        raise DataError(f"{where}: {len(row)} columns where FER+ has {_COLUMNS}.")
    name = row[0]
    if not _IMAGE_NAME.fullmatch(name):
        raise DataError(f"{where}: {name[:60]!r} is not a plain PNG file name.")
    try:
        counts = [int(text) for text in row[2:]]
    except ValueError as error:
        raise DataError(f"{where} ({name}): votes must be whole numbers.") from error
    if min(counts) < 0 or max(counts) > _MAX_VOTES:
        raise DataError(f"{where} ({name}): votes must lie in 0..{_MAX_VOTES}.")
    if sum(counts) == 0:
        raise DataError(f"{where} ({name}): nobody voted.")
    return name, counts


def _decode(data: bytes, where: str) -> ImageU8:
    """A 48 x 48 grey image; its header is judged before anything is unpacked."""
    header = data[: len(_PNG_START) + 10]
    if not header.startswith(_PNG_START) or len(header) < len(_PNG_START) + 10:
        raise DataError(f"{where} is not a PNG image.")
    width, height, depth, colour = struct.unpack(">IIBB", header[len(_PNG_START) :])
    if (width, height, depth, colour) != (SIDE, SIDE, 8, 0):
        raise DataError(f"{where} is not {SIDE} x {SIDE} 8-bit grey ({width} x {height}).")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.shape != (SIDE, SIDE) or image.dtype != np.uint8:
        raise DataError(f"{where} cannot be decoded.")
    return np.asarray(image, np.uint8)


add_dataset(
    DataSet(
        name=NAME,
        title="FER+ (Barsoum et al. 2016): ten votes for each image of FER2013",
        where=(
            "labels: Microsoft's FERPlus repository; images: FER2013, from Kaggle's 'Challenges "
            "in Representation Learning'; its tools write the two together"
        ),
        terms=TERMS,
        layout=(
            "FER2013Train/, FER2013Valid/, FER2013Test/, each with fer*.png and label.csv",
            "a zip with these folders, or a folder with such zips",
        ),
        # Its part sizes there are FER2013's: FER+ has fewer, since it leaves out what is no face.
        published={
            "neutral": 11660,
            "happiness": 9318,
            "surprise": 4377,
            "sadness": 4746,
            "anger": 3244,
            "disgust": 303,
            "fear": 1023,
            "contempt": 291,
        },
        source="Kyritsis, table 3.2 (all parts; he does not say how votes became labels)",
        read=read,
    )
)
