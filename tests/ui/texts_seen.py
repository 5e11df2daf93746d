"""Every text that a person or a screen reader finds in the open windows."""

import html
import re
from collections.abc import Iterator
from itertools import count, takewhile

import pyqtgraph as pg
from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QSpinBox,
    QTableView,
    QTabWidget,
    QWidget,
)

from ferdesk.ui.au_bars import AuBars
from ferdesk.ui.verdict_label import VerdictLabel
from ferdesk.ui.video_view import VideoView

_ROLES = (
    Qt.ItemDataRole.DisplayRole,
    Qt.ItemDataRole.ToolTipRole,
    Qt.ItemDataRole.AccessibleTextRole,
)


def texts_seen() -> set[tuple[str, str]]:
    """Where, and what; without mark-up."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    widgets = [widget for widget in app.allWidgets() if not _switched_off(widget)]
    found = {
        (f"{type(widget).__name__} {widget.objectName()}".strip(), text)
        for widget in widgets
        for text in _texts(widget)
    }
    return {(where, _plain(text)) for where, text in found if text}


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"</?(p|span|b|h4|table|tr|td)\b[^>]*>", "", text))


def _switched_off(widget: QWidget) -> bool:
    """Whether it is of the menus that pyqtgraph makes for each plot; ours do not offer them."""
    above: QWidget | None = widget
    while above is not None:
        if type(above).__module__.startswith("pyqtgraph.graphicsItems"):
            return True
        if isinstance(above, QMenu) and above.title() == "Plot Options":
            return True
        above = above.parentWidget()
    return False


def _texts(widget: QWidget) -> Iterator[str]:
    yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription())
    if widget.isWindow() and not isinstance(widget, QMenu):
        yield widget.windowTitle().removesuffix(" – ferdesk")
    for action in widget.findChildren(QAction, options=Qt.FindChildOption.FindDirectChildrenOnly):
        yield from (action.text(), action.toolTip())
    yield from _own_texts(widget)


def _own_texts(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, QLabel | QAbstractButton | QProgressBar):
        yield widget.text()
    elif isinstance(widget, QGroupBox | QMenu):
        yield widget.title()
    elif isinstance(widget, QLineEdit | QPlainTextEdit):
        yield widget.placeholderText()
    elif isinstance(widget, QSpinBox | QDoubleSpinBox):
        yield from (widget.specialValueText(), widget.suffix(), widget.prefix())
    elif isinstance(widget, QTabWidget):
        yield from map(widget.tabText, range(widget.count()))
    elif isinstance(widget, QComboBox | QAbstractItemView):
        yield from _cells(widget.model())
        if isinstance(widget, QTableView):
            yield from _headings(widget)
    else:
        yield from _painted(widget)


def _headings(table: QTableView) -> Iterator[str]:
    for column in range(table.horizontalHeader().count()):
        yield str(table.model().headerData(column, Qt.Orientation.Horizontal))


def _painted(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, VideoView):
        yield widget._text
    elif isinstance(widget, VerdictLabel):
        yield widget.text()
    elif isinstance(widget, AuBars):
        yield from map(widget.tip, widget.rows)
    elif isinstance(widget, pg.PlotWidget):
        yield from (widget.getAxis(side).labelText for side in ("left", "bottom"))


def _cells(model: QAbstractItemModel) -> Iterator[str]:
    for row in range(model.rowCount()):
        # Qt hides from Python how many columns the model of a list has.
        places = takewhile(QModelIndex.isValid, (model.index(row, at) for at in count()))
        for value in (place.data(role) for place in places for role in _ROLES):
            if isinstance(value, str):
                yield value
