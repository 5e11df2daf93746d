"""Lets the user choose which action units are shown, and in what order."""

from collections.abc import Collection
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.aus import ACTION_UNITS, AU_NUMBERS
from ferdesk.preferences.annotations import units_text
from ferdesk.preferences.display import UnitOrder
from ferdesk.preferences.table import by_key
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.theme import GAP, named, plain_buttons

_ROW: Final = 26
_NUMBER: Final = Qt.ItemDataRole.UserRole


class UnitChooser(QDialog):
    """A list to tick; each tick holds at once.

    Args:
        chosen: numbers of the units that are shown.
        order: how they are sorted; None where that is not asked here.
        estimated: numbers of those that are estimated now; empty where nobody knows.
        parent: the window.
    """

    units_chosen = Signal(frozenset)
    """With the numbers of all that are ticked."""

    order_chosen = Signal(str)
    """With a value of `UnitOrder`."""

    def __init__(
        self,
        chosen: Collection[int],
        order: UnitOrder | None = None,
        estimated: Collection[int] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("unitChooser")
        self.setWindowTitle(tr("Action units"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.order = QComboBox()
        self.order.setAccessibleName(tr(by_key("display.unit_order").title))
        self.list = named(QListWidget(), "units")
        self.list.setAccessibleName(tr("Action units that are shown"))
        self._fill(estimated)
        self.show_chosen(chosen)
        self._lay_out(order)
        self.list.itemChanged.connect(lambda _: self.units_chosen.emit(self.chosen()))
        self.list.itemActivated.connect(_toggle)
        self.resize(380, 520)

    def chosen(self) -> frozenset[int]:
        """Numbers of all that are ticked."""
        ticked = (item for item in self._items() if item.checkState() == Qt.CheckState.Checked)
        return frozenset(int(item.data(_NUMBER)) for item in ticked)

    def show_chosen(self, numbers: Collection[int]) -> None:
        """Tick these and no others; nobody is told."""
        before = self.list.blockSignals(True)
        for item in self._items():
            ticked = item.data(_NUMBER) in numbers
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        self.list.blockSignals(before)

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _fill(self, estimated: Collection[int]) -> None:
        for unit in ACTION_UNITS:
            missing = bool(estimated) and unit.number not in estimated
            text = tr("{unit}  (not estimated)") if missing else "{unit}"
            text = text.format(unit=f"{unit.code}  {words.unit_name(unit)}")
            item = QListWidgetItem(text, self.list)
            item.setData(_NUMBER, unit.number)
            item.setToolTip(words.muscles(unit))
            item.setSizeHint(QSize(0, _ROW))
            if missing:
                item.setForeground(self.palette().placeholderText())

    def _choose(self, numbers: Collection[int]) -> None:
        self.show_chosen(numbers)
        self.units_chosen.emit(self.chosen())

    def _lay_out(self, order: UnitOrder | None) -> None:
        column = QVBoxLayout(self)
        column.setSpacing(GAP)
        if order is not None:
            row = by_key("display.unit_order").translated()
            for choice in row.choices:
                self.order.addItem(row.text_of(choice), choice)
            self.order.setCurrentIndex(self.order.findData(order))
            self.order.activated.connect(
                lambda index: self.order_chosen.emit(self.order.itemData(index))
            )
            column.addWidget(self.order)
        column.addWidget(self.list, 1)
        column.addWidget(named(QLabel(tr("In the cards and in the curves.")), "muted"))
        below = QHBoxLayout()
        for text, numbers in ((tr("All"), AU_NUMBERS), (tr("None"), ())):
            button = SpaceButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, numbers=numbers: self._choose(numbers))
            below.addWidget(button)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        plain_buttons(close)
        close.rejected.connect(self.reject)
        below.addStretch(1)
        below.addWidget(close)
        column.addLayout(below)


def choose(keeper: PreferencesKeeper, estimated: Collection[int], parent: QWidget) -> None:
    """Ask, and keep what is chosen.

    Args:
        keeper: remembers it.
        estimated: numbers of the units that are estimated now; empty where nobody knows.
        parent: the window.
    """
    display = keeper.now.display
    dialog = UnitChooser(display.chosen_units, display.unit_order, estimated, parent)
    dialog.units_chosen.connect(lambda one: keeper.set("display.unit_choice", units_text(one)))
    dialog.order_chosen.connect(lambda order: keeper.set("display.unit_order", order))
    dialog.open()


def _toggle(item: QListWidgetItem) -> None:
    on = item.checkState() == Qt.CheckState.Checked
    item.setCheckState(Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)
