"""The window's workspaces and dialogs, and what it remembers."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot
from ui_fakes import FakePipeline, FakeSource, Sources, open_window, press

from ferdesk.preferences.file import load
from ferdesk.preferences.state import load_state
from ferdesk.ui import theme

pytestmark = pytest.mark.usefixtures("qapp")

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_keys_go_from_workspace_to_workspace_and_mean_what_they_mean_there(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        assert window.review is None  # made when it is wanted
        press(qtbot, window, Qt.Key.Key_3, CONTROL)
        assert window.stack.currentWidget() is window.review
        assert window.rail.buttons["go_review"].isChecked()
        press(qtbot, window, Qt.Key.Key_R)
        assert not window._worker.tap.recording
        press(qtbot, window, Qt.Key.Key_2, CONTROL)
        assert window.stack.currentWidget() is window.analyse
        press(qtbot, window, Qt.Key.Key_1, CONTROL)
        assert window.stack.currentWidget() is window.live
        press(qtbot, window, Qt.Key.Key_R)
        assert window._worker.tap.recording


@pytest.mark.parametrize(
    ("key", "name"),
    [(Qt.Key.Key_Comma, "preferences"), (Qt.Key.Key_M, "models")],
)
def test_keys_open_the_dialogs(qtbot: QtBot, tmp_path: Path, key: Qt.Key, name: str) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        press(qtbot, window, key, CONTROL)
        qtbot.waitUntil(lambda: bool(window.findChild(QDialog, name)))
        window.findChild(QDialog, name).close()


def test_settings_hold_at_once_and_are_remembered(qtbot: QtBot, tmp_path: Path) -> None:
    pipeline = FakePipeline()
    with open_window(tmp_path, Sources(camera_0=FakeSource), pipeline=pipeline) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        built = window._worker.settings
        keeper = window._keeper
        keeper.set("display.theme", "light")
        assert window._colours.window == theme.LIGHT.window
        keeper.set("source.mirror", True)
        assert window.live.top.buttons["mirror"].isChecked()
        keeper.set("display.units", False)
        assert not window.live.top.buttons["units"].isChecked()
        assert window._worker.settings is built
        keeper.set("smoothing.seconds", 1.0)
        assert window._worker.settings.smoothing_s == 1.0
        press(qtbot, window, Qt.Key.Key_M)
        assert keeper.now.display.muscles
    stored = load(tmp_path / "config.toml").preferences
    assert stored.source.mirror
    assert stored.display.theme == "light"
    assert stored.display.muscles
    assert load_state().geometry


def test_closing_asks_while_files_are_analysed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        window.go_analyse()
        assert window.analyse is not None
        monkeypatch.setattr(type(window.analyse), "busy", property(lambda _: True))
        assert not window.close()
        assert "still being analysed" in (window.banners.message("quit") or "")
        window.banners.buttons("quit")["Quit anyway"].click()
        assert not window.isVisible()


def test_a_dropped_session_is_reviewed(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        window.look_at(tmp_path / "missing.ferdesk")
        review = window.review
        assert review is not None
        assert window.stack.currentWidget() is review
        qtbot.waitUntil(lambda: bool(review.banners.message("session")))
