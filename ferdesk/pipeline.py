"""The way of one frame. The only place that knows the order of the stages.

No threads, no Qt: whoever has a Frame calls `process`. Live view and file analysis use the same.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ferdesk.bundles import find_bundle
from ferdesk.core.align import eye_aligned
from ferdesk.core.preprocess import extract
from ferdesk.core.types import Crop, Face, FaceResult, Frame, FrameResult
from ferdesk.expression import ExpressionNet
from ferdesk.faces.finder import FaceFinder, OpenVinoFinder
from ferdesk.faces.store import load
from ferdesk.faces.tracker import Tracker
from ferdesk.settings import Settings
from ferdesk.smooth import Smoother


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """Half the way of a frame: who is where, and the patches that the expression net will judge."""

    frame: Frame
    time_s: float
    faces: Sequence[Face]
    crops: Sequence[Crop]
    stage_ms: Mapping[str, float]


class Pipeline:
    """Finder -> tracker -> crop -> expression net -> smoother.

    `process` goes all the way. Its two halves, `locate` and `judge`, share no state, so that a
    caller with two threads may locate the next frame while this one is judged; each half is called
    by one thread at a time and in the order of the frames.
    """

    def __init__(self, finder: FaceFinder, net: ExpressionNet, smoothing_s: float) -> None:
        """Put the stages together; the pipeline closes them."""
        self._finder = finder
        self._tracker = Tracker()
        self._net = net
        self._smoother = Smoother(smoothing_s)

    @property
    def faces_backend(self) -> str:
        """Which face models run."""
        return self._finder.backend

    @property
    def engine(self) -> str:
        """What runs the expression net."""
        return self._net.engine

    @property
    def bundle(self) -> str:
        """Which expression net runs."""
        return self._net.bundle.name

    def process(self, frame: Frame) -> FrameResult:
        """Send a frame all the way.

        Args:
            frame: the next frame of the source; call `reset` before a frame of another one.

        Returns:
            What was found, with the time that each stage took.
        """
        return self.judge(self.locate(frame))

    def locate(self, frame: Frame) -> Located:
        """Find and number the faces and cut their patches."""
        stage_ms: dict[str, float] = {}
        time_s = frame.source_time_s
        if time_s is None:
            time_s = frame.captured_ns / 1e9
        if frame.still:
            self._tracker.forget()
        with _timed("faces", stage_ms):
            found = self._finder.find(frame)
        with _timed("track", stage_ms):
            faces = self._tracker.track(frame, time_s, found)
        with _timed("crop", stage_ms):
            spec = self._net.bundle.input
            crops = [
                extract(frame.image, eye_aligned(face.landmarks, spec.crop, spec.size), spec.size)
                for face in faces
            ]
        return Located(frame, time_s, faces, crops, stage_ms)

    def judge(self, located: Located) -> FrameResult:
        """Judge the patches and smooth over each track's past."""
        stage_ms = dict(located.stage_ms)
        with _timed("expression", stage_ms):
            raw = self._net.predict([crop.image for crop in located.crops])
        with _timed("smooth", stage_ms):
            results = tuple(
                FaceResult(
                    face, crop, row, self._smoother.smooth(face.track_id, located.time_s, row)
                )
                for face, crop, row in zip(located.faces, located.crops, raw, strict=True)
            )
        return FrameResult(located.frame, tuple(results), stage_ms, time.monotonic_ns())

    def reset(self) -> None:
        """Forget the frames seen so far: the next one is of another source."""
        self._finder.reset()
        self._tracker.reset()
        self._smoother.reset()

    def close(self) -> None:
        """Let go of all nets."""
        self._finder.close()
        self._net.close()


@contextmanager
def _timed(stage: str, stage_ms: dict[str, float]) -> Iterator[None]:
    started = time.perf_counter_ns()
    yield
    stage_ms[stage] = (time.perf_counter_ns() - started) / 1e6


def build_pipeline(settings: Settings, judge_threads: int = 0) -> Pipeline:
    """Load everything that the settings name.

    Args:
        settings: what to load, and how many threads a net may use.
        judge_threads: how many the expression net may use, where that is to differ.

    Raises:
        ModelError: face models are missing or broken.
        BundleError: the expression bundle is missing or broken.
    """
    net = ExpressionNet(
        find_bundle(settings.bundle), judge_threads or settings.threads, settings.precision
    )
    if settings.faces == "mediapipe":
        from ferdesk.faces.mediapipe_finder import MediaPipeFinder

        return Pipeline(MediaPipeFinder(settings.max_faces), net, settings.smoothing_s)
    finder = OpenVinoFinder(
        load(settings.faces), settings.max_faces, settings.threads, settings.precision
    )
    return Pipeline(finder, net, settings.smoothing_s)
