"""The queue as a table of Qt's."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from ferdesk.queue.items import Item
from ferdesk.texts import tr, trn
from ferdesk.ui.analyse import texts
from ferdesk.ui.theme import DARK, Colours

Index = QModelIndex | QPersistentModelIndex

ITEM_ROLE: Final = Qt.ItemDataRole.UserRole
"""Gives the row's `Item`."""


class _Column(NamedTuple):
    title: str
    text: Callable[[Item], str]
    right: bool = False


def _progress_text(item: Item) -> str:
    if item.share is not None:
        return f"{item.share:.0%}"
    frames = trn("{n} frame", "{n} frames", item.frames)
    return frames.format(n=item.frames) if item.frames else ""


_COLUMNS: Final = (
    _Column(tr("File"), lambda item: item.name),
    _Column(tr("State"), texts.state_text),
    _Column(tr("Progress"), _progress_text),
    _Column(tr("Frames/s"), texts.rate_text, right=True),
    _Column(tr("Left"), texts.left_text, right=True),
    _Column(tr("Faces"), texts.faces_text),
    _Column(tr("Result"), texts.result_text),
)
PROGRESS: Final = [column.title for column in _COLUMNS].index(tr("Progress"))
RESULT: Final = len(_COLUMNS) - 1
_NOWHERE: Final = QModelIndex()


class QueueModel(QAbstractTableModel):
    """The rows of a queue; `show_items` brings them up to date."""

    def __init__(self) -> None:
        super().__init__()
        self._items: tuple[Item, ...] = ()
        self._colours = DARK

    @property
    def items(self) -> tuple[Item, ...]:
        """The rows that are shown."""
        return self._items

    def show_items(self, items: Sequence[Item]) -> None:
        """Show these, and tell the table which rows changed."""
        before, now = self._items, tuple(items)
        ids = [item.id for item in now]
        if [item.id for item in before] != ids[: len(before)]:
            self.beginResetModel()
            self._items = now
            self.endResetModel()
            return
        if len(now) > len(before):
            self.beginInsertRows(_NOWHERE, len(before), len(now) - 1)
            self._items = now
            self.endInsertRows()
        self._items = now
        for row, (old, new) in enumerate(zip(before, now, strict=False)):
            if old != new:
                self.dataChanged.emit(self.index(row, 0), self.index(row, RESULT))

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        if self._items:
            last = self.index(len(self._items) - 1, RESULT)
            self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.ForegroundRole])

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """How many files."""
        return 0 if parent.isValid() else len(self._items)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        """How many columns."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """The columns' titles."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(_COLUMNS[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What is shown of a file."""
        item, column = self._items[index.row()], _COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(item)
        if role == Qt.ItemDataRole.ToolTipRole:
            return texts.details_text(item)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(item)
        return item if role == ITEM_ROLE else None

    def _colour(self, item: Item) -> QColor | None:
        if item.state == "failed":
            return QColor(self._colours.error)
        quiet = item.state in ("cancelled", "before", "waiting")
        return QColor(self._colours.muted) if quiet else None


def _alignment(column: _Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
