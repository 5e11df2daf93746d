"""The recordings of a folder, and those opened from elsewhere, to choose one from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ferdesk.preferences.state import MOST_SESSIONS
from ferdesk.sessions import schema
from ferdesk.sessions.library import Listed, listed, sessions_in
from ferdesk.texts import tr
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.review.session_table import SessionTable
from ferdesk.ui.theme import GAP, named
from ferdesk.ui.worker import Jobs

_WIDTHS: Final = (220, 140, 70, 150)


class SessionList(QWidget):
    """What is shown while no session is open.

    Its signal `chosen` gives a session's folder.

    Args:
        jobs: reads the folder.
        folder: where recordings go.
        others: sessions that were opened from elsewhere, the newest first.
    """

    chosen = Signal(Path)

    def __init__(
        self,
        jobs: Jobs,
        folder: Path,
        others: Sequence[Path] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._folder = folder
        self._others = tuple(others)
        self.words = named(QLabel(), "muted")
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.refresh_button = SpaceButton(tr("Look again"))
        self.refresh_button.setToolTip(tr("Read the folder again"))
        self.refresh_button.clicked.connect(self.refresh)
        self.model = SessionTable()
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(tr("Recorded sessions"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate(_WIDTHS):
            self.table.setColumnWidth(column, width)
        self.table.activated.connect(lambda index: self._choose(index.row()))
        above = QHBoxLayout()
        above.addWidget(self.words, 1)
        above.addWidget(self.refresh_button)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(0, 0, 0, 0)
        column_.setSpacing(GAP)
        column_.addLayout(above)
        column_.addWidget(self.table, 1)

    @property
    def others(self) -> tuple[Path, ...]:
        """The sessions that were opened from elsewhere and are still there, the newest first."""
        return self._others

    def remember(self, session: Path) -> None:
        """List a session that was opened, wherever it lies."""
        where = session.absolute()
        if where.parent != self._folder.absolute():
            before = (one for one in self._others if one != where)
            self._others = (where, *before)[:MOST_SESSIONS]

    def refresh(self) -> None:
        """Read the folder again, in a job."""
        text = tr("Looking for recordings in {folder}…")
        self.words.setText(text.format(folder=self._folder))
        folder, others = self._folder, self._others
        self._jobs.submit(
            lambda: _newest_first(folder, others),
            lambda sessions: self._listed(others, sessions),
            self._failed,
        )

    def _listed(self, asked: Sequence[Path], sessions: Sequence[Listed]) -> None:
        there = {one.folder for one in sessions}
        gone = {one for one in asked if one not in there}
        self._others = tuple(one for one in self._others if one not in gone)
        self._show(sessions)

    def _show(self, sessions: Sequence[Listed]) -> None:
        self.model.show_rows(sessions)
        if sessions:
            if self._others:
                text = tr("Recordings in {folder}, and those opened from elsewhere")
            else:
                text = tr("Recordings in {folder}")
            self.words.setText(text.format(folder=self._folder))
            self.table.setCurrentIndex(self.model.index(0, 0))
        else:
            self._show_empty()

    def _show_empty(self) -> None:
        text = tr(
            "There are no recordings in {folder} yet. Record one in the live view, or open "
            "a session from elsewhere: with the button above, or by dropping its folder here."
        )
        self.words.setText(text.format(folder=self._folder))

    def _failed(self, error: Exception) -> None:
        self.model.show_rows(())
        text = tr("{folder} cannot be read: {error}")
        self.words.setText(text.format(folder=self._folder, error=error))

    def _choose(self, row: int) -> None:
        self.chosen.emit(self.model.row_at(row).folder)


def _newest_first(folder: Path, others: Sequence[Path]) -> list[Listed]:
    def started(one: Listed) -> float:
        return one.started.timestamp() if one.started else 0.0

    # Where there is no such folder, nothing was recorded yet.
    found = list(sessions_in(folder)) if folder.is_dir() else []
    found += [listed(one) for one in others if (one / schema.DATABASE).is_file()]
    return sorted(found, key=started, reverse=True)
