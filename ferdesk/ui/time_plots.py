"""Rolling plots of a face's probabilities and strongest action units over the last minute."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.aus import ACTION_UNITS, AU_NUMBERS
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.face_names import unnamed
from ferdesk.ui.history import SPAN_S, History, Times
from ferdesk.ui.theme import DARK, GAP, Colours, expression_colour, named, series_colour

_REFRESH_MS: Final = 50
"""Of the two plots in turn: both at once would hold up the picture for longer than a frame."""
_MOST_UNITS: Final = 8
"""So many chosen units are all drawn."""
_FEW_UNITS: Final = 4
"""Of more, so many are: those that changed most in what is shown."""
_LIVELIER: Final = 1.25
_BETWEEN: Final = "   "
_LARGEST: Final = tr("Largest face")


class TimePlots(QWidget):
    """Two plots side by side; the mouse wheel zooms, dragging moves, "Hold" stops them.

    Args:
        history: what is drawn, several times a second.
        name_of: what a person is called, by number.
        parent: the widget that it lies in.
    """

    def __init__(
        self,
        history: History,
        name_of: Callable[[int], str] = unnamed,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Time plots"))
        self.setMinimumHeight(150)
        self._history = history
        self._name_of = name_of
        self._units = frozenset(AU_NUMBERS)
        self._lively: list[int] = []
        self._waiting: list[Callable[[], None]] = []
        self._colours = DARK
        self._drawn = -1
        self.who = QComboBox()
        self.who.setAccessibleName(tr("Whose curves are shown"))
        self.who.addItem(_LARGEST, 0)
        self.hold = QPushButton(tr("Hold"))
        self.hold.setCheckable(True)
        self.hold.setAccessibleName(tr("Hold the plots where they are"))
        self.hold.toggled.connect(lambda on: self.fit() if not on else None)
        self.odds = _plot(tr("probability"), tr("Probability over the last minute"))
        self.units = _plot(tr("activation"), tr("Activation over the last minute"))
        self._curves = [self.odds.plot(name=name) for name in EXPRESSIONS]
        self._unit_curves = [self.units.plot() for _ in range(_MOST_UNITS)]
        self.legend = named(QLabel(), "muted")
        # Else its words would keep the window from becoming narrow.
        self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
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

    def choose_units(self, numbers: frozenset[int]) -> None:
        """Draw these action units, where they are estimated: all of a few, else the liveliest."""
        if numbers != self._units:
            self._units = numbers
            self._drawn = -1

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self._drawn = -1
        for plot in (self.odds, self.units):
            plot.setBackground(QColor(colours.surface))
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(QColor(colours.border))
                axis.setTextPen(QColor(colours.muted))
        for index, curve in enumerate(self._curves):
            curve.setPen(pg.mkPen(expression_colour(index, colours), width=2))
        for place, curve in enumerate(self._unit_curves):
            curve.setPen(pg.mkPen(series_colour(place, colours), width=2))

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
        if self.hold.isChecked() or not self.isVisible():
            return
        if not self._waiting and changes != self._drawn:
            self._drawn = changes
            self._show_people()
            self._waiting = [self._show_odds, self._show_units]
        if self._waiting:
            self._waiting.pop(0)()

    def _show_odds(self) -> None:
        times, odds, _ = self._shown()
        if not len(times):
            for curve in self._curves:
                curve.clear()
            return
        ago = times - times[-1]
        for index, curve in enumerate(self._curves):
            curve.setData(ago, odds[:, index])

    def _shown(self) -> tuple[Times, FloatArray, FloatArray]:
        return self._history.of(self.who.currentData() or self._history.largest)

    def _show_units(self) -> None:
        times, _, units = self._shown()
        ago = times - times[-1:]
        known = np.flatnonzero(np.isfinite(units).all(axis=0)) if len(times) else np.empty(0, int)
        known = known[[ACTION_UNITS[index].number in self._units for index in known]]
        if len(known) > _MOST_UNITS:
            moved = units[:, known].std(axis=0)
            # One that is drawn stays until another one is clearly livelier.
            moved[np.isin(known, self._lively)] *= _LIVELIER
            known = np.sort(known[np.argsort(moved)[::-1][:_FEW_UNITS]])
        chosen = self._lively = known.tolist()
        self._show_legend(chosen)
        for place, curve in enumerate(self._unit_curves):
            if place >= len(chosen):
                curve.clear()
                continue
            curve.setData(ago, units[:, chosen[place]])

    def _show_legend(self, chosen: list[int]) -> None:
        """Say which curve is which, by its code alone where there is no room for names."""
        units = [ACTION_UNITS[index] for index in chosen]
        names = [words.coded_name(unit) for unit in units]
        self.legend.setToolTip("\n".join(names))
        width = self.legend.fontMetrics().horizontalAdvance(_BETWEEN.join(names))
        said = names if width <= self.legend.width() else [unit.code for unit in units]
        entries = [
            f'<span style="color:{series_colour(place, self._colours).name()}">{one}</span>'
            for place, one in enumerate(said)
        ]
        self.legend.setText(_BETWEEN.replace(" ", "&nbsp;").join(entries))

    def _show_people(self) -> None:
        people = [(number, self._name_of(number)) for number in self._history.people()]
        listed = range(1, self.who.count())
        if people == [(self.who.itemData(index), self.who.itemText(index)) for index in listed]:
            return
        current = self.who.currentData()
        self.who.blockSignals(True)
        self.who.clear()
        self.who.addItem(_LARGEST, 0)
        for number, name in people:
            self.who.addItem(name, number)
        self.who.setCurrentIndex(max(0, self.who.findData(current)))
        self.who.blockSignals(False)


def _plot(what: str, name: str) -> pg.PlotWidget:
    plot = pg.PlotWidget()
    plot.setAccessibleName(name)
    plot.hideButtons()
    # Room for the half of a number at the end of an axis that lies beside it.
    plot.getPlotItem().setContentsMargins(0, GAP // 2, GAP, 0)
    plot.setMenuEnabled(False)
    plot.setLabel("bottom", tr("seconds ago"))
    plot.setLabel("left", what)
    plot.setLimits(xMin=-SPAN_S, xMax=0, yMin=-0.05, yMax=1.05)
    plot.setDownsampling(auto=True, mode="peak")
    plot.setClipToView(True)
    return plot
