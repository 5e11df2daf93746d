"""Gets the face models: from the net after a yes, or out of a file."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from ferdesk.faces.install import (
    TASK_BYTES,
    TASK_HOST,
    DownloadStopped,
    Progress,
    Report,
    install,
    install_from,
    pip_available,
)
from ferdesk.faces.store import SETS, ModelSet, installed
from ferdesk.texts import tr
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.theme import GAP, named
from ferdesk.ui.worker import Jobs

_FILES: Final = tr("Face models (face_landmarker.task mediapipe-0.10.21*.whl);;All files (*)")

Install = Callable[[Progress, Report], ModelSet]


def offer() -> str:
    """What fetching means: what comes, how much, on which terms, and who notices."""
    text = tr(
        "The face models find faces and the points on them. They are {size:.1f} MB by "
        "Google (MediaPipe, licence Apache-2.0) and are fetched from {host}, which sees "
        "your address and nothing else."
    ).format(size=TASK_BYTES / 1e6, host=TASK_HOST)
    if not pip_available():
        return text
    other = tr(
        "Where it cannot be reached, pip is asked for the older ones, which lie in a larger "
        "package (mediapipe 0.10.21)."
    )
    return f"{text} {other}"


def any_installed() -> bool:
    """Whether there is a set to find faces with; only looks whether files are there."""
    return any(installed(model_set) for model_set in SETS)


class FaceModels(QWidget):
    """What it is about, a progress bar, and buttons.

    Args:
        jobs: does the work off the UI thread.
        parent: the window.
        fetch: gets the best set that can be had; `ferdesk.faces.install.install` by default.
    """

    changed = Signal()
    """Another set may be installed now."""
    busy_changed = Signal(bool)
    """Whether it is at work."""
    _progressed = Signal(object, object)
    _said = Signal(str)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None, fetch: Install = install) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._fetch = fetch
        self._stop = threading.Event()
        self._closed = False
        self.busy = False
        self.state = QLabel(offer())
        self.state.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("How much of the face models has come"))
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(GAP // 2)
        self.said = named(QLabel(), "muted")
        self.said.setWordWrap(True)
        self.fetch_button = SpaceButton(tr("Fetch the face models"))
        self.file_button = SpaceButton(tr("Take them from a file…"))
        self.cancel_button = SpaceButton(tr("Cancel"))
        buttons = QHBoxLayout()
        for button in (self.fetch_button, self.file_button, self.cancel_button):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 2)
        for part in (self.state, self.bar, self.said):
            column.addWidget(part)
        column.addLayout(buttons)
        self.fetch_button.clicked.connect(self.start)
        self.file_button.clicked.connect(self._ask_file)
        self.cancel_button.clicked.connect(self._stop.set)
        self._progressed.connect(self._show_progress)
        self._said.connect(self._say)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.close_down)
        self._say("")
        self._show_busy(False)

    def start(self) -> None:
        """Fetch, going on where an earlier try ended."""
        self._stop.clear()
        self._begin(lambda: self._fetch(self._progress, self._said.emit))

    def take_from(self, archive: Path) -> None:
        """Install what lies in a file."""
        self._begin(lambda: install_from(archive))

    def close_down(self) -> None:
        """End what runs; nothing is shown any more."""
        self._closed = True
        self._stop.set()

    def _begin(self, work: Callable[[], ModelSet]) -> None:
        if self.busy:
            return
        self.bar.setRange(0, 0)
        self._say("")
        self._show_busy(True)
        self._jobs.submit(work, self._done, self._failed)

    def _progress(self, done: int, total: int | None) -> None:
        """Called in the job's thread."""
        if self._stop.is_set():
            raise DownloadStopped(tr("Stopped. What has come is kept."))
        self._progressed.emit(done, total)

    def _show_progress(self, done: int, total: int | None) -> None:
        if total:
            self.bar.setRange(0, total)
            self.bar.setValue(done)

    def _done(self, model_set: ModelSet) -> None:
        if self._closed:
            return
        self._show_busy(False)
        self._say(tr("Installed: {title}.").format(title=tr(model_set.title)))
        self.changed.emit()

    def _failed(self, error: Exception) -> None:
        if self._closed:
            return
        self._show_busy(False)
        self._say(str(error))
        stopped = isinstance(error, DownloadStopped)
        self.fetch_button.setText(tr("Go on fetching") if stopped else tr("Try again"))

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def _show_busy(self, busy: bool) -> None:
        self.busy = busy
        self.bar.setVisible(busy)
        self.cancel_button.setVisible(busy)
        self.fetch_button.setVisible(not busy)
        self.file_button.setVisible(not busy)
        if busy and self.isVisible():
            self.cancel_button.setFocus()
        self.busy_changed.emit(busy)

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, tr("Take face models from a file"), "", _FILES
        )
        if chosen:
            self.take_from(Path(chosen))
