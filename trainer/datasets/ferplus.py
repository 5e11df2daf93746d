"""FER+ in its official layout.

E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. "Training Deep Networks for Facial Expression
Recognition with Crowd-Sourced Label Distribution." ICMI 2016. Its tools write FER2013Train,
FER2013Valid and FER2013Test, each with fer*.png (48 x 48, grey) and a label.csv whose rows are the
image's name, a box, and ten vote counts. "valid" is FER2013's PublicTest, "test" its PrivateTest.
"""

import contextlib
import csv
import io
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import cv2
import numpy as np

from ferdesk.core.errors import DataError
from ferdesk.core.labels import FERPLUS_VOTES
from ferdesk.core.types import ImageU8
from trainer.datasets.protocols import Votes
from trainer.datasets.store import FolderStore, Store, ZipStore, open_zip

Part = Literal["train", "valid", "test"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
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


@dataclass(frozen=True, slots=True, eq=False)
class FerPlus:
    """One part of FER+, as it lies on the disk; no protocol has been applied.

    Attributes:
        part: which one.
        images: (n, 48, 48) uint8, grey.
        votes: (n, 10) uint8, columns as in `ferdesk.core.labels.FERPLUS_VOTES`.
        names: the images' file names.
        skipped: what was left out and why, one line each; empty unless `skip_bad` was asked for.
    """

    part: Part
    images: ImageU8
    votes: Votes
    names: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def load(path: Path, part: Part, *, skip_bad: bool = False) -> FerPlus:
    """Read one part into memory.

    Args:
        path: a folder with the part folders, a zip with them, one part folder, or a folder with
            such zips. Zips are read in place.
        part: which part.
        skip_bad: leave bad rows and images out, and list them, instead of stopping at the first.

    Raises:
        DataError: one line with the file's name: nothing there, another layout, an image that is
            unreadable or not 48 x 48 grey, a malformed row, or a name that occurs twice.
    """
    with contextlib.ExitStack() as stack:
        try:
            stores = _find(path, stack)
        except OSError as error:
            raise DataError(f"Cannot look into {path}: {error.strerror or error}.") from error
        if part not in stores:
            found = ", ".join(FOLDERS[p] for p in stores)
            raise DataError(f"{path} has no {FOLDERS[part]}: found only {found}.")
        taken = {
            name: other
            for other, store in stores.items()
            if other != part
            for name in _names(store)
        }
        return _read_part(stores[part], part, taken, skip_bad)


def shared_pixels(one: FerPlus, other: FerPlus) -> int:
    """How many images of `one` are in `other` too, pixel for pixel, under whatever name."""
    known = {image.tobytes() for image in other.images}
    return sum(image.tobytes() in known for image in one.images)


def _find(path: Path, stack: contextlib.ExitStack) -> dict[Part, Store]:
    """Where each part lies."""
    if not path.exists():
        raise DataError(f"{path} does not exist; {_EXPECTED}.")
    found: dict[Part, Store] = {}
    looked: list[str] = []
    if path.is_file():
        _add(found, _in_zip(stack.enter_context(open_zip(path))))
    elif (path / _CSV).is_file():
        parts = [p for p in PARTS if FOLDERS[p] == path.resolve().name]
        found = {p: FolderStore(path) for p in parts}
    else:
        folders = {p: path / FOLDERS[p] for p in PARTS}
        found = {p: FolderStore(f) for p, f in folders.items() if (f / _CSV).is_file()}
        for file in sorted(path.glob("*.zip")):
            try:
                archive = open_zip(file)
            except DataError:  # it may have nothing to do with FER+; named if no part is found
                looked.append(f"{file.name} (unreadable)")
                continue
            _add(found, _in_zip(stack.enter_context(archive)))
    if not found:
        looked += _a_few_names(path)
        raise DataError(f"{path} is not laid out like FER+: {_EXPECTED}; found {_said(looked)}.")
    return found


def _in_zip(archive: zipfile.ZipFile) -> dict[Part, Store]:
    found: dict[Part, Store] = {}
    for part in PARTS:
        tail = f"{FOLDERS[part]}/{_CSV}"
        tables = [n for n in archive.namelist() if n == tail or n.endswith("/" + tail)]
        for table in tables:
            _add(found, {part: ZipStore(archive, table.removesuffix(_CSV))})
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
        with open_zip(path) as archive:
            return sorted({name.split("/")[0] for name in archive.namelist()})[:5]
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


def _read_part(store: Store, part: Part, taken: dict[str, Part], skip_bad: bool) -> FerPlus:
    images: list[ImageU8] = []
    votes: list[list[int]] = []
    names: dict[str, None] = {}
    skipped: list[str] = []
    for line, row in _rows(store):
        try:
            name, counts = _check_row(row, f"{store.where(_CSV)}, line {line}")
            if name in names or name in taken:
                other = "twice" if name in names else f"in {FOLDERS[taken[name]]} too"
                raise DataError(f"{store.where(name)} is listed {other}.")
            image = _decode(store.read(name, _MAX_IMAGE_BYTES), store.where(name))
        except DataError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
            continue
        names[name] = None
        votes.append(counts)
        images.append(image)
    if not images:
        raise DataError(f"{store.where(_CSV)} lists no usable image.")
    return FerPlus(part, np.stack(images), np.array(votes, np.uint8), tuple(names), tuple(skipped))


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
