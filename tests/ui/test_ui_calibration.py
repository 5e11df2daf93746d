"""A neutral face is recorded in the window, saved and put to use."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from au_fakes import values
from PySide6.QtWidgets import QInputDialog
from ui_fakes import (
    FakePipeline,
    FakeSource,
    Sources,
    a_face,
    a_frame,
    a_live,
    open_window,
    wait_until,
)

from ferdesk import resources
from ferdesk.profiles import load_profile, profile_names
from ferdesk.settings import Settings
from ferdesk.ui.calibration import KEY
from ferdesk.ui.live import LiveResult
from ferdesk.ui.main_window import MainWindow

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "user_data", lambda: tmp_path / "data")


class Built:
    """Remembers what the pipeline was built from."""

    def __init__(self) -> None:
        self.settings: list[Settings] = []

    def __call__(self, settings: Settings) -> FakePipeline:
        self.settings.append(settings)
        return FakePipeline()


def answer(monkeypatch: pytest.MonkeyPatch, name: str, ok: bool = True) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: (name, ok))


def at_rest(faces: int = 1, seconds: float = 10.5, level: float = 0.3) -> Iterator[LiveResult]:
    """A face that hardly moves, five times a second."""
    for index in range(round(seconds * 5) + 1):
        time_s = index / 5
        aus = values(time_s, {25: level + 0.01 * (index % 2)}, estimator="fake units")
        shown = [replace(a_face(1 + one), aus=aus) for one in range(faces)]
        yield a_live(shown, a_frame(index, time_s))


def taken(window: MainWindow) -> bool:
    """Whether the recorder has what it was given, or has ended."""
    run = window.live.calibration._run
    return run is None or run.frames._item is None


def feed(window: MainWindow, lives: Iterator[LiveResult]) -> None:
    """Show results one after the other, each only when the one before was taken."""
    for live in lives:
        wait_until(lambda: taken(window))
        window.live.calibration.feed(live.result)


def ready(window: MainWindow) -> None:
    window.start("camera:0")
    wait_until(lambda: "fake-net" in window.status.bundle.text())
    window.live.toggle_pause()


def test_a_face_is_recorded_saved_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, " anna ")
    built = Built()
    with open_window(tmp_path, Sources(camera_0=FakeSource), build=built) as window:
        ready(window)
        window.live.calibrate()
        assert "Recording the neutral face 'anna'" in str(window.live.banners.message(KEY))
        feed(window, at_rest(seconds=5))
        wait_until(
            lambda: window.live.calibration._run and window.live.calibration._run.progress > 0.4
        )
        window.live.calibration.feed(next(at_rest()).result)
        wait_until(lambda: window.live.calibration._run is None)
        assert "5.0 of 10 seconds" in str(window.live.banners.message(KEY)), "the clip began again"
        assert profile_names() == ()

        window.live.calibrate()
        feed(window, at_rest())
        wait_until(lambda: "is saved" in str(window.live.banners.message(KEY)))
        assert load_profile("anna").baseline[25] == pytest.approx(0.3, abs=0.011)
        wait_until(lambda: built.settings[-1].neutral == "anna")
        window.live.banners.buttons(KEY)["Do not use it"].click()
        wait_until(lambda: built.settings[-1].neutral == "")
        assert window.live.banners.message(KEY) is None


def test_the_seconds_to_go_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "me")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        ready(window)
        window.live.calibrate()
        feed(window, at_rest(seconds=0))
        assert window.status.message.text() == "10 s to go"
        feed(window, at_rest(seconds=7))
        wait_until(
            lambda: window.live.calibration._run and window.live.calibration._run.progress >= 0.69
        )
        window.live.calibration.feed(a_live((), a_frame(99, 7.1)).result)
        assert window.status.message.text() == "3 s to go"


def test_it_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "me")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        ready(window)
        window.live.calibrate()
        feed(window, at_rest(seconds=3))
        window.live.calibrate()
        assert window.status.message.text() == "A neutral face is being recorded."
        window.live.banners.buttons(KEY)["Cancel"].click()
        assert window.live.banners.message(KEY) is None
        assert window.status.message.text() == "The recording was cancelled."
        window.live.calibrate()
        window.live.open("camera:0")
        assert window.live.banners.message(KEY) is None
    assert profile_names() == ()


def test_closing_the_window_ends_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "me")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        ready(window)
        window.live.calibrate()
    assert profile_names() == ()


@pytest.mark.parametrize(
    ("name", "faces", "said"),
    [("no/name", 1, "is no name for a neutral profile"), ("me", 2, "Record one person alone")],
)
def test_what_goes_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, faces: int, said: str
) -> None:
    answer(monkeypatch, name)
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        ready(window)
        window.live.calibrate()
        feed(window, at_rest(faces, 1))
        wait_until(lambda: said in str(window.live.banners.message(KEY)))
    assert profile_names() == ()


def test_a_source_that_ends_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "me")
    clip = Sources(clip=lambda: FakeSource("clip", live=False, frames=40, fps=50))
    with open_window(tmp_path, clip) as window:
        window.start("clip")
        wait_until(lambda: "fake-net" in window.status.bundle.text())
        window.live.calibrate()
        wait_until(lambda: "No face was seen" in str(window.live.banners.message(KEY)))


def test_nothing_is_asked_where_there_are_no_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakePipeline, "au_estimator", "")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        ready(window)
        window.live.calibrate()
        assert "--aus" in str(window.live.banners.message(KEY))


def test_saying_no_to_the_question_begins_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "me", ok=False)
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        ready(window)
        window.live.calibrate()
        assert window.live.banners.message(KEY) is None
