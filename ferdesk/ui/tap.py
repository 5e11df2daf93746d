"""Where results leave the pipeline thread for a recording and for live outputs. No Qt."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ferdesk.core.errors import FerdeskError
from ferdesk.core.types import FrameResult
from ferdesk.live.capture import Captured
from ferdesk.sessions.describe import PipelineFacts, session_meta
from ferdesk.sessions.readings import VideoMode
from ferdesk.sessions.recorder import Recorder
from ferdesk.settings import Settings
from ferdesk.streams.hub import StreamHub
from ferdesk.texts import tr

log = logging.getLogger(__name__)


class ResettablePipeline(PipelineFacts, Protocol):
    """What a recording needs of a pipeline."""

    def reset(self) -> None:
        """Forget all tracks."""
        ...


@dataclass(frozen=True, slots=True)
class RecordingChoice:
    """How the user wants to record.

    Attributes:
        video: what the video shows.
        lossless: whether it keeps every pixel's value.
        consent: what the people in the picture agreed to.
    """

    video: VideoMode = "raw"
    lossless: bool = False
    consent: str = ""


class RecordingEnd(NamedTuple):
    """A recording that ended without the user's asking.

    Attributes:
        recorder: still to be closed; None where it did not even begin.
        why: for people.
    """

    recorder: Recorder | None
    why: str


class Tap:
    """Hands each result to the recorder and to the live outputs; waits for neither.

    Args:
        report: is told, in the pipeline thread, when a recording ends by itself.
    """

    def __init__(self, report: Callable[[RecordingEnd], None]) -> None:
        self.hub = StreamHub()
        self._report = report
        self._lock = threading.Lock()
        self._wanted: tuple[Path, RecordingChoice] | None = None
        self._recorder: Recorder | None = None
        self._session = 0
        self._settings: Settings | None = None

    @property
    def recorder(self) -> Recorder | None:
        """The recording that runs."""
        return self._recorder

    @property
    def recording(self) -> bool:
        """Whether one runs, or begins with the next frame."""
        return self._recorder is not None or self._wanted is not None

    def start(self, folder: Path, choice: RecordingChoice) -> None:
        """Record from the next frame on."""
        with self._lock:
            if not self.recording:
                self._wanted = (folder, choice)

    def stop(self) -> Recorder | None:
        """Record no more; returns the recorder, for the caller to close."""
        with self._lock:
            recorder, self._recorder, self._wanted = self._recorder, None, None
        return recorder

    def before(self, pipeline: ResettablePipeline, settings: Settings, captured: Captured) -> bool:
        """Called before a frame is analysed: begins a recording, or ends one that cannot go on.

        Returns:
            Whether one was to begin, so that the pipeline has forgotten all tracks.
        """
        with self._lock:
            begins = self._wanted is not None
            if self._wanted is not None:
                (folder, choice), self._wanted = self._wanted, None
                self._begin(folder, choice, pipeline, settings, captured)
            recorder = self._recorder
            if recorder is None:
                return begins
            why = recorder.state.trouble
            if captured.session != self._session:
                why = tr("The recording ended: another source is shown.")
            elif settings is not self._settings:
                why = tr("The recording ended: faces are analysed in another way from here on.")
            if why:
                self._recorder = None
                self._report(RecordingEnd(recorder, why))
            return begins

    def take(self, result: FrameResult) -> None:
        """Called with each result."""
        recorder = self._recorder
        if recorder is not None:
            recorder.write(result)
        self.hub.send(result)

    def _begin(
        self,
        folder: Path,
        choice: RecordingChoice,
        pipeline: ResettablePipeline,
        settings: Settings,
        captured: Captured,
    ) -> None:
        # Whoever analyses the recording again begins without a past, too.
        pipeline.reset()
        try:
            meta = session_meta(
                captured.source,
                settings,
                pipeline,
                video=choice.video,
                lossless=choice.lossless,
                consent=choice.consent,
            )
            self._recorder = Recorder(folder, meta)
        except FerdeskError as error:
            self._report(RecordingEnd(None, str(error)))
            return
        except Exception as error:  # this thread has the picture to go on with
            log.exception("a recording cannot begin")
            text = tr("The recording cannot begin: {kind}: {error}").format(
                kind=type(error).__name__, error=error
            )
            self._report(RecordingEnd(None, text))
            return
        self._session, self._settings = captured.session, settings
