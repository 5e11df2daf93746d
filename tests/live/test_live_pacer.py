"""Pacing of files, without threads."""

import numpy as np

from ferdesk.core.types import Frame
from ferdesk.live.capture import Pacer


def a_frame(index: int, time_s: float | None = None) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), index, 0, time_s, "clip")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pacer_follows_uneven_source_times() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    assert pacer.delay(a_frame(0, 5.0)) == 0
    assert abs(pacer.delay(a_frame(1, 5.04)) - 0.04) < 1e-9
    clock.now += 0.04
    assert abs(pacer.delay(a_frame(2, 5.3)) - 0.26) < 1e-9


def test_pacer_tells_late_frames_and_gives_up_catching_up() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    pacer.delay(a_frame(0, 0.0))
    clock.now += 0.3
    assert abs(pacer.delay(a_frame(1, 0.1)) + 0.2) < 1e-9
    clock.now += 2
    assert pacer.delay(a_frame(2, 0.2)) == 0


def test_pacer_goes_on_after_a_pause_and_when_a_clip_begins_again() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    pacer.delay(a_frame(0, 0.0))
    clock.now += 60
    pacer.restart()
    assert pacer.delay(a_frame(1, 0.1)) == 0
    assert pacer.delay(a_frame(0, 0.0)) == 0


def test_pictures_without_a_time_come_one_a_second() -> None:
    pacer = Pacer(Clock())
    assert pacer.delay(a_frame(0)) == 0
    assert pacer.delay(a_frame(1)) == 1.0
