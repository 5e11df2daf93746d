"""The live threads on fake sources."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from ui_fakes import FakePipeline, FakeSource, Sources, make_worker

from ferdesk.core.errors import BundleError, ModelError
from ferdesk.live.capture import SourceState
from ferdesk.settings import Settings
from ferdesk.ui.live import LiveResult, PipelineState
from ferdesk.ui.worker import Jobs, Worker

pytestmark = pytest.mark.usefixtures("qapp")


class Watcher:
    """Plays the window: takes results and remembers states."""

    def __init__(self, worker: Worker) -> None:
        self.results: list[LiveResult] = []
        self.states: list[SourceState] = []
        self.pipelines: list[PipelineState] = []
        self.worker = worker
        worker.result_ready.connect(self._take)
        worker.source_changed.connect(self.states.append)
        worker.pipeline_changed.connect(self.pipelines.append)

    @property
    def phases(self) -> list[str]:
        return [state.phase for state in self.states if self.worker.is_current(state)]

    def _take(self) -> None:
        live = self.worker.take()
        if live is not None:
            self.results.append(live)


@contextmanager
def running(
    sources: Sources, pipeline: FakePipeline | None = None, build: object = None
) -> Iterator[tuple[Worker, Watcher]]:
    worker = make_worker(sources, pipeline, build)
    watcher = Watcher(worker)
    worker.start()
    try:
        yield worker, watcher
    finally:
        assert worker.close()


def test_results_reach_the_window_with_their_counters(qtbot: QtBot) -> None:
    with running(Sources(camera_0=FakeSource)) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: len(seen.results) > 20)
        live = seen.results[-1]
        assert live.image.shape == (90, 160, 4)
        assert live.image.flags.c_contiguous
        assert live.result.faces[0].label == "happiness"
        assert live.source.name == "Fake camera"
        assert 5 < live.counters.fps < 90
        assert 0 < live.counters.latency_ms < 500
        assert seen.phases == ["opening", "playing"]
        assert seen.pipelines[-1] == PipelineState(
            "fake faces", "fake engine", "fake-net", "fake units", "fake svms", units=(12,)
        )


def test_a_slow_pipeline_gets_the_newest_frame_and_drops_are_counted(qtbot: QtBot) -> None:
    pipeline = FakePipeline(delay_s=0.1)
    with running(Sources(camera_0=lambda: FakeSource(fps=100)), pipeline) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: len(seen.results) >= 5)
        assert pipeline.seen[-1] > 3 * len(pipeline.seen)
        assert seen.results[-1].counters.dropped > 2 * len(seen.results)
        assert seen.results[-1].counters.latency_ms < 300


def test_a_slow_window_finds_one_result_waiting_the_newest() -> None:
    worker = make_worker(Sources(camera_0=lambda: FakeSource(fps=200)))
    signals: list[int] = []
    worker.result_ready.connect(lambda: signals.append(1))
    worker.start()
    worker.open("camera:0")
    time.sleep(0.5)  # the window is busy: no event is handled
    QApplication.processEvents()
    assert len(signals) == 1
    live = worker.take()
    assert live is not None
    assert live.counters.unshown > 10
    assert live.result.frame.index > 10
    assert worker.close()


def test_a_paused_camera_keeps_the_picture_and_goes_on_with_the_newest(qtbot: QtBot) -> None:
    sources = Sources(camera_0=FakeSource)
    with running(sources) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: len(seen.results) > 3)
        worker.set_paused(True)
        before = len(seen.results)
        held = seen.results[-1].result.frame.index
        qtbot.wait(400)
        assert len(seen.results) == before
        worker.set_paused(False)
        qtbot.waitUntil(lambda: len(seen.results) > before)
        assert seen.results[-1].result.frame.index > held + 10


def test_a_paused_clip_goes_on_where_it_was(qtbot: QtBot) -> None:
    clip = lambda: FakeSource(live=False, frames=500, fps=50)  # noqa: E731
    with running(Sources(clip=clip)) as (worker, seen):
        worker.open("clip")
        qtbot.waitUntil(lambda: len(seen.results) > 3)
        worker.set_paused(True)
        held = seen.results[-1].result.frame.index
        qtbot.wait(400)
        worker.set_paused(False)
        qtbot.waitUntil(lambda: seen.results[-1].result.frame.index > held)
        assert seen.results[-1].result.frame.index <= held + 4


def test_a_clip_plays_in_real_time_and_ends(qtbot: QtBot) -> None:
    clip = lambda: FakeSource(live=False, frames=21, fps=40)  # noqa: E731
    with running(Sources(clip=clip)) as (worker, seen):
        started = time.monotonic()
        worker.open("clip")
        qtbot.waitUntil(lambda: "ended" in seen.phases)
        assert 0.45 < time.monotonic() - started < 1.5
        qtbot.waitUntil(lambda: seen.results[-1].result.frame.index == 20)


def test_a_clip_waits_for_the_pipeline(qtbot: QtBot) -> None:
    pipeline = FakePipeline()

    def slow_build(_: Settings) -> FakePipeline:
        time.sleep(0.4)
        return pipeline

    clip = lambda: FakeSource(live=False, frames=5, fps=50)  # noqa: E731
    with running(Sources(clip=clip), build=slow_build) as (worker, seen):
        worker.open("clip")
        qtbot.waitUntil(lambda: "ended" in seen.phases and pipeline.seen[-1:] == [4])
        assert pipeline.seen[0] == 0


def test_a_lost_camera_is_reconnected(qtbot: QtBot) -> None:
    sources = Sources(camera_0=FakeSource)
    with running(sources) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: bool(seen.results))
        assert sources.last is not None
        first = sources.last
        first.unplugged.set()
        qtbot.waitUntil(lambda: "lost" in seen.phases)
        assert first.closed
        qtbot.waitUntil(lambda: seen.phases == ["opening", "playing", "lost", "playing"])
        count = len(seen.results)
        qtbot.waitUntil(lambda: len(seen.results) > count)


def test_a_source_that_can_be_reopened_is_and_not_opened_anew(qtbot: QtBot) -> None:
    class Plug(FakeSource):
        def reopen(self) -> None:
            self.unplugged.clear()

    sources = Sources(camera_0=Plug)
    with running(sources) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: bool(seen.results))
        assert sources.last is not None
        sources.last.unplugged.set()
        qtbot.waitUntil(lambda: seen.phases == ["opening", "playing", "lost", "playing"])
        assert len(sources.opened) == 1


def test_a_camera_that_does_not_open_is_tried_again_until_another_is_chosen(qtbot: QtBot) -> None:
    sources = Sources(camera_1=FakeSource)
    with running(sources) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: seen.phases == ["opening", "lost"])
        worker.open("camera:1")
        qtbot.waitUntil(lambda: bool(seen.results))
        qtbot.wait(1200)
        assert [spec for spec, _ in sources.opened].count("camera:0") <= 2
        assert seen.phases == ["opening", "playing"]


def test_a_file_that_does_not_open_fails_once(qtbot: QtBot) -> None:
    sources = Sources()
    with running(sources) as (worker, seen):
        worker.open("missing.mp4")
        qtbot.waitUntil(lambda: "failed" in seen.phases)
        assert seen.states[-1].message == "missing.mp4 cannot be opened."
        qtbot.wait(1200)
        assert len(sources.opened) == 1


def test_changing_the_source_closes_the_one_before_and_shows_nothing_of_it(qtbot: QtBot) -> None:
    first = FakeSource("first")
    sources = Sources(camera_0=lambda: first, camera_1=lambda: FakeSource("second"))
    pipeline = FakePipeline()
    with running(sources, pipeline) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: bool(seen.results))
        worker.open("camera:1")
        seen.results.clear()
        qtbot.waitUntil(lambda: len(seen.results) > 3)
        assert first.closed
        assert {live.source.name for live in seen.results} == {"second"}
        assert pipeline.resets >= 2


def test_a_truncated_file_is_told(qtbot: QtBot) -> None:
    def clip() -> FakeSource:
        source = FakeSource(live=False, frames=3)
        source.warning = "it ends early"
        return source

    with running(Sources(clip=clip)) as (worker, seen):
        worker.open("clip")
        qtbot.waitUntil(lambda: "ended" in seen.phases)
        assert seen.phases == ["opening", "playing", "warning", "ended"]
        assert seen.states[2].message == "it ends early"


def test_a_pipeline_that_cannot_be_built_is_told_and_built_again(qtbot: QtBot) -> None:
    errors = [BundleError("The bundle is broken.")]
    pipeline = FakePipeline()

    def build(_: Settings) -> FakePipeline:
        if errors:
            raise errors.pop()
        return pipeline

    with running(Sources(camera_0=FakeSource), build=build) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: bool(seen.pipelines))
        assert seen.pipelines[-1].error == "The bundle is broken."
        qtbot.wait(100)
        assert not seen.results
        worker.rebuild()
        qtbot.waitUntil(lambda: bool(seen.results))
        assert seen.pipelines[-1].error == ""
    assert pipeline.closed


def test_an_error_on_a_frame_is_told_once_and_taken_back(qtbot: QtBot) -> None:
    pipeline = FakePipeline()
    with running(Sources(camera_0=FakeSource), pipeline) as (worker, seen):
        worker.open("camera:0")
        qtbot.waitUntil(lambda: bool(seen.results))
        told = len(seen.pipelines)
        pipeline.error = ModelError("The model went away.")
        qtbot.wait(300)
        assert [state.error for state in seen.pipelines[told:]] == ["The model went away."]
        pipeline.error = None
        qtbot.waitUntil(lambda: len(seen.pipelines) == told + 2)
        assert seen.pipelines[-1].error == ""


def test_new_settings_build_a_new_pipeline(qtbot: QtBot) -> None:
    built: list[Settings] = []

    def build(settings: Settings) -> FakePipeline:
        built.append(settings)
        return FakePipeline()

    with running(Sources(), build=build) as (worker, _):
        qtbot.waitUntil(lambda: bool(built))
        worker.configure(Settings(smoothing_s=0))
        qtbot.waitUntil(lambda: len(built) == 2)
        assert built[1].smoothing_s == 0


def test_close_joins_all_threads(qtbot: QtBot) -> None:
    before = threading.active_count()
    worker = make_worker(Sources(camera_0=FakeSource))
    worker.start()
    worker.open("camera:0")
    qtbot.waitUntil(lambda: threading.active_count() == before + 2)
    assert worker.close()
    assert threading.active_count() == before


def test_close_does_not_wait_for_ever_for_a_driver_that_hangs(qtbot: QtBot) -> None:
    let_go = threading.Event()

    class Stuck(FakeSource):
        def read(self) -> None:
            let_go.wait(10)

    worker = make_worker(Sources(camera_0=Stuck))
    worker.start()
    worker.open("camera:0")
    qtbot.wait(100)
    started = time.monotonic()
    assert not worker.close(timeout_s=0.3)
    assert time.monotonic() - started < 1
    let_go.set()


def test_the_window_is_never_blocked_by_a_slow_pipeline(qtbot: QtBot) -> None:
    gaps: list[float] = []
    last = time.monotonic()

    def tick() -> None:
        nonlocal last
        now = time.monotonic()
        gaps.append(now - last)
        last = now

    timer = QTimer()
    timer.timeout.connect(tick)
    with running(Sources(camera_0=FakeSource), FakePipeline(delay_s=0.5)) as (worker, seen):
        timer.start(2)
        worker.open("camera:0")
        qtbot.waitUntil(lambda: len(seen.results) >= 2)
        timer.stop()
    # The pipeline takes 500 ms a frame; a loaded machine may hold up a process for a moment.
    assert max(gaps) < 0.15
    assert sorted(gaps)[int(len(gaps) * 0.95)] < 0.016


def test_jobs_bring_their_outcome_to_this_thread(qtbot: QtBot) -> None:
    jobs = Jobs()
    where: list[object] = []

    def done(value: int) -> None:
        where.extend((value, threading.current_thread()))

    jobs.submit(lambda: 6 * 7, done, where.append)
    qtbot.waitUntil(lambda: len(where) == 2)
    assert where == [42, threading.main_thread()]
    jobs.submit(lambda: 1 / 0, where.append, where.append)
    qtbot.waitUntil(lambda: len(where) == 3)
    assert isinstance(where[2], ZeroDivisionError)
    assert jobs.close()


def test_jobs_that_were_closed_tell_nothing_that_is_still_on_its_way(qtbot: QtBot) -> None:
    jobs = Jobs()
    told: list[object] = []
    ended = threading.Event()
    jobs.submit(lambda: ended.set(), told.append, told.append)
    assert ended.wait(10)
    assert jobs.close()
    qtbot.wait(50)
    assert told == []
