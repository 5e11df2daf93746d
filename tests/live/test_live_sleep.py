"""Two clocks tell that the computer slept."""

import pytest

from ferdesk.live.sleep import SleepWatch


class Clocks:
    def __init__(self) -> None:
        self.wall = 1_000_000.0
        self.steady = 50.0

    def watch(self) -> SleepWatch:
        return SleepWatch(lambda: self.wall, lambda: self.steady)

    def go(self, wall: float, steady: float) -> None:
        self.wall += wall
        self.steady += steady


@pytest.mark.parametrize(
    ("wall", "steady", "slept"),
    [
        (0.25, 0.25, 0),
        (20.0, 20.0, 0),  # the window was held up
        (3.0, 0.25, 0),  # the clock was set right
        (-3600.0, 0.25, 0),  # set back
        (600.25, 0.25, 600),  # Linux, macOS
        (600.0, 600.0, 600),  # Windows, whose steady clock goes on
    ],
)
def test_sleep_is_told_from_all_else(wall: float, steady: float, slept: float) -> None:
    clocks = Clocks()
    watch = clocks.watch()
    clocks.go(0.25, 0.25)
    assert watch.look() == 0
    clocks.go(wall, steady)
    assert watch.look() == pytest.approx(slept)
    clocks.go(0.25, 0.25)
    assert watch.look() == 0, "told once"


def test_real_clocks_do_not_sleep() -> None:
    assert SleepWatch().look() == 0
