"""A plot over a session's time, with a cursor and what was marked."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ferdesk.core.types import FloatArray, ImageU8, Matrix
from ferdesk.review.drawing import Line, Size, View, draw
from ferdesk.review.stamps import stamp
from ferdesk.sessions.readings import Annotation
from ferdesk.ui.theme import Colours
from ferdesk.ui.worker import Jobs

_BELOW, _ABOVE = -0.04, 1.04
_LEAST_S: Final = 0.2
"""Less time than this is not shown."""
_MARGIN: Final = 0.01
"""Of the session's length, left and right."""

Lines = tuple[Matrix, Sequence[Line]]
"""Times, (n,) float64, rising, and curves over them."""


class TimePlot(pg.PlotWidget):  # type: ignore[misc]
    """Curves between 0 and 1; the wheel zooms time, dragging moves, a click goes there.

    Its signal `time_wanted` gives seconds from the session's start.

    Args:
        name: for who cannot see it.
        jobs: draws the curves; until it is done, those before are stretched.
        plot: made by `empty_plot`, which takes as long as all the rest.
    """

    time_wanted = Signal(float)

    def __init__(self, name: str, jobs: Jobs, plot: pg.PlotItem) -> None:
        super().__init__(plotItem=plot)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(44)
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.hideButtons()
        self.setMouseEnabled(x=True, y=False)
        self.setYRange(_BELOW, _ABOVE, padding=0)
        self.getAxis("left").setTicks([[(0, "0"), (0.5, "0.5"), (1, "1")]])
        self.getAxis("left").setWidth(28)
        self._length_s = 0.0
        self._jobs = jobs
        self._lines: Lines | None = None
        self._drawn: Lines | None = None
        self._asked = self._busy = False
        self._picture = _Picture()
        self.addItem(self._picture, ignoreBounds=True)
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
        self.getViewBox().sigRangeChanged.connect(self._ask)
        self.getViewBox().sigResized.connect(self._ask)

    @property
    def cursor_s(self) -> float:
        """Where the cursor is."""
        return float(self._cursor.value())

    @property
    def drawing(self) -> bool:
        """Whether curves are being drawn."""
        return self._busy

    def drawn(self) -> list[tuple[Matrix, FloatArray]]:
        """Times and values of the curves that are in the picture."""
        if self._drawn is None:
            return []
        times, lines = self._drawn
        return [(times, line.values) for line in lines]

    def shown_s(self) -> tuple[float, float]:
        """The first and the last second in sight."""
        low, high = self.viewRange()[0]
        return float(low), float(high)

    def begin(self, length_s: float) -> None:
        """Begin a session of this length; the plot is shown with its first curves."""
        self.setVisible(False)
        self._length_s = max(length_s, _LEAST_S)
        self._lines = self._drawn = None
        self._picture.clear()
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
        """Draw these in the place of those before.

        Args:
            times_s: (n,) float64, rising.
            lines: 0 to 1 or NaN, the last ones on top.
        """
        self.setVisible(True)
        self._lines = times_s, lines
        self._ask()

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

    def event(self, event: QEvent) -> bool:
        """Draw anew for a screen with other pixels."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._ask()
        return bool(super().event(event))

    def _ask(self) -> None:
        """Have the curves drawn as they are in sight now."""
        self._asked = True
        if not self._busy:
            self._draw()

    def _draw(self) -> None:
        lines, scale = self._lines, self.devicePixelRatioF()
        area: QRectF = self.getViewBox().rect()
        size = Size(round(area.width() * scale), round(area.height() * scale), scale)
        self._asked = False
        if lines is None or size.width <= 0 or size.height <= 0:
            return
        view = View(*self.shown_s(), *map(float, self.viewRange()[1]))

        def show(image: ImageU8) -> None:
            self._busy = False
            if lines is self._lines:
                self._drawn = lines
                self._picture.show_image(image, view)
            if self._asked:
                self._draw()

        def failed(error: Exception) -> None:
            self._busy = False
            raise error

        self._busy = True
        self._jobs.submit(lambda: draw(*lines, view, size), show, failed)

    def _clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton or event.isAccepted():
            return
        at: QPointF = self.getViewBox().mapSceneToView(event.scenePos())
        self.time_wanted.emit(at.x())


class _Picture(pg.GraphicsObject):  # type: ignore[misc]
    """The curves as they were drawn last, where they belong."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._place = QRectF()

    def show_image(self, image: ImageU8, view: View) -> None:
        """Show a picture of curves. It is used in place, so nobody may write into it any more."""
        height, width = image.shape[:2]
        form = QImage.Format.Format_ARGB32_Premultiplied
        self.prepareGeometryChange()
        self._image = QImage(image.data, width, height, image.strides[0], form)
        self._place = QRectF(
            view.start_s, view.bottom, view.end_s - view.start_s, view.top - view.bottom
        )
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self.prepareGeometryChange()
        self._image, self._place = None, QRectF()

    def boundingRect(self) -> QRectF:
        """Seconds and values that it covers."""
        return self._place

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Paint it; its first row is the upper edge, where values are greatest."""
        if self._image is not None:
            area = QRectF(self._place)
            area.moveTop(-self._place.bottom())
            painter.scale(1, -1)
            painter.drawImage(area, self._image)


class _Clock(pg.AxisItem):  # type: ignore[misc]
    """Minutes and seconds below the plot."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """What stands at the ticks."""
        return [stamp(value)[: None if spacing < 1 else -4] for value in values]


def empty_plot() -> pg.PlotItem:
    """Axes without curves, for a `TimePlot`."""
    return pg.PlotItem(axisItems={"bottom": _Clock("bottom")}, enableMenu=False)


def _rectangles(plot: TimePlot, depth: int) -> Any:
    item = pg.BarGraphItem(x0=[], x1=[], y0=_BELOW, y1=_ABOVE, pen=None)
    item.setZValue(depth)
    plot.addItem(item, ignoreBounds=True)
    return item


def _place(item: Any, spans: Sequence[tuple[float, float | None]]) -> None:
    edges = np.array(spans, np.float64).reshape(-1, 2)
    item.setOpts(x0=edges[:, 0], x1=edges[:, 1])
