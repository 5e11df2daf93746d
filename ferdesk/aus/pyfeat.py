"""Action units by py-feat, for whoever wants its nets and can wait for them.

Opt-in only (the extra `feat`): it brings torch, is far too slow for each frame of a camera, fetches
its weights from Hugging Face at first use, and they are for research that is not commercial.
"""

import importlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NamedTuple

import numpy as np

from ferdesk.aus.base import au_values, is_reliable
from ferdesk.core.errors import ModelError
from ferdesk.core.types import AuValues, Box, Crop, Face, Frame

UNITS: Final = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
"""What `feat.Detectorv2` of py-feat 2.1 gives. Its numbers are probabilities that a unit is there,
not how strong it is, and it does not tell sides apart."""

NOTICE: Final = (
    "py-feat fetches its weights from Hugging Face at first use; they are for non-commercial "
    "research only."
)
FORGET_AFTER_S: Final = 5.0
"""Seconds after which values say nothing about a face any more."""
SMALLEST_OVERLAP: Final = 0.2
"""Intersection over union from which a box of py-feat is a face of ours. Its boxes are squares a
fifth larger than the face, so even the right one overlaps by about half only."""

_BOX: Final = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")

log = logging.getLogger(__name__)

Detect = Callable[[Any], Any]
"""From a picture, (height, width, 3) uint8, BGR, to a table with a row a face."""


class _Job(NamedTuple):
    source: int
    frame: Frame
    time_s: float
    faces: Sequence[Face]


class PyFeatEstimator:
    """py-feat's Detectorv2; finds the faces by itself, which are matched to ours by their boxes.

    Live it runs in a thread of its own, on the newest frame whenever it is done with one, and a
    face gets the newest values of its track, with the time of the frame that they were read from.
    """

    units = UNITS

    def __init__(self, wait: bool = False) -> None:
        """Load the nets; at the first time, fetch their weights.

        Args:
            wait: whether each frame waits for its own values, so that nothing depends on timing.

        Raises:
            ModelError: the package or its weights are missing.
        """
        log.warning(NOTICE)
        self.name = f"pyfeat Detectorv2 {_version()}"
        self._detect = _load()
        self._wait = wait
        self._busy = threading.Lock()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._next: _Job | None = None
        self._known: dict[int, AuValues] = {}
        self._source = 0
        self._closing = False
        self._error: ModelError | None = None

    def estimate(
        self, frame: Frame, time_s: float, faces: Sequence[Face], crops: Sequence[Crop]
    ) -> list[AuValues | None]:
        """See `AuEstimator.estimate`.

        Raises:
            ModelError: py-feat failed. Live that is told once; from then on there are no values.
        """
        if not faces:
            return []
        job = _Job(self._source, frame, time_s, faces)
        if self._wait or frame.still:
            found = self._read(job)
            return [found.get(face.track_id) for face in faces]
        with self._changed:
            error, self._error = self._error, None
            if error is not None:
                raise error
            self._next = job
            self._changed.notify()
            self._known = {
                track: values
                for track, values in self._known.items()
                if 0 <= time_s - values.time_s <= FORGET_AFTER_S
            }
            values = [self._known.get(face.track_id) for face in faces]
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ferdesk-pyfeat", daemon=True)
            self._thread.start()
        return values

    def reset(self) -> None:
        """See `AuEstimator.reset`; values that are still on their way are thrown away."""
        with self._changed:
            self._source += 1
            self._next = None
            self._known = {}

    def close(self) -> None:
        """Stop and join the thread, which ends after the picture it is in."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._next is not None)
                job, self._next = self._next, None
                if self._closing or job is None:
                    return
            try:
                found = self._read(job)
            except ModelError as error:
                with self._changed:
                    self._error = error
                    self._known = {}
                return
            with self._changed:
                if job.source == self._source:
                    self._known.update(found)

    def _read(self, job: _Job) -> dict[int, AuValues]:
        """The values of a frame's faces by track; none for a face that py-feat does not see."""
        with self._busy:
            try:
                table = self._detect(job.frame.image)
                columns = {au: _column(table, f"AU{au:02d}") for au in UNITS}
                boxes = np.stack([_column(table, name) for name in _BOX], axis=1)
            except Exception as error:
                raise ModelError(
                    f"py-feat failed on a picture ({_said(error)}). Choose another estimator: "
                    "--aus native."
                ) from error
        found = {}
        for row, face in _matched(boxes, job.faces):
            numbers = {au: float(np.clip(column[row], 0, 1)) for au, column in columns.items()}
            reliable = is_reliable(face)
            found[face.track_id] = au_values(self.name, numbers, {}, job.time_s, reliable)
        return found


def _version() -> str:
    try:
        return version("py-feat")
    except PackageNotFoundError as error:
        raise ModelError('py-feat is not installed. pip install "ferdesk[feat]"') from error


def _load() -> Detect:
    # Its download client reports its use unless told otherwise before it is loaded.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        feat = importlib.import_module("feat")
        to_tensor = importlib.import_module("feat.utils.image_operations").convert_image_to_tensor
    except Exception as error:
        raise ModelError(
            f'py-feat cannot be loaded ({_said(error)}). pip install "ferdesk[feat]"'
        ) from error
    try:
        detector = feat.Detectorv2(device="cpu", identity_model=None)
    except Exception as error:
        raise ModelError(
            f"py-feat's weights cannot be loaded ({_said(error)}). Connect this machine to the "
            "internet once, so that py-feat can fetch them from huggingface.co, or choose another "
            "estimator: --aus native."
        ) from error
    return lambda image: detector.detect(
        to_tensor(image), data_type="tensor", batch_size=1, progress_bar=False
    )


def _said(error: Exception) -> str:
    """What a foreign error says, as a part of one line."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__


def _column(table: Any, name: str) -> Any:
    return np.asarray(table[name], np.float64)


def _matched(boxes: Any, faces: Sequence[Face]) -> list[tuple[int, Face]]:
    """Rows and the faces they are about, the best overlaps first and each of both once.

    Args:
        boxes: (n, 4) float64, x, y, width, height in frame pixels; NaN where there is no face.
        faces: the faces to find among them.
    """
    overlaps = [
        (_overlap(Box(*map(float, box)), face.box), row, index)
        for row, box in enumerate(boxes)
        if np.isfinite(box).all()
        for index, face in enumerate(faces)
    ]
    rows, taken, found = set[int](), set[int](), []
    for overlap, row, index in sorted(overlaps, key=lambda one: -one[0]):
        if overlap < SMALLEST_OVERLAP or row in rows or index in taken:
            continue
        rows.add(row)
        taken.add(index)
        found.append((row, faces[index]))
    return found


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    w = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    h = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (one.w * one.h + other.w * other.h - w * h)
