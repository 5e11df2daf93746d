"""Where in a session the review is, and how it moves on."""

from typing import Final

from ferdesk.review.columns import Timeline

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Times real time."""


class Playhead:
    """A place in a session's frames. Times are given to it, so that it needs no clock.

    Args:
        timeline: the frames.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._speed = 1.0
        self._began: tuple[float, float] | None = None  # the clock and the place at that time
        self.index = 0

    @property
    def playing(self) -> bool:
        """Whether it moves by itself."""
        return self._began is not None

    @property
    def speed(self) -> float:
        """How fast, in times of real time."""
        return self._speed

    @property
    def time_s(self) -> float:
        """The time of its frame; 0 where there is none."""
        return float(self._timeline.times_s[self.index]) if len(self._timeline) else 0.0

    @property
    def number(self) -> int:
        """The number of its frame; 0 where there is none."""
        return int(self._timeline.numbers[self.index]) if len(self._timeline) else 0

    def play(self, now_s: float) -> None:
        """Move on from here; from the start where this is the end."""
        if self.index >= len(self._timeline) - 1:
            self.index = 0
        self._began = now_s, self.time_s

    def pause(self) -> None:
        """Stay here."""
        self._began = None

    def set_speed(self, speed: float, now_s: float) -> None:
        """Move so many times as fast as it was recorded."""
        self._speed = speed
        if self.playing:
            self._began = now_s, self.time_s

    def go(self, index: int, now_s: float) -> None:
        """Go to a frame, or to the nearest that there is; playing goes on from there."""
        self.index = min(max(index, 0), max(0, len(self._timeline) - 1))
        if self.playing:
            self._began = now_s, self.time_s

    def go_to_time(self, time_s: float, now_s: float) -> None:
        """Go to the frame that is shown at a time."""
        self.go(self._timeline.index_at(time_s), now_s)

    def advance(self, now_s: float) -> bool:
        """Move to where it should be now; returns whether that is another frame."""
        if self._began is None:
            return False
        since_s, start_s = self._began
        before = self.index
        self.index = self._timeline.index_at(start_s + (now_s - since_s) * self._speed)
        if self.index >= len(self._timeline) - 1:
            self.pause()
        return self.index != before
