"""One person's probabilities and action units over a session, with what is known at the cursor."""

from typing import Final

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.aus import unit
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray
from ferdesk.review.columns import PersonColumns
from ferdesk.review.curves import GAP_S, Curves
from ferdesk.review.drawing import Line
from ferdesk.review.notes import NoteBook
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.review.keys import tip
from ferdesk.ui.review.time_plot import TimePlot
from ferdesk.ui.theme import DARK, GAP, Colours, expression_colour, named, series_colour

_VALUES: Final = {
    "corrected": tr("Less the neutral face"),
    "raw": tr("As estimated"),
    "both": tr("Both (as estimated: pale)"),
}
_ZOOM: Final = 0.6
_PALE: Final = 110


class ReviewPlots(QWidget):
    """Two plots with one time, a choice of person and of units.

    Its signals: `person_wanted` gives a person's number, `time_wanted` seconds.

    Args:
        odds: of probabilities.
        activations: of action units.
    """

    person_wanted = Signal(int)
    time_wanted = Signal(float)

    def __init__(self, odds: TimePlot, activations: TimePlot) -> None:
        super().__init__()
        self.setAccessibleName(tr("Plots"))
        self._colours = DARK
        self._curves: Curves | None = None
        self._time_s = 0.0
        self.who = QComboBox()
        self.who.setAccessibleName(tr("Whose curves are shown"))
        self.who.currentIndexChanged.connect(self._choose_person)
        self.values = QComboBox()
        self.values.setAccessibleName(tr("Which values of action units are shown"))
        for key, text in _VALUES.items():
            self.values.addItem(text, key)
        self.values.currentIndexChanged.connect(lambda _: self._show_units())
        self.menu = QMenu(self)
        self.units = SpaceButton(tr("Units"))
        self.units.setToolTip(tr("Which action units are shown"))
        self.units.setMenu(self.menu)
        self.fit_button = SpaceButton(tr("All time"))
        self.fit_button.setToolTip(tip("fit"))
        self.fit_button.clicked.connect(self.fit)
        self.remark = named(QLabel(), "muted")
        self.odds = odds
        self.activations = activations
        self._linked: tuple[TimePlot, TimePlot] | None = None
        self._link = QTimer(self, singleShot=True)
        self._link.timeout.connect(self._follow)
        self.odds.sigXRangeChanged.connect(lambda: self._lead(self.odds, self.activations))
        self.activations.sigXRangeChanged.connect(lambda: self._lead(self.activations, self.odds))
        self.odds.getAxis("bottom").setStyle(showValues=False)
        self.odds_now, self.units_now = _legend(), _legend()
        for plot in (self.odds, self.activations):
            plot.time_wanted.connect(self.time_wanted)
        self._lay_out()
        self.set_colours(DARK)

    @property
    def curves(self) -> Curves | None:
        """What is drawn; None while nothing is."""
        return self._curves

    def begin(self, length_s: float) -> None:
        """Begin a session of this length; its people are not known yet."""
        self._curves = None
        self._time_s = 0.0
        for plot in (self.odds, self.activations):
            plot.begin(length_s)
        self.who.blockSignals(True)
        self.who.clear()
        self.who.blockSignals(False)
        self.menu.clear()
        self.remark.setText("")
        self._show_legends()

    def show_people(self, people: tuple[PersonColumns, ...]) -> None:
        """Let the user choose from these; the one who is seen longest is chosen."""
        self.who.blockSignals(True)
        self.who.clear()
        for person in people:
            self.who.addItem(tr("Person {number}").format(number=person.face_id), person.face_id)
        self.who.setCurrentIndex(-1)
        self.who.blockSignals(False)
        self.remark.setText("" if people else tr("Nobody was seen."))
        if people:
            longest = max(people, key=lambda person: len(person.frames))
            self.who.setCurrentIndex(people.index(longest))

    def show_curves(self, curves: Curves) -> None:
        """Draw a person."""
        whose = tr("Of person {number}")
        self.setAccessibleDescription(whose.format(number=curves.person.face_id))
        kept = self.chosen_units() if self._curves is not None else None
        self._curves = curves
        self.menu.clear()
        for number in curves.units:
            action = self.menu.addAction(f"{unit(number).code}  {words.unit_name(unit(number))}")
            action.setCheckable(True)
            action.setData(number)
            action.setChecked(number in (curves.moved if kept is None else kept))
            action.toggled.connect(lambda _: self._show_units())
        self.values.setToolTip(
            tr("No neutral face was taken off: both are the same")
            if curves.same
            else tr("Raw values beside those less the person's neutral face")
        )
        self._draw_odds()
        self.odds.show_contests(curves.contested)
        self._show_units()

    def show_notes(self, notes: NoteBook) -> None:
        """Draw what was annotated."""
        shown = [note for _, note in notes.rows()]
        self.odds.show_notes(shown)
        self.activations.show_notes(shown)

    def show_cursor(self, time_s: float) -> None:
        """Move the cursors; cheap enough for every frame."""
        self._time_s = time_s
        self.odds.show_cursor(time_s)
        self.activations.show_cursor(time_s)
        self._show_legends()

    def chosen_units(self) -> tuple[int, ...]:
        """Numbers of the units that are to be drawn."""
        return tuple(action.data() for action in self.menu.actions() if action.isChecked())

    def choose_units(self, *numbers: int) -> None:
        """Draw these units and no others."""
        for action in self.menu.actions():
            _set_quietly(action, action.data() in numbers)
        self._show_units()

    def fit(self) -> None:
        """Show all time."""
        self.odds.fit()

    def zoom_in(self) -> None:
        """Show less time."""
        self.odds.zoom(_ZOOM)

    def zoom_out(self) -> None:
        """Show more time."""
        self.odds.zoom(1 / _ZOOM)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        for plot in (self.odds, self.activations):
            plot.set_colours(colours)
        self._draw_odds()
        self._show_units()

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.setSpacing(GAP // 2)
        for widget in (self.who, self.units, self.values, self.fit_button):
            above.addWidget(widget)
        above.addWidget(self.remark, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 4)
        column.addLayout(above)
        column.addWidget(self.odds_now)
        column.addWidget(self.odds, 1)
        column.addWidget(self.units_now)
        column.addWidget(self.activations, 1)

    def _choose_person(self, index: int) -> None:
        if index >= 0:
            self.person_wanted.emit(self.who.itemData(index))

    def _lead(self, first: TimePlot, second: TimePlot) -> None:
        """Let one plot show the time of the other, a turn of the event loop later."""
        if self._linked is None or self._linked[0] is first:
            self._linked = first, second
            self._link.start(0)

    def _follow(self) -> None:
        if self._linked is not None:
            first, second = self._linked
            second.setXRange(*first.shown_s(), padding=0)
            self._linked = None

    def _draw_odds(self) -> None:
        if self._curves is None:
            return
        lines = [
            _line(row, expression_colour(index, self._colours))
            for index, row in enumerate(self._curves.odds)
        ]
        self.odds.show_lines(self._curves.times_s, lines)

    def _show_units(self) -> None:
        if self._curves is None:
            return
        self.activations.show_lines(self._curves.times_s, self._unit_lines(self._curves))
        self._show_legends()

    def _unit_lines(self, curves: Curves) -> list[Line]:
        which = self.values.currentData()
        shown = [
            (curves.units.index(number), series_colour(place, self._colours))
            for place, number in enumerate(self.chosen_units())
        ]
        pale = [_line(curves.raw[row], colour, _PALE) for row, colour in shown]
        if which == "raw":
            return [_line(curves.raw[row], colour) for row, colour in shown]
        full = [_line(curves.corrected[row], colour) for row, colour in shown]
        return [*pale, *full] if which == "both" else full

    def _show_legends(self) -> None:
        curves = self._curves
        if curves is None:
            self.odds_now.setText("")
            self.units_now.setText("")
            return
        place = _place_at(curves, self._time_s)
        odds = [
            _entry(
                words.expression(name),
                expression_colour(index, self._colours),
                curves.odds[index],
                place,
            )
            for index, name in enumerate(EXPRESSIONS)
        ]
        self.odds_now.setText("&ensp;".join(odds))
        values = curves.raw if self.values.currentData() == "raw" else curves.corrected
        units = [
            _entry(
                words.coded_name(unit(number)),
                series_colour(index, self._colours),
                values[curves.units.index(number)],
                place,
            )
            for index, number in enumerate(self.chosen_units())
        ]
        self.units_now.setText("&ensp;".join(units) or tr("Choose action units with “Units”."))


def _place_at(curves: Curves, time_s: float) -> int | None:
    """The row of a time; None where the person is not there."""
    place = int(np.searchsorted(curves.times_s, time_s, side="right")) - 1
    return place if place >= 0 and time_s - curves.times_s[place] <= GAP_S else None


def _entry(name: str, colour: QColor, values: FloatArray, place: int | None) -> str:
    known = place is not None and np.isfinite(values[place])
    figure = f"{values[place]:.2f}" if known else "–"
    return f'<span style="color:{colour.name()}">■</span>&nbsp;{name}&nbsp;{figure}'


def _line(values: FloatArray, colour: QColor, opacity: int = 255) -> Line:
    return Line(values, (colour.red(), colour.green(), colour.blue(), opacity))


def _legend() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setMinimumWidth(1)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return label


def _set_quietly(action: QAction, on: bool) -> None:
    action.blockSignals(True)
    action.setChecked(on)
    action.blockSignals(False)
