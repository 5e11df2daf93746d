"""The time of a session: from its first frame on, never back."""

from typing import Final

from ferdesk.core.types import Frame

_TICK_S: Final = 1e-4
"""Frames of the same time are moved apart by this, which the video can still tell."""


class SessionClock:
    """Gives each frame its time in the session.

    Of a live source that is the time since the first frame was captured, of a file the file's own
    time since the first frame, going on where the file begins again.

    Args:
        live: whether frames came at their own pace.
        step_s: seconds between frames, where a file does not tell.
    """

    def __init__(self, live: bool, step_s: float) -> None:
        self._live = live
        self._step_s = step_s
        self._zero_s: float | None = None
        self._last_s = -_TICK_S
        self._last_own_s = 0.0

    def time_s(self, frame: Frame) -> float:
        """The time of the next frame, in seconds; rises with every frame."""
        own = frame.source_time_s
        if self._live or own is None:
            own = frame.captured_ns / 1e9
        if self._zero_s is None:
            self._zero_s = own
        elif not self._live and own < self._last_own_s:
            self._zero_s = own - self._last_s - self._step_s
        self._last_own_s = own
        self._last_s = max(own - self._zero_s, self._last_s + _TICK_S)
        return self._last_s
