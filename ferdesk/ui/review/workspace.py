"""The review: a list of recordings, and the one that is open."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from ferdesk.review.opening import Opened, Trouble, open_session, remark_on, trouble_of
from ferdesk.sessions import schema
from ferdesk.sessions.repair import repair
from ferdesk.sessions.verify import Findings
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerAction, BannerStack, Level
from ferdesk.ui.in_turns import InTurns
from ferdesk.ui.review import keys
from ferdesk.ui.review.exporting import Exporting
from ferdesk.ui.review.grabber import Grabber
from ferdesk.ui.review.notes_panel import NotesPanel
from ferdesk.ui.review.page import SessionPage
from ferdesk.ui.review.plots import ReviewPlots
from ferdesk.ui.review.session_list import SessionList
from ferdesk.ui.review.time_plot import TimePlot, empty_plot
from ferdesk.ui.status import ElidedLabel
from ferdesk.ui.theme import GAP, Colours, named
from ferdesk.ui.worker import JOIN_S, Jobs

_SESSION: Final = "session"
_VIDEO: Final = "video"
_REPAIR: Final = "repair"
_NOTES: Final = "notes"


class ReviewWorkspace(QWidget):
    """Looks at recorded sessions.

    Its signals: `title_changed` gives the open session's name, or nothing; `page_made` says that
    what shows a session is there, soon after the workspace itself.

    Args:
        jobs: does what takes time.
        say: says something for a moment.
        folder: where recordings go.
        others: sessions that were opened from elsewhere before, the newest first.
    """

    title_changed = Signal(str)
    page_made = Signal()

    def __init__(
        self,
        jobs: Jobs,
        say: Callable[[str], None],
        folder: Path,
        others: Sequence[Path] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("review")
        self.setAccessibleName(tr("Review of recorded sessions"))
        self.setAcceptDrops(True)
        self._jobs = jobs
        self._say = say
        self._folder = folder
        self._opening: Path | None = None
        self._colours: Colours | None = None
        self.banners = BannerStack()
        self.sessions = SessionList(jobs, folder, others)
        self.sessions.chosen.connect(self.open)
        self.waiting = named(QLabel(), "muted")
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waiting.setWordWrap(True)
        self.exporting = Exporting(self, jobs, self.banners)
        self.title = ElidedLabel()
        self.open_button = keys.key_button("open", tr("Open session…"), self.ask)
        self.overlay_button = keys.key_button("overlay", tr("Overlay"), self.toggle_overlay)
        self.overlay_button.setCheckable(True)
        self.close_button = keys.key_button("close", tr("Close"), self.close_session)
        self.actions_by_name: dict[keys.KeyName, QAction] = {}
        self._lay_out()
        self._made_page = InTurns(self._make_page(), self)
        self._show_none()

    @property
    def page(self) -> SessionPage:
        """What shows the open session."""
        return self._made_page.get()

    def open(self, folder: Path) -> None:
        """Look at a session; the one before is let go of. Returns at once.

        Args:
            folder: the session's, or a file in it.
        """
        folder = folder.parent if folder.name in (schema.DATABASE, schema.VIDEO) else folder
        self._clear_messages()
        self._let_go()
        self._opening = folder
        self._wait(tr("Opening {name}…").format(name=folder.name))
        self._jobs.submit(
            lambda: open_session(folder),
            lambda opened: self._show(folder, opened),
            lambda error: self._open_failed(folder, error),
        )

    def ask(self) -> None:
        """Let the user choose a session's folder."""
        dialog = QFileDialog(self, tr("Open a recorded session: its folder"), str(self._folder))
        dialog.setObjectName("open")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.fileSelected.connect(lambda path: self.open(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def close_session(self) -> None:
        """Let go of the session and show the list again."""
        self._clear_messages()
        self._let_go()
        self._show_none()

    def repair(self, folder: Path) -> None:
        """Save what can be saved of a session, in a job, and open it."""
        self._clear_messages()
        grabber = self.page.take_grabber()
        self._opening = folder
        self._wait(tr("Repairing {name}…").format(name=folder.name))
        self._jobs.submit(
            lambda: self._mend(folder, grabber),
            lambda outcome: self._repaired(folder, *outcome),
            lambda error: self._open_failed(folder, error),
        )

    def toggle_overlay(self) -> None:
        """Draw what was found into the picture, or not."""
        if self.page.opened is not None:
            self.page.set_overlay(not self.page.overlay)
            self.overlay_button.setChecked(self.page.overlay)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.setStyleSheet(_style(colours))
        self.banners.set_colours(colours)
        if self._made_page.ready:
            self.page.set_colours(colours)

    def shut_down(self, timeout_s: float = JOIN_S) -> bool:
        """Let go of everything before the end; returns whether all ended within the time."""
        self._opening = None  # else one that is being opened would be shown after the end
        return not self._made_page.ready or self.page.shut_down(timeout_s)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept what may be a session."""
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first session that is dropped."""
        folder = _dropped(event)
        if folder is not None:
            event.acceptProposedAction()
            self.open(folder)

    def showEvent(self, event: QShowEvent) -> None:
        """Read the list again: something may have been recorded meanwhile."""
        super().showEvent(event)
        if self._opening is None and not (self._made_page.ready and self.page.opened):
            self.sessions.refresh()

    def _make_page(self) -> Generator[None, None, SessionPage]:
        """Make what shows a session: not at once, for first there is only the list."""
        above = empty_plot()
        yield
        below = empty_plot()
        yield
        odds = TimePlot(tr("Probabilities over time"), self._jobs, above)
        yield
        activations = TimePlot(tr("Action units over time"), self._jobs, below)
        yield
        plots = ReviewPlots(odds, activations)
        yield
        notes = NotesPanel(
            self._jobs,
            self._say,
            lambda text: self.banners.show_message(_NOTES, text, "error"),
        )
        yield
        page = SessionPage(self._jobs, self._say, plots, notes, self.stack)
        yield
        page.failed.connect(self._page_failed)
        page.video_failed.connect(self._video_failed)
        self.actions_by_name = keys.install(self, self._slots(page))
        if self._colours is not None:
            page.set_colours(self._colours)
        yield
        self.stack.addWidget(page)
        self.page_made.emit()
        return page

    def _slots(self, page: SessionPage) -> dict[keys.KeyName, Callable[[], None]]:
        own: dict[keys.KeyName, Callable[[], None]] = {
            "open": self.ask,
            "close": self.close_session,
            "export": self.exporting.open_menu,
            "overlay": self.toggle_overlay,
        }
        return {**own, **page.slots()}

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.setSpacing(GAP // 2)
        above.addWidget(self.open_button)
        above.addWidget(self.title, 1)
        above.addWidget(self.exporting.busy)
        for button in (self.overlay_button, self.exporting.button, self.close_button):
            above.addWidget(button)
        self.stack = QStackedWidget()
        for shown in (self.sessions, self.waiting):
            self.stack.addWidget(shown)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP // 2)
        column.setSpacing(GAP // 2)
        column.addLayout(above)
        column.addWidget(self.banners)
        column.addWidget(self.stack, 1)

    def _show(self, folder: Path, opened: Opened) -> None:
        if folder != self._opening:
            return
        self.stack.setCurrentWidget(self.page)
        # Showing the page and filling it take a moment each: the window goes on in between.
        QTimer.singleShot(0, self, lambda: self._fill(folder, opened))

    def _fill(self, folder: Path, opened: Opened) -> None:
        if folder != self._opening:
            return
        self._opening = None
        self.sessions.remember(folder)
        self.page.show_session(opened)
        self.page.view.setFocus()
        self.overlay_button.setChecked(self.page.overlay)
        self._show_open(folder)
        remark = remark_on(opened)
        if remark is not None:
            self._show_trouble(folder, remark, "warning")

    def _open_failed(self, folder: Path, error: Exception) -> None:
        if folder != self._opening:
            return
        self._show_none()
        self._show_trouble(folder, trouble_of(error), "error")

    def _page_failed(self, error: Exception) -> None:
        opened = self.page.opened
        if opened is not None:
            self._show_trouble(opened.folder, trouble_of(error), "error")

    def _video_failed(self, text: str) -> None:
        drawn = tr("The faces are drawn on a plain background.")
        self.banners.show_message(_VIDEO, f"{text} {drawn}", "warning")

    def _repaired(self, folder: Path, found: Findings, done: list[str]) -> None:
        if folder != self._opening:
            return
        what = "; ".join([*done, *found.notes]) or tr("there was nothing to mend")
        text = tr("Repaired: {what}.").format(what=what)
        if found.faults:
            wrong = tr("Still wrong: {what}.").format(what="; ".join(found.faults))
            text = f"{text} {wrong}"
        self.open(folder)
        level: Level = "warning" if found.faults else "info"
        self.banners.show_message(_REPAIR, text, level)

    def _mend(self, folder: Path, grabber: Grabber | None) -> tuple[Findings, list[str]]:
        # Else it would be we who have the session open.
        with self.page.reading:
            if grabber is not None:
                grabber.join(JOIN_S)
            return repair(folder)

    def _show_trouble(self, folder: Path, trouble: Trouble, level: Level) -> None:
        mend = BannerAction(tr("Repair"), lambda: self.repair(folder))
        ways = (mend,) if trouble.repairable else ()
        self.banners.show_message(_SESSION, trouble.text, level, ways)

    def _show_none(self) -> None:
        self._opening = None
        self.stack.setCurrentWidget(self.sessions)
        self._show_open(None)
        if self.isVisible():
            self.sessions.refresh()
            self.sessions.table.setFocus()

    def _show_open(self, folder: Path | None) -> None:
        self.title.setText("" if folder is None else folder.name)
        self.title.setToolTip("" if folder is None else str(folder))
        self.exporting.begin(folder)
        for button in (self.overlay_button, self.close_button):
            button.setVisible(folder is not None)
        self.exporting.button.setVisible(folder is not None)
        self.title_changed.emit(self.title.text())

    def _wait(self, text: str) -> None:
        self._show_open(None)
        self.waiting.setText(text)
        self.stack.setCurrentWidget(self.waiting)

    def _let_go(self) -> None:
        self._opening = None
        if self._made_page.ready:
            self.page.clear()

    def _clear_messages(self) -> None:
        for key in (_SESSION, _VIDEO, _REPAIR, _NOTES):
            self.banners.clear(key)


def _style(colours: Colours) -> str:
    """Smaller controls than elsewhere: they share the height with picture and plots."""
    return f"""
#review QPushButton {{ padding: 3px 7px; min-height: 18px; }}
#review QComboBox {{ padding: 3px 24px 3px 8px; min-height: 18px; }}
#review QLineEdit {{
    background: {colours.surface}; color: {colours.text};
    border: 1px solid {colours.border}; border-radius: 7px; padding: 3px 7px; min-height: 18px;
}}
#review QComboBox QLineEdit {{ border: none; padding: 0; min-height: 0; }}
#review QLineEdit:focus {{ border-color: {colours.accent}; }}
#review QTableView {{ border: 1px solid {colours.border}; gridline-color: {colours.border}; }}
#review QHeaderView::section {{
    background: {colours.surface}; color: {colours.muted}; border: none; padding: 3px;
}}
"""


def _dropped(event: QDropEvent) -> Path | None:
    """The first session among what is dropped."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    known = (schema.DATABASE, schema.VIDEO)
    return next(
        (path for path in paths if path.name in known or path.suffix == schema.ENDING), None
    )
