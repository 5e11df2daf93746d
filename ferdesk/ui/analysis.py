"""What the pipeline thread does: build the pipeline, feed it the newest frame, draw, hand over."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import cv2
import numpy as np

from ferdesk.core.errors import FerdeskError
from ferdesk.core.types import Frame, FrameResult, ImageU8
from ferdesk.live.capture import Captured
from ferdesk.live.mailbox import Mailbox
from ferdesk.sessions.describe import PipelineFacts
from ferdesk.settings import Settings
from ferdesk.texts import tr
from ferdesk.ui.live import Counters, LiveResult, PipelineState
from ferdesk.ui.tap import Tap

log = logging.getLogger(__name__)

_NOT_BUILT: Final = tr("Something went wrong while building the pipeline: {kind}: {error}")
_NOT_ANALYSED: Final = tr("Something went wrong while analysing a frame: {kind}: {error}")

_RATE_WINDOW_S: Final = 1.0


class Pipeline(PipelineFacts, Protocol):
    """What this thread needs of a pipeline."""

    @property
    def has_maps(self) -> bool:
        """Whether the expression net has activation maps."""
        ...

    def process(self, frame: Frame, maps: bool = False) -> FrameResult:
        """All stages on one frame; with activation maps where they are wanted."""
        ...

    def use_neutral(self, name: str) -> None:
        """Take another neutral profile off the units, or none."""
        ...

    def reset(self) -> None:
        """Forget all tracks: another source begins."""
        ...

    def close(self) -> None:
        """Let go of the nets."""
        ...


BuildPipeline = Callable[[Settings], Pipeline]
"""May take a second; raises ModelError or BundleError."""

Draw = Callable[[FrameResult], ImageU8]
"""The annotated picture, BGR, a new array."""


class RateMeter:
    """Events a second, over the last second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque()

    def tick(self) -> float:
        """Count an event now; returns the rate."""
        now = self._clock()
        self._times.append(now)
        while now - self._times[0] > _RATE_WINDOW_S:
            self._times.popleft()
        span = now - self._times[0]
        return (len(self._times) - 1) / span if span > 0 else 0.0


class Analysis:
    """Owns the pipeline. `run` is a thread's body; the other methods may be called from any thread.

    Args:
        build: makes a pipeline from settings.
        draw: paints a result.
        inbox: where frames come from.
        deliver: called with each result, in this thread; returns whether it replaced one that was
            never shown.
        report: called with each change of the pipeline, in this thread.
        tap: where results leave for a recording and live outputs.
        ready: set while there is a pipeline.
    """

    def __init__(
        self,
        build: BuildPipeline,
        draw: Draw,
        inbox: Mailbox[Captured],
        deliver: Callable[[LiveResult], bool],
        report: Callable[[PipelineState], None],
        tap: Tap,
        ready: threading.Event,
    ) -> None:
        self._build = build
        self._draw = draw
        self._inbox = inbox
        self._deliver = deliver
        self._report = report
        self._tap = tap
        self._ready = ready
        self._wanted = Mailbox[Settings]()
        self._closing = False
        self._maps = False
        self._pipeline: Pipeline | None = None
        self._settings = Settings()
        self._working = PipelineState()
        self._failing = False
        self._session = 0
        self._rate = RateMeter()
        self._unshown = 0
        self._numbering = 0

    def configure(self, settings: Settings) -> None:
        """Build the pipeline anew from this snapshot; another neutral profile needs no new one."""
        self._wanted.put(settings)
        self._inbox.poke()

    def want_maps(self, on: bool) -> None:
        """Whether faces are to come with activation maps, from the next frame on."""
        self._maps = on

    def close(self) -> None:
        """Ask the thread to end; it does so after the frame it is in."""
        self._closing = True
        self._inbox.poke()

    def run(self) -> None:
        """Analyse what comes until `close`."""
        try:
            while not self._closing:
                settings = self._wanted.take()
                if settings is not None and not self._another_face(settings):
                    self._rebuild(settings)
                captured = self._inbox.wait()
                if captured is not None and self._pipeline is not None:
                    self._analyse(self._pipeline, captured)
        finally:
            self._drop_pipeline()

    def _rebuild(self, settings: Settings) -> None:
        self._drop_pipeline()
        try:
            pipeline = self._build(settings)
        except Exception as error:
            self._report(PipelineState(error=_explain(error, _NOT_BUILT)))
            return
        self._pipeline = pipeline
        self._settings = settings
        self._failing = False
        self._numbering += 1
        self._ready.set()
        self._say_what_runs(pipeline)

    def _another_face(self, settings: Settings) -> bool:
        """Take another neutral profile, where that is all that changes and it can be used."""
        pipeline, name = self._pipeline, settings.neutral
        same = self._settings.model_copy(update={"neutral": name})
        if pipeline is None or self._settings.neutral == name or same != settings:
            return False
        try:
            pipeline.use_neutral(name)
        except FerdeskError:
            return False  # building the pipeline will say so
        self._settings = settings
        self._failing = False
        self._say_what_runs(pipeline)
        return True

    def _say_what_runs(self, pipeline: Pipeline) -> None:
        self._working = PipelineState(
            pipeline.faces_backend,
            pipeline.engine,
            pipeline.bundle,
            pipeline.au_estimator,
            pipeline.disambiguator,
            pipeline.neutral,
            units=pipeline.units,
            has_maps=pipeline.has_maps,
        )
        self._report(self._working)

    def _drop_pipeline(self) -> None:
        self._ready.clear()
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None

    def _analyse(self, pipeline: Pipeline, captured: Captured) -> None:
        if captured.session != self._session:
            self._session = captured.session
            self._rate = RateMeter()
            self._unshown = 0
            self._numbering += 1
            pipeline.reset()
        if self._tap.before(pipeline, self._settings, captured):
            self._numbering += 1
        try:
            result = pipeline.process(captured.frame, self._maps)
            self._tap.take(result)
            picture = cv2.cvtColor(self._draw(result), cv2.COLOR_BGR2BGRA)
        except Exception as error:
            if not self._failing:  # said once, not thirty times a second
                self._failing = True
                self._report(self._working._replace(error=_explain(error, _NOT_ANALYSED)))
            return
        renamed = self._working._replace(engine=pipeline.engine)  # a faster one may have taken over
        if self._failing or renamed != self._working:
            self._failing = False
            self._working = renamed
            self._report(self._working)
        if self._closing:
            return
        latency_ms = (time.monotonic_ns() - captured.frame.captured_ns) / 1e6
        counters = Counters(self._rate.tick(), latency_ms, captured.dropped, self._unshown)
        live = LiveResult(
            captured.session,
            result,
            np.ascontiguousarray(picture),
            captured.source,
            counters,
            self._numbering,
        )
        if self._deliver(live):
            self._unshown += 1


def _explain(error: Exception, text: str) -> str:
    """The message for people; what was not foreseen is logged with its trace as well."""
    if isinstance(error, FerdeskError):
        log.error("the analysis: %s", error)
        return str(error)
    log.error("the analysis failed", exc_info=error)
    return text.format(kind=type(error).__name__, error=error)
