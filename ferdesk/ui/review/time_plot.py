"""A plot over a session's time, with a cursor and what was marked."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem, QWidget

from ferdesk.core.types import FloatArray, Matrix
from ferdesk.review.stamps import stamp
from ferdesk.sessions.readings import Annotation
from ferdesk.ui.theme import Colours

_BELOW, _ABOVE = -0.04, 1.04
_LEAST_S: Final = 0.2
"""Less time than this is not shown."""
_MARGIN: Final = 0.01
"""Of the session's length, left and right."""
_PER_PIXEL: Final = 0.5
"""Pairs of least and greatest value that a pixel's width is drawn from."""

Line = tuple[FloatArray, QColor]
"""Values over the times of all lines, and a colour."""


class TimePlot(pg.PlotWidget):  # type: ignore[misc]
    """Curves between 0 and 1; the wheel zooms time, dragging moves, a click goes there.

    Its signal `time_wanted` gives seconds from the session's start.
    """

    time_wanted = Signal(float)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, axisItems={"bottom": _Clock("bottom")})
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(44)
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.hideButtons()
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=True, y=False)
        self.setYRange(_BELOW, _ABOVE, padding=0)
        self.getAxis("left").setTicks([[(0, "0"), (0.5, "0.5"), (1, "1")]])
        self.getAxis("left").setWidth(28)
        self._length_s = 0.0
        self._curves: list[Any] = []
        self._waiting: deque[Callable[[], None]] = deque()
        self._turn = QTimer(self, singleShot=True)
        self._turn.timeout.connect(self._draw_next)
        self._contests = _rectangles(self, -20)
        self._spans = _rectangles(self, -15)
        self._moments = pg.PlotCurveItem(connect="pairs", skipFiniteCheck=True)
        self._moments.setZValue(-10)
        self.addItem(self._moments, ignoreBounds=True)
        self._cursor = pg.InfiniteLine(0.0, movable=True)
        self._cursor.setZValue(10)
        self._cursor.sigDragged.connect(lambda line: self.time_wanted.emit(float(line.value())))
        self.addItem(self._cursor, ignoreBounds=True)
        self.scene().sigMouseClicked.connect(self._clicked)

    @property
    def cursor_s(self) -> float:
        """Where the cursor is."""
        return float(self._cursor.value())

    @property
    def drawing(self) -> bool:
        """Whether curves wait to be drawn."""
        return bool(self._waiting)

    def drawn(self) -> list[tuple[Matrix, FloatArray]]:
        """Times and values of the curves that are drawn."""
        found = (curve.getOriginalDataset() for curve in self._curves)
        return [(times, values) for times, values in found if times is not None and len(times)]

    def shown_s(self) -> tuple[float, float]:
        """The first and the last second in sight."""
        low, high = self.viewRange()[0]
        return float(low), float(high)

    def begin(self, length_s: float) -> None:
        """Begin a session of this length; the plot is shown with its first curves."""
        self.setVisible(False)
        self._length_s = max(length_s, _LEAST_S)
        self._waiting.clear()
        for curve in self._curves:
            curve.clear()
        self.show_contests(())
        self.show_notes(())
        margin = self._length_s * _MARGIN
        self.setLimits(
            xMin=-margin,
            xMax=self._length_s + margin,
            minXRange=_LEAST_S,
            maxXRange=self._length_s + 2 * margin,
        )
        self.fit()

    def show_lines(self, times_s: Matrix, lines: Sequence[Line]) -> None:
        """Draw these in the place of those before, one after the other.

        A curve a turn of the event loop: all at once would hold it up.

        Args:
            times_s: (n,) float64, rising.
            lines: for each (n,) float32, 0 to 1 or NaN, and its colour.
        """
        self._waiting.clear()
        if not self.isVisible():
            self._waiting.append(partial(self.setVisible, True))
        for place in range(len(lines), len(self._curves)):
            self._waiting.append(self._curves[place].clear)
        for place, (values, colour) in enumerate(lines):
            self._waiting.append(partial(self._draw, place, times_s, values, colour))
        self._turn.start(0)

    def show_contests(self, spans: Sequence[tuple[float, float]]) -> None:
        """Shade the times at which the net had no clear winner."""
        _place(self._contests, spans)

    def show_notes(self, notes: Sequence[Annotation]) -> None:
        """Shade spans that were annotated, and draw a line at each moment."""
        _place(self._spans, [(note.start_s, note.end_s) for note in notes if note.end_s])
        moments = np.array([note.start_s for note in notes], np.float64)
        heights = np.tile([_BELOW, _ABOVE], len(moments))
        self._moments.setData(np.repeat(moments, 2), heights)

    def show_cursor(self, time_s: float) -> None:
        """Move the cursor, and the time that is shown where it would be out of sight."""
        self._cursor.setValue(time_s)
        low, high = self.shown_s()
        if not low <= time_s <= high:
            width = high - low
            self.setXRange(time_s - 0.1 * width, time_s + 0.9 * width, padding=0)

    def fit(self) -> None:
        """Show all time."""
        margin = self._length_s * _MARGIN
        self.setXRange(-margin, self._length_s + margin, padding=0)

    def zoom(self, factor: float) -> None:
        """Show so many times as much time, around the cursor."""
        low, high = self.shown_s()
        centre = min(max(self.cursor_s, low), high)
        self.setXRange(centre - (centre - low) * factor, centre + (high - centre) * factor, 0)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.setBackground(QColor(colours.surface))
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(QColor(colours.border))
            axis.setTextPen(QColor(colours.muted))
        self._cursor.setPen(pg.mkPen(QColor(colours.text), width=1))
        self._cursor.setHoverPen(pg.mkPen(QColor(colours.accent), width=3))
        self._moments.setPen(pg.mkPen(QColor(colours.accent), width=1))
        for item, colour in ((self._contests, colours.warning), (self._spans, colours.accent)):
            shade = QColor(colour)
            shade.setAlpha(56)
            item.setOpts(brush=shade, pen=None)

    def _draw_next(self) -> None:
        if self._waiting:
            self._waiting.popleft()()
        if self._waiting:
            self._turn.start(0)

    def _draw(self, place: int, times_s: Matrix, values: FloatArray, colour: QColor) -> None:
        if place == len(self._curves):
            self._curves.append(_curve(self))
        curve = self._curves[place]
        curve.setPen(pg.mkPen(colour, width=1))
        curve.setData(times_s, values)

    def _clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton or event.isAccepted():
            return
        at: QPointF = self.getViewBox().mapSceneToView(event.scenePos())
        self.time_wanted.emit(at.x())


class _Clock(pg.AxisItem):  # type: ignore[misc]
    """Minutes and seconds below the plot."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """What stands at the ticks."""
        return [stamp(value)[: None if spacing < 1 else -4] for value in values]


def _curve(plot: TimePlot) -> Any:
    curve = plot.plot(
        connect="finite",
        autoDownsample=True,
        downsampleMethod="peak",
        autoDownsampleFactor=_PER_PIXEL,
        clipToView=True,
    )
    # The cursor moves with every frame: what lies below it is not drawn again each time.
    curve.curve.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
    return curve


def _rectangles(plot: TimePlot, depth: int) -> Any:
    item = pg.BarGraphItem(x0=[], x1=[], y0=_BELOW, y1=_ABOVE, pen=None)
    item.setZValue(depth)
    plot.addItem(item, ignoreBounds=True)
    return item


def _place(item: Any, spans: Sequence[tuple[float, float | None]]) -> None:
    edges = np.array(spans, np.float64).reshape(-1, 2)
    item.setOpts(x0=edges[:, 0], x1=edges[:, 1])
