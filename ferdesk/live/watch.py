"""Reads any source without a window: of a camera or stream the newest frame, of a file each."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame
from ferdesk.live.capture import FRAMES_AHEAD, Captured, CaptureRun, OpenSource, SourceState
from ferdesk.live.mailbox import Mailbox
from ferdesk.sources import open_source
from ferdesk.sources.base import Source, SourceInfo

_JOIN_S: Final = 5.0


class Watch:
    """An open source to read frames from.

    A live one is read in a thread of its own that never waits: a reader who is late once finds the
    frames of meanwhile, one who is slow gets the newest and `dropped` counts the others. A camera
    or stream that is lost is tried again every second until `stop`. Of a file every frame comes, as
    fast as it is asked for, unless it is paced: then it plays in real time, as if a camera saw it.

    Args:
        spec: see `ferdesk.sources.open_source`.
        loop: let videos and the demo begin again at their end.
        paced: let files play in real time.
        report: is told, in the reading thread, when a live source is lost, comes back, or reads on
            with a warning.
        opener: opens the source.

    Raises:
        SourceError: there is no such thing, or it cannot be read.
    """

    def __init__(
        self,
        spec: str,
        *,
        loop: bool = False,
        paced: bool = False,
        report: Callable[[SourceState], None] | None = None,
        opener: OpenSource = open_source,
    ) -> None:
        self._stopped = False
        self._ended = False
        self._dropped = 0
        self._report = report
        self._failure = ""
        self._source = opener(spec, loop)
        self._frames = Mailbox[Captured](FRAMES_AHEAD)
        self._run: CaptureRun | None = None
        self._thread: threading.Thread | None = None
        if self._source.info.live or paced:
            self._start(spec, opener)

    @property
    def info(self) -> SourceInfo:
        """What was known about the source when it was opened."""
        return self._source.info

    @property
    def warning(self) -> str | None:
        """What the user should know though reading went on."""
        return self._source.warning

    @property
    def dropped(self) -> int:
        """Frames that newer ones replaced before they were read."""
        return self._dropped

    def read(self) -> Frame | None:
        """The next frame, or None at the end and after `stop`; waits for one that is not there yet.

        Raises:
            SourceError: it cannot be read, and trying again does not mend it.
        """
        if self._stopped:
            return None
        if self._run is None:
            return self._source.read()
        # The end's poke may come together with the last frame: then that is taken first.
        captured = (None if self._ended else self._frames.wait()) or self._frames.take()
        if captured is None:  # the thread ended, or `stop` was called
            if self._failure:
                raise SourceError(self._failure)
            return None
        self._dropped = captured.dropped
        return captured.frame

    def stop(self) -> None:
        """Let `read` return None, also one that waits; may be called from any thread."""
        self._stopped = True
        if self._run is not None:
            self._run.stop()
            self._frames.poke()

    def close(self) -> None:
        """Let go of the source; may be called more than once."""
        self.stop()
        if self._thread is None:
            self._source.close()
        else:  # a thread that hangs in a driver is left behind: it is a daemon
            self._thread.join(_JOIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self, spec: str, opener: OpenSource) -> None:
        opened: list[Source] = [self._source]

        def again(name: str, loop: bool) -> Source:
            return opened.pop() if opened else opener(name, loop)

        ready = threading.Event()
        ready.set()
        self._run = CaptureRun(
            session=0,
            spec=spec,
            loop=False,
            open_source=again,
            outbox=self._frames,
            report=self._told,
            ready=ready,
            reconnect=True,
            predecessor=None,
        )
        self._thread = threading.Thread(target=self._run.run, name="ferdesk-capture", daemon=True)
        self._thread.start()

    def _told(self, state: SourceState) -> None:
        if state.phase == "failed":
            self._failure = state.message
        if state.phase in ("ended", "failed"):
            self._ended = True
            self._frames.poke()
        elif self._report is not None and state.phase != "opening":
            self._report(state)
