"""The main window: its workspaces, the line at the bottom, and what holds for all of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs
from PySide6.QtCore import QByteArray, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.errors import PreferencesError
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.state import WindowState, save_state
from ferdesk.preferences.table import differing
from ferdesk.sessions import schema
from ferdesk.streams.choice import StreamChoice
from ferdesk.texts import tr
from ferdesk.ui import actions, icons, splitters, theme
from ferdesk.ui.ahead import import_soon
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.calibration import other_units
from ferdesk.ui.live import PipelineState
from ferdesk.ui.live_workspace import LiveWorkspace
from ferdesk.ui.painter import Painter
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.rail import Rail
from ferdesk.ui.source_picker import Choice
from ferdesk.ui.status import StatusLine
from ferdesk.ui.unexpected import Unexpected
from ferdesk.ui.worker import Jobs, Worker

if TYPE_CHECKING:
    from ferdesk.ui.analyse.workspace import AnalyseWorkspace
    from ferdesk.ui.review.workspace import ReviewWorkspace

_STATUS_MS: Final = 250
_MESSAGE_MS: Final = 8000
_BUSY: Final = tr("Files are still being analysed. What is done stays; the rest would be stopped.")
_PLOTS: Final = "plots"
_ESTIMATOR: Final = ("nets.aus", "nets.au_bundle")
"""What neutral faces depend on."""


class MainWindow(QMainWindow):
    """Workspaces beside the rail that chooses between them, status below.

    Args:
        worker: runs the source through the pipeline; closed by whoever made it.
        jobs: runs what would hold up the window.
        painter: draws what the worker found.
        find_cameras: lists the cameras there are; may be slow, is called in a thread.
        keeper: the user's preferences.
        streams: live outputs that are on from the start.
        state: how the window was left.
    """

    def __init__(
        self,
        worker: Worker,
        jobs: Jobs,
        painter: Painter,
        find_cameras: Callable[[], Sequence[Choice]],
        keeper: PreferencesKeeper,
        streams: StreamChoice,
        state: WindowState,
    ) -> None:
        super().__init__()
        self._worker = worker
        self._jobs = jobs
        self._keeper = keeper
        self._preferences = keeper.now
        self._state = state
        self._colours = theme.DARK
        self._pipeline = PipelineState()
        self._staged = False
        self._leaving = False
        self.status = StatusLine()
        self.banners = BannerStack()
        self.unexpected = Unexpected(self, self.banners)
        self._message_timer = QTimer(self, singleShot=True)
        self.live = LiveWorkspace(
            worker,
            jobs,
            painter,
            find_cameras,
            keeper,
            streams,
            self.status,
            self.say,
            self.toggle_stage,
        )
        self.analyse: AnalyseWorkspace | None = None
        self.review: ReviewWorkspace | None = None
        self.stack = QStackedWidget()
        self.stack.addWidget(self.live)
        self.rail = Rail(self._slots())
        self._lay_out()
        self._connect()
        self._show_theme()
        self.rail.show_workspace("go_live")
        if state.switches.get(_PLOTS):
            self.live.toggle_plots()
        if state.geometry:
            self.restoreGeometry(QByteArray(state.geometry))
        splitters.divide(self, state.splitters)
        self.live.picker.folder = state.last_folder

    def start(self, source: str | None) -> None:
        """Begin with a source; without one with a camera, else the demo, and where one was last."""
        self.live.start(source, self._state.last_camera)
        before = self.rail.workspaces.get(self._state.workspace)
        if source is None and before is not None:
            self._slots()[before]()

    def welcome(self, source: str | None) -> None:
        """Greet somebody who was never here, then begin with a source, or quit."""
        from ferdesk.ui.welcome import WelcomeDialog

        def begin() -> None:
            self._state = self._state.model_copy(update={"welcome_seen": True})
            self.start(source)

        dialog = WelcomeDialog(self._jobs, self)
        dialog.models_changed.connect(self._worker.rebuild)
        dialog.accepted.connect(begin)
        dialog.rejected.connect(self.close)
        dialog.open()

    def go_live(self) -> None:
        """Show what a camera or file gives now."""
        self._go(self.live, "go_live")

    def go_analyse(self) -> None:
        """Show the queue of files."""
        if self.analyse is None:
            # Made when they are first wanted, so that the picture need not wait for them.
            from ferdesk.ui.analyse.workspace import AnalyseWorkspace

            results = platformdirs.user_documents_path() / "ferdesk"
            self.analyse = AnalyseWorkspace(
                self._jobs, self.say, lambda: self._worker.settings, results, parent=self.stack
            )
            self.analyse.review_wanted.connect(self.look_at)
            self.analyse.set_colours(self._colours)
            self.stack.addWidget(self.analyse)
        self._go(self.analyse, "go_analyse")

    def go_review(self) -> None:
        """Show recorded sessions."""
        self._go(self._reviewing(), "go_review")

    def look_at(self, session: Path) -> None:
        """Open a session in the review."""
        self.go_review()
        self._reviewing().open(session)

    def next_theme(self) -> None:
        """Go from system to dark to light and round again."""
        mode = theme.Mode(self._keeper.now.display.theme).next()
        self._keeper.set("display.theme", mode.value)
        self.say(mode.said)

    def toggle_full_screen(self) -> None:
        """Fill the screen, or be a window again."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def toggle_stage(self) -> None:
        """Show the picture and large words alone, full screen, or all again."""
        self._show_stage(not self._staged)

    def leave_full_screen(self) -> None:
        """Be a window again."""
        if self._staged:
            self._show_stage(False)
            return
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)

    def show_shortcuts(self) -> None:
        """Show what the keyboard can do here."""
        if self.review is not None and self.stack.currentWidget() is self.review:
            from ferdesk.ui.review.keys import KEYS

            actions.ShortcutsDialog(self, KEYS).open()
        else:
            actions.ShortcutsDialog(self).open()

    def show_settings(self) -> None:
        """Let the user choose how everything is done."""
        from ferdesk.ui.preferences.dialog import PreferencesDialog

        PreferencesDialog(self._keeper, self._colours, self).open()

    def show_models(self) -> None:
        """Show the nets and face models."""
        from ferdesk.ui.models.dialog import ModelsDialog

        dialog = ModelsDialog(self._jobs, parent=self)
        dialog.set_colours(self._colours)
        dialog.pipeline_changed(self._pipeline)
        self._worker.pipeline_changed.connect(dialog.pipeline_changed)
        dialog.bundle_chosen.connect(lambda name: self._keeper.set("nets.bundle", name))
        dialog.units_chosen.connect(self._use_units)
        dialog.machines_chosen.connect(lambda name: self._keeper.set("nets.disambiguate", name))
        dialog.models_changed.connect(self._worker.rebuild)
        dialog.open()

    def report_unexpected(self, text: str, details: str) -> None:
        """Show an error that nobody foresaw, wherever the user is; it is in the log, too.

        Args:
            text: for people.
            details: for whoever mends it.
        """
        self.unexpected.report(text, details)

    def warn(self, text: str) -> None:
        """Show what the user should know of the settings."""
        self.banners.show_message("settings", text, "warning")

    def say(self, text: str) -> None:
        """Say for a moment what was done."""
        self.status.message.setText(text)
        self._message_timer.start(_MESSAGE_MS)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Watch the first file that is dropped, or look at it where it is a session."""
        path = next((u.toLocalFile() for u in event.mimeData().urls() if u.isLocalFile()), None)
        if not path:
            return
        event.acceptProposedAction()
        if Path(path).suffix == schema.ENDING:
            self.look_at(Path(path))
        else:
            self.go_live()
            self.live.open(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let go of the source at once; the application joins the threads."""
        if self.analyse is not None and self.analyse.busy and not self._leaving:
            quit_now = BannerAction(tr("Quit anyway"), self._leave)
            self.banners.show_message("quit", _BUSY, "warning", (quit_now,))
            event.ignore()
            return
        self.live.close_down()
        if self.analyse is not None:
            self.analyse.close()
        if self.review is not None:
            self.review.shut_down()
        self._keep_state()
        self._keeper.close()
        super().closeEvent(event)

    def _leave(self) -> None:
        self._leaving = True
        self.close()

    def _keep_state(self) -> None:
        if self._staged:
            self._show_stage(False)
        changes: dict[str, object] = {
            "geometry": bytes(self.saveGeometry().data()),
            "workspace": self.rail.shown,
            "switches": {**self._state.switches, _PLOTS: self.live.plots_shown},
            "splitters": {**self._state.splitters, **splitters.sizes_of(self)},
            "last_folder": self.live.picker.folder,
            "last_camera": self.live.camera or self._state.last_camera,
        }
        if self.review is not None:
            changes["sessions"] = tuple(map(str, self.review.sessions.others))
        try:
            save_state(self._state.model_copy(update=changes))
        except PreferencesError as error:
            self.warn(str(error))

    def _reviewing(self) -> "ReviewWorkspace":
        if self.review is None:
            from ferdesk.ui.review.workspace import ReviewWorkspace

            folder = self._keeper.now.recording.place
            others = [Path(one) for one in self._state.sessions]
            review = ReviewWorkspace(self._jobs, self.say, folder, others, self.stack)
            review.set_colours(self._colours)
            review.page_made.connect(lambda: splitters.divide(review, self._state.splitters))
            self.stack.addWidget(review)
            self.review = review
        return self.review

    def _go(self, workspace: QWidget, name: actions.ActionName) -> None:
        self.stack.setCurrentWidget(workspace)
        self.rail.show_workspace(name)
        for action in self._live_actions:  # their keys mean other things elsewhere
            action.setEnabled(workspace is self.live)
        (self.live.view if workspace is self.live else workspace).setFocus()

    def _show_stage(self, on: bool) -> None:
        self._staged = on
        self.go_live()
        self.live.show_stage(on)
        self.rail.setVisible(not on)
        self.status.setVisible(not on)
        full = Qt.WindowState.WindowFullScreen
        self.setWindowState(self.windowState() | full if on else self.windowState() & ~full)

    def _obey(self, preferences: Preferences) -> None:
        changed = differing(self._preferences, preferences)
        self._preferences = preferences
        if self._resolved() != self._colours:
            self._show_theme()
        if any(row.shown.effect == "pipeline" for row in changed):
            neutral = self._worker.settings.neutral
            if neutral and any(row.key in _ESTIMATOR for row in changed):
                self.warn(other_units(neutral))
                neutral = ""
            update = {"neutral": neutral}
            self._worker.configure(preferences.settings().model_copy(update=update))

    def _use_units(self, name: str) -> None:
        self._keeper.set("nets.aus", "native")
        self._keeper.set("nets.au_bundle", name)

    def _pipeline_changed(self, state: PipelineState) -> None:
        self._pipeline = state

    def _resolved(self) -> theme.Colours:
        display = self._keeper.now.display
        return theme.resolve(theme.Mode(display.theme), display.palette())

    def _show_theme(self) -> None:
        self._colours = self._resolved()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, self._colours)
        for part in (self.rail, self.banners, self.live, self.analyse, self.review):
            if part is not None:
                part.set_colours(self._colours)

    def _lay_out(self) -> None:
        self.setWindowIcon(icons.app_icon())
        self.setAcceptDrops(True)
        self.resize(1180, 720)
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addWidget(self.stack, 1)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banners)
        column.addLayout(middle, 1)
        column.addWidget(self.status)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        self._message_timer.timeout.connect(lambda: self.status.message.setText(""))
        self._status_timer = QTimer(self)
        self._status_timer.timeout.connect(self.live.refresh_status)
        self._status_timer.start(_STATUS_MS)
        self.live.source_named.connect(lambda name: self.setWindowTitle(f"{name} – ferdesk"))
        self._worker.pipeline_changed.connect(self._pipeline_changed)
        import_soon(self._jobs, self)
        self._keeper.changed.connect(self._obey)
        self._keeper.failed.connect(self.warn)
        QGuiApplication.styleHints().colorSchemeChanged.connect(lambda _: self._show_theme())
        actions.install(self, self._slots())
        self._live_actions = actions.install(self, self.live.slots())

    def _slots(self) -> dict[actions.ActionName, Callable[[], None]]:
        return {
            "go_live": self.go_live,
            "go_analyse": self.go_analyse,
            "go_review": self.go_review,
            "models": self.show_models,
            "settings": self.show_settings,
            "theme": self.next_theme,
            "full_screen": self.toggle_full_screen,
            "stage": self.toggle_stage,
            "leave": self.leave_full_screen,
            "help": self.show_shortcuts,
            "quit": self._quit,
        }

    def _quit(self) -> None:
        self.close()
