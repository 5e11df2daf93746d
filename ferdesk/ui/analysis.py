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
from ferdesk.ui.live import Counters, LiveResult, PipelineState
from ferdesk.ui.tap import Tap

log = logging.getLogger(__name__)

_RATE_WINDOW_S: Final = 1.0


class Pipeline(PipelineFacts, Protocol):
    """What this thread needs of a pipeline."""

    def process(self, frame: Frame) -> FrameResult:
        """All stages on one frame."""
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
        self._pipeline: Pipeline | None = None
        self._settings = Settings()
        self._working = PipelineState()
        self._failing = False
        self._session = 0
        self._rate = RateMeter()
        self._unshown = 0

    def configure(self, settings: Settings) -> None:
        """Build the pipeline anew from this snapshot."""
        self._wanted.put(settings)
        self._inbox.poke()

    def close(self) -> None:
        """Ask the thread to end; it does so after the frame it is in."""
        self._closing = True
        self._inbox.poke()

    def run(self) -> None:
        """Analyse what comes until `close`."""
        try:
            while not self._closing:
                settings = self._wanted.take()
                if settings is not None:
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
            self._report(PipelineState(error=_explain(error, "building the pipeline")))
            return
        self._pipeline = pipeline
        self._settings = settings
        self._failing = False
        self._working = PipelineState(
            pipeline.faces_backend,
            pipeline.engine,
            pipeline.bundle,
            pipeline.au_estimator,
            pipeline.disambiguator,
            pipeline.neutral,
            units=pipeline.units,
        )
        self._ready.set()
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
            pipeline.reset()
        self._tap.before(pipeline, self._settings, captured)
        try:
            result = pipeline.process(captured.frame)
            self._tap.take(result)
            picture = cv2.cvtColor(self._draw(result), cv2.COLOR_BGR2BGRA)
        except Exception as error:
            if not self._failing:  # said once, not thirty times a second
                self._failing = True
                self._report(self._working._replace(error=_explain(error, "analysing a frame")))
            return
        if self._failing:
            self._failing = False
            self._report(self._working)
        if self._closing:
            return
        latency_ms = (time.monotonic_ns() - captured.frame.captured_ns) / 1e6
        counters = Counters(self._rate.tick(), latency_ms, captured.dropped, self._unshown)
        live = LiveResult(
            captured.session, result, np.ascontiguousarray(picture), captured.source, counters
        )
        if self._deliver(live):
            self._unshown += 1


def _explain(error: Exception, doing: str) -> str:
    """The message for people; what was not foreseen is logged with its trace as well."""
    if isinstance(error, FerdeskError):
        log.error("%s: %s", doing, error)
        return str(error)
    log.error("%s failed", doing, exc_info=error)
    return f"Something went wrong while {doing}: {type(error).__name__}: {error}"
