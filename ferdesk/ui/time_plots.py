"""Rolling plots of a face's probabilities and strongest action units over the last minute."""

from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray
from ferdesk.ui.history import SPAN_S, History, Times
from ferdesk.ui.theme import DARK, GAP, Colours, expression_colour, named

_REFRESH_MS: Final = 100
_UNITS: Final = 4
"""So many units are drawn: those that changed most in what is shown."""
_STYLES: Final = ("#5b9bf8", "#f59e0b", "#34d399", "#f472b6")
_LARGEST: Final = "Largest face"


class TimePlots(QWidget):
    """Two plots side by side; the mouse wheel zooms, dragging moves, "Hold" stops them.

    Args:
        history: what is drawn, several times a second.
        parent: the widget that it lies in.
    """

    def __init__(self, history: History, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Time plots")
        self.setMinimumHeight(150)
        self._history = history
        self._drawn = -1
        self.who = QComboBox()
        self.who.setAccessibleName("Whose curves are shown")
        self.who.addItem(_LARGEST, 0)
        self.hold = QPushButton("Hold")
        self.hold.setCheckable(True)
        self.hold.setAccessibleName("Hold the plots where they are")
        self.hold.toggled.connect(lambda on: self.fit() if not on else None)
        self.odds = _plot("probability")
        self.units = _plot("activation")
        self._curves = [self.odds.plot(name=name) for name in EXPRESSIONS]
        self._unit_curves = [self.units.plot() for _ in range(_UNITS)]
        self.legend = named(QLabel(), "muted")
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._refresh)
        self._timer.start(_REFRESH_MS)
        self.set_colours(DARK)

    def fit(self) -> None:
        """Show the last minute again, after zooming."""
        for plot in (self.odds, self.units):
            plot.setXRange(-SPAN_S, 0, padding=0)
            plot.setYRange(0, 1, padding=0.02)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        for plot in (self.odds, self.units):
            plot.setBackground(QColor(colours.surface))
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(QColor(colours.border))
                axis.setTextPen(QColor(colours.muted))
        for index, curve in enumerate(self._curves):
            curve.setPen(pg.mkPen(expression_colour(index, colours), width=2))
        for colour, curve in zip(_STYLES, self._unit_curves, strict=True):
            curve.setPen(pg.mkPen(QColor(colour), width=2))

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.addWidget(self.who)
        above.addWidget(self.hold)
        above.addWidget(self.legend, 1)
        plots = QHBoxLayout()
        plots.setSpacing(GAP)
        plots.addWidget(self.odds, 1)
        plots.addWidget(self.units, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 2)
        column.addLayout(above)
        column.addLayout(plots, 1)
        self.fit()

    def _refresh(self) -> None:
        changes = self._history.changes
        if changes == self._drawn or self.hold.isChecked() or not self.isVisible():
            return
        self._drawn = changes
        self._show_people()
        times, odds, units = self._history.of(self.who.currentData() or self._history.largest)
        if not len(times):
            for curve in (*self._curves, *self._unit_curves):
                curve.clear()
            self.legend.setText("")
            return
        ago = times - times[-1]
        for index, curve in enumerate(self._curves):
            curve.setData(ago, odds[:, index])
        self._show_units(ago, units)

    def _show_units(self, ago: Times, units: FloatArray) -> None:
        known = np.flatnonzero(np.isfinite(units).all(axis=0))
        moved = units[:, known].std(axis=0) if len(known) else np.empty(0)
        chosen = sorted(known[np.argsort(moved)[::-1][:_UNITS]].tolist())
        words = []
        for place, curve in enumerate(self._unit_curves):
            if place >= len(chosen):
                curve.clear()
                continue
            curve.setData(ago, units[:, chosen[place]])
            unit = ACTION_UNITS[chosen[place]]
            words.append(f'<span style="color:{_STYLES[place]}">{unit.code} {unit.name}</span>')
        self.legend.setText(" &nbsp; ".join(words))

    def _show_people(self) -> None:
        people = self._history.people()
        shown = [self.who.itemData(index) for index in range(1, self.who.count())]
        if list(people) == shown:
            return
        current = self.who.currentData()
        self.who.blockSignals(True)
        self.who.clear()
        self.who.addItem(_LARGEST, 0)
        for number in people:
            self.who.addItem(f"Face {number}", number)
        self.who.setCurrentIndex(max(0, self.who.findData(current)))
        self.who.blockSignals(False)


def _plot(what: str) -> pg.PlotWidget:
    plot = pg.PlotWidget()
    plot.setAccessibleName(f"{what.capitalize()} over the last minute")
    plot.hideButtons()
    plot.setMenuEnabled(False)
    plot.setLabel("bottom", "seconds ago")
    plot.setLabel("left", what)
    plot.setLimits(xMin=-SPAN_S, xMax=0, yMin=-0.05, yMax=1.05)
    plot.setDownsampling(auto=True, mode="peak")
    plot.setClipToView(True)
    return plot
