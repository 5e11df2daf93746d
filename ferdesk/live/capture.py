"""What the capture thread does: open a source, read it at its pace, and get it back when lost."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame
from ferdesk.live.check import SAID, PictureCheck
from ferdesk.live.mailbox import Mailbox
from ferdesk.sources.base import Reopenable, Source, SourceInfo

log = logging.getLogger(__name__)

RETRY_S: Final = 1.0
"""A lost camera or stream is tried again this often."""

IMAGE_S: Final = 1.0
"""Each picture of a folder is shown for so long."""

_LATE_S: Final = 0.05
"""A file's frame that is later than this is dropped..."""

_RESTART_S: Final = 0.5
"""...unless reading is this far behind: then the clip plays slower, instead of showing nothing."""

FRAMES_AHEAD: Final = 4
"""So many frames of a camera may wait, 0.13 s at 30 a second: longer than what a process is held up
by now and then, and short enough for nobody to see."""

_PREDECESSOR_S: Final = 3.0
"""A device is given back by the run before within this time, or its successor opens without it."""

OpenSource = Callable[[str, bool], Source]
"""`(spec, loop) -> Source`; may be slow; raises SourceError."""

SourcePhase = Literal["opening", "playing", "warning", "lost", "failed", "ended"]


class SourceState(NamedTuple):
    """A change of the source, for whoever watches.

    Attributes:
        phase: opening; playing; warning (goes on, `message` says what is wrong); lost (a device
            that is tried again every second); failed (for good); ended.
        session: number of the `Worker.open` call.
        spec: what was asked to be opened.
        info: the open source, None before it was opened.
        message: for people; empty where there is nothing to say.
    """

    phase: SourcePhase
    session: int
    spec: str
    info: SourceInfo | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """A frame on its way to the pipeline.

    Attributes:
        session: number of the `Worker.open` call it belongs to.
        frame: the frame.
        source: what it came from.
        dropped: frames of this session dropped so far.
    """

    session: int
    frame: Frame
    source: SourceInfo
    dropped: int


class Pacer:
    """Turns a file's source times into waiting times, so that it plays in real time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._anchor: float | None = None
        self._last = float("-inf")

    def restart(self) -> None:
        """Play on from the next frame as from now."""
        self._anchor = None

    def delay(self, frame: Frame) -> float:
        """Seconds until the frame is due; negative when it is late."""
        at = frame.source_time_s if frame.source_time_s is not None else frame.index * IMAGE_S
        now = self._clock()
        # A time that jumps back is a clip that began again.
        if self._anchor is None or at < self._last or now - self._anchor - at > _RESTART_S:
            self._anchor = now - at
        self._last = at
        return self._anchor + at - now


class CaptureRun:
    """Reads one source until it ends, fails or is stopped. `run` is a thread's body.

    An address may hold a password: no spec goes into a log or a message.

    Args:
        session: number that its frames and states carry.
        spec: what to open.
        loop: whether a file begins again at its end.
        open_source: opens it.
        outbox: where frames go.
        report: called with each change of state, in this thread; not after `stop`.
        ready: set while the pipeline can take frames; files wait for it, so that none of a clip is
            lost while the pipeline is being built.
        reconnect: whether the spec is a device or stream that is worth trying again before it was
            ever open.
        predecessor: the thread of the run before, which may still hold the device.
    """

    def __init__(
        self,
        *,
        session: int,
        spec: str,
        loop: bool,
        open_source: OpenSource,
        outbox: Mailbox[Captured],
        report: Callable[[SourceState], None],
        ready: threading.Event,
        reconnect: bool,
        predecessor: threading.Thread | None,
    ) -> None:
        self._session = session
        self._spec = spec
        self._loop = loop
        self._open_source = open_source
        self._outbox = outbox
        self._report_to = report
        self._ready = ready
        self._reconnect = reconnect
        self._predecessor = predecessor
        self._changed = threading.Condition()
        self._stopped = False
        self._paused = False
        self._dropped = 0

    def stop(self) -> None:
        """Ask the run to end; it does so after the read it is in."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def set_paused(self, paused: bool) -> None:
        """Hold a file where it is, or let it go on; a live source is read on but not shown."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def run(self) -> None:
        """Read until the end, `stop`, or an error that trying again does not mend."""
        if self._predecessor is not None:
            self._predecessor.join(_PREDECESSOR_S)
            self._predecessor = None
        self._report("opening")
        source: Source | None = None
        said = ""
        try:
            while not self._stopped:
                try:
                    source = self._open(source)
                    self._report("playing", source)
                    self._play(source)
                    self._report("ended", source)
                    return
                except SourceError as error:
                    if str(error) != said:  # not again every second
                        said = str(error)
                        log.warning("%s", said)
                    again = self._reconnect
                    if source is not None:
                        again = source.info.live
                        source.close()
                    self._report("lost" if again else "failed", source, str(error))
                    if not again:
                        return
                self._sleep(RETRY_S)
        except Exception as error:
            log.exception("reading a source failed")
            self._report("failed", source, f"Reading failed: {type(error).__name__}: {error}")
        finally:
            if source is not None:
                source.close()

    def _open(self, before: Source | None) -> Source:
        """Open the source, or get back the same device that was open before."""
        if isinstance(before, Reopenable):
            before.reopen()
            return before
        return self._open_source(self._spec, self._loop)

    def _play(self, source: Source) -> None:
        live = source.info.live
        pacer = Pacer()
        check = PictureCheck()
        warning: str | None = None
        if not live:
            self._await_pipeline()
        while not self._stopped:
            frame = source.read()
            trouble = source.warning
            if frame is not None and source.info.kind == "camera" and not trouble:
                trouble = SAID.get(check.look(frame))
            if trouble != warning:
                warning = trouble
                self._report("warning", source, warning or "")
            if frame is None:
                return
            if live:
                if not self._paused:
                    self._deliver(source, frame)
                continue
            if self._until_due(pacer, frame):
                # The moment it is due stands for the moment a camera would have taken it.
                now = time.monotonic_ns()
                self._deliver(source, dataclasses.replace(frame, captured_ns=now))
            else:
                self._dropped += 1

    def _deliver(self, source: Source, frame: Frame) -> None:
        if self._stopped:
            return
        captured = Captured(self._session, frame, source.info, self._dropped)
        if self._ready.is_set():
            self._dropped += self._outbox.put(captured)
        else:  # frames that come while the pipeline is still being built are nobody's loss
            self._outbox.replace(captured)

    def _until_due(self, pacer: Pacer, frame: Frame) -> bool:
        """Wait until a file's frame is due; False when it is too late to be worth showing."""
        with self._changed:
            delay = pacer.delay(frame)
            while not self._stopped and (self._paused or delay > 0):
                if self._paused:
                    self._changed.wait()
                    pacer.restart()
                else:
                    self._changed.wait(delay)
                delay = pacer.delay(frame)
            return delay > -_LATE_S

    def _await_pipeline(self) -> None:
        while not self._stopped and not self._ready.wait(0.1):
            pass

    def _sleep(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, seconds)

    def _report(self, phase: SourcePhase, source: Source | None = None, message: str = "") -> None:
        if not self._stopped:
            info = source.info if source is not None else None
            self._report_to(SourceState(phase, self._session, self._spec, info, message))
