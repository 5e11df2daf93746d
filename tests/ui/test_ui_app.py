"""The real application, offscreen."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from ferdesk import resources
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.settings import Settings
from ferdesk.ui import app as ui_app
from ferdesk.ui.main_window import MainWindow

BUNDLE = resources.root() / "models" / Settings().bundle / "bundle.json"

needs_demo = pytest.mark.skipif(
    not (resources.demo_clip().is_file() and BUNDLE.is_file()),
    reason="the demo clip or the bundle is not in resources",
)


def the_window() -> MainWindow | None:
    windows = (w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
    return next((w for w in windows if w.isVisible()), None)


def test_this_qt_leaves_none_and_true_alone(qapp: QApplication) -> None:
    """PySide6 6.12.0 takes a reference too many from None and True on Python 3.11.

    After some thousand calls the interpreter then ends with "deallocating None".
    """
    timer = QTimer()
    before = sys.getrefcount(None), sys.getrefcount(True)
    for _ in range(100):
        timer.setInterval(1)
        timer.timeout.emit()
    after = sys.getrefcount(None), sys.getrefcount(True)
    assert abs(after[0] - before[0]) < 50
    assert abs(after[1] - before[1]) < 50


@needs_demo
def test_the_demo_shows_labelled_faces(qapp: QApplication, tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    def look() -> None:
        window = the_window()
        if window is None or window.live.view.live is None:
            return
        for face in window.live.view.live.result.faces:
            seen.append((face.label, window.live.panel.cards[0].label.text()))
        if len(seen) > 60:
            window.close()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(20)
    before = set(threading.enumerate())
    stats = tmp_path / "stats.json"
    options = ui_app.WindowOptions("demo", exit_after_s=20, stats=stats)
    assert ui_app.run(Settings(), options) == 0
    timer.stop()
    told = json.loads(stats.read_text())
    assert told["shown"] > 3
    assert 0 < told["ui_p99_ms"] <= told["ui_max_ms"]
    assert len(seen) > 60
    assert all(label in EXPRESSIONS for label, _ in seen)
    assert all(label.capitalize() == shown for label, shown in seen)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not left, f"threads left running: {left}"


def test_an_error_in_a_slot_or_thread_is_shown_and_the_app_stays(
    qapp: QApplication, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui_app, "list_cameras", lambda: ())
    shown: list[str | None] = []
    hooks = sys.excepthook, threading.excepthook

    def fail() -> None:
        raise RuntimeError("a slot failed")

    def fail_in_thread() -> None:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()

    def look() -> None:
        window = the_window()
        said = window and window.banners.message("unexpected")
        if said and said not in shown:
            shown.append(said)
            QTimer.singleShot(50, fail_in_thread if len(shown) == 1 else window.close)

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(20)
    QTimer.singleShot(100, fail)
    with caplog.at_level(logging.ERROR):
        assert ui_app.run(Settings(), ui_app.WindowOptions("missing.mp4", exit_after_s=20)) == 0
    timer.stop()
    assert shown == [
        "Something unexpected went wrong: RuntimeError: a slot failed",
        "Something unexpected went wrong: ZeroDivisionError: division by zero",
    ]
    assert "unexpected error" in caplog.text
    assert (sys.excepthook, threading.excepthook) == hooks


CHILD = """
import sys
from ferdesk.settings import Settings
from ferdesk.ui.app import WindowOptions, run
from ferdesk.ui.main_window import MainWindow

start = MainWindow.start

def started(self, source):
    start(self, source)
    print("running", flush=True)

MainWindow.start = started
sys.exit(run(Settings(), WindowOptions("missing.mp4", exit_after_s=20)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals as Unix has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    env = os.environ | {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", CHILD], env=env, stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors
