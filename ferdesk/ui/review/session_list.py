"""The recordings of a folder, to choose one from."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.errors import FerdeskError
from ferdesk.sessions.library import Listed, sessions_in
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.recording import clock
from ferdesk.ui.review.words import one_line, plain_tip
from ferdesk.ui.theme import GAP, named
from ferdesk.ui.worker import Jobs

_COLUMNS: Final = ("Name", "Recorded", "Length", "Source", "State")
_WIDTHS: Final = (220, 140, 70, 150)
_PATH: Final = Qt.ItemDataRole.UserRole


class SessionList(QWidget):
    """What is shown while no session is open.

    Its signal `chosen` gives a session's folder.

    Args:
        jobs: reads the folder.
        folder: where recordings go.
    """

    chosen = Signal(Path)

    def __init__(self, jobs: Jobs, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._folder = folder
        self.words = named(QLabel(), "muted")
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.refresh_button = SpaceButton("Look again")
        self.refresh_button.setToolTip("Read the folder again")
        self.refresh_button.clicked.connect(self.refresh)
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setAccessibleName("Recorded sessions")
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
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
        self.table.itemActivated.connect(lambda item: self._choose(item.row()))
        above = QHBoxLayout()
        above.addWidget(self.words, 1)
        above.addWidget(self.refresh_button)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(0, 0, 0, 0)
        column_.setSpacing(GAP)
        column_.addLayout(above)
        column_.addWidget(self.table, 1)

    def refresh(self) -> None:
        """Read the folder again, in a job."""
        self.words.setText(f"Looking for recordings in {self._folder}…")
        self._jobs.submit(lambda: _newest_first(self._folder), self._show, self._failed)

    def _show(self, sessions: Sequence[Listed]) -> None:
        self.table.setRowCount(len(sessions))
        for row, one in enumerate(sessions):
            for column, text in enumerate(_cells(one)):
                item = QTableWidgetItem(one_line(text))
                item.setToolTip(plain_tip(text))
                item.setData(_PATH, one.folder)
                self.table.setItem(row, column, item)
        if sessions:
            self.words.setText(f"Recordings in {self._folder}")
            self.table.setCurrentCell(0, 0)
        else:
            self._show_empty()

    def _show_empty(self) -> None:
        self.words.setText(
            f"There are no recordings in {self._folder} yet. Record one in the live view, or open "
            "a session from elsewhere: with the button above, or by dropping its folder here."
        )

    def _failed(self, error: Exception) -> None:
        self.table.setRowCount(0)
        if isinstance(error, FerdeskError):  # there is no such folder: nothing was recorded yet
            self._show_empty()
        else:
            self.words.setText(f"{self._folder} cannot be read: {error}")

    def _choose(self, row: int) -> None:
        item = self.table.item(row, 0)
        if item is not None:
            self.chosen.emit(item.data(_PATH))


def _newest_first(folder: Path) -> list[Listed]:
    def started(one: Listed) -> float:
        return one.started.timestamp() if one.started else 0.0

    return sorted(sessions_in(folder), key=started, reverse=True)


def _cells(one: Listed) -> tuple[str, ...]:
    if one.started is None:
        return (one.folder.name, "–", "–", "–", one.state)
    return (one.folder.name, _local(one.started), clock(one.seconds), one.source, one.state)


def _local(when: datetime) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M}"
