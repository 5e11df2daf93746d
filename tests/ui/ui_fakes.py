"""Small real parts that stand in for cameras and nets, and the window on them."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from ferdesk.core.errors import SourceError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import Box, Crop, Face, FaceResult, Frame, FrameResult, ImageU8, Pose
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.state import WindowState
from ferdesk.settings import Settings
from ferdesk.sources.base import SourceInfo
from ferdesk.streams.choice import StreamChoice
from ferdesk.ui.live import Counters, LiveResult
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.painter import Painter
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.source_picker import Choice
from ferdesk.ui.worker import Jobs, Worker


def a_frame(index: int = 0, time_s: float | None = None, name: str = "fake") -> Frame:
    image = np.full((90, 160, 3), index % 256, np.uint8)
    return Frame(image, index, time.monotonic_ns(), time_s, name)


def a_face(track_id: int = 1, label: str = "happiness", size: float = 40) -> FaceResult:
    probabilities = np.full(8, 0.04, np.float32)
    probabilities[EXPRESSIONS.index(label)] = 0.72
    face = Face(
        Box(10, 10, size, size), np.zeros((468, 3), np.float32), Pose(1, 2, 3), 0.9, track_id
    )
    crop = Crop(np.zeros((48, 48), np.uint8), np.eye(2, 3))
    return FaceResult(face, probabilities, probabilities, crop=crop)


def a_live(faces: Sequence[FaceResult] = (), frame: Frame | None = None) -> LiveResult:
    frame = frame or a_frame()
    result = FrameResult(frame, tuple(faces), {"faces": 1.0}, time.monotonic_ns())
    image = np.zeros((*frame.image.shape[:2], 4), np.uint8)
    image[..., 1] = 200
    return LiveResult(1, result, image, INFO, Counters(30.0, 4.0, 2, 1))


NO_STREAMS = StreamChoice()
FRESH = WindowState()
INFO = SourceInfo("Fake camera", "camera", True, 160, 90, 30.0, None)


class FakeSource:
    """A camera (live) or a clip, with a plug that can be pulled."""

    def __init__(
        self,
        name: str = "Fake camera",
        live: bool = True,
        frames: int | None = None,
        fps: float = 60,
        stride: int = 1,
    ) -> None:
        self.info = SourceInfo(name, "camera" if live else "video", live, 160, 90, fps, frames)
        self.warning: str | None = None
        self.unplugged = threading.Event()
        self.closed = False
        self.reads = 0
        self._fps = fps
        self._stride = stride

    def read(self) -> Frame | None:
        if self.unplugged.is_set():
            raise SourceError("The device does not answer.")
        if self.info.frames is not None and self.reads >= self.info.frames:
            return None
        if self.info.live:
            time.sleep(1 / self._fps)
        index = self.reads
        self.reads += 1
        return a_frame(index, None if self.info.live else index / self._fps, self.info.name)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> "FakeSource":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FakePipeline:
    """Finds one happy face in every frame, after `delay_s`."""

    faces_backend = "fake faces"
    engine = "fake engine"
    bundle = "fake-net"
    au_estimator = "fake units"
    disambiguator = "fake svms"
    neutral = ""
    units = (12,)
    has_maps = False

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.error: Exception | None = None
        self.seen: list[int] = []
        self.resets = 0
        self.closed = False

    def process(self, frame: Frame, maps: bool = False) -> FrameResult:
        if self.error is not None:
            raise self.error
        self.seen.append(frame.index)
        time.sleep(self.delay_s)
        return FrameResult(frame, (a_face(),), {"faces": 1.0}, time.monotonic_ns())

    def use_neutral(self, name: str) -> None:
        self.neutral = name

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


class Sources:
    """`open_source` over a table; what it opened is kept for the test to look at."""

    def __init__(self, **table: Callable[[], FakeSource]) -> None:
        self.table = table
        self.opened: list[tuple[str, bool]] = []
        self.last: FakeSource | None = None

    def open(self, spec: str, loop: bool = False) -> FakeSource:
        self.opened.append((spec, loop))
        key = spec.replace(":", "_")
        if key not in self.table:
            raise SourceError(f"{spec} cannot be opened.")
        self.last = self.table[key]()
        return self.last


def draw(result: FrameResult) -> ImageU8:
    return result.frame.image.copy()


def make_worker(
    sources: Sources, pipeline: FakePipeline | None = None, build: object = None
) -> Worker:
    pipeline = pipeline or FakePipeline()

    def default_build(_: Settings) -> FakePipeline:
        return pipeline

    return Worker(
        Settings(),
        build=build or default_build,  # type: ignore[arg-type]
        draw=draw,
        open_source=sources.open,
        reconnects=lambda spec: spec.startswith("camera:"),
    )


@contextmanager
def open_window(
    folder: Path,
    sources: Sources,
    cameras: Sequence[str] = ("camera:0",),
    pipeline: FakePipeline | None = None,
    build: object = None,
    streams: StreamChoice = NO_STREAMS,
    state: WindowState = FRESH,
):
    """A real window on fake parts."""
    worker = make_worker(sources, pipeline, build)
    jobs = Jobs()
    painter = Painter()
    preferences = Preferences.model_validate(
        {
            "privacy": {"snapshots": str(folder)},
            "recording": {"folder": str(folder / "sessions")},
        }
    )
    keeper = PreferencesKeeper(preferences, jobs, folder / "config.toml")
    window = MainWindow(
        worker,
        jobs,
        painter,
        lambda: [Choice(spec, f"Webcam {spec[-1]}") for spec in cameras],
        keeper,
        streams,
        state,
    )
    window.show()
    try:
        yield window
    finally:
        window.close()
        assert worker.close()
        assert jobs.close()
        window.deleteLater()


def press(
    qtbot: QtBot,
    window: MainWindow,
    key: Qt.Key,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Type as a user does: shortcuts reach the active window only."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, key, modifier)
