"""The action units of one face: a bar for each that is estimated, in one widget."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from ferdesk.core.aus import ACTION_UNITS, ActionUnit
from ferdesk.core.types import AuValues
from ferdesk.overlay_aus import side_activations
from ferdesk.preferences.display import UnitOrder
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.buttons import SpaceToolButton
from ferdesk.ui.status import ElidedLabel
from ferdesk.ui.theme import DARK, GAP, Colours, named
from ferdesk.ui.unit_order import UnitSorter, estimated

UNRELIABLE: Final = tr("The face is too small or turned away: these values cannot be relied on.")
_OLD: Final = tr("How long ago the picture was taken that these values were read from")
OLD_S: Final = 0.2
"""From this age on the values of a slow estimator are said to be old."""

_ROW: Final = 18
_NUMBER_WIDTH: Final = 16
_NAME_WIDTH: Final = 138
_VALUE_WIDTH: Final = 34
_GAP: Final = 6
_BAR_HEIGHT: Final = 8
_SLIT: Final = 2
"""Between the bars of the two sides."""


class UnitRow(NamedTuple):
    """One row.

    Attributes:
        unit: which action unit.
        raw: as estimated, 0..1, of both sides together.
        activation: `raw` less the person's neutral face, 0..1.
        sides: of the person's own left and right side; None where the estimator tells none apart.
    """

    unit: ActionUnit
    raw: float
    activation: float
    sides: tuple[float, float] | None


class AuBars(QWidget):
    """Number, FACS name, bar and value of every unit that is estimated, painted in one go."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Action units"))
        self.rows: tuple[UnitRow, ...] = ()
        self.reliable = True
        self._colours = DARK

    def show_values(self, values: AuValues, places: Sequence[int] | None = None) -> None:
        """Show these values; cheap enough for every frame.

        Args:
            values: of the face.
            places: which, by their place in `ferdesk.core.aus.ACTION_UNITS`, the uppermost first;
                by default all that are estimated.
        """
        before = [row.unit for row in self.rows]
        self.rows = unit_rows(values, estimated(values) if places is None else places)
        self.reliable = values.reliable
        now = [row.unit for row in self.rows]
        if now != before:
            self.setAccessibleDescription(
                ", ".join(f"{one.number} {words.unit_name(one)}" for one in now)
            )
            if len(now) != len(before):
                self.updateGeometry()
        self.update()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.update()

    def sizeHint(self) -> QSize:
        """One row a unit."""
        return QSize(240, _ROW * len(self.rows))

    def tip(self, row: UnitRow) -> str:
        """All that is known about a row, for its tool tip."""
        unit = row.unit
        lines = [f"AU{unit.number} {words.unit_name(unit)}: {words.muscles(unit)}"]
        if row.sides is not None:
            left, right = row.sides
            sides = tr("The person's own left side {left:.2f} (upper bar), right {right:.2f}")
            lines.append(sides.format(left=left, right=right))
        if row.activation != row.raw:
            raw = tr("{value:.2f} before the person's neutral face is taken off")
            lines.append(raw.format(value=row.raw))
        if not self.reliable:
            lines.append(UNRELIABLE)
        return "\n".join(lines)

    def event(self, event: QEvent) -> bool:
        """Show the tool tip of the row below the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = event.pos().y() // _ROW
            if 0 <= index < len(self.rows):
                QToolTip.showText(event.globalPos(), self.tip(self.rows[index]), self)
                return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows that are in sight."""
        painter = QPainter(self)
        colours = self._colours
        middle = Qt.AlignmentFlag.AlignVCenter
        right = middle | Qt.AlignmentFlag.AlignRight
        text = QColor(colours.text if self.reliable else colours.muted)
        muted, ground = QColor(colours.muted), QColor(colours.raised)
        full = QColor(colours.accent if self.reliable else colours.muted)
        start = _NUMBER_WIDTH + _GAP + _NAME_WIDTH
        length = max(self.width() - start - _VALUE_WIDTH, 0)
        first, last = event.rect().top() // _ROW, event.rect().bottom() // _ROW
        for index, row in enumerate(self.rows[first : last + 1], first):
            top = index * _ROW
            painter.setPen(muted)
            painter.drawText(QRectF(0, top, _NUMBER_WIDTH, _ROW), right, str(row.unit.number))
            painter.setPen(text)
            name = QRectF(_NUMBER_WIDTH + _GAP, top, _NAME_WIDTH - _GAP, _ROW)
            painter.drawText(name, middle, words.unit_name(row.unit))
            value = QRectF(start + length, top, _VALUE_WIDTH, _ROW)
            painter.setPen(muted)
            painter.drawText(value, right, f"{row.activation:.2f}")
            bar = QRectF(start, top + (_ROW - _BAR_HEIGHT) / 2, length, _BAR_HEIGHT)
            for part, share in _parts(bar, row):
                painter.fillRect(part, ground)
                part.setWidth(length * share)
                painter.fillRect(part, full)
        painter.end()


