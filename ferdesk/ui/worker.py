"""The only place in the window that starts threads: capture, pipeline and small jobs.

    capture thread -> a few frames -> pipeline thread -> one-slot mailbox + Qt signal -> window

Threads are stopped and joined, never ended by force. One that hangs in a driver is left behind (it
is a daemon and reports nothing any more) so that it can hold up neither the window nor its closing.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from PySide6.QtCore import QObject, Signal

from ferdesk.live.capture import FRAMES_AHEAD, Captured, CaptureRun, OpenSource, SourceState
from ferdesk.live.mailbox import Mailbox
from ferdesk.settings import Settings
from ferdesk.ui.analysis import Analysis, BuildPipeline, Draw
from ferdesk.ui.live import LiveResult, PipelineState
from ferdesk.ui.tap import RecordingEnd, Tap

log = logging.getLogger(__name__)

R = TypeVar("R")

JOIN_S: Final = 5.0
"""Closing waits so long for all threads together."""


class Worker(QObject):
    """Runs a source through the pipeline, away from the UI thread.

    Its signals are emitted in the UI thread. `result_ready` says that `take` has something to give:
    at most one result waits, the newest, however slow the window is.
    """

    result_ready = Signal()
    source_changed = Signal(SourceState)
    pipeline_changed = Signal(PipelineState)
    recording_ended = Signal(RecordingEnd)

    # These cross from other threads. PySide crashes where such a signal meets a receiver that is no
    # QObject, so they are connected to methods of this object only, which emit the ones above.
    _result_done = Signal()
    _source_told = Signal(object)
    _pipeline_told = Signal(object)
    _recording_told = Signal(object)

    def __init__(
        self,
        settings: Settings,
        *,
        build: BuildPipeline,
        draw: Draw,
        open_source: OpenSource,
        reconnects: Callable[[str], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._open_source = open_source
        self._reconnects = reconnects
        self._settings = settings
        self._frames = Mailbox[Captured](FRAMES_AHEAD)
        self._results = Mailbox[LiveResult]()
        self._ready = threading.Event()
        self._session = 0
        self._paused = False
        self._run: CaptureRun | None = None
        self._capture: threading.Thread | None = None
        self._threads: list[threading.Thread] = []
        self.tap = Tap(self._recording_told.emit)
        self._analysis = Analysis(
            build,
            draw,
            self._frames,
            self._deliver,
            self._pipeline_told.emit,
            self.tap,
            self._ready,
        )
        self._result_done.connect(self._pass_result)
        self._source_told.connect(self._pass_source)
        self._pipeline_told.connect(self._pass_pipeline)
        self._recording_told.connect(self._pass_recording)
        self._analysis.configure(settings)

    @property
    def paused(self) -> bool:
        """Whether new pictures are held back."""
        return self._paused

    @property
    def settings(self) -> Settings:
        """What the pipeline is, or will be, built from."""
        return self._settings

    def start(self) -> None:
        """Begin to build the pipeline; to be called once, after the signals are connected."""
        self._start("ferdesk-pipeline", self._analysis.run)

    def open(self, spec: str, loop: bool = False) -> None:
        """Show another source; the one before is let go of. Returns at once."""
        self.stop()
        self._paused = False
        run = CaptureRun(
            session=self._session,
            spec=spec,
            loop=loop,
            open_source=self._open_source,
            outbox=self._frames,
            report=self._source_told.emit,
            ready=self._ready,
            reconnect=self._reconnects(spec),
            predecessor=self._capture,
        )
        self._run = run
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._capture = self._start("ferdesk-capture", run.run)

    def stop(self) -> None:
        """Let go of the source; what is still on its way from it will not be shown."""
        if self._run is not None:
            self._run.stop()
            self._run = None
        self._session += 1
        self._frames.clear()
        self._results.clear()

    def set_paused(self, paused: bool) -> None:
        """Keep the picture that is shown, or go on (a camera with its newest frame)."""
        self._paused = paused
        if self._run is not None:
            self._run.set_paused(paused)

    def configure(self, settings: Settings) -> None:
        """Build the pipeline anew from this snapshot."""
        self._settings = settings
        self._analysis.configure(settings)

    def want_maps(self, on: bool) -> None:
        """Whether faces are to come with activation maps, from the next frame on."""
        self._analysis.want_maps(on)

    def rebuild(self) -> None:
        """Try again to build the pipeline from the same settings."""
        self._analysis.configure(self._settings)

    def take(self) -> LiveResult | None:
        """The newest result that was not taken yet; None when there is none or while paused."""
        live = self._results.take()
        if live is None or self._paused or live.session != self._session:
            return None
        return live

    def is_current(self, state: SourceState) -> bool:
        """Whether a state is about the source that is open now."""
        return state.session == self._session

    def close(self, timeout_s: float = JOIN_S) -> bool:
        """Stop everything; returns whether all threads ended within the time."""
        self.stop()
        self._analysis.close()
        ended = join_all(self._threads, timeout_s)
        recorder = self.tap.stop()
        if recorder is not None:
            recorder.close()
        self.tap.hub.close()
        return ended

    def _deliver(self, live: LiveResult) -> bool:
        replaced = self._results.put(live) > 0
        if not replaced:  # else the signal for the one before is still on its way
            self._result_done.emit()
        return replaced

    def _pass_result(self) -> None:
        self.result_ready.emit()

    def _pass_source(self, state: SourceState) -> None:
        self.source_changed.emit(state)

    def _pass_pipeline(self, state: PipelineState) -> None:
        self.pipeline_changed.emit(state)

    def _pass_recording(self, end: RecordingEnd) -> None:
        self.recording_ended.emit(end)

    def _start(self, name: str, body: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=body, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread


class Jobs(QObject):
    """Runs short pieces of work off the UI thread and brings their outcome back to it."""

    _finished = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._finished.connect(self._call)

    def submit(
        self,
        work: Callable[[], R],
        done: Callable[[R], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run `work` in a thread, then `done(outcome)` or `failed(error)` in the UI thread."""

        def body() -> None:
            outcome: Callable[[], None]
            try:
                value = work()
            except Exception as error:
                caught = error
                outcome = lambda: failed(caught)  # noqa: E731
            else:
                outcome = lambda: done(value)  # noqa: E731
            if not self._closed:
                self._finished.emit(outcome)

        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=body, name="ferdesk-job", daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self, timeout_s: float = JOIN_S) -> bool:
        """Wait for what runs; outcomes that come later are not reported."""
        self._closed = True
        return join_all(self._threads, timeout_s)

    def _call(self, outcome: Callable[[], None]) -> None:
        if not self._closed:  # it may have been on its way when this was closed
            outcome()


def join_all(threads: list[threading.Thread], timeout_s: float) -> bool:
    """Join threads, all within one time; returns whether none is left."""
    until = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    left = [thread.name for thread in threads if thread.is_alive()]
    if left:
        log.warning("still running after %.1f s: %s", timeout_s, ", ".join(left))
    return not left
