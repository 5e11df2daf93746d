"""Results as a camera gives them, and outputs whose ways can be told beforehand."""

import threading
import time
from collections.abc import Callable

import numpy as np
from au_fakes import a_face, a_result, values

from ferdesk.core.types import Frame, FrameResult, Reason, Verdict

UNITS = (12, 25)


def a_live_result(index: int = 0, faces: int = 1, age_s: float = 0.02) -> FrameResult:
    """A frame of a camera that was captured so long ago."""
    captured_ns = time.monotonic_ns() - round(age_s * 1e9)
    image = np.full((180, 320, 3), 90, np.uint8)
    frame = Frame(image, index, captured_ns, None, "camera")
    aus = values(frame.clock_s, {25: 0.25}, {12: (0.5, 1.0)})
    odds = a_result(None).raw
    verdict = Verdict(
        "fear", ("fear", "surprise"), "surprise", False, 0.75, (Reason(25, 0.5),), odds
    )
    found = tuple(
        a_result(aus, verdict if number == 1 else None, a_face(number))
        for number in range(1, faces + 1)
    )
    return FrameResult(frame, found, {"faces": 1.0}, time.monotonic_ns())


def eventually(true: Callable[[], bool], seconds: float = 15) -> bool:
    """Whether something becomes true within a generous time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


class Listed:
    """An output that keeps what it gets; it may fail at one, or hang until it is let go."""

    address = "nowhere"

    def __init__(
        self,
        name: str = "listed",
        capacity: int = 8,
        fails_at: int | None = None,
        hold: threading.Event | None = None,
    ) -> None:
        self.name = name
        self.capacity = capacity
        self.got: list[int] = []
        self.closed = threading.Event()
        self.busy = False
        self._fails_at = fails_at
        self._hold = hold

    @property
    def status(self) -> str:
        return f"{self.name} got {len(self.got)}"

    def send(self, result: FrameResult) -> None:
        if result.frame.index == self._fails_at:
            raise RuntimeError("the plug was pulled")
        self.busy = True
        if self._hold is not None:
            self._hold.wait()
        self.busy = False
        self.got.append(result.frame.index)

    def close(self) -> None:
        self.closed.set()
