"""Hands results to live outputs, each in a thread of its own, and never waits for one."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from ferdesk.core.errors import FerdeskError
from ferdesk.core.types import FrameResult
from ferdesk.streams.base import LiveOutput

log = logging.getLogger(__name__)

JOIN_S: Final = 5.0
"""Closing waits so long for all outputs together."""

_STUCK_S: Final = 3.0
"""An output that is busy with one result for longer is in trouble."""

_CAPACITY: Final = 16
"""Results that wait to be handed out; more only where the machine has no time for the hub."""


class OutputStatus(NamedTuple):
    """How a live output goes.

    Attributes:
        name: the output's name.
        text: for people, with what was dropped, or why it was switched off.
        trouble: whether nothing gets through: it was switched off, or hangs.
    """

    name: str
    text: str
    trouble: bool


class OutputCount(NamedTuple):
    """What a live output was given.

    Attributes:
        name: the output's name.
        sent: results passed on.
        dropped: results that it was too slow for.
    """

    name: str
    sent: int
    dropped: int


class StreamHub:
    """Passes each result to all outputs; what is too slow misses some, what fails is switched off.

    Outputs may come and go while it runs. It closes those that it was given. One thread calls
    `send`, any thread the others.

    Args:
        outputs: open outputs to begin with.

    Raises:
        ValueError: two have the same name.
    """

    def __init__(self, outputs: Iterable[LiveOutput] = ()) -> None:
        self._lock = threading.Lock()
        self._lanes: list[_Lane] = []
        self._closed = False
        # Waking a thread is what costs: the sender wakes this one, which wakes the outputs'.
        self._inbox = _Inbox(_CAPACITY)
        self._thread: threading.Thread | None = None  # while there is nothing to do there is none
        for output in outputs:
            self.add(output)

    @property
    def running(self) -> bool:
        """Whether any output still takes results."""
        return any(lane.running for lane in self._snapshot())

    def add(self, output: LiveOutput) -> None:
        """Send to one more from now on; it takes the place of a switched-off one of its name.

        Raises:
            ValueError: one of its name runs, or the hub is closed.
        """
        lane = _Lane(output)
        with self._lock:
            if self._closed:
                raise ValueError("the hub is closed")
            if any(one.name == lane.name and one.running for one in self._lanes):
                raise ValueError(f"an output named {lane.name} runs already")
            self._lanes = [one for one in self._lanes if one.name != lane.name] + [lane]
            lane.start()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._hand_out, name="ferdesk-streams", daemon=True
                )
                self._thread.start()

    def remove(self, name: str, timeout_s: float = JOIN_S) -> bool:
        """Close the output of a name, if there is one.

        Returns:
            Whether it is closed; one that hangs is left behind.
        """
        with self._lock:
            gone = [lane for lane in self._lanes if lane.name == name]
            self._lanes = [lane for lane in self._lanes if lane.name != name]
            for lane in gone:
                lane.end()
        return _join(gone, timeout_s)

    def send(self, result: FrameResult) -> None:
        """Hand a result to all outputs. Returns at once, whatever they do."""
        if self._lanes and not self._closed:  # without the lock: nothing here may wait
            self._inbox.put(result)

    def statuses(self) -> list[OutputStatus]:
        """How each output goes, in the order that they were added."""
        return [lane.status() for lane in self._snapshot()]

    def counts(self) -> list[OutputCount]:
        """What each output was given so far, in the same order."""
        return [OutputCount(lane.name, lane.sent, lane.dropped) for lane in self._snapshot()]

    def close(self, timeout_s: float = JOIN_S) -> bool:
        """Close all outputs, after what waits for them; may be called more than once.

        Returns:
            Whether all are closed; those that hang are left behind, in daemon threads.
        """
        until = time.monotonic() + timeout_s
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._inbox.end()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return _join(self._snapshot(), until - time.monotonic())

    def _hand_out(self) -> None:
        counted = 0
        while (result := self._inbox.get()) is not None:
            missed, counted = self._inbox.dropped - counted, self._inbox.dropped
            with self._lock:
                for lane in self._lanes:
                    lane.put(result, missed)
        with self._lock:
            for lane in self._lanes:
                lane.end()

    def _snapshot(self) -> list["_Lane"]:
        with self._lock:
            return list(self._lanes)


class _Inbox:
    """What waits for one thread; when it is full the oldest result goes. Nobody waits to put."""

    def __init__(self, capacity: int) -> None:
        self.dropped = 0
        self._capacity = capacity
        # Its `put` is a single C call, which no other thread can hold up.
        self._queue = queue.SimpleQueue[FrameResult | None]()

    def put(self, result: FrameResult) -> None:
        if self._queue.qsize() >= self._capacity:
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()
                self.dropped += 1
        self._queue.put(result)

    def end(self) -> None:
        self._queue.put(None)

    def get(self) -> FrameResult | None:
        """Wait for the next result; None for the end."""
        return self._queue.get()


class _Lane:
    """One output, its thread and what waits for it. `put` and `end` are called under a lock."""

    def __init__(self, output: LiveOutput) -> None:
        self.name = output.name
        self.sent = 0
        self._output = output
        self._inbox = _Inbox(output.capacity)
        self._missed = 0
        self._failure = ""
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"ferdesk-{self.name}", daemon=True)

    @property
    def running(self) -> bool:
        return not self._failure

    @property
    def dropped(self) -> int:
        return self._missed + self._inbox.dropped

    def start(self) -> None:
        self._thread.start()

    def put(self, result: FrameResult, missed: int) -> None:
        if not self._failure:
            self._missed += missed
            self._inbox.put(result)

    def end(self) -> None:
        self._inbox.end()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("%s hangs and is left behind", self.name)
        return not self._thread.is_alive()

    def status(self) -> OutputStatus:
        if self._failure:
            return OutputStatus(self.name, f"{self.name} is off: {self._failure}", True)
        text = self._output.status
        if self.dropped:
            text += f", {self.dropped} dropped"
        since = self._busy_since
        hangs = 0.0 if since is None else time.monotonic() - since
        if hangs > _STUCK_S:
            text += f", hangs for {hangs:.0f} s"
        return OutputStatus(self.name, text, hangs > _STUCK_S)

    def _run(self) -> None:
        try:
            while (result := self._inbox.get()) is not None:
                self._busy_since = time.monotonic()
                self._output.send(result)
                self._busy_since = None
                self.sent += 1
        except Exception as error:
            self._fail(error)
        try:
            self._output.close()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, FerdeskError):
            self._failure = str(error)
            log.warning("%s was switched off: %s", self.name, error)
        else:
            self._failure = f"{type(error).__name__}: {error}"
            log.error("%s was switched off", self.name, exc_info=error)


def _join(lanes: Iterable[_Lane], timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    ended = [lane.join(max(0.0, until - time.monotonic())) for lane in lanes]
    return all(ended)
