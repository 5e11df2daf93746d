"""A better engine takes over between two batches, whatever happens meanwhile."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
from engine_material import FakeEngine, batch_of

from ferdesk.core.errors import EngineError
from ferdesk.engines.base import Engine
from ferdesk.engines.swap import SwappingEngine, shortened

LONG_S = 60


class Build:
    """A build that goes on when it is told to."""

    def __init__(self, gives: Callable[[], Engine]) -> None:
        self.gives = gives
        self.started, self.go_on = threading.Event(), threading.Event()

    def __call__(self, report: Callable[[str], None]) -> Engine:
        report("building")
        self.started.set()
        assert self.go_on.wait(LONG_S)
        return self.gives()


def value(engine: Engine) -> float:
    return float(engine.run(batch_of(1))["logits"][0, 0])


def test_the_first_runs_until_the_better_one_is_ready() -> None:
    first, better = FakeEngine("plain", 1), FakeEngine("fast", 2)
    build = Build(lambda: better)
    engine = SwappingEngine(first, "tensorrt", build)
    assert build.started.wait(LONG_S)
    assert value(engine) == 1
    assert engine.name == "plain (tensorrt: building)"
    assert not engine.wait(0.01)
    build.go_on.set()
    assert engine.wait(LONG_S)
    assert not first.closed, "only a run takes the new one"
    assert engine.name == "plain (tensorrt is ready)"
    assert value(engine) == 2
    assert (first.closed, engine.name) == (1, "fast")
    engine.close()
    assert (first.closed, better.closed) == (1, 1)


def test_swapping_under_load_loses_no_batch() -> None:
    first, better = FakeEngine("plain", 1), FakeEngine("fast", 2)
    build = Build(lambda: better)
    engine = SwappingEngine(first, "tensorrt", build)
    build.started.wait(LONG_S)
    found: list[float] = []
    enough, done = threading.Event(), threading.Event()

    def load() -> None:
        while not done.is_set():
            found.append(value(engine))
            if len(found) == 100:
                enough.set()

    runner = threading.Thread(target=load)
    runner.start()
    assert enough.wait(LONG_S)
    build.go_on.set()
    assert engine.wait(LONG_S)
    before = better.runs
    while better.runs < before + 20 and runner.is_alive():
        engine.wait(0.001)
    done.set()
    runner.join(LONG_S)
    assert len(found) == first.runs + better.runs
    assert found == sorted(found), "once the better one has taken over, the first is not back"
    assert {1.0, 2.0} == set(found)
    assert first.closed == 1
    engine.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EngineError("no GPU here.\nnothing to do"), "no GPU here. nothing to do"),
        (RuntimeError("cuda is odd"), "RuntimeError: cuda is odd"),
    ],
)
def test_a_failed_build_leaves_the_first_and_says_why(
    error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> Engine:
        raise error

    first = FakeEngine("plain", 1)
    build = Build(fails)
    build.go_on.set()
    engine = SwappingEngine(first, "tensorrt", build)
    assert engine.wait(LONG_S)
    assert value(engine) == 1
    assert engine.name == f"plain (no tensorrt: {said})"
    assert "no tensorrt" in caplog.text
    engine.close()
    assert first.closed == 1


def test_closing_while_building_does_not_wait_and_leaves_nothing_open() -> None:
    first, late = FakeEngine("plain"), FakeEngine("fast")
    build = Build(lambda: late)
    engine = SwappingEngine(first, "tensorrt", build)
    assert build.started.wait(LONG_S)
    engine.close()
    engine.close()
    assert first.closed == 1
    build.go_on.set()
    assert engine.wait(LONG_S)
    assert late.closed == 1


def test_closing_before_the_swap_closes_both() -> None:
    first, better = FakeEngine("plain"), FakeEngine("fast")
    build = Build(lambda: better)
    build.go_on.set()
    engine = SwappingEngine(first, "tensorrt", build)
    assert engine.wait(LONG_S)
    engine.close()
    assert (first.closed, better.closed) == (1, 1)


def test_a_long_reason_is_cut() -> None:
    assert shortened("a\n  b") == "a b"
    cut = shortened("x" * 500)
    assert len(cut) == 80
    assert cut.endswith("…")


def test_batches_are_handed_on_as_they_are() -> None:
    build = Build(lambda: FakeEngine("fast"))
    engine = SwappingEngine(FakeEngine("plain", 3), "tensorrt", build)
    found = engine.run(np.zeros((5, 1, 48, 48), np.float32))
    assert found["logits"].shape == (5, 8)
    build.go_on.set()
    engine.wait(LONG_S)
    engine.close()
