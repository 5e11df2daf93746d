"""Records without a window: what `ferdesk record` does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame, FrameResult
from ferdesk.live.capture import OpenSource, SourceState
from ferdesk.live.interrupt import stop_on_signals
from ferdesk.live.watch import Watch
from ferdesk.pipeline import build_pipeline
from ferdesk.sessions.describe import PipelineFacts, session_meta
from ferdesk.sessions.readings import VideoMode
from ferdesk.sessions.recorder import Recorder
from ferdesk.settings import Settings
from ferdesk.sources import open_source
from ferdesk.streams.lsl_markers import MarkerInlet


class RecordedPipeline(PipelineFacts, Protocol):
    """What is needed of `ferdesk.pipeline.Pipeline`."""

    def process(self, frame: Frame) -> FrameResult:
        """All stages on one frame."""
        ...

    def close(self) -> None:
        """Let go of the nets."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """How a recording went.

    Attributes:
        folder: the session's.
        frames: stored.
        seconds: time of the last one.
        missed: frames of a live source that came while another was analysed.
        dropped: left out because the disk or the encoder was too slow.
        warning: what the user should know though it went on, or None.
        trouble: why it ended by itself; empty where it did not.
    """

    folder: Path
    frames: int
    seconds: float
    missed: int
    dropped: int
    warning: str | None
    trouble: str

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "folder": str(self.folder),
            "frames": self.frames,
            "seconds": self.seconds,
            "missed": self.missed,
            "dropped": self.dropped,
            "warning": self.warning,
            "trouble": self.trouble,
        }


def record(
    spec: str,
    folder: Path,
    settings: Settings,
    *,
    video: VideoMode = "raw",
    lossless: bool = False,
    consent: str = "",
    seconds: float | None = None,
    loop: bool = False,
    markers: bool = False,
    advance: Callable[[FrameResult], None] | None = None,
    report: Callable[[SourceState], None] | None = None,
    opener: OpenSource = open_source,
    build: Callable[[Settings], RecordedPipeline] | None = None,
) -> Recorded:
    """Watch a source and record what is seen, until it ends or is to be stopped.

    Every frame of a file is recorded, as fast as this machine can; of a camera or stream the
    newest. Ctrl-C and SIGTERM end it, with all files whole.

    Args:
        spec: see `ferdesk.sources.open_source`; no pictures.
        folder: the session's; nothing may be there.
        settings: how frames are analysed.
        video: what the video shows.
        lossless: whether it keeps every pixel's value.
        consent: what the people in the picture agreed to.
        seconds: stop after so long, by the source's clock; None for its end.
        loop: let videos and the demo begin again at their end.
        markers: take markers of other programs from Lab Streaming Layer as annotations.
        advance: is told each result.
        report: is told when a live source is lost and comes back.
        opener: opens the source.
        build: makes the pipeline; the real one by default.

    Raises:
        SourceError: it cannot be read; what was recorded until then is whole.
        ModelError, BundleError, ProfileError: there is nothing to analyse with.
        OutputError: the folder is there already, or cannot be made; or markers are wanted and
            pylsl is missing.
    """
    with Watch(spec, loop=loop, report=report, opener=opener) as watch:
        if watch.info.kind == "images":
            raise SourceError("Pictures have no times to record. Use ferdesk analyze for them.")
        every = not watch.info.live
        pipeline = build(settings) if build else build_pipeline(settings, wait=every)
        try:
            facts = session_meta(
                watch.info, settings, pipeline, video=video, lossless=lossless, consent=consent
            )
            with (
                Recorder(folder, facts) as recorder,
                _listening(recorder, markers),
                stop_on_signals(watch.stop),
            ):
                for frame in _frames(watch, seconds):
                    result = pipeline.process(frame)
                    recorder.write(result, wait=every)
                    if advance is not None:
                        advance(result)
                    if recorder.state.trouble:
                        break
            state = recorder.close()
        finally:
            pipeline.close()
        return Recorded(
            folder,
            state.frames,
            state.seconds,
            watch.dropped,
            state.dropped,
            watch.warning,
            state.trouble,
        )


@contextmanager
def _listening(recorder: Recorder, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return

    def mark(time_s: float, text: str) -> None:
        recorder.mark(text, author="LSL", at_ns=round(time_s * 1e9))

    inlet = MarkerInlet(mark)
    try:
        yield
    finally:
        inlet.close()


def _frames(watch: Watch, seconds: float | None) -> Iterator[Frame]:
    """Frames until the end, or until so long after the first."""
    first = watch.read()
    if first is None:
        return
    yield first
    ending: threading.Timer | None = None
    if watch.info.live and seconds is not None:  # also of a camera that gives no more pictures
        ending = threading.Timer(seconds, watch.stop)
        ending.start()
    try:
        while (frame := watch.read()) is not None:
            if seconds is not None and frame.clock_s - first.clock_s >= seconds:
                return
            yield frame
    finally:
        if ending is not None:
            ending.cancel()
