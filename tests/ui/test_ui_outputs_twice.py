"""Outputs are opened one after the other, however quickly things change, and closed at the end."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, open_window

from ferdesk.core.types import FrameResult
from ferdesk.preferences.file import load
from ferdesk.streams.base import LiveOutput
from ferdesk.streams.choice import StreamChoice
from ferdesk.ui import outputs as module
from ferdesk.ui.live import PipelineState
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.outputs_dialog import OutputsDialog

pytestmark = pytest.mark.usefixtures("qapp")

LONG = 20_000
OSC = StreamChoice(osc=True)


class FakeOutput:
    """Counts how often it is open at once."""

    name = "OSC"
    address = "here"
    status = "fine"
    capacity = 1

    def __init__(self, units: Sequence[int]) -> None:
        self.units = tuple(units)
        self.closed = False

    def send(self, result: FrameResult) -> None:
        """Take it."""

    def close(self) -> None:
        self.closed = True


class Opening:
    """Stands in for `open_outputs`; each call waits until it may go on."""

    def __init__(self) -> None:
        self.go_on = threading.Semaphore(0)
        self.begun = 0
        self.opened: list[FakeOutput] = []
        self.most_at_once = 0
        self._lock = threading.Lock()
        self._inside = 0

    def __call__(self, choice: StreamChoice, *, units: Sequence[int], **_: str) -> list[LiveOutput]:
        with self._lock:
            self.begun += 1
            self._inside += 1
            self.most_at_once = max(self.most_at_once, self._inside)
        assert self.go_on.acquire(timeout=30)
        with self._lock:
            self._inside -= 1
            if choice.any:
                self.opened.append(FakeOutput(units))
        return list(self.opened[-1:]) if choice.any else []


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> Opening:
    made = Opening()
    monkeypatch.setattr(module, "open_outputs", made)
    return made


def change(window: MainWindow, *units: int) -> None:
    window.live.outputs.pipeline_changed(PipelineState(bundle="net", units=units))


def test_changes_while_one_is_opening_open_the_last_state_once(
    qtbot: QtBot, tmp_path: Path, opening: Opening
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource), streams=OSC) as window:
        change(window, 1)
        qtbot.waitUntil(lambda: opening.begun == 1, timeout=LONG)
        change(window, 1, 2)
        change(window, 1, 2, 4)
        opening.go_on.release()
        qtbot.waitUntil(lambda: opening.begun == 2, timeout=LONG)
        assert window.live.banners.message(module.KEY) is None
        opening.go_on.release()
        qtbot.waitUntil(lambda: window.live.banners.message(module.KEY) is not None, timeout=LONG)
        assert [one.units for one in opening.opened] == [(1,), (1, 2, 4)]
        assert opening.most_at_once == 1
        assert opening.begun == 2
        assert [one.closed for one in opening.opened] == [True, False]
        assert len(window.live.outputs.statuses()) == 1
    assert all(one.closed for one in opening.opened)


def test_one_that_opens_while_the_window_closes_is_closed_again(
    qtbot: QtBot, tmp_path: Path, opening: Opening
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource), streams=OSC) as window:
        change(window, 1)
        qtbot.waitUntil(lambda: opening.begun == 1, timeout=LONG)
        window._worker.tap.hub.close()
        opening.go_on.release()
        qtbot.waitUntil(lambda: bool(opening.opened) and opening.opened[0].closed, timeout=LONG)


def test_hosts_and_ports_are_not_asked_twice(
    qtbot: QtBot, tmp_path: Path, opening: Opening
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.live.outputs.choose()
        assert not window.live.top.buttons["outputs"].isChecked()
        dialog = window.findChild(OutputsDialog)
        dialog.osc_host.setText("")
        dialog.accept()
        assert "host" in (window.live.banners.message(module.KEY) or "")
        qtbot.waitUntil(lambda: window.findChild(OutputsDialog) is None, timeout=LONG)
        window.live.outputs.choose()
        dialog = window.findChild(OutputsDialog)
        dialog.osc_host.setText("10.0.0.9")
        dialog.osc_port.setValue(9123)
        dialog.accept()
    kept = load(tmp_path / "config.toml").preferences.outputs
    assert (kept.osc_host, kept.osc_port, kept.osc) == ("10.0.0.9", 9123, False)
    assert opening.begun == 0
