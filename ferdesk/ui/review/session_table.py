"""Recordings as a table, of which there may be hundreds."""

from datetime import datetime
from typing import Any, Final

from PySide6.QtCore import Qt

from ferdesk.sessions.library import Listed
from ferdesk.texts import tr
from ferdesk.ui.recording import clock
from ferdesk.ui.review.rows_table import Index, RowsTable
from ferdesk.ui.review.words import one_line, plain_tip

COLUMNS: Final = (tr("Name"), tr("Recorded"), tr("Length"), tr("Source"), tr("State"))


class SessionTable(RowsTable[Listed]):
    """The recordings that were found."""

    def __init__(self) -> None:
        super().__init__(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows; the name's tip says where the recording lies."""
        one = self.row_at(index.row())
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
