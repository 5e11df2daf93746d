"""The window on fake parts: messages, keys, snapshots, the way of a result to the screen."""

import json
import stat
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QLabel
from pytestqt.qtbot import QtBot
from ui_fakes import FakePipeline, FakeSource, Sources, a_live, open_window, press

from ferdesk.core.errors import BundleError
from ferdesk.settings import Settings
from ferdesk.ui import actions, theme

pytestmark = pytest.mark.usefixtures("qapp")


def clip() -> FakeSource:
    return FakeSource("demo", live=False, frames=5000, fps=50)


def test_the_first_camera_is_shown(qtbot: QtBot, tmp_path: Path) -> None:
    sources = Sources(camera_0=FakeSource)
    with open_window(tmp_path, sources, cameras=("camera:0", "camera:1")) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        assert sources.opened == [("camera:0", False)]
        assert window.live.picker.combo.currentText() == "Webcam 0"
        assert window.windowTitle() == "Webcam 0 – ferdesk"
        qtbot.waitUntil(lambda: bool(window.status.fps.text().split()[0].isdigit()))
        assert window.status.source.text() == "Webcam 0  160×90"
        assert window.status.latency.text().split()[0].isdigit()
        assert window.status.faces.text() == "faces: fake faces"
        assert window.status.engine.text() == "engine: fake engine"
        assert window.status.bundle.text() == "net: fake-net"


def test_without_a_camera_the_demo_is_shown_and_said_so(qtbot: QtBot, tmp_path: Path) -> None:
    sources = Sources(demo=clip)
    with open_window(tmp_path, sources, cameras=()) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        assert sources.opened == [("demo", True)]
        text = "No camera found: showing the built-in demo"
        assert window.live.banners.message("no-camera") == text
        assert list(window.live.banners.buttons("no-camera")) == ["Choose camera", "Open file"]
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        window.live.open("camera:0")
        assert window.live.banners.message("no-camera") is None


def test_the_banner_opens_a_file(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = Sources(demo=clip, clip=clip)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("clip", ""))
    with open_window(tmp_path, sources, cameras=()) as window:
        window.start(None)
        qtbot.waitUntil(lambda: bool(window.live.banners.buttons("no-camera")))
        window.live.banners.buttons("no-camera")["Open file"].click()
        assert sources.opened[-1][0] == "clip" or window.live.picker.combo.currentText() == "clip"
        qtbot.waitUntil(lambda: sources.opened[-1] == ("clip", False))


def test_a_lost_camera_is_said_and_comes_back(qtbot: QtBot, tmp_path: Path) -> None:
    sources = Sources(camera_0=FakeSource)
    with open_window(tmp_path, sources) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        assert sources.last is not None
        sources.last.unplugged.set()
        qtbot.waitUntil(lambda: bool(window.live.banners.message("source")))
        assert window.live.banners.message("source") == "Webcam 0 was disconnected. Reconnecting…"
        assert window.live.view.live is not None, "the last picture stays"
        assert window.isVisible()
        qtbot.waitUntil(lambda: window.live.banners.message("source") is None)


def test_a_camera_that_is_busy_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        window.start("camera:0")
        qtbot.waitUntil(lambda: bool(window.live.banners.message("source")))
        assert (
            window.live.banners.message("source")
            == "camera:0 cannot be opened. Trying again every second…"
        )


def test_a_bad_file_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        window.start("nothing.mp4")
        qtbot.waitUntil(lambda: bool(window.live.banners.message("source")))
        assert window.live.banners.message("source") == "nothing.mp4 cannot be opened."


def test_a_clip_that_ends_can_be_played_again(qtbot: QtBot, tmp_path: Path) -> None:
    sources = Sources(clip=lambda: FakeSource("clip", live=False, frames=3, fps=50))
    with open_window(tmp_path, sources) as window:
        window.start("clip")
        qtbot.waitUntil(lambda: window.live.banners.message("source") == "clip has ended.")
        window.live.banners.buttons("source")["Play again"].click()
        qtbot.waitUntil(lambda: len(sources.opened) == 2)


