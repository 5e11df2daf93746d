"""The workspace: files wait, several are analysed at once, results can be looked at."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ferdesk.batch import inputs_of
from ferdesk.core.errors import FerdeskError
from ferdesk.queue.analyses import AnalysisQueue, Snapshot
from ferdesk.queue.items import Item
from ferdesk.settings import Settings
from ferdesk.texts import tr, trn
from ferdesk.ui import words
from ferdesk.ui.analyse import texts
from ferdesk.ui.analyse.look import style_sheet
from ferdesk.ui.analyse.model import QueueModel
from ferdesk.ui.analyse.options import OptionsRow
from ferdesk.ui.analyse.row_actions import RowActions
from ferdesk.ui.analyse.table import QueueTable
from ferdesk.ui.banner import BannerStack
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.theme import GAP, Colours, named
from ferdesk.ui.worker import Jobs

_REFRESH_MS: Final = 200
_STEPS: Final = 1000


class _Added(NamedTuple):
    found: int
    new: int
    errors: tuple[str, ...]


class AnalyseWorkspace(QWidget):
    """Adding and starting on top, the queue below, then what is known of the chosen file.

    Args:
        jobs: looks into folders, off the UI thread.
        say: says something for a moment.
        settings: how frames are analysed now; asked at each start.
        results: the folder for results, until the user chooses another one.
        command: what starts ferdesk; this one by default.
        parent: where it will be shown: all in it is styled anew where it gets another.
    """

    review_wanted = Signal(Path)
    """A session that the user wants to look at."""

    def __init__(
        self,
        jobs: Jobs,
        say: Callable[[str], None],
        settings: Callable[[], Settings],
        results: Path,
        command: Sequence[str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._say = say
        self._settings = settings
        self._going = False
        self.queue = AnalysisQueue(command)
        self.model = QueueModel()
        self.table = QueueTable(self.model)
        self.options = OptionsRow(results)
        self.banners = BannerStack()
        self.start_button = _button(tr("Start"), tr("Analyse what waits"), self.start)
        self.cancel_button = _button(
            tr("Cancel all"), tr("Stop; what was written stays"), self.cancel_all
        )
        self.retry_button = _button(
            tr("Try failed again"), tr("Analyse all that failed"), self.retry_all
        )
        self.total = QProgressBar()
        self.total.setAccessibleName(tr("How far all files are"))
        self.total.setRange(0, _STEPS)
        self.total.setTextVisible(False)
        self.total_text = named(QLabel(), "muted")
        self.details = _details()
        self.actions_row = RowActions(
            self.table,
            {
                "review": self.review,
                "retry": self.retry,
                "cancel": lambda: self._do(self.queue.cancel),
                "remove": lambda: self._do(self.queue.remove),
                "up": lambda: self._do(lambda ids: self.queue.move(ids, -1)),
                "down": lambda: self._do(lambda ids: self.queue.move(ids, 1)),
                "copy": self.copy,
            },
        )
        self._lay_out()
        self._connect()
        self.refresh()

    @property
    def busy(self) -> bool:
        """Whether files are being analysed, or are about to be."""
        return self.queue.busy

    def add(self, paths: Sequence[str]) -> None:
        """Put files, and the videos of folders, at the end of the queue."""
        out = self.options.out
        self._jobs.submit(
            lambda: _add(self.queue, paths, out),
            self._show_added,
            lambda error: self.banners.show_message("add", str(error), "error"),
        )

    def ask_files(self) -> None:
        """Let the user choose files."""
        paths, _ = QFileDialog.getOpenFileNames(
            self, tr("Add videos or pictures"), "", words.media_filter()
        )
        if paths:
            self.add(paths)

    def ask_folder(self) -> None:
        """Let the user choose a folder of videos, or of pictures."""
        path = QFileDialog.getExistingDirectory(self, tr("Add a folder of videos or pictures"))
        if path:
            self.add([path])

    def start(self) -> None:
        """Analyse what waits."""
        if not any(item.state == "waiting" for item in self.model.items):
            self._say(tr("No file waits to be analysed."))
            return
        self.banners.clear("queue")
        self.queue.start(self.options.order(self._settings()))
        self.refresh()
        self._timer.start()

    def cancel_all(self) -> None:
        """Analyse nothing more; what is being analysed ends with whole files."""
        self.queue.cancel()
        self.refresh()

    def retry(self) -> None:
        """Analyse again what failed, or was cancelled, of the chosen files."""
        self._try_again([item.id for item in self.table.chosen()])

    def retry_all(self) -> None:
        """Analyse again all that failed."""
        self._try_again([item.id for item in self.model.items if item.state == "failed"])

    def review(self) -> None:
        """Ask for the first chosen file's session to be shown."""
        for item in self.table.chosen():
            if item.session is not None:
                self.review_wanted.emit(item.session)
                return

    def copy(self) -> None:
        """Copy the chosen files' errors, or the paths of their results."""
        lines = [texts.copied_text(item) for item in self.table.chosen()]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self._say(tr("Copied"))

    def refresh(self) -> None:
        """Show the queue as it is now."""
        now = self.queue.snapshot()
        chosen = {item.id for item in self.table.chosen()}
        self.model.show_items(now.items)
        if chosen and not self.table.chosen():
            self.table.choose(chosen)
        self._show_chosen()
        self._show_totals(now)
        if now.trouble:
            self.banners.show_message("queue", now.trouble, "error")
        if self._going and not now.going:
            self._timer.stop()
            self._say(_outcome(now))
        self._going = now.going

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.setStyleSheet(style_sheet(colours))
        self.banners.set_colours(colours)
        self.table.set_colours(colours)

    def close(self) -> bool:
        """Cancel everything and wait, a few seconds at most; returns whether all has ended."""
        self._timer.stop()
        ended = self.queue.close()
        super().close()
        return ended

    def event(self, event: QEvent) -> bool:
        """Keep the space bar for what has the focus: it is a shortcut of the window, too."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Space
        ):
            event.accept()
            return True
        return super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Add what is dropped."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.add(paths)

    def _connect(self) -> None:
        self.setAcceptDrops(True)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self.table.selectionModel().selectionChanged.connect(lambda: self._show_chosen())
        self.table.doubleClicked.connect(lambda _: self.review())
        self.options.trouble.connect(self._say)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GAP // 2)
        top.addWidget(_button(tr("Add files…"), tr("Choose videos or pictures"), self.ask_files))
        top.addWidget(
            _button(tr("Add folder…"), tr("A folder of videos, or of pictures"), self.ask_folder)
        )
        top.addStretch(1)
        for button in (self.start_button, self.cancel_button, self.retry_button):
            top.addWidget(button)
        below = QHBoxLayout()
        below.setSpacing(GAP)
        below.addWidget(self.total, 1)
        below.addWidget(self.total_text)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.setSpacing(GAP)
        column.addLayout(top)
        column.addWidget(self.options)
        column.addWidget(self.banners)
        column.addWidget(self.table, 1)
        column.addWidget(self.actions_row)
        column.addWidget(self.details)
        column.addLayout(below)

    def _do(self, action: Callable[[Sequence[int]], None]) -> None:
        action([item.id for item in self.table.chosen()])
        self.refresh()

    def _try_again(self, ids: Sequence[int]) -> None:
        if self.queue.retry(ids):
            self.refresh()
            self.start()

    def _show_added(self, added: _Added) -> None:
        self.refresh()
        if added.errors:
            self.banners.show_message("add", "\n".join(added.errors), "warning")
        else:
            self.banners.clear("add")
        known = added.found - added.new
        said = [trn("{n} file added", "{n} files added", added.new).format(n=added.new)]
        if known:
            there = trn("{n} was there already", "{n} were there already", known)
            said.append(there.format(n=known))
        self._say("; ".join(said))

    def _show_chosen(self) -> None:
        chosen = self.table.chosen()
        self.actions_row.show_for(chosen)
        text = texts.details_text(chosen[0]) if len(chosen) == 1 else ""
        if self.details.text() != text:
            self.details.setText(text)
        self.details.setVisible(bool(text))

    def _show_totals(self, now: Snapshot) -> None:
        states = Counter(item.state for item in now.items)
        self.start_button.setEnabled(not now.going and bool(states["waiting"]))
        self.cancel_button.setEnabled(now.going)
        self.retry_button.setEnabled(bool(states["failed"]))
        self.options.set_going(now.going)
        self.total.setVisible(bool(now.totals.files))
        self.total.setValue(round(now.totals.share * _STEPS))
        self.total_text.setText(texts.totals_text(now.totals))


def _add(queue: AnalysisQueue, paths: Sequence[str], out: Path) -> _Added:
    """Look what there is; one folder that cannot be read keeps nothing else out."""
    found: list[str] = []
    errors = []
    for path in paths:
        try:
            found += inputs_of([path], out)
        except FerdeskError as error:
            errors.append(str(error))
    return _Added(len(found), queue.add(found), tuple(errors))


def _outcome(now: Snapshot) -> str:
    """What came of it, in a few words."""
    states = Counter(texts.state_text(item) for item in now.items if _counts(item))
    return ", ".join(f"{count} {state}" for state, count in states.items())


def _counts(item: Item) -> bool:
    return item.in_run and item.state != "waiting"


def _button(text: str, tip: str, run: Callable[[], None]) -> SpaceButton:
    button = SpaceButton(text)
    button.setToolTip(tip)
    button.setAccessibleName(text)
    button.clicked.connect(lambda _=False: run())
    return button


def _details() -> QLabel:
    label = named(QLabel(), "details")
    label.setAccessibleName(tr("What is known of the chosen file"))
    label.setFrameShape(QFrame.Shape.NoFrame)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse
        | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label
