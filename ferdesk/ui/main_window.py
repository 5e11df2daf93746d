"""The main window: its workspaces, the line at the bottom, and what holds for all of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ferdesk.streams.choice import StreamChoice
from ferdesk.ui import actions, icons, theme
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.live_workspace import LiveWorkspace
from ferdesk.ui.painter import Painter
from ferdesk.ui.rail import Rail
from ferdesk.ui.source_picker import Choice
from ferdesk.ui.status import StatusLine
from ferdesk.ui.worker import Jobs, Worker

_STATUS_MS: Final = 250
_MESSAGE_MS: Final = 8000


class MainWindow(QMainWindow):
    """Workspaces beside the rail that chooses between them, status below.

    Args:
        worker: runs the source through the pipeline; closed by whoever made it.
        jobs: runs what would hold up the window.
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
        self._mode = theme.Mode.SYSTEM
        self._staged = False
        self.status = StatusLine()
        self._message_timer = QTimer(self, singleShot=True)
        self.live = LiveWorkspace(
            worker,
            jobs,
            painter,
            find_cameras,
            snapshots,
            sessions,
            streams,
            self.status,
            self.say,
            self.toggle_stage,
        )
        self.banners = BannerStack()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.live)
        self.rail = Rail(self._slots())
        self._lay_out()
        self._connect()
        self.set_mode(self._mode)

    def start(self, source: str | None) -> None:
        """Begin with a source; without one with the first camera, else with the demo."""
        self.live.start(source)

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
        for part in (self.rail, self.banners, self.live):
            part.set_colours(colours)

    def toggle_full_screen(self) -> None:
        """Fill the screen, or be a window again."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def toggle_stage(self) -> None:
        """Show the picture and large words alone, full screen, or all again."""
        self._show_stage(not self._staged)

    def _show_stage(self, on: bool) -> None:
        self._staged = on
        self.stack.setCurrentWidget(self.live)
        self.live.show_stage(on)
        self.rail.setVisible(not on)
        self.status.setVisible(not on)
        full = Qt.WindowState.WindowFullScreen
        self.setWindowState(self.windowState() | full if on else self.windowState() & ~full)

    def leave_full_screen(self) -> None:
        """Be a window again."""
        if self._staged:
            self._show_stage(False)
            return
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)

    def show_shortcuts(self) -> None:
        """Show what the keyboard can do."""
        actions.ShortcutsDialog(self).open()

    def report_unexpected(self, text: str, details: str) -> None:
        """Show an error that nobody foresaw, wherever the user is; it is in the log, too.

        Args:
            text: for people.
            details: for whoever mends it.
        """
        copy = BannerAction("Copy details", lambda: QGuiApplication.clipboard().setText(details))
        self.banners.show_message("unexpected", text, "error", (copy,))

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
            self.live.open(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let go of the source at once; the application joins the threads."""
        self.live.close_down()
        super().closeEvent(event)

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
        QGuiApplication.styleHints().colorSchemeChanged.connect(lambda _: self.set_mode(self._mode))
        actions.install(self, self._slots())
        actions.install(self, self.live.slots())

    def _slots(self) -> dict[actions.ActionName, Callable[[], None]]:
        return {
            "theme": self.next_theme,
            "full_screen": self.toggle_full_screen,
            "stage": self.toggle_stage,
            "leave": self.leave_full_screen,
            "help": self.show_shortcuts,
            "quit": self._quit,
        }

    def _quit(self) -> None:
        self.close()
