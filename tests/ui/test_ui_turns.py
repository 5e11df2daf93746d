"""Nothing holds up the window: what is made in pieces, what is imported before it is wanted."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, open_window

from ferdesk.ui.in_turns import InTurns

pytestmark = pytest.mark.usefixtures("qapp")


def counting(done: list[int], pieces: int) -> Generator[None, None, str]:
    for piece in range(pieces):
        done.append(piece)
        yield
    return "made"


def test_pieces_are_made_a_turn_each(qtbot: QtBot) -> None:
    done: list[int] = []
    thing = InTurns(counting(done, 3), owner := QObject())
    assert done == []
    qtbot.waitUntil(lambda: thing.ready)
    assert (done, thing.get()) == ([0, 1, 2], "made")
    owner.deleteLater()


def test_what_is_wanted_is_made_at_once(qtbot: QtBot) -> None:
    done: list[int] = []
    owner = QObject()
    thing = InTurns(counting(done, 3), owner)
    assert thing.get() == thing.get() == "made"
    qtbot.wait(20)
    assert done == [0, 1, 2]


def test_nothing_is_made_for_nobody(qtbot: QtBot) -> None:
    done: list[int] = []
    owner = QObject()
    thing = InTurns(counting(done, 3), owner)
    owner.deleteLater()
    qtbot.wait(20)
    assert len(done) < 3
    assert not thing.ready


AHEAD = """
import sys, threading
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from ferdesk.ui import ahead
from ferdesk.ui.worker import Jobs
app, jobs, owner = QApplication([]), Jobs(), QObject()
assert "pyqtgraph" not in sys.modules
ahead.import_soon(jobs, owner)
timer = QTimer()
timer.timeout.connect(lambda: "ferdesk.ui.review.workspace" in sys.modules and app.quit())
timer.start(10)
app.exec()
assert jobs.close(60)
from ferdesk.ui.review.workspace import ReviewWorkspace
from pathlib import Path
review = ReviewWorkspace(jobs, print, Path("none"))
assert review.page.plots.thread() is app.thread()
"""


def test_workspaces_are_imported_in_a_job_and_work_then() -> None:
    ran = subprocess.run([sys.executable, "-c", AHEAD], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_window_has_them_imported_once(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(
        "ferdesk.ui.main_window.import_soon", lambda _, window: asked.append(window)
    )
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start("camera:0")
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        assert asked == [window]
