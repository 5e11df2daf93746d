"""The table of the queue: its look, its keys, and the hint where it is empty."""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Final, cast

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from ferdesk.queue.items import Item
from ferdesk.texts import tr
from ferdesk.ui.analyse.model import ITEM_ROLE, PROGRESS, RESULT, Index, QueueModel
from ferdesk.ui.theme import DARK, GAP, Colours

if TYPE_CHECKING:
    from PySide6.QtCore import QItemSelectionRange

_HINT: Final = tr("Drop videos, pictures or folders here")
_WIDTHS: Final = (164, 92, 100, 72, 60, 84)
_ROW: Final = 30
_BAR: Final = 16


class RowDelegate(QStyledItemDelegate):
    """Paints the words of a chosen row in the same colour as of others."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        """Say how a cell looks."""
        super().initStyleOption(option, index)
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        if colour is not None:
            option.palette.setColor(QPalette.ColorRole.HighlightedText, colour)


class ProgressDelegate(RowDelegate):
    """Paints how far a file is as a bar with its words in it."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = DARK

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one."""
        own = QStyleOptionViewItem(option)
        self.initStyleOption(own, index)
        words, own.text = own.text, ""
        own.widget.style().drawControl(
            QStyle.ControlElement.CE_ItemViewItem, own, painter, own.widget
        )
        item: Item = index.data(ITEM_ROLE)
        area = QRectF(own.rect).adjusted(4, (own.rect.height() - _BAR) / 2, -4, 0)
        area.setHeight(_BAR)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.colours.window))
        painter.drawRoundedRect(area, 4, 4)
        share = item.share or 0.0
        if share > 0:
            done = QRectF(area)
            done.setWidth(max(_BAR / 2, area.width() * share))
            painter.setBrush(QColor(self.colours.border))
            if item.state in ("running", "done"):
                painter.setBrush(QColor(self.colours.accent))
            painter.setOpacity(0.55)
            painter.drawRoundedRect(done, 4, 4)
            painter.setOpacity(1.0)
        painter.setPen(QColor(self.colours.text))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, words)
        painter.restore()


class QueueTable(QTableView):
    """Rows can be chosen one by one, by ranges, and all.

    Args:
        model: the queue.
    """

    def __init__(self, model: QueueModel) -> None:
        super().__init__()
        self.setAccessibleName(tr("Files to analyse"))
        self.setModel(model)
        self._queue = model
        self._progress = ProgressDelegate()
        self.setItemDelegate(RowDelegate(self))
        self.setItemDelegateForColumn(PROGRESS, self._progress)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(4 * _ROW)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(48)
        for column, width in enumerate(_WIDTHS):
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(RESULT, QHeaderView.ResizeMode.Stretch)

    def chosen(self) -> tuple[Item, ...]:
        """The chosen files, from top to bottom."""
        # By ranges: asking for each row takes too long where thousands are chosen.
        selection = self.selectionModel().selection()
        chosen = cast("Iterable[QItemSelectionRange]", selection)  # which its stubs do not say
        rows = {row for one in chosen for row in range(one.top(), one.bottom() + 1)}
        return tuple(self._queue.items[row] for row in sorted(rows))

    def choose(self, ids: Collection[int]) -> None:
        """Choose these files, those of them that are there."""
        selection = QItemSelection()
        rows = [row for row, item in enumerate(self._queue.items) if item.id in ids]
        for _, group in groupby(enumerate(rows), lambda pair: pair[1] - pair[0]):
            block = [row for _, row in group]  # rows that follow each other
            first, last = self._queue.index(block[0], 0), self._queue.index(block[-1], RESULT)
            selection.select(first, last)
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flags.ClearAndSelect)
        if rows:
            current = self._queue.index(rows[0], 0)
            self.selectionModel().setCurrentIndex(current, flags.NoUpdate)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._progress.colours = colours
        self._queue.set_colours(colours)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows, or what to do where there are none."""
        super().paintEvent(event)
        if self._queue.rowCount():
            return
        with QPainter(self.viewport()) as painter:
            painter.setPen(QColor(self._progress.colours.muted))
            room = self.viewport().rect().adjusted(GAP, GAP, -GAP, -GAP)
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(room, middle, _HINT)
