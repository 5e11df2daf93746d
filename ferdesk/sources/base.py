"""What every source of frames offers."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np

from ferdesk.core.types import Frame, ImageU8

SourceKind = Literal["camera", "video", "images", "stream", "demo"]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known about a source before its first frame.

    Attributes:
        name: for people: the camera's name, the file's name, the stream's host.
        kind: what it is.
        live: whether frames come at their own pace and the newest counts (cameras, streams), or
            every frame counts (files).
        width: of the frames in pixels; 0 where frames differ (folders of images).
        height: the same for the height.
        fps: nominal frames per second; None where there is none (images) or it is unknown.
        frames: how many frames there should be; None where it is unknown.
    """

    name: str
    kind: SourceKind
    live: bool
    width: int
    height: int
    fps: float | None
    frames: int | None


class Source(Protocol):
    """An open source. One thread reads it; `close` may be called more than once."""

    @property
    def info(self) -> SourceInfo:
        """What is known about the source."""
        ...

    def read(self) -> Frame | None:
        """The next frame, or None at the end.

        Raises:
            SourceError: it cannot be read (camera unplugged, stream broken). Frames read so far
                stay valid; for a file that ends too early see `warning`.
        """
        ...

    @property
    def warning(self) -> str | None:
        """What the user should know though reading went on, such as a truncated file."""
        ...

    def close(self) -> None:
        """Let go of the device or file."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@runtime_checkable
class Reopenable(Protocol):
    """A source that can be tried again after `read` raised: a camera, a stream."""

    def reopen(self) -> None:
        """Open the same device or address again; frame numbers go on.

        Raises:
            SourceError: it is still not there.
        """
        ...


class BaseSource(ABC):
    """What all sources here have in common: numbered frames, and closing at the end of a `with`."""

    def __init__(self) -> None:
        self._next_index = 0

    @property
    @abstractmethod
    def info(self) -> SourceInfo:
        """What is known about the source."""

    @abstractmethod
    def read(self) -> Frame | None:
        """The next frame, or None at the end."""

    @property
    def warning(self) -> str | None:
        """What the user should know though reading went on."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Let go of the device or file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _frame(
        self,
        image: ImageU8,
        *,
        name: str,
        source_time_s: float | None = None,
        still: bool = False,
    ) -> Frame:
        """Number a picture and stamp it with the time now.

        Args:
            image: (height, width, 3) uint8, BGR; it is made read-only, and contiguous.
            name: see `Frame.name`.
            source_time_s: see `Frame.source_time_s`.
            still: see `Frame.still`.
        """
        captured_ns = time.monotonic_ns()
        image = np.ascontiguousarray(image)
        image.flags.writeable = False
        frame = Frame(image, self._next_index, captured_ns, source_time_s, name, still)
        self._next_index += 1
        return frame
