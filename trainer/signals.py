"""SIGINT and SIGTERM as a wish to stop at the next good moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any


@dataclass(slots=True)
class Stop:
    """Set by a signal, looked at after every step; `signum` is 0 until then."""

    signum: int = 0
    _previous: dict[int, Any] = field(default_factory=dict)

    def catch(self, signum: int, _frame: FrameType | None) -> None:
        """Remember the signal; a second one acts as if nobody listened."""
        self.signum = signum
        signal.signal(signum, self._previous[signum])

    def listen(self) -> None:
        """Take both signals over."""
        for signum in (int(signal.SIGINT), int(signal.SIGTERM)):
            self._previous[signum] = signal.getsignal(signum)
            signal.signal(signum, self.catch)

    def leave(self) -> None:
        """Give them back."""
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Turn the signals into a wish while the body runs."""
    stop = Stop()
    try:
        stop.listen()
        yield stop
    finally:
        stop.leave()
