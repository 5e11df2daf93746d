"""The main window: puts the parts together and turns what the worker says into what is seen."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from ferdesk.live.capture import SourceState
from ferdesk.streams.choice import StreamChoice
from ferdesk.ui import actions, icons, theme
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.calibration import Calibration
from ferdesk.ui.live import LiveResult, PipelineState
from ferdesk.ui.outputs import Outputs
from ferdesk.ui.painter import Painter
from ferdesk.ui.panels import FacesPanel
from ferdesk.ui.recording import Recording
from ferdesk.ui.snapshot import Snapshot, save_snapshot
from ferdesk.ui.source_picker import DEMO, Choice, SourcePicker
from ferdesk.ui.status import StatusLine
from ferdesk.ui.theme import GAP
from ferdesk.ui.top_bar import TopBar
from ferdesk.ui.video_view import VideoView
from ferdesk.ui.worker import Jobs, Worker

_STATUS_MS = 250
_MESSAGE_MS = 8000


class MainWindow(QMainWindow):
    """Source picker on top, picture with messages above it, cards at the right, status below.

    Args:
        worker: runs the source through the pipeline; closed by whoever made it.
        jobs: runs the scan for cameras, the saving of snapshots and the recording of faces.
        painter: draws what the worker found.
        find_cameras: lists the cameras there are; may be slow, is called in a thread.
        snapshots: the folder that snapshots go to.
        sessions: the folder that recordings go to.
        streams: live outputs that are on from the start.
    """

    def __init__(
        self,
        worker: Worker,
        jobs: Jobs,
        painter: Painter,
        find_cameras: Callable[[], Sequence[Choice]],
        snapshots: Path,
        sessions: Path,
        streams: StreamChoice,
    ) -> None:
        super().__init__()
        self._worker = worker
        self._jobs = jobs
        self._painter = painter
        self._find_cameras = find_cameras
        self._snapshots = snapshots
        self._spec = ""
        self._played = False
        self._units_shown = True
        self._au_estimator = ""
        self._mode = theme.Mode.SYSTEM
        self.picker = SourcePicker()
        self.banners = BannerStack()
        self.view = VideoView()
        self.panel = FacesPanel()
        self.status = StatusLine()
        self.recording = Recording(
            self,
            worker.tap,
            jobs,
            self.banners,
            self.say,
            sessions,
            lambda on: self.top.show_on("record", on),
        )
        self.outputs = Outputs(
            self,
            worker.tap,
            jobs,
            self.banners,
            streams,
            lambda on: self.top.show_on("outputs", on),
        )
        self.top = TopBar(self.picker, self._slots())
        self.calibration = Calibration(self, jobs, self.banners, self.say, self._use_neutral)
        self._lay_out()
        self._connect()
        self.set_mode(self._mode)
        self.top.show_on("units", self._units_shown)
        self.top.show_on("tint", painter.tints)

    def start(self, source: str | None) -> None:
        """Begin with a source; without one with the first camera, else with the demo."""
        self._worker.start()
        if source is not None:
            self.open(source)
            self._jobs.submit(self._find_cameras, self.picker.set_cameras, self._scan_failed)
            return
        self.view.show_text("Looking for a camera…")
        self._jobs.submit(self._find_cameras, self._start_with, self._start_without)

    def open(self, spec: str) -> None:
        """Watch another source."""
        self.calibration.cancel()
        for key in ("source", "no-camera", "warning"):
            self.banners.clear(key)
        self._spec = spec
        self._played = False
        self._worker.open(spec, loop=spec == DEMO)
        self.picker.show_current(spec)
        name = self.picker.name_of(spec)
        self.setWindowTitle(f"{name} – ferdesk")
        self.status.show_source(name, None)
        self.status.show_counters(None, None)
        self.view.show_text(f"Opening {name}…")
        self.panel.clear()
        self.top.show_paused(False)

    def toggle_pause(self) -> None:
        """Hold the picture, or go on."""
        paused = not self._worker.paused
        self._worker.set_paused(paused)
        self.recording.set_paused(paused)
        self.top.show_paused(paused)
        self.say("Paused" if paused else "")

    def save_snapshot(self) -> None:
        """Save what is shown."""
        live = self.view.live
        if live is None:
            self.say("There is no picture to save yet.")
            return
        now = datetime.now().astimezone()
        self._jobs.submit(
            lambda: save_snapshot(live, self._snapshots, now),
            self._snapshot_saved,
            lambda error: self.banners.show_message("snapshot", str(error), "error"),
        )

    def refresh_cameras(self) -> None:
        """Look for cameras, in a thread."""
        self._jobs.submit(self._find_cameras, self._cameras_found, self._scan_failed)

    def choose_camera(self) -> None:
        """Look for cameras again and let the user choose."""

        def found(cameras: Sequence[Choice]) -> None:
            self._cameras_found(cameras)
            self.picker.open_list()

        self._jobs.submit(self._find_cameras, found, self._scan_failed)

    def toggle_units(self) -> None:
        """Show the cards' action units, or leave the room to the expressions."""
        self._units_shown = not self._units_shown
        self.panel.set_units_shown(self._units_shown)
        self.top.show_on("units", self._units_shown)
        self.say(f"Action units: {'shown' if self._units_shown else 'hidden'}")

    def toggle_tint(self) -> None:
        """Tint the muscles that act, or leave the picture as it is."""
        on = not self._painter.tints
        self._painter.set_tints(on)
        self.top.show_on("tint", on)
        self.say(f"Muscles: {'tinted' if on else 'not tinted'}")
        live = self.view.live
        if live is not None:
            self._jobs.submit(
                lambda: self._painter.paint_again(live),
                self._show_again,
                lambda error: self.report_unexpected(str(error)),
            )

    def calibrate(self) -> None:
        """Record a neutral face."""
        self.calibration.start(self._au_estimator)

    def next_theme(self) -> None:
        """Go from system to dark to light and round again."""
        self.set_mode(self._mode.next())
        self.say(f"Theme: {self._mode}")

    def set_mode(self, mode: theme.Mode) -> None:
        """Show the window in this theme."""
        self._mode = mode
        colours = theme.resolve(mode)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, colours)
        for part in (self.top, self.picker, self.banners, self.view, self.panel):
            part.set_colours(colours)

    def toggle_full_screen(self) -> None:
        """Fill the screen, or be a window again."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def leave_full_screen(self) -> None:
        """Be a window again."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)

    def show_shortcuts(self) -> None:
        """Show what the keyboard can do."""
        actions.ShortcutsDialog(self).open()

    def report_unexpected(self, text: str) -> None:
        """Show an error that nobody foresaw; it is in the log with its trace."""
        self.banners.show_message("unexpected", text, "error")

    def say(self, text: str) -> None:
        """Say for a moment what was done."""
        self.status.message.setText(text)
        self._message_timer.start(_MESSAGE_MS)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first file that is dropped."""
        path = next((u.toLocalFile() for u in event.mimeData().urls() if u.isLocalFile()), None)
        if path:
            event.acceptProposedAction()
            self.open(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let go of the source at once; the application joins the threads."""
        self.calibration.cancel()
        self._worker.stop()
        self.outputs.close()
        super().closeEvent(event)

    def _lay_out(self) -> None:
        self.setWindowIcon(icons.app_icon())
        self.setAcceptDrops(True)
        self.resize(1180, 720)
        left = QVBoxLayout()
        left.setSpacing(GAP)
        left.addWidget(self.banners)
        left.addWidget(self.view, 1)
        middle = QHBoxLayout()
        middle.setSpacing(GAP)
        middle.addLayout(left, 3)
        middle.addWidget(self.panel, 1)
        body = QVBoxLayout()
        body.setContentsMargins(GAP, GAP, GAP, GAP)
        body.setSpacing(GAP)
        body.addWidget(self.top)
        body.addLayout(middle, 1)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(body, 1)
        column.addWidget(self.status)
        self.setCentralWidget(centre)
        # Else the list of sources has it, and would look as if something had to be chosen.
        self.view.setFocus()

    def _connect(self) -> None:
        self._message_timer = QTimer(self, singleShot=True)
        self._message_timer.timeout.connect(lambda: self.status.message.setText(""))
        self._status_timer = QTimer(self)
        self._status_timer.timeout.connect(self._refresh_status)
        self._status_timer.start(_STATUS_MS)
        self.picker.chosen.connect(self.open)
        self.picker.refresh_wanted.connect(self.refresh_cameras)
        self._worker.result_ready.connect(self._show_result)
        self._worker.source_changed.connect(self._source_changed)
        self._worker.pipeline_changed.connect(self._pipeline_changed)
        self.view.watch_shown(self.recording.shown)
        self._worker.recording_ended.connect(self.recording.ended)
        QGuiApplication.styleHints().colorSchemeChanged.connect(lambda _: self.set_mode(self._mode))
        actions.install(self, self._slots())

    def _slots(self) -> dict[actions.ActionName, Callable[[], None]]:
        return {
            "pause": self.toggle_pause,
            "snapshot": self.save_snapshot,
            "record": self.recording.toggle,
            "record_options": self.recording.options,
            "mark": self.recording.mark,
            "outputs": self.outputs.choose,
            "open_file": self.picker.ask_file,
            "demo": lambda: self.open(DEMO),
            "units": self.toggle_units,
            "tint": self.toggle_tint,
            "neutral": self.calibrate,
            "theme": self.next_theme,
            "full_screen": self.toggle_full_screen,
            "leave": self.leave_full_screen,
            "help": self.show_shortcuts,
            "quit": self._quit,
        }

    def _quit(self) -> None:
        self.close()

    def _show_result(self) -> None:
        live = self._worker.take()
        if live is not None:
            self.view.show_result(live)
            self.panel.show_faces(live.result.faces, live.result.frame.clock_s)
            self.calibration.feed(live.result)

    def _show_again(self, live: LiveResult) -> None:
        shown = self.view.live
        if shown is not None and shown.result is live.result:
            self.view.show_result(live)

    def _refresh_status(self) -> None:
        self.status.show_counters(self.view.live, self.view.latency_ms())
        self.status.show_recording(self.recording.status())
        self.status.show_outputs(self.outputs.statuses())

    def _source_changed(self, state: SourceState) -> None:
        if not self._worker.is_current(state):
            return
        name = self.picker.name_of(state.spec)
        if state.phase == "playing" and state.info is not None:
            self._played = True
            self.banners.clear("source")
            size = (state.info.width, state.info.height) if state.info.width else None
            self.status.show_source(name, size)
            if self.view.live is None:
                self.view.show_text("Loading the models…")
        elif state.phase == "warning":
            self.banners.show_message("warning", f"{name}: {state.message}.", "warning")
        elif state.phase == "lost":
            self._source_lost(name, state)
        elif state.phase == "failed":
            self.banners.show_message("source", state.message, "error", self._ways_out())
            self.view.show_text(f"{name} cannot be shown.")
        elif state.phase == "ended":
            self.calibration.end()
            self.recording.stop()
            self._source_ended(name, state)

    def _source_ended(self, name: str, state: SourceState) -> None:
        if not (state.info is not None and state.info.frames == 1):
            again = BannerAction("Play again", lambda: self.open(self._spec))
            self.banners.show_message("source", f"{name} has ended.", "info", (again,))

    def _source_lost(self, name: str, state: SourceState) -> None:
        """A device went away, or did not open: the worker goes on trying."""
        if self._played:
            text = f"{name} was disconnected. Reconnecting…"
        else:
            text = f"{state.message} Trying again every second…"
            self.view.show_text(f"Waiting for {name}…")
        self.banners.show_message("source", text, "warning", self._ways_out(), state.message)

    def _pipeline_changed(self, state: PipelineState) -> None:
        self.status.show_pipeline(state)
        self.outputs.pipeline_changed(state)
        self._au_estimator = state.au_estimator
        if not state.error:
            self.banners.clear("pipeline")
            return
        again = BannerAction("Try again", self._worker.rebuild)
        self.banners.show_message("pipeline", state.error, "error", (again,))
        if self.view.live is None:
            self.view.show_text("Faces cannot be analysed; the message above says why.")

    def _use_neutral(self, name: str) -> None:
        self._worker.configure(self._worker.settings.model_copy(update={"neutral": name}))

    def _start_with(self, cameras: Sequence[Choice]) -> None:
        self.picker.set_cameras(cameras)
        if cameras:
            self.open(cameras[0].spec)
            return
        self.open(DEMO)
        self.banners.show_message(
            "no-camera", "No camera found: showing the built-in demo", "info", self._ways_out()
        )

    def _start_without(self, error: Exception) -> None:
        self._start_with(())
        self._scan_failed(error)

    def _cameras_found(self, cameras: Sequence[Choice]) -> None:
        self.picker.set_cameras(cameras)
        count = len(cameras)
        self.say(f"{count or 'No'} camera{'' if count == 1 else 's'} found")

    def _scan_failed(self, error: Exception) -> None:
        text = f"Cameras cannot be listed: {error}"
        self.banners.show_message("scan", text, "warning")

    def _snapshot_saved(self, snapshot: Snapshot) -> None:
        self.banners.clear("snapshot")
        self.say(f"Saved {snapshot.picture} and {snapshot.data.name}")

    def _ways_out(self) -> tuple[BannerAction, ...]:
        return (
            BannerAction("Choose camera", self.choose_camera),
            BannerAction("Open file", self.picker.ask_file),
        )
