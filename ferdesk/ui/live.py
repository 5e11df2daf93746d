"""The values that the live threads and the window exchange, and the slot they meet at. No Qt."""

import threading
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from ferdesk.core.types import Frame, FrameResult, ImageU8
from ferdesk.sources.base import SourceInfo

T = TypeVar("T")


class Counters(NamedTuple):
    """How the live run is doing.

    Attributes:
        fps: pictures analysed in the last second.
        latency_ms: from capture to the end of drawing, of this picture.
        dropped: frames of this source that were not analysed because a newer one was there.
        unshown: results that were ready but replaced by a newer one before the window took them.
    """

    fps: float
    latency_ms: float
    dropped: int
    unshown: int


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


@dataclass(frozen=True, slots=True, eq=False)
class LiveResult:
    """What the window shows for one frame.

    Attributes:
        session: number of the `Worker.open` call it belongs to.
        result: what the pipeline found.
        image: (height, width, 4) uint8, BGRA, contiguous: the annotated picture.
        source: what the frame came from.
        counters: how the run is doing.
    """

    session: int
    result: FrameResult
    image: ImageU8
    source: SourceInfo
    counters: Counters


SourcePhase = Literal["opening", "playing", "warning", "lost", "failed", "ended"]


class SourceState(NamedTuple):
    """A change of the source, for the window.

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


class PipelineState(NamedTuple):
    """A change of the pipeline, for the window.

    Attributes:
        faces_backend: which face models run; empty while there is no pipeline.
        engine: what runs the nets.
        bundle: name of the expression net.
        au_estimator: what estimates action units; empty where nothing does.
        disambiguator: the SVMs that decide between contested expressions; empty where none do.
        neutral: the neutral profile that is taken off the units; empty for none.
        error: what went wrong, for people; empty when it works.
    """

    faces_backend: str = ""
    engine: str = ""
    bundle: str = ""
    au_estimator: str = ""
    disambiguator: str = ""
    neutral: str = ""
    error: str = ""


class Mailbox(Generic[T]):
    """A slot for one item, where the newest wins and nobody waits to put one in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._poked = False

    def put(self, item: T) -> bool:
        """Leave an item; returns whether it replaced one that nobody had taken."""
        with self._changed:
            replaced = self._item is not None
            self._item = item
            self._changed.notify()
        return replaced

    def take(self) -> T | None:
        """The item, without waiting; None when the slot is empty."""
        with self._changed:
            item, self._item = self._item, None
        return item

    def wait(self) -> T | None:
        """Wait for an item or a `poke`; None for a poke."""
        with self._changed:
            self._changed.wait_for(lambda: self._poked or self._item is not None)
            if self._poked:
                self._poked = False
                return None
            item, self._item = self._item, None
        return item

    def poke(self) -> None:
        """Wake the waiting thread, or the next that waits, so that it looks around."""
        with self._changed:
            self._poked = True
            self._changed.notify()
