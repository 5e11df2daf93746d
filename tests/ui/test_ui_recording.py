"""Recording from the window, on fake parts: keys, messages, what is stored."""

import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from ui_fakes import FakePipeline, FakeSource, Sources, open_window, press

from ferdesk.sessions import recorder as recorder_module
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import verify
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.recording import clock
from ferdesk.ui.recording_dialog import RecordingDialog

pytestmark = pytest.mark.usefixtures("qapp")


def recorded(folder: Path) -> list[Path]:
    return sorted((folder / "sessions").glob("*.ferdesk"))


def start_recording(qtbot: QtBot, window: MainWindow, frames: int = 10) -> None:
    window.start(None)
    qtbot.waitUntil(lambda: window.live.view.live is not None)
    press(qtbot, window, Qt.Key.Key_R)
    qtbot.waitUntil(
        lambda: (one := window._worker.tap.recorder) is not None and one.state.frames >= frames
    )


def test_a_key_records_marks_and_ends(qtbot: QtBot, tmp_path: Path) -> None:
    pipeline = FakePipeline()
    with open_window(tmp_path, Sources(camera_0=FakeSource), pipeline=pipeline) as window:
        start_recording(qtbot, window)
        assert window.live.top.buttons["record"].isChecked()
        assert pipeline.resets == 2  # for the source, and for the recording
        qtbot.waitUntil(lambda: window.status.recording.text().startswith("● 00:0"))
        press(qtbot, window, Qt.Key.Key_B)
        press(qtbot, window, Qt.Key.Key_Space)
        qtbot.wait(100)
        press(qtbot, window, Qt.Key.Key_Space)
        press(qtbot, window, Qt.Key.Key_R)
        qtbot.waitUntil(lambda: bool(window.live.banners.message("recording")))
        said = window.live.banners.message("recording")
        assert said is not None
        assert said.startswith("Recorded 00:0")
        assert not window.live.top.buttons["record"].isChecked()
        qtbot.waitUntil(lambda: not window.status.recording.text())
    (folder,) = recorded(tmp_path)
    assert str(folder) in said
    found = verify(folder)
    assert found.whole, found
    assert found.finished
    with Session(folder) as session:
        kinds = [(note.kind, note.text) for note in session.annotations()]
        assert kinds == [("marker", ""), ("event", "paused"), ("event", "resumed")]
        shown = [frame.shown_ns for frame in session.frames() if frame.shown_ns is not None]
        assert len(shown) > 3
        assert session.meta.source == "Fake camera"
        assert session.meta.bundle == "fake-net"


def test_another_source_ends_the_recording_and_keeps_it(qtbot: QtBot, tmp_path: Path) -> None:
    sources = Sources(camera_0=FakeSource, camera_1=FakeSource)
    with open_window(tmp_path, sources) as window:
        start_recording(qtbot, window)
        window.live.open("camera:1")
        qtbot.waitUntil(lambda: bool(window.live.banners.message("recording")))
        said = window.live.banners.message("recording")
        assert said is not None
        assert said.startswith("The recording ended: another source is shown.")
    assert verify(recorded(tmp_path)[0]).finished


def test_a_clip_that_ends_ends_the_recording(qtbot: QtBot, tmp_path: Path) -> None:
    sources = Sources(clip=lambda: FakeSource("clip", live=False, frames=60, fps=60))
    with open_window(tmp_path, sources, cameras=()) as window:
        window.start("clip")
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        press(qtbot, window, Qt.Key.Key_R)
        qtbot.waitUntil(lambda: bool(window.live.banners.message("recording")))
    assert verify(recorded(tmp_path)[0]).finished


def test_closing_the_window_finishes_the_recording(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        start_recording(qtbot, window)
    found = verify(recorded(tmp_path)[0])
    assert found.whole
    assert found.finished


def test_a_full_disk_is_said_and_what_was_recorded_is_kept(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "LEAST_FREE_BYTES", 10**18)
    monkeypatch.setattr(recorder_module, "_LOOK_EVERY_S", 0.2)
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        start_recording(qtbot, window, frames=1)
        qtbot.waitUntil(lambda: bool(window.live.banners.message("recording")))
        said = window.live.banners.message("recording")
        assert said is not None
        assert "MB are left on the disk" in said
    assert verify(recorded(tmp_path)[0]).whole


def test_a_folder_that_cannot_be_written_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("in the way")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        press(qtbot, window, Qt.Key.Key_R)
        qtbot.waitUntil(lambda: bool(window.live.banners.message("recording")))
        assert "cannot be written" in (window.live.banners.message("recording") or "")
        assert not window.live.top.buttons["record"].isChecked()


def test_a_recording_that_cannot_begin_leaves_the_picture_going(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("the disk went away")

    monkeypatch.setattr("ferdesk.ui.tap.Recorder", broken)
    pipeline = FakePipeline()
    with open_window(tmp_path, Sources(camera_0=FakeSource), pipeline=pipeline) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        press(qtbot, window, Qt.Key.Key_R)
        qtbot.waitUntil(lambda: bool(window.live.banners.message("recording")))
        assert "the disk went away" in (window.live.banners.message("recording") or "")
        seen = len(pipeline.seen)
        qtbot.waitUntil(lambda: len(pipeline.seen) > seen + 5)
        assert not window.live.top.buttons["record"].isChecked()


def test_the_options_are_asked_and_kept(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        press(qtbot, window, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
        qtbot.waitUntil(lambda: bool(window.findChild(RecordingDialog)))
        dialog = window.findChild(RecordingDialog)
        dialog.video.setCurrentIndex(dialog.video.findData("pixelated"))
        dialog.consent.setPlainText("Anna: for the lab")
        dialog.place.setText(str(tmp_path / "sessions" / "lab"))
        dialog.accept()
        press(qtbot, window, Qt.Key.Key_R)
        qtbot.waitUntil(lambda: bool(window._worker.tap.recorder))
        time.sleep(0.2)
        press(qtbot, window, Qt.Key.Key_R)
        qtbot.waitUntil(lambda: bool(window.live.banners.message("recording")))
    (folder,) = (tmp_path / "sessions" / "lab").glob("*.ferdesk")
    with Session(folder) as session:
        assert session.meta.video == "pixelated"
        assert session.meta.consent == "Anna: for the lab"


def test_marking_without_a_recording_says_so(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        qtbot.wait(10)
        press(qtbot, window, Qt.Key.Key_B)
        assert "Nothing is being recorded" in window.status.message.text()


def test_the_clock() -> None:
    assert [clock(seconds) for seconds in (0, 65.9, 3725)] == ["00:00", "01:05", "1:02:05"]