def test_a_broken_bundle_is_said_and_tried_again(qtbot: QtBot, tmp_path: Path) -> None:
    errors = [BundleError("The bundle is broken: run X.")]

    def build(_: Settings) -> FakePipeline:
        if errors:
            raise errors.pop()
        return FakePipeline()

    sources = Sources(camera_0=FakeSource)
    with open_window(tmp_path, sources, build=build) as window:
        window.start("camera:0")
        qtbot.waitUntil(
            lambda: window.live.banners.message("pipeline") == "The bundle is broken: run X."
        )
        window.live.banners.buttons("pipeline")["Try again"].click()
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        assert window.live.banners.message("pipeline") is None


def test_the_password_of_a_stream_is_not_shown(tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        window.start("rtsp://me:secret@cam.example:554/live")
        shown = [window.windowTitle(), window.live.picker.combo.currentText()]
        shown += [label.text() for label in window.findChildren(QLabel)]
        assert not any("secret" in text for text in shown)
        assert "cam.example:554" in window.windowTitle()


def test_a_snapshot_holds_the_picture_and_the_numbers(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "Pictures" / "ferdesk"
    with open_window(folder, Sources(camera_0=FakeSource)) as window:
        window.start("camera:0")
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        press(qtbot, window, Qt.Key.Key_Space)
        press(qtbot, window, Qt.Key.Key_S)
        qtbot.waitUntil(lambda: "Saved" in window.status.message.text())
        assert window.live.view.live is not None
        shown = window.live.view.live.result
    png, data = sorted(folder.glob("*.png")), sorted(folder.glob("*.json"))
    assert len(png) == len(data) == 1
    assert png[0].read_bytes().startswith(b"\x89PNG")
    record = json.loads(data[0].read_text())
    assert record.pop("taken_at")[:2] == "20"
    assert record == json.loads(json.dumps(shown.to_dict()))
    assert {stat.S_IMODE(path.stat().st_mode) for path in (*png, *data)} == {0o600}


def test_a_snapshot_that_cannot_be_written_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with open_window(tmp_path / "file" / "ferdesk", Sources(camera_0=FakeSource)) as window:
        window.start("camera:0")
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        window.live.save_snapshot()
        qtbot.waitUntil(lambda: bool(window.live.banners.message("snapshot")))
        assert "cannot be saved" in str(window.live.banners.message("snapshot"))


def test_a_snapshot_of_nothing_is_said(tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        window.live.save_snapshot()
        assert window.status.message.text() == "There is no picture to save yet."


def test_keys(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = Sources(camera_0=FakeSource, demo=clip, clip=clip)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("clip", ""))
    with open_window(tmp_path, sources) as window:
        window.start("camera:0")
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        press(qtbot, window, Qt.Key.Key_Space)
        assert window.live.top.buttons["pause"].text() == "Resume"
        held = window.live.view.live
        qtbot.wait(200)
        assert window.live.view.live is held
        press(qtbot, window, Qt.Key.Key_Space)
        assert window.live.top.buttons["pause"].text() == "Pause"
        press(qtbot, window, Qt.Key.Key_O)
        qtbot.waitUntil(lambda: sources.opened[-1] == ("clip", False))
        press(qtbot, window, Qt.Key.Key_D)
        qtbot.waitUntil(lambda: sources.opened[-1] == ("demo", True))
        for mode in ("dark", "light", "system"):
            press(qtbot, window, Qt.Key.Key_T)
            assert window.status.message.text() == f"Theme: {mode}"
        for key in (Qt.Key.Key_F, Qt.Key.Key_F11):
            press(qtbot, window, key)
            assert window.isFullScreen()
            press(qtbot, window, Qt.Key.Key_Escape)
            assert not window.isFullScreen()
        for key in (Qt.Key.Key_F1, Qt.Key.Key_Question):
            press(qtbot, window, key)
            dialog = window.findChild(actions.ShortcutsDialog)
            assert dialog is not None
            assert dialog.isVisible()
            dialog.close()
            qtbot.wait(50)
        press(qtbot, window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
        assert not window.isVisible()


def test_the_help_lists_every_key() -> None:
    dialog = actions.ShortcutsDialog()
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    for spec in actions.ACTIONS:
        assert spec.text in texts
        assert " or ".join(spec.keys) in texts


def test_the_space_bar_presses_a_message_s_button_that_has_the_focus(
    qtbot: QtBot, tmp_path: Path
) -> None:
    sources = Sources(clip=lambda: FakeSource("clip", live=False, frames=3, fps=50))
    with open_window(tmp_path, sources) as window:
        window.start("clip")
        qtbot.waitUntil(lambda: bool(window.live.banners.buttons("source")))
        button = window.live.banners.buttons("source")["Play again"]
        window.activateWindow()
        button.setFocus()
        qtbot.keyClick(button, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: len(sources.opened) == 2)
        assert window.live.top.buttons["pause"].text() == "Pause"


def test_choosing_from_the_list(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = Sources(camera_0=FakeSource, camera_1=FakeSource, demo=clip)
    with open_window(tmp_path, sources, cameras=("camera:0", "camera:1")) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        combo = window.live.picker.combo
        combo.activated.emit(combo.findText("Webcam 1"))
        qtbot.waitUntil(lambda: sources.opened[-1][0] == "camera:1")
        assert combo.currentText() == "Webcam 1"
        monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("", False))
        combo.setCurrentIndex(combo.findText("Open stream address…"))
        combo.activated.emit(combo.currentIndex())
        assert combo.currentText() == "Webcam 1"
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/some/faces")
        combo.activated.emit(combo.findText("Open folder of pictures…"))
        assert combo.currentText() == "faces"


def test_a_dropped_file_is_opened(qtbot: QtBot, tmp_path: Path) -> None:
    sources = Sources()
    with open_window(tmp_path, sources) as window:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a clip.mp4"))])
        button, key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(window.rect().center(), Qt.DropAction.CopyAction, data, button, key)
        window.dragEnterEvent(enter)
        assert enter.isAccepted()
        drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, button, key)
        window.dropEvent(drop)
        qtbot.waitUntil(lambda: sources.opened == [(str(tmp_path / "a clip.mp4"), False)])


def test_themes(tmp_path: Path, qapp: QApplication) -> None:
    with open_window(tmp_path, Sources()) as window:
        for mode, colours in ((theme.Mode.DARK, theme.DARK), (theme.Mode.LIGHT, theme.LIGHT)):
            window._keeper.set("display.theme", mode.value)
            assert qapp.palette().window().color().name() == colours.window
            image = window.grab().toImage()
            assert (
                image.pixelColor(window.live.mapTo(window, QPoint(4, 4))).name() == colours.window
            )


def test_the_picture_is_painted_as_it_is(tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        live = a_live()
        window.live.view.show_result(live)
        rect = window.live.view.picture_rect()
        assert abs(rect.width() / rect.height() - 160 / 90) < 0.02
        assert rect.width() <= window.live.view.width()
        middle = window.live.view.grab().toImage().pixelColor(window.live.view.rect().center())
        assert middle.getRgb()[:3] == (0, 200, 0)
        assert window.live.view.latency_ms() is not None
        window.live.view.show_text("Nothing")
        assert window.live.view.latency_ms() is None


def test_an_unexpected_error_is_shown(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        window.report_unexpected("Something broke", "Traceback")
        assert window.banners.message("unexpected") == "Something broke"
        window.banners._banners["unexpected"].close_button.click()
        assert window.banners.message("unexpected") is None
        qtbot.wait(50)
