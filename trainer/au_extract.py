"""Action units of a whole data set, row by row into a table that an interruption does not lose."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ferdesk.aus.base import AuEstimator
from ferdesk.aus.choice import open_estimator
from ferdesk.aus.names import NATIVE_BUNDLE, EstimatorName
from ferdesk.core.align import eye_aligned
from ferdesk.core.bundle import InputSpec
from ferdesk.core.errors import DataError
from ferdesk.core.preprocess import extract as cut
from ferdesk.core.types import AuValues, Crop, Face, Frame, ImageU8
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load
from trainer.au_table import AuTableWriter
from trainer.datasets.base import DATASETS, Part, Sample, Table
from trainer.datasets.faces import resized
from trainer.errors import StoppedError
from trainer.signals import Stop, stop_signals

T = TypeVar("T")
PATCHES: Final = InputSpec(size=48)
"""What the patches that estimators are handed are like. Pictures of cropped sets are taken for
such patches, as expression nets are trained on them."""

_MODELS: Final[dict[EstimatorName, str]] = {"native": "auto", "blendshapes": "landmarker"}
MAX_FACES: Final = 4  # found in a picture, of which the largest is taken
_FACE_SIDE: Final = 192
_BORDER: Final = 48
_BORDER_GREY: Final = 128
"""A crop is scaled up to so many pixels and framed in grey: then the detector sees a face. Of every
ninth picture of FER+ valid (398), 96.2 % give a face so; 91.0 % where the crop's own edge is
repeated instead, and not more with larger scales or borders that leave the detector one look."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        dataset: the data set's name.
        data: where it lies.
        part: one part of it, or None for all there is.
        estimator: what estimates.
        output: the table; see `trainer.au_table`.
        bundle: the native net, by name or folder.
        skip_bad: leave bad rows and pictures out, and list them, instead of stopping at the first.
    """

    dataset: str
    data: Path
    part: Part | None
    estimator: EstimatorName
    output: Path
    bundle: str = NATIVE_BUNDLE
    skip_bad: bool = False


@dataclass(frozen=True, slots=True)
class Extraction:
    """What came of an extraction.

    Attributes:
        table: where the rows are.
        rows: how many the table has now.
        added: how many of them are new.
        found: how many of the new ones are of a face.
        skipped: what was left out and why, one line each.
    """

    table: Path
    rows: int
    added: int
    found: int
    skipped: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "table": str(self.table)}


def run(request: Request) -> Extraction:
    """Estimate the units of each sample's largest face, and write a row about each.

    Samples that the table has a row of already are passed over, so the same request goes on where
    an earlier one stopped.

    Raises:
        DataError: an unreadable picture or data set, no such part, or the table is another one.
        TrainError: no such data set.
        ModelError: a net is not installed.
        BundleError: the native net's bundle is missing or not sound.
        OutputError: the table cannot be written.
        StoppedError: SIGINT or SIGTERM; the rows so far are whole.
    """
    listed = DATASETS.get(request.dataset).read(request.data, skip_bad=request.skip_bad)
    samples = [sample for sample in listed.samples if request.part in (None, sample.part)]
    if not samples:
        raise DataError(
            f"{request.data} has no {request.part} part of {request.dataset}; all of it: --part all"
        )
    finder = OpenVinoFinder(load(_MODELS[request.estimator]), MAX_FACES)
    estimator = open_estimator(request.estimator, crops=PATCHES, bundle=request.bundle)
    with closing(finder), closing(estimator):
        return _extract(samples, listed, _Look(estimator, finder, listed.cropped), request)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What a picture goes through.

    Attributes:
        estimator: the last step.
        finder: the first.
        cropped: whether pictures are faces already.
    """

    estimator: AuEstimator
    finder: OpenVinoFinder
    cropped: bool


def _extract(samples: Sequence[Sample], listed: Table, look: _Look, request: Request) -> Extraction:
    skipped = list(listed.skipped)
    found = added = 0
    writer = AuTableWriter(request.output, look.estimator.name, look.estimator.units)
    with closing(writer), stop_signals() as stop:
        left = [sample for sample in samples if sample.name not in writer.done]
        for index, sample in enumerate(shown(left, look.estimator.name)):
            _heed(stop, request.output)
            try:
                values = _values(sample, index, look)
            except DataError as error:
                if not request.skip_bad:
                    raise
                skipped.append(str(error))
                continue
            writer.write(sample.name, values)
            found += values is not None
            added += 1
    return Extraction(request.output, len(writer.done) + added, added, found, tuple(skipped))


def _values(sample: Sample, index: int, look: _Look) -> AuValues | None:
    """The units of a sample's largest face, None where no face is found."""
    picture = sample.picture()
    image = _framed(picture) if look.cropped else picture
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    frame = Frame(np.ascontiguousarray(image), index, 0, None, sample.name, still=True)
    faces: Sequence[Face] = look.finder.find(frame)[:1]
    if not faces:
        return None
    if look.cropped:
        crop = _crop_of(picture, image)
    else:
        place = eye_aligned(faces[0].landmarks, PATCHES.crop, PATCHES.size)
        crop = cut(frame.image, place, PATCHES.size)
    look.estimator.reset()
    (values,) = look.estimator.estimate(frame, 0.0, faces, [crop])
    return values


def _framed(crop: ImageU8) -> ImageU8:
    """A face crop as a picture that the finder was made for."""
    side = max(_FACE_SIDE, *crop.shape[:2])
    width = _BORDER * side // _FACE_SIDE
    framed = np.full((side + 2 * width,) * 2, _BORDER_GREY, np.uint8)
    framed[width:-width, width:-width] = resized(side)(crop)
    return framed


def _crop_of(picture: ImageU8, framed: ImageU8) -> Crop:
    """A face crop as a net's patch, and where it lies in what `_framed` made of it."""
    side = max(_FACE_SIDE, *picture.shape[:2])
    scale = PATCHES.size / side
    start = (framed.shape[0] - side) / 2
    offset = scale * (0.5 - start) - 0.5
    from_frame = np.array([[scale, 0, offset], [0, scale, offset]], np.float64)
    return Crop(resized(PATCHES.size)(picture), from_frame)


def shown(things: Sequence[T], what: str) -> Iterator[T]:
    """The things, with a bar on standard error."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        yield from bar.track(things, description=what)


def _heed(stop: Stop, output: Path) -> None:
    if stop.signum:
        raise StoppedError(
            f"Stopped by {signal.Signals(stop.signum).name}; the rows so far are in {output}. Go "
            "on with the same command.",
            stop.signum,
        )
