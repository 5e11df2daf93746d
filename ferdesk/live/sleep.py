"""Notices that the computer slept: the clock on the wall went on, and nothing else did."""

import time
from collections.abc import Callable
from typing import Final

LEAST_S: Final = 5.0
"""A wall clock that is ahead by less was set right, not slept through."""

_OFTEN_S: Final = 30.0
"""Whoever looks a few times a second was stopped if so long went by: on Windows the steady clock
goes on in sleep, too."""


class SleepWatch:
    """Compares two clocks; to be asked a few times a second.

    Args:
        wall: seconds of the wall clock.
        steady: seconds of a clock that nobody sets, and that stands still in sleep on most systems.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._last = wall(), steady()

    def look(self) -> float:
        """Seconds that the computer slept since the last look, 0 for none.

        A wall clock that somebody set forward looks the same; one that was set back is no sleep.
        """
        before, now = self._last, (self._wall(), self._steady())
        self._last = now
        steady_s = now[1] - before[1]
        ahead_s = now[0] - before[0] - steady_s
        if steady_s >= _OFTEN_S:
            ahead_s += steady_s
        return ahead_s if ahead_s >= LEAST_S else 0.0
