"""Analyses a session's video again and compares: what `ferdesk replay` does."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ferdesk.core.errors import SessionError
from ferdesk.core.types import FaceReading, Frame, FrameResult
from ferdesk.pipeline import build_pipeline
from ferdesk.record import RecordedPipeline
from ferdesk.sessions import schema
from ferdesk.sessions.describe import bundle_hash
from ferdesk.sessions.readings import FrameReading
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import SAME_TIME_S
from ferdesk.settings import Settings
from ferdesk.sources.video import VideoFile

EXACT: Final = 1e-5
"""A lossless video gives probabilities that differ by no more than this."""

SAME_LABELS: Final = 0.98
CLOSE: Final = 0.1
"""H.264 as the recorder writes it changes pixels a little: so many labels stay the same, and so far
at most the probabilities of 99 of 100 faces move (docs/sessions.md has the measurement)."""


@dataclass(slots=True)
class Comparison:
    """How the numbers of a second analysis differ from those that were stored.

    Attributes:
        folder: the session's.
        lossless: whether the video keeps every pixel's value.
        frames: analysed again.
        faces: found both times, in the same frame.
        other_faces: found one time only.
        same_labels: of `faces`, how many have the same label.
        probability_max: the largest difference of any probability.
        probability_mean: the mean over faces of the largest difference of a face's probabilities.
        probability_p99: 99 of 100 faces' largest difference is not above this.
        unit_max: the largest difference of any action unit's activation.
        unit_mean: the mean difference over all of them.
        seconds: that it took.
    """

    folder: str
    lossless: bool
    frames: int = 0
    faces: int = 0
    other_faces: int = 0
    same_labels: int = 0
    probability_max: float = 0.0
    probability_mean: float = 0.0
    probability_p99: float = 0.0
    unit_max: float = 0.0
    unit_mean: float = 0.0
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """Whether the same was found: the same faces and labels, and probabilities within 1e-5."""
        same = self.same_labels == self.faces and not self.other_faces
        return same and self.probability_max <= EXACT

    @property
    def within_bound(self) -> bool:
        """Whether it is as equal as its video allows."""
        if self.lossless:
            return self.equal
        matched = self.faces and self.same_labels / self.faces >= SAME_LABELS
        return bool(matched) and self.probability_p99 <= CLOSE

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {**asdict(self), "equal": self.equal, "within_bound": self.within_bound}


def replay(
    folder: Path,
    *,
    build: Callable[[Settings], RecordedPipeline] | None = None,
    advance: Callable[[], None] | None = None,
) -> Comparison:
    """Send the stored pictures the stored way, with the stored times, and compare.

    Args:
        folder: the session's.
        build: makes the pipeline; the real one by default.
        advance: is told of each frame.

    Raises:
        SessionError: it has no video as the camera saw it, its numbers are of another program, its
            net is not the one that is installed, or it is damaged.
        SourceError: its video cannot be read.
        ModelError, BundleError, ProfileError: there is nothing to analyse with.
    """
    started = time.perf_counter()
    with Session(folder) as session:
        settings = _settings_of(session)
        pipeline = build(settings) if build else build_pipeline(settings, wait=True)
        try:
            _refuse_other(session, pipeline)
            compared = _compare(session, pipeline, advance)
        finally:
            pipeline.close()
    compared.seconds = time.perf_counter() - started
    return compared


def _settings_of(session: Session) -> Settings:
    meta = session.meta
    if meta.settings is None:
        raise SessionError(f"{session.folder} holds numbers of another program.")
    if meta.video != "raw" or session.video is None:
        raise SessionError(
            f"{session.folder} has no video of what the camera saw (its video: {meta.video}), "
            "so that it cannot be analysed again."
        )
    return meta.settings


def _refuse_other(session: Session, pipeline: RecordedPipeline) -> None:
    meta = session.meta
    now = (
        ("net", meta.bundle_sha256, bundle_hash(pipeline.bundle)),
        ("face models", meta.faces_backend, pipeline.faces_backend),
        ("action units", meta.au_estimator, pipeline.au_estimator),
        ("disambiguator", meta.disambiguator, pipeline.disambiguator),
    )
    for name, then, here in now:
        if then != here:
            raise SessionError(
                f"{session.folder} was recorded with other {name} than are used here "
                f"({then or 'none'}, now {here or 'none'})."
            )


def _compare(
    session: Session, pipeline: RecordedPipeline, advance: Callable[[], None] | None
) -> Comparison:
    compared = Comparison(str(session.folder), session.meta.lossless)
    largest: list[float] = []
    units: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    for reading, frame in _frames(session):
        result = pipeline.process(frame)
        compared.frames += 1
        _match(reading, result, compared, largest, units)
        if advance is not None:
            advance()
    if largest:
        compared.probability_max = max(largest)
        compared.probability_mean = float(np.mean(largest))
        compared.probability_p99 = float(np.quantile(largest, 0.99))
    known = np.concatenate(units) if units else np.zeros(0, np.float32)
    if known.size:
        compared.unit_max, compared.unit_mean = float(known.max()), float(known.mean())
    return compared


def _match(
    reading: FrameReading,
    result: FrameResult,
    compared: Comparison,
    largest: list[float],
    units: list[np.ndarray[Any, np.dtype[np.float32]]],
) -> None:
    now: dict[int, FaceReading] = {face.face.track_id: face for face in result.faces}
    for then in reading.faces:
        again = now.pop(then.face.track_id, None)
        if again is None:
            compared.other_faces += 1
            continue
        compared.faces += 1
        compared.same_labels += then.label == again.label
        largest.append(float(np.abs(then.probabilities - again.probabilities).max()))
        if then.aus is not None and again.aus is not None:
            difference = np.abs(then.aus.activation - again.aus.activation)
            units.append(difference[~np.isnan(difference)])
    compared.other_faces += len(now)


def _frames(session: Session) -> Iterator[tuple[FrameReading, Frame]]:
    """What was stored of each frame, and the frame as the pipeline had it."""
    with VideoFile(session.folder / schema.VIDEO) as video:
        picture = video.read()
        for reading in session.frames():
            while picture is not None and _time_s(picture) < reading.time_s - SAME_TIME_S:
                picture = video.read()
            if picture is None:
                return  # the video was cut off; `ferdesk sessions verify` says so
            if _time_s(picture) <= reading.time_s + SAME_TIME_S:
                yield reading, _as_it_was(reading, picture, session.meta.source)


def _time_s(picture: Frame) -> float:
    return picture.source_time_s or 0.0


def _as_it_was(reading: FrameReading, picture: Frame, source: str) -> Frame:
    times = reading.captured_ns, reading.source_time_s
    return Frame(picture.image, reading.source_index, *times, source)
