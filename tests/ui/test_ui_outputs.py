"""Live outputs of the window: off by default, shown while on, heard by a real listener."""

import json
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from ui_fakes import FakePipeline, FakeSource, Sources, open_window, press
from websockets.sync.client import connect

from ferdesk.streams.choice import StreamChoice
from ferdesk.ui.outputs_dialog import OutputsDialog

pytestmark = pytest.mark.usefixtures("qapp")

TOKEN = "a-token-of-this-test"  # noqa: S105


def test_nothing_is_on_unless_it_is_switched_on(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        assert window.live.outputs.statuses() == []
        assert not window.status.outputs.isVisible()
        assert not window.live.top.buttons["outputs"].isChecked()


def test_what_is_on_from_the_start_is_heard_and_shown(qtbot: QtBot, tmp_path: Path) -> None:
    streams = StreamChoice(websocket=True, websocket_port=0, token=TOKEN)
    with open_window(tmp_path, Sources(camera_0=FakeSource), streams=streams) as window:
        window.start(None)
        qtbot.waitUntil(lambda: bool(window.live.banners.message("outputs")))
        said = window.live.banners.message("outputs") or ""
        address = said.split("WebSocket: ")[1].split()[0]
        with connect(address, additional_headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            qtbot.waitUntil(lambda: window.status.outputs.text() == "⇢ WebSocket")
            message = json.loads(client.recv(timeout=10))
            assert message["faces"][0]["label"] == "happiness"
            qtbot.waitUntil(lambda: "1 client" in window.status.outputs.toolTip())
        assert window.status.outputs.isVisible()
        assert window.live.top.buttons["outputs"].isChecked()


def test_the_dialog_switches_on_and_off(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        for on in (True, False):
            press(qtbot, window, Qt.Key.Key_L)
            qtbot.waitUntil(lambda: bool(window.findChild(OutputsDialog)))
            dialog = window.findChild(OutputsDialog)
            assert dialog.osc.isChecked() != on
            dialog.osc.setChecked(on)
            dialog.accept()
            qtbot.waitUntil(lambda on=on: window.status.outputs.isVisible() == on)
            qtbot.waitUntil(lambda: not window.findChild(OutputsDialog))


def test_one_that_cannot_be_opened_says_why(qtbot: QtBot, tmp_path: Path) -> None:
    streams = StreamChoice(websocket=True, websocket_host="256.1.1.1", token=TOKEN)
    pipeline = FakePipeline()
    with open_window(
        tmp_path, Sources(camera_0=FakeSource), pipeline=pipeline, streams=streams
    ) as window:
        window.start(None)
        qtbot.waitUntil(lambda: bool(window.live.banners.message("outputs")))
        assert "256.1.1.1" in (window.live.banners.message("outputs") or "")
        assert not window.status.outputs.isVisible()
        qtbot.waitUntil(lambda: len(pipeline.seen) > 5)  # the picture goes on
