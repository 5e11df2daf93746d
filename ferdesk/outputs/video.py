"""The annotated video: draws and encodes in a thread of its own."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ferdesk.core.errors import OutputError
from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.outputs.mp4 import Mp4File, encoder_threads

_QUEUE: Final = 8
"""Frames. Enough to even out slow ones; at 1280x720 they take 22 MB."""


class VideoWriter:
    """Draws results and writes them to an MP4, in order; drops none, so `write` waits when behind.

    Args:
        path: the file; what it held before is lost.
        fps: nominal rate.
        draw: makes the picture to write, (height, width, 3) uint8, BGR; called in the thread.

    Raises:
        OutputError: the file cannot be made.
    """

    def __init__(self, path: Path, *, fps: float, draw: Callable[[FrameResult], ImageU8]) -> None:
        self.path = path
        self._draw = draw
        self._file = Mp4File(path, fps=fps, threads=encoder_threads())
        self._waiting: queue.Queue[tuple[FrameResult, float] | None] = queue.Queue(_QUEUE)
        self._trouble: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="ferdesk-video")
        self._thread.start()

    def write(self, result: FrameResult, time_s: float) -> None:
        """Hand a result over; returns before it is written.

        Args:
            result: what to draw.
            time_s: when the picture is shown, in seconds from the start.

        Raises:
            OutputError: an earlier one could not be written; what was before it can be played.
        """
        self._raise_trouble()
        self._waiting.put((result, time_s))

    def close(self) -> None:
        """Write what still waits, finish the file, end the thread; may be called more than once.

        Raises:
            OutputError: not all could be written.
        """
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
            self._raise_trouble()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            if self._trouble is not None:
                continue  # nobody may wait for ever on a full queue
            try:
                self._file.write(self._draw(item[0]), item[1])
            except Exception as error:
                self._trouble = error
        try:
            self._file.close()
        except OutputError as error:
            self._trouble = self._trouble or error

    def _raise_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble
