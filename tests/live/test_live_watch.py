"""Reading without a window: of a live source the newest frame, of a file each."""

import threading
import time

import numpy as np
import pytest

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame
from ferdesk.live.capture import SourceState
from ferdesk.live.watch import Watch
from ferdesk.resources import demo_clip
from ferdesk.sources.base import BaseSource, SourceInfo


class FakeCamera(BaseSource):
    """Gives a picture every 5 ms; `fails_at` one it is unplugged, once."""

    def __init__(self, frames: int | None = None, fails_at: int | None = None) -> None:
        super().__init__()
        self._frames = frames
        self.fails_at = fails_at
        self.closed = False

    @property
    def info(self) -> SourceInfo:
        return SourceInfo("fake", "camera", True, 8, 6, 200.0, None)

    def read(self) -> Frame | None:
        time.sleep(0.005)
        if self._frames is not None and self._next_index >= self._frames:
            return None
        if self._next_index == self.fails_at:
            self.fails_at = None
            raise SourceError("The camera was unplugged.")
        return self._frame(np.zeros((6, 8, 3), np.uint8), name="fake")

    def reopen(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_a_slow_reader_gets_the_newest_frame_and_the_count_of_the_others() -> None:
    camera = FakeCamera()
    with Watch("camera:0", opener=lambda spec, loop: camera) as watch:
        first = watch.read()
        time.sleep(0.1)
        watch.read()  # one was waiting since
        later = watch.read()
        assert first is not None
        assert later is not None
        assert later.index > 5
        assert watch.dropped == later.index - first.index - 2
    assert camera.closed


def test_a_file_gives_every_frame() -> None:
    with Watch(str(demo_clip())) as watch:
        indices = []
        while (frame := watch.read()) is not None:
            indices.append(frame.index)
        assert indices == list(range(watch.info.frames or 0))
        assert watch.dropped == 0


def test_it_ends_with_a_stream_that_ends() -> None:
    with Watch("camera:0", opener=lambda spec, loop: FakeCamera(frames=3)) as watch:
        count = 0
        while watch.read() is not None:
            count += 1
        assert 1 <= count <= 3


def test_stop_wakes_a_reader_that_waits() -> None:
    class Silent(FakeCamera):
        def read(self) -> Frame | None:
            time.sleep(0.02)
            raise SourceError("No picture came.")

    with Watch("camera:0", opener=lambda spec, loop: Silent()) as watch:
        threading.Timer(0.1, watch.stop).start()
        assert watch.read() is None
        assert watch.read() is None


def test_a_lost_camera_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferdesk.live.capture.RETRY_S", 0.05)
    told: list[SourceState] = []
    camera = FakeCamera(frames=6, fails_at=3)
    with Watch("camera:0", report=told.append, opener=lambda spec, loop: camera) as watch:
        last = -1
        while (frame := watch.read()) is not None:
            last = frame.index
    assert last >= 4
    assert [state.phase for state in told] == ["playing", "lost", "playing"]
    assert told[1].message == "The camera was unplugged."


def test_a_paced_file_plays_in_real_time_and_ends() -> None:
    with Watch(str(demo_clip()), paced=True) as watch:
        frames = []
        while (frame := watch.read()) is not None and len(frames) < 20:
            frames.append(frame)
    first, last = frames[0], frames[-1]
    assert first.source_time_s is not None
    assert last.source_time_s is not None
    took = (last.captured_ns - first.captured_ns) / 1e9
    # A frame may be shown up to 50 ms late, none early.
    assert took > last.source_time_s - first.source_time_s - 0.06


def test_the_last_frame_may_come_together_with_the_end() -> None:
    with Watch("camera:0", opener=lambda spec, loop: FakeCamera(frames=1)) as watch:
        time.sleep(0.2)  # both are there now
        assert watch.read() is not None
        assert watch.read() is None
        assert watch.read() is None
