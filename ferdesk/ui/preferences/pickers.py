"""Buttons that show a value and open a dialog to choose another: a colour, action units."""

from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QColorDialog, QWidget

from ferdesk.core.aus import AU_NUMBERS
from ferdesk.overlay_colours import Palette
from ferdesk.preferences.annotations import ALL_UNITS, NO_UNITS, units_of, units_text
from ferdesk.texts import tr
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.unit_chooser import UnitChooser

_SWATCH: Final = 16


class ColourButton(SpaceButton):
    """A colour, or none.

    Args:
        title: of the dialog.
        empty: what is said where there is none.
        parent: the widget that it lies in.
    """

    chosen = Signal(str)
    """With a colour such as #ffcc00."""

    def __init__(self, title: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._empty = empty
        self._value = ""
        self._usual = "#ffffff"
        self.setIconSize(QSize(_SWATCH, _SWATCH))
        self.clicked.connect(lambda _=False: self.ask())

    def show_value(self, value: str) -> None:
        """Show a colour; empty for none."""
        self._value = value
        self.setText(f" {value or self._empty}")
        self._show_swatch()

    def show_usual(self, colour: QColor) -> None:
        """Show what holds where no colour was chosen."""
        if colour.name() != self._usual:
            self._usual = colour.name()
            self._show_swatch()

    def ask(self) -> None:
        """Let the user choose."""
        offered = [
            QColor(*colour)
            for palette in (Palette("standard"), Palette("safe"))
            for colour in palette.colours().values()
        ]
        for place, colour in enumerate(offered):
            QColorDialog.setCustomColor(place, colour)
        dialog = QColorDialog(QColor(self._value or self._usual), self)
        dialog.setWindowTitle(self._title)
        dialog.colorSelected.connect(lambda colour: self.chosen.emit(colour.name()))
        dialog.finished.connect(lambda _: dialog.deleteLater())
        dialog.open()

    def _show_swatch(self) -> None:
        swatch = QPixmap(_SWATCH, _SWATCH)
        swatch.fill(QColor(self._value or self._usual))
        self.setIcon(QIcon(swatch))


class UnitsButton(SpaceButton):
    """How many action units are chosen; opens the list of them."""

    chosen = Signal(str)
    """With a choice as it is stored."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = ""
        self.clicked.connect(lambda _=False: self.ask())

    def show_value(self, value: str) -> None:
        """Show a choice of units."""
        self._value = value
        some = value not in (ALL_UNITS, NO_UNITS)
        if some:
            text = tr("{n} of {all}…").format(n=len(units_of(value)), all=len(AU_NUMBERS))
        else:
            text = tr("All…") if value == ALL_UNITS else tr("None…")
        self.setText(text)
        self.setToolTip(value if some else "")

    def ask(self) -> None:
        """Let the user choose; each tick is told at once."""
        dialog = UnitChooser(units_of(self._value), parent=self)
        dialog.units_chosen.connect(lambda units: self._choose(units_text(units)))
        dialog.open()

    def _choose(self, value: str) -> None:
        self.show_value(value)
        self.chosen.emit(value)
