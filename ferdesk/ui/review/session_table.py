"""Recordings as a table of Qt's: of hundreds, only those in sight are laid out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from ferdesk.sessions.library import Listed
from ferdesk.texts import tr
from ferdesk.ui.recording import clock
from ferdesk.ui.review.words import one_line, plain_tip

COLUMNS: Final = (tr("Name"), tr("Recorded"), tr("Length"), tr("Source"), tr("State"))

_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT: Final = QModelIndex()


class SessionTable(QAbstractTableModel):
    """The recordings that were found."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[Listed, ...] = ()

    def show_sessions(self, sessions: Sequence[Listed]) -> None:
        """Show these and no others."""
        self.beginResetModel()
        self._rows = tuple(sessions)
        self.endResetModel()

    def session_at(self, row: int) -> Listed:
        """What a row shows."""
        return self._rows[row]

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        """How many recordings there are."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        """How many columns there are."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """What stands above the columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows; the name's tip says where the recording lies."""
        one = self._rows[index.row()]
        text = _cells(one)[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(text)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(text if index.column() else str(one.folder))
        return None


def _cells(one: Listed) -> tuple[str, ...]:
    if one.started is None:
        return (one.folder.name, "–", "–", "–", tr(one.state))
    return (one.folder.name, _local(one.started), clock(one.seconds), one.source, tr(one.state))


def _local(when: datetime) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M}"
