"""Uses the real window as a person does, with mouse and keys, and says what came of each step.

Run in a process of its own, under a window system; its argument is the folder for what it writes.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QWidget,
)

from ferdesk.outputs.mp4 import Mp4File
from ferdesk.preferences.file import load
from ferdesk.resources import demo_clip
from ferdesk.settings import Settings
from ferdesk.sources.video import VideoFile
from ferdesk.ui import app as ui_app
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.welcome import WelcomeDialog

STEP_S = 90.0
Ready = Callable[[], object]


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def the_window() -> MainWindow:
    return next(one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow))


def dialog_of(kind: type[QDialog]) -> QDialog | None:
    found = (one for one in QApplication.topLevelWidgets() if isinstance(one, kind))
    return next((one for one in found if one.isVisible()), None)


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def key(code: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    window = the_window()
    window.activateWindow()  # there is no window manager that would
    QTest.qWaitForWindowActive(window, 5000)
    QTest.keyClick(QApplication.focusWidget() or window, code, modifier)


def choose_demo(list_of_sources: QComboBox) -> None:
    """As Qt does when an entry of the list is clicked."""
    place = list_of_sources.findText("Built-in demo")
    list_of_sources.setCurrentIndex(place)
    list_of_sources.activated.emit(place)


def at_rest(folder: Path) -> Path:
    """A clip of somebody who keeps still: the demo's first picture, for longer than is needed."""
    path = folder / "rest.mp4"
    with VideoFile(demo_clip()) as demo:
        first = demo.read()
    assert first is not None
    clip = Mp4File(path, fps=10)
    for index in range(400):
        clip.write(first.image, index / 10)
    clip.close()
    return path


def steps(folder: Path) -> Iterator[tuple[str, Ready]]:
    """Each waits until it may go on; what lies between are the clicks."""
    yield "welcome", lambda: dialog_of(WelcomeDialog)
    welcome = dialog_of(WelcomeDialog)
    assert isinstance(welcome, WelcomeDialog)
    click(welcome.show_button)
    window = the_window()
    live = window.live
    yield "source", lambda: live.picker.combo.count() > 1
    live.picker.combo.setFocus()
    choose_demo(live.picker.combo)
    yield "picture", lambda: live.view.live is not None and live.view.live.result.faces

    live.open(str(at_rest(folder)))
    yield "rest", lambda: live.view.live is not None and live.view.live.result.faces
    click(live.top.buttons["neutral"])
    faces = live.calibration.dialog
    assert faces is not None
    yield "neutral faces", faces.record_button.isEnabled
    click(faces.record_button)
    QTest.keyClick(faces.wizard.name, Qt.Key.Key_Return)
    yield "calibrating", lambda: faces.wizard.running
    yield "calibrated", lambda: not faces.wizard.running
    tell(f"neutral: {faces.wizard.words.text()}")
    click(faces.wizard.use_button)
    yield "neutral used", lambda: window.status.neutral.text() == "neutral: me"
    click(faces.close_button)

    choose_demo(live.picker.combo)
    yield "demo", lambda: live.view.live is not None and live.view.live.source.kind == "demo"
    click(live.top.buttons["record"])
    yield "recording", lambda: window.status.recording.text() >= "● 00:02"
    live.view.setFocus()
    key(Qt.Key.Key_B)
    click(live.top.buttons["record"])
    yield "recorded", lambda: (live.banners.message("recording") or "").startswith("Recorded")

    click(window.rail.buttons["go_review"])
    review = window.review
    assert review is not None
    yield "listed", lambda: review.sessions.model.rowCount() == 1
    table = review.sessions.table
    cell = table.visualRect(review.sessions.model.index(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    if review.page.opened is None:
        QTest.keyClick(table, Qt.Key.Key_Return)
    yield "opened", lambda: review.page.opened is not None
    yield "shown", review.page.view.isVisible
    review.page.view.setFocus()
    key(Qt.Key.Key_Right)
    panel = review.page.notes
    panel.text.setCurrentText("a smile")
    click(panel.buttons["annotate"])
    yield "annotated", lambda: panel.model.rowCount() >= 2

    review.exporting.menu.actions()[0].trigger()
    yield "file", lambda: dialog_of(QFileDialog)
    chooser = dialog_of(QFileDialog)
    assert isinstance(chooser, QFileDialog)
    QTest.keyClick(chooser.findChild(QLineEdit, "fileNameEdit"), Qt.Key.Key_Return)
    yield "exported", lambda: (review.banners.message("export") or "").startswith("Exported")
    key(Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)


class Driver:
    """Goes on to the next step when the one before is reached."""

    def __init__(self, folder: Path) -> None:
        self._steps = steps(folder)
        self._wait: tuple[str, Ready] = ("window", lambda: bool(QApplication.topLevelWidgets()))
        self._since = time.monotonic()
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)
        self._timer.start(50)

    def _look(self) -> None:
        name, ready = self._wait
        if not ready():
            if time.monotonic() - self._since > STEP_S:
                tell(f"gave up at: {name}")
                self._timer.stop()
                QApplication.exit(3)
            return
        tell(f"reached: {name}")
        self._timer.stop()
        try:
            self._wait = next(self._steps)
        except StopIteration:
            return
        self._since = time.monotonic()
        self._timer.start(50)


if __name__ == "__main__":
    application = ui_app._application
    drivers: list[Driver] = []

    def with_driver() -> QApplication:
        made = application()
        drivers.append(Driver(Path(sys.argv[1])))
        return made

    ui_app._application = with_driver
    sys.exit(ui_app.run(Settings(), ui_app.WindowOptions(preferences=load())))
