"""Writes a session's files, frame by frame; `ferdesk.sessions.recorder` does so in a thread."""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.outputs.files import make_folder
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_hide import FaceHider
from ferdesk.overlay_verdict import VerdictMemory
from ferdesk.sessions import schema
from ferdesk.sessions.clock import SessionClock
from ferdesk.sessions.describe import write_readme
from ferdesk.sessions.readings import (
    Annotation,
    AnnotationKind,
    FrameReading,
    SessionMeta,
    VideoMode,
)
from ferdesk.sessions.store import SessionStore

_DEFAULT_FPS: Final = 30.0
_REMEMBERED: Final = 128
"""Frames whose showing may still be told."""


class SessionWriter:
    """A session's folder with its video and database, begun at the first frame.

    Not thread-safe; blocks while it encodes and commits. After an error only `close` is of use.

    Args:
        folder: the session's; made, and none of its files may be there.
        meta: what is known before the first frame; start and size are set at that frame.
        threads: for the encoder.

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, folder: Path, meta: SessionMeta, *, threads: int = 1) -> None:
        make_folder(folder)
        self.folder = folder
        self.frames = 0
        self.time_s = 0.0
        self._meta = meta
        self._threads = threads
        self._clock = SessionClock(meta.live, 1.0 / (meta.fps or _DEFAULT_FPS))
        self._captured_ns = 0
        self._store: SessionStore | None = None
        self._video: Mp4File | None = None
        self._draw = _drawn(meta.video)
        self._numbers: OrderedDict[int, int] = OrderedDict()

    def write(self, result: FrameResult) -> None:
        """Store a frame.

        Args:
            result: the next one.

        Raises:
            OutputError, SessionError: it cannot be written.
        """
        frame = result.frame
        store = self._store or self._begin(result)
        self.time_s = self._clock.time_s(frame)
        self._captured_ns = frame.captured_ns
        if self._video is not None:
            self._video.write(self._draw(result), self.time_s)
        reading = FrameReading(
            number=self.frames,
            source_index=frame.index,
            time_s=self.time_s,
            source_time_s=frame.source_time_s,
            captured_ns=frame.captured_ns,
            done_ns=result.done_ns,
            shown_ns=None,
            in_video=self._video is not None,
            faces=result.faces,
        )
        store.add(reading, self.time_s - frame.clock_s)
        self._numbers[frame.index] = self.frames
        if len(self._numbers) > _REMEMBERED:
            self._numbers.popitem(last=False)
        self.frames += 1

    def shown(self, source_index: int, shown_ns: int) -> None:
        """Note when the window showed one of the last frames."""
        number = self._numbers.get(source_index)
        if number is not None and self._store is not None:
            self._store.shown(number, shown_ns)

    def note(
        self,
        kind: AnnotationKind,
        text: str,
        author: str,
        at_ns: int,
        face_id: int | None = None,
    ) -> None:
        """Annotate a moment; nothing before the first frame.

        Args:
            kind: of what kind.
            text: what is said.
            author: who says it.
            at_ns: when, by `time.monotonic_ns()`; of a file it is the frame that was last stored.
            face_id: the person it is about; None for all.

        Raises:
            OutputError: it cannot be written.
        """
        if self._store is None:
            return
        since_s = (at_ns - self._captured_ns) / 1e9 if self._meta.live else 0.0
        start_s = max(0.0, self.time_s + since_s)
        self._store.annotate(Annotation(start_s, kind, text, face_id=face_id, author=author))

    def close(self) -> None:
        """Finish all files; may be called more than once.

        Raises:
            OutputError: not all could be written; what was written before is whole.
        """
        try:
            if self._video is not None:
                self._video.close()
        finally:
            self._video = None
            store, self._store = self._store, None
            if store is not None:
                with store:
                    store.describe(self._meta.model_copy(update={"finished": datetime.now(UTC)}))

    def _begin(self, result: FrameResult) -> SessionStore:
        frame = result.frame
        height, width = frame.image.shape[:2]
        ago = timedelta(microseconds=(time.monotonic_ns() - frame.captured_ns) / 1e3)
        self._meta = self._meta.model_copy(
            update={
                "started": datetime.now(UTC) - ago,
                "started_ns": frame.captured_ns,
                "width": width,
                "height": height,
            }
        )
        write_readme(self.folder, self._meta)
        self._store = SessionStore(self.folder / schema.DATABASE, self._meta)
        if self._meta.video != "none":
            self._video = Mp4File(
                self.folder / schema.VIDEO,
                fps=self._meta.fps or _DEFAULT_FPS,
                threads=self._threads,
                lossless=self._meta.lossless,
            )
        return self._store


def _drawn(video: VideoMode) -> Callable[[FrameResult], ImageU8]:
    """What makes a frame's picture in the video."""
    if video == "annotated":
        return partial(draw, options=OverlayOptions(), memory=VerdictMemory())
    if video in ("blurred", "pixelated"):
        return FaceHider(video).draw
    return lambda result: result.frame.image
