"""Errors that nobody foresaw, sleep, cameras and what they offer."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, open_window

from ferdesk.live.sleep import SleepWatch
from ferdesk.sources.modes import Mode
from ferdesk.ui import cameras as cameras_module
from ferdesk.ui.banner import BannerStack
from ferdesk.ui.cameras import Cameras
from ferdesk.ui.source_picker import Choice, SourcePicker
from ferdesk.ui.unexpected import KEY, ErrorDialog
from ferdesk.ui.waking import KEY as SLEEP
from ferdesk.ui.worker import Jobs

pytestmark = pytest.mark.usefixtures("qapp")

LONG = 20_000


def test_an_error_shows_its_details_once_and_the_window_goes_on(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        for _ in range(3):
            window.report_unexpected("It broke: 1", "Traceback of 1")
        dialog = window.findChild(ErrorDialog)
        assert dialog.isVisible()
        assert not dialog.isModal()
        window.report_unexpected("It broke: 2", "Traceback of 2")
        assert window.banners.message(KEY) == "It broke: 2"
        text = dialog.details.toPlainText()
        assert text.count("Traceback of 1") == 1
        assert "Traceback of 2" in text
        dialog.copy_button.click()
        assert QGuiApplication.clipboard().text() == text
        dialog.close_button.click()
        qtbot.waitUntil(lambda: window.findChild(ErrorDialog) is None, timeout=LONG)
        window.report_unexpected("It broke: 2", "Traceback of 2")
        assert window.findChild(ErrorDialog) is None, "it was read"
        window.banners.buttons(KEY)["Details…"].click()
        assert window.findChild(ErrorDialog).isVisible()
        window.start("camera:0")
        qtbot.waitUntil(lambda: window.live.view.live is not None, timeout=LONG)


def test_endless_different_errors_are_not_all_kept(tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        for number in range(100):
            window.report_unexpected(f"It broke: {number}", "Traceback\n")
        details = window.findChild(ErrorDialog).details.toPlainText()
        assert details.count("Traceback") == 20


def test_sleep_is_said_and_noted_in_the_recording(qtbot: QtBot, tmp_path: Path) -> None:
    wall = [1_000.0]
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.live._waking._watch = SleepWatch(lambda: wall[0], lambda: 7.0)
        window.start("camera:0")
        window.live.recording.toggle()
        qtbot.waitUntil(lambda: window._worker.tap.recorder is not None, timeout=LONG)
        recorder = window._worker.tap.recorder
        assert recorder is not None
        noted: list[str] = []
        recorder.note = noted.append  # type: ignore[method-assign,assignment]
        window.live.refresh_status()
        assert window.live.banners.message(SLEEP) is None
        wall[0] += 725.0
        window.live.refresh_status()
        said = "The computer slept for 0:12:05, or its clock was set"
        assert window.live.banners.message(SLEEP) == f"{said}. Nothing was seen meanwhile."
        assert noted == [said]


def test_cameras_are_listed_with_what_they_offer(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras_module, "MODES_AFTER_MS", 1)
    picker, banners, jobs = SourcePicker(), BannerStack(), Jobs()
    qtbot.addWidget(picker)
    opened: list[str] = []
    said: list[str] = []
    cameras = Cameras(
        jobs,
        picker,
        banners,
        said.append,
        lambda: [Choice("camera:HD Webcam", "HD Webcam"), Choice("camera:Brio", "Brio")],
        opened.append,
        lambda: (),
        lambda: {"camera:HD Webcam": (Mode(1280, 720, 30), Mode(640, 480, 60))},
    )
    cameras.begin("camera:Brio")
    qtbot.waitUntil(lambda: opened == ["camera:Brio"], timeout=LONG)
    row = picker.combo.findData("camera:HD Webcam")
    qtbot.waitUntil(
        lambda: picker.combo.itemText(row) == "HD Webcam   up to 1280×720, 30 fps", timeout=LONG
    )
    tip = picker.combo.itemData(row, Qt.ItemDataRole.ToolTipRole)
    assert tip == "HD Webcam\n1280×720, 30 fps\n640×480, 60 fps"
    assert picker.combo.itemText(picker.combo.findData("camera:Brio")) == "Brio"
    assert picker.name_of("camera:HD Webcam") == "HD Webcam"
    assert jobs.close()


def test_drivers_that_fail_are_said(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras_module, "MODES_AFTER_MS", 1)
    picker, banners, jobs = SourcePicker(), BannerStack(), Jobs()
    qtbot.addWidget(picker)

    def fail() -> dict[str, tuple[Mode, ...]]:
        raise OSError("no such driver")

    one = [Choice("camera:HD Webcam", "HD Webcam")]
    cameras = Cameras(jobs, picker, banners, print, lambda: one, print, lambda: (), fail)
    cameras.list()
    qtbot.waitUntil(lambda: "no such driver" in (banners.message("scan") or ""), timeout=LONG)
    assert picker.cameras == tuple(one)
    assert jobs.close()
