"""The way of one frame. The only place that knows the order of the stages.

No threads, no Qt: whoever has a Frame calls `process`. Live view and file analysis use the same.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ferdesk.aus.base import AuEstimator
from ferdesk.aus.choice import open_estimator
from ferdesk.aus.pyfeat import PyFeatEstimator
from ferdesk.bundles import find_bundle, installed_bundles
from ferdesk.calibrate import NeutralCorrection
from ferdesk.core.align import eye_aligned
from ferdesk.core.errors import BundleError, ProfileError
from ferdesk.core.preprocess import extract
from ferdesk.core.types import (
    AuValues,
    Crop,
    Face,
    FaceResult,
    FloatArray,
    Frame,
    FrameResult,
    Verdict,
)
from ferdesk.disambiguate import Disambiguator, Thresholds
from ferdesk.expression import ExpressionNet
from ferdesk.faces.finder import FaceFinder, OpenVinoFinder
from ferdesk.faces.store import load
from ferdesk.faces.tracker import Tracker
from ferdesk.profiles import load_profile
from ferdesk.settings import Settings
from ferdesk.smooth import Smoother

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """Half the way of a frame: who is where, and the patches that the expression net will judge."""

    frame: Frame
    time_s: float
    faces: Sequence[Face]
    crops: Sequence[Crop]
    stage_ms: Mapping[str, float]


class Pipeline:
    """Finder -> tracker -> crop -> expression net -> action units -> disambiguator -> smoother.

    `process` goes all the way. Its two halves, `locate` and `judge`, share no state, so that a
    caller with two threads may locate the next frame while this one is judged; each half is called
    by one thread at a time and in the order of the frames.
    """

    def __init__(
        self,
        finder: FaceFinder,
        net: ExpressionNet,
        smoothing_s: float,
        estimator: AuEstimator | None = None,
        disambiguator: Disambiguator | None = None,
        neutral: NeutralCorrection | None = None,
    ) -> None:
        """Put the stages together; the pipeline closes them.

        Args:
            finder: finds faces.
            net: judges their patches.
            smoothing_s: time constant of the smoothing.
            estimator: estimates action units; None for none.
            disambiguator: decides with them between expressions that the net cannot tell apart.
            neutral: takes a person's face at rest off the units.
        """
        self._finder = finder
        self._tracker = Tracker()
        self._net = net
        self._estimator = estimator
        self._disambiguator = disambiguator
        self._neutral = neutral
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

    @property
    def au_estimator(self) -> str:
        """What estimates action units; empty where nothing does."""
        return self._estimator.name if self._estimator else ""

    @property
    def units(self) -> tuple[int, ...]:
        """Numbers of the action units that are estimated, ascending."""
        return self._estimator.units if self._estimator else ()

    @property
    def disambiguator(self) -> str:
        """Which SVMs decide between expressions; empty where none do."""
        return self._disambiguator.bundle.name if self._disambiguator else ""

    @property
    def thresholds(self) -> tuple[float, float] | None:
        """t2 and t3, below which an answer is contested; None where nothing decides."""
        return self._disambiguator.thresholds if self._disambiguator else None

    @property
    def neutral(self) -> str:
        """The neutral profile that is taken off the units; empty for none."""
        return self._neutral.name if self._neutral else ""

    @property
    def has_maps(self) -> bool:
        """Whether the expression net can say which places of a face speak for what."""
        return self._net.has_maps

    def use_neutral(self, name: str) -> None:
        """Take this neutral profile off the units from the next frame on; none where it is empty.

        Raises:
            ProfileError: it is missing or broken, or of another estimator; what was used before
                still is.
        """
        self._neutral = _neutral(name, self._estimator)

    def process(self, frame: Frame, maps: bool = False) -> FrameResult:
        """Send a frame all the way.

        Args:
            frame: the next frame of the source; call `reset` before a frame of another one.
            maps: whether the faces are to come with activation maps, where the net has them. All
                else is the same with and without; without they cost nothing.

        Returns:
            What was found, with the time that each stage took.
        """
        return self.judge(self.locate(frame), maps)

    def locate(self, frame: Frame) -> Located:
        """Find and number the faces and cut their patches."""
        stage_ms: dict[str, float] = {}
        time_s = frame.clock_s
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

    def judge(self, located: Located, maps: bool = False) -> FrameResult:
        """Judge the patches, estimate units, decide with them, smooth over each track's past."""
        stage_ms = dict(located.stage_ms)
        patches = [crop.image for crop in located.crops]
        with _timed("expression", stage_ms):
            raw = self._net.predict(patches)
        mapped: Sequence[FloatArray | None] = [None] * len(raw)
        if maps and self.has_maps:
            with _timed("maps", stage_ms):
                mapped = list(self._net.maps(patches))
        aus: Sequence[AuValues | None] = [None] * len(raw)
        if self._estimator is not None:
            with _timed("aus", stage_ms):
                aus = self._estimated(self._estimator, located)
        verdicts: Sequence[Verdict | None] = [None] * len(raw)
        if self._disambiguator is not None:
            with _timed("disambiguate", stage_ms):
                decide = self._disambiguator.decide
                verdicts = [decide(row, one) for row, one in zip(raw, aus, strict=True)]
        with _timed("smooth", stage_ms):
            smooth = self._smoother.smooth
            results = tuple(
                FaceResult(
                    face,
                    row,
                    smooth(
                        face.track_id, located.time_s, verdict.probabilities if verdict else row
                    ),
                    one,
                    verdict,
                    crop=crop,
                    maps=places,
                )
                for face, crop, row, one, verdict, places in zip(
                    located.faces, located.crops, raw, aus, verdicts, mapped, strict=True
                )
            )
        return FrameResult(located.frame, results, stage_ms, time.monotonic_ns())

    def _estimated(self, estimator: AuEstimator, located: Located) -> Sequence[AuValues | None]:
        frame, time_s, faces = located.frame, located.time_s, located.faces
        values = estimator.estimate(frame, time_s, faces, located.crops)
        if self._neutral is None:
            return values
        return self._neutral.correct(faces, values, time_s, frame.still)

    def reset(self) -> None:
        """Forget the frames seen so far: the next one is of another source."""
        self._finder.reset()
        self._tracker.reset()
        if self._estimator is not None:
            self._estimator.reset()
        if self._neutral is not None:
            self._neutral.reset()
        self._smoother.reset()

    def close(self) -> None:
        """Let go of all nets."""
        self._finder.close()
        self._net.close()
        if self._estimator is not None:
            self._estimator.close()


