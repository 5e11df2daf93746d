"""Smoothing of probabilities over time, per track."""

import math
from dataclasses import dataclass

from ferdesk.core.types import FloatArray

_FORGET_AFTER_S = 2.0


@dataclass(slots=True)
class _State:
    time_s: float
    value: FloatArray


class Smoother:
    """An exponential average with a time constant in seconds, not in frames.

    So the same face gives the same curve at 15 and at 60 frames a second, and after a gap the past
    weighs as little as it should.
    """

    def __init__(self, time_constant_s: float) -> None:
        """Start without a past.

        Args:
            time_constant_s: after so many seconds the past weighs 1/e; 0 turns smoothing off.
        """
        self._tau = time_constant_s
        self._states: dict[int, _State] = {}

    def smooth(self, track_id: int, time_s: float, value: FloatArray) -> FloatArray:
        """Mix a value into its track's past.

        Args:
            track_id: whose value it is; 0 (not tracked) is passed through.
            time_s: the frame's time in seconds, on the source's clock.
            value: (n,) float32, probabilities.

        Returns:
            (n,) float32; sums to 1 where the input does.
        """
        if self._tau <= 0 or track_id == 0:
            return value
        state = self._states.get(track_id)
        elapsed = time_s - state.time_s if state else 0.0
        if state is None or elapsed < 0 or elapsed > _FORGET_AFTER_S:
            self._states[track_id] = _State(time_s, value)
            return value
        weight = 1 - math.exp(-elapsed / self._tau)
        state.value = state.value + weight * (value - state.value)
        state.time_s = time_s
        self._forget(time_s)
        return state.value

    def reset(self) -> None:
        """Forget everything, as before the first frame of a source."""
        self._states.clear()

    def _forget(self, now_s: float) -> None:
        gone = [i for i, s in self._states.items() if now_s - s.time_s > _FORGET_AFTER_S]
        for track_id in gone:
            del self._states[track_id]