class AuSection(QWidget):
    """The bars below a heading that opens and closes them, with who estimated them and when."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.heading = named(SpaceToolButton(), "section")
        self.heading.setText(tr("Action units"))
        self.heading.setToolTip(tr("Show or hide the action units of this face"))
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setCheckable(True)
        self.heading.toggled.connect(self._show_open)
        self.origin = named(ElidedLabel(), "muted")
        self.origin.setAccessibleDescription(tr("What estimates the action units"))
        self.remark = named(QLabel(), "muted")
        self.bars = AuBars()
        self.sorter = UnitSorter()
        self._values: tuple[AuValues, float] | None = None
        head = QHBoxLayout()
        head.setSpacing(GAP // 2)
        head.addWidget(self.heading)
        head.addWidget(self.origin, 1)
        head.addWidget(self.remark)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 3)
        column.addLayout(head)
        column.addWidget(self.bars)
        self._show_open(False)

    def set_open(self, open_: bool) -> None:
        """Show or hide the bars."""
        self.heading.setChecked(open_)

    def show_values(self, values: AuValues, time_s: float) -> None:
        """Show these values.

        Args:
            values: of the face.
            time_s: the time of the frame they are shown with, on the source's clock.
        """
        if values.estimator != self.origin.text():
            self.origin.setText(values.estimator)
        self.remark.setText(age_text(values, time_s) if values.reliable else tr("unreliable"))
        self.remark.setToolTip(_OLD if values.reliable else UNRELIABLE)
        self._values = values, time_s
        if self.heading.isChecked():
            self.bars.show_values(values, self.sorter.arrange(values, time_s))

    def sort(self, order: UnitOrder, chosen: frozenset[int]) -> None:
        """Show these units from now on, sorted like this."""
        self.sorter.configure(order, chosen)
        self._show_bars()

    def forget(self) -> None:
        """Another person's values come."""
        self._values = None
        self.sorter.forget()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.bars.set_colours(colours)

    def _show_open(self, open_: bool) -> None:
        self._show_bars()
        arrow = Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow
        self.heading.setArrowType(arrow)
        self.bars.setVisible(open_)

    def _show_bars(self) -> None:
        if self.heading.isChecked() and self._values is not None:
            values, time_s = self._values
            self.bars.show_values(values, self.sorter.arrange(values, time_s))


def unit_rows(values: AuValues, places: Sequence[int]) -> tuple[UnitRow, ...]:
    """The rows of some of the units that are estimated, in the order of `places`."""
    left, right = side_activations(values)
    sided = np.isfinite(values.left) & np.isfinite(values.right)
    return tuple(
        UnitRow(
            ACTION_UNITS[index],
            float(values.raw[index]),
            float(values.activation[index]),
            (float(left[index]), float(right[index])) if sided[index] else None,
        )
        for index in places
    )


def age_text(values: AuValues, time_s: float) -> str:
    """How far the values lag behind the frame, "0.4 s old"; empty where they do not.

    Args:
        values: a face's units.
        time_s: the time of the frame they are shown with, on the same clock.
    """
    age_s = time_s - values.time_s
    return tr("{seconds:.1f} s old").format(seconds=age_s) if age_s > OLD_S else ""


def _parts(bar: QRectF, row: UnitRow) -> list[tuple[QRectF, float]]:
    """The bars of a row: one, or two of half the height for the left and the right side."""
    if row.sides is None:
        return [(bar, row.activation)]
    height = (bar.height() - _SLIT) / 2
    lower = bar.top() + height + _SLIT
    return [
        (QRectF(bar.left(), top, bar.width(), height), share)
        for top, share in zip((bar.top(), lower), row.sides, strict=True)
    ]
