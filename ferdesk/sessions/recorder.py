"""Records results in a thread of its own, so that neither disk nor encoder holds anything up."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Final, NamedTuple, Self

from ferdesk.core.errors import FerdeskError, OutputError
from ferdesk.core.types import FrameResult
from ferdesk.outputs.mp4 import encoder_threads
from ferdesk.sessions.readings import AnnotationKind, SessionMeta
from ferdesk.sessions.writer import SessionWriter

log = logging.getLogger(__name__)

QUEUE: Final = 16
"""Frames. Half a second of a camera's; at 1280x720 they take 44 MB."""

LEAST_FREE_BYTES: Final = 200_000_000
"""A recording ends before the disk is full, so that it can still be finished."""

_LOOK_EVERY_S: Final = 2.0
_JOIN_S: Final = 20.0
_PROGRAM: Final = "ferdesk"


class RecorderState(NamedTuple):
    """How a recording goes.

    Attributes:
        seconds: time of the last frame that was stored.
        frames: stored so far.
        dropped: left out because the disk or the encoder was too slow.
        free_bytes: left on the disk.
        paused: whether frames are left out because the user wants it.
        trouble: why it ended by itself; empty while it goes on.
    """

    seconds: float
    frames: int
    dropped: int
    free_bytes: int
    paused: bool
    trouble: str


class Recorder:
    """A recording: goes on until it is closed, the disk is nearly full or a write fails.

    One thread calls `write`; all else may be called from any.

    Args:
        folder: the session's; made, and nothing may be there.
        meta: what is known before the first frame.
        threads: for the encoder; 0 leaves most of the machine to the analysis.

    Raises:
        OutputError: the folder is there already, or cannot be made.
    """

    def __init__(self, folder: Path, meta: SessionMeta, *, threads: int = 0) -> None:
        if folder.exists():
            raise OutputError(f"{folder} is there already. Choose another name.")
        self.folder = folder
        self._writer = SessionWriter(folder, meta, threads=threads or encoder_threads())
        self._work: SimpleQueue[FrameResult | Callable[[], None] | None] = SimpleQueue()
        self._room = threading.Semaphore(QUEUE)
        self._paused = False
        self._closed = False
        self._dropped = 0
        self._untold = 0
        self._trouble = ""
        self._free = shutil.disk_usage(folder).free
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="ferdesk-recorder", daemon=True)
        self._thread.start()

    @property
    def state(self) -> RecorderState:
        """How it goes."""
        writer = self._writer
        return RecorderState(
            writer.time_s, writer.frames, self._dropped, self._free, self._paused, self._trouble
        )

    def write(self, result: FrameResult, wait: bool = False) -> bool:
        """Hand a result over.

        Args:
            result: the next one.
            wait: for the disk, instead of dropping: for files, whose every frame counts.

        Returns:
            Whether it will be stored: False when it was dropped, and while paused, after `close`
            and after trouble.
        """
        if self._paused or self._closed or self._trouble:
            return False
        if not self._room.acquire(blocking=wait):
            self._dropped += 1
            self._untold += 1
            return False
        if self._untold:
            self.note(f"{self._untold} frames dropped: the disk was too slow")
            self._untold = 0
        self._work.put(result)
        return True

    def shown(self, source_index: int, shown_ns: int) -> None:
        """Note when the window showed a frame.

        Args:
            source_index: the frame's `Frame.index`.
            shown_ns: `time.monotonic_ns()` then.
        """
        if not self._closed:
            self._work.put(partial(self._writer.shown, source_index, shown_ns))

    def set_paused(self, paused: bool) -> None:
        """Leave frames out, or go on; the gap stays in the times."""
        if paused != self._paused:
            self._paused = paused
            self.note("paused" if paused else "resumed")

    def mark(self, text: str = "", *, author: str = "", at_ns: int | None = None) -> None:
        """Mark a moment for later.

        Args:
            text: what it is about.
            author: who marks it.
            at_ns: when, by `time.monotonic_ns()`; None for now.
        """
        self._annotate("marker", text, author, at_ns)

    def note(self, text: str, face_id: int | None = None) -> None:
        """Note what happened now, as the program.

        Args:
            text: what happened.
            face_id: the person it is about; None for all.
        """
        self._annotate("event", text, _PROGRAM, None, face_id)

    def close(self) -> RecorderState:
        """Store what waits, finish the files, end the thread; may be called more than once.

        Returns:
            How it went; `trouble` says what could not be written.
        """
        if not self._closed:
            self._closed = True
            self._work.put(None)
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            log.error("the disk does not answer: the end of %s is not written", self.folder)
            self._trouble = self._trouble or f"{self.folder} cannot be finished: no answer."
        return self.state

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _annotate(
        self,
        kind: AnnotationKind,
        text: str,
        author: str,
        at_ns: int | None,
        face_id: int | None = None,
    ) -> None:
        if not self._closed:
            when = time.monotonic_ns() if at_ns is None else at_ns
            self._work.put(partial(self._writer.note, kind, text, author, when, face_id))

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            if isinstance(work, FrameResult):
                self._try(partial(self._store, work))
                self._room.release()
            else:
                self._try(work)
        self._try(self._finish)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            if not self._trouble:
                step()
        except FerdeskError as error:
            self._end(str(error))
        except Exception as error:
            log.exception("recording failed")
            self._end(f"Recording failed: {type(error).__name__}: {error}")

    def _store(self, result: FrameResult) -> None:
        self._writer.write(result)
        if time.monotonic() - self._looked > _LOOK_EVERY_S:
            self._looked = time.monotonic()
            self._free = shutil.disk_usage(self.folder).free
            if self._free < LEAST_FREE_BYTES:
                raise OutputError(
                    f"Recording ended: only {self._free // 1_000_000} MB are left on the disk. "
                    f"All until then is in {self.folder}."
                )

    def _finish(self) -> None:
        if self._untold:
            text = f"{self._untold} frames dropped: the disk was too slow"
            self._writer.note("event", text, _PROGRAM, time.monotonic_ns())
        self._writer.close()

    def _end(self, why: str) -> None:
        """Finish what can be finished; what comes from now on is not stored."""
        log.error("%s", why)
        self._trouble = why
        try:
            self._writer.note("event", f"ended: {why}", _PROGRAM, time.monotonic_ns())
        except FerdeskError as error:
            log.error("%s", error)
        try:
            self._writer.close()
        except FerdeskError as error:
            log.error("%s", error)