@contextmanager
def _timed(stage: str, stage_ms: dict[str, float]) -> Iterator[None]:
    started = time.perf_counter_ns()
    yield
    stage_ms[stage] = (time.perf_counter_ns() - started) / 1e6


def build_pipeline(settings: Settings, judge_threads: int = 0, wait: bool = False) -> Pipeline:
    """Load everything that the settings name.

    Args:
        settings: what to load, and how many threads a net may use.
        judge_threads: how many the nets of the second half may use, where that is to differ.
        wait: whether each frame waits for its own action units, however slow the estimator is, and
            the first for an engine that takes long to build, so that nothing depends on timing.

    Raises:
        ModelError: face models, or the estimator's, are missing or broken.
        BundleError: a bundle is missing or broken, or does not belong to the others.
        EngineError: the engine that was named is not there, or gives other answers.
        ProfileError: the neutral profile is missing or broken, or of another estimator.
    """
    threads = judge_threads or settings.threads
    folder = find_bundle(settings.bundle)
    net = ExpressionNet(folder, threads, settings.precision, settings.engine, wait)
    estimator = _estimator(settings, net, threads, wait)
    neutral = _neutral(settings.neutral, estimator)
    disambiguator = _disambiguator(settings, net, estimator)
    finder = _finder(settings)
    return Pipeline(finder, net, settings.smoothing_s, estimator, disambiguator, neutral)


def _estimator(
    settings: Settings, net: ExpressionNet, threads: int, wait: bool
) -> AuEstimator | None:
    if settings.aus == "off":
        return None
    if settings.aus == "pyfeat":
        return PyFeatEstimator(wait)
    try:
        return open_estimator(
            settings.aus,
            threads,
            settings.precision,
            crops=net.bundle.input,
            bundle=settings.au_bundle,
            engine=settings.engine,
            wait=wait,
        )
    except BundleError as error:
        raise BundleError(
            f"{error} Other action units need no bundle: --aus blendshapes, or --aus off."
        ) from error


def _neutral(name: str, estimator: AuEstimator | None) -> NeutralCorrection | None:
    if not name:
        return None
    if estimator is None:
        raise ProfileError("A neutral profile needs action units: leave out --aus off.")
    return NeutralCorrection(load_profile(name), estimator.name)


def _disambiguator(
    settings: Settings, net: ExpressionNet, estimator: AuEstimator | None
) -> Disambiguator | None:
    wanted, own = settings.disambiguate, Thresholds(settings.t2, settings.t3)
    if wanted == "off" or (wanted == "auto" and estimator is None):
        return None
    if estimator is None:
        raise BundleError(f"{wanted} decides with action units: leave out --aus off.")
    if wanted != "auto":
        return Disambiguator(
            find_bundle(wanted, "au_svm"), net.bundle, estimator.name, thresholds=own
        )
    for folder in installed_bundles("au_svm"):
        try:
            return Disambiguator(folder, net.bundle, estimator.name, thresholds=own)
        except BundleError as error:
            log.info("not used: %s", error)
    return None


def _finder(settings: Settings) -> FaceFinder:
    if settings.faces == "mediapipe":
        from ferdesk.faces.mediapipe_finder import MediaPipeFinder

        return MediaPipeFinder(settings.max_faces, settings.min_face)
    return OpenVinoFinder(
        load(settings.faces), settings.max_faces, settings.threads, settings.min_face
    )
