"""From a table to faces in memory: read, made grey, cropped as the app crops, scaled."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from ferdesk.core.errors import DataError, SourceError
from ferdesk.core.types import ImageU8
from ferdesk.sources.images import decode_image
from trainer.datasets.base import DATASETS, Faces, Part, Sample, Table
from trainer.datasets.protocols import labels as vote_labels

Crop = Callable[[ImageU8], ImageU8 | None]
"""From a BGR picture to the largest face's grey patch of the size asked for, or None."""


def load_faces(
    name: str,
    path: Path,
    part: Part,
    size: int,
    *,
    skip_bad: bool = False,
    crop: Crop | None = None,
) -> Faces:
    """Read one part of a data set into memory.

    Args:
        name: the data set's.
        path: where it lies.
        part: which part; sets without parts have none to give.
        size: side of the patches in pixels.
        skip_bad: leave bad rows and images out, and list them.
        crop: how faces are cut out of pictures that are not cropped; the app's way unless given.

    Raises:
        DataError: as `DataSet.read`, or an unreadable picture, or no sample of that part.
        TrainError: no such data set.
        ModelError: faces have to be found and the face models are not installed.
    """
    table = DATASETS.get(name).read(path, skip_bad=skip_bad)
    samples = [sample for sample in table.samples if sample.part == part]
    if not samples:
        there = sorted({sample.part for sample in table.samples} - {""})
        raise DataError(
            f"{path} has no {part} part of {name}: found {', '.join(there) or 'no parts at all'}."
        )
    return gather(name, part, samples, table, size, skip_bad=skip_bad, crop=crop)


def gather(
    name: str,
    part: str,
    samples: Sequence[Sample],
    table: Table,
    size: int,
    *,
    skip_bad: bool = False,
    crop: Crop | None = None,
) -> Faces:
    """Decode samples of a table into faces; arguments and errors as in `load_faces`."""
    cut = resized(size) if table.cropped else (crop or app_crop(size))
    images: list[ImageU8] = []
    kept: list[Sample] = []
    skipped = list(table.skipped)
    for sample in samples:
        try:
            patch = cut(sample.picture())
            if patch is None:
                raise DataError(f"{sample.name}: no face found in it.")
        except DataError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
            continue
        images.append(patch)
        kept.append(sample)
    if not images:
        raise DataError(f"No usable picture in the {part} part of {name}.")
    votes = np.array([s.votes for s in kept], np.uint8) if kept[0].votes else None
    own = np.array([sample.label for sample in kept], np.int64)
    return Faces(
        name,
        part,
        np.stack(images),
        own if votes is None else vote_labels(votes, "plurality"),
        tuple(sample.name for sample in kept),
        votes,
        tuple(sample.subject for sample in kept),
        np.array([sample.gender for sample in kept], np.int64),
        np.array([sample.age for sample in kept], np.float32),
        tuple(skipped),
    )


def app_crop(size: int) -> Crop:
    """The app's own finder and crop, with its landmark models.

    Raises:
        ModelError: they are not installed.
    """
    from trainer.datasets.crop import FaceCropper  # its engine is only needed for whole pictures

    return FaceCropper(size)


def to_grey(picture: ImageU8) -> ImageU8:
    """(h, w) or (h, w, 3) BGR to (h, w)."""
    if picture.ndim == 2:
        return picture
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def resized(size: int) -> Callable[[ImageU8], ImageU8]:
    """For pictures that are faces already: made grey and scaled to (size, size)."""

    def cut(picture: ImageU8) -> ImageU8:
        grey = to_grey(picture)
        height, width = grey.shape
        if (height, width) == (size, size):
            return grey
        how = cv2.INTER_AREA if min(height, width) > size else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(grey, (size, size), interpolation=how), np.uint8)

    return cut


def decode(data: bytes, where: str) -> ImageU8:
    """A picture from the bytes of a file: (h, w, 3) uint8, BGR, upright.

    Raises:
        DataError: damaged, no picture, or too large.
    """
    try:
        return decode_image(data, where)
    except SourceError as error:
        raise DataError(str(error)) from error
