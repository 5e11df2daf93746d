"""The report's pictures; the only module of the app that draws with Matplotlib."""

import io
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.exports.report import Curves

_INCHES: Final = (10.0, 5.6)
_DPI: Final = 130
# The dots show what has nothing beside it to draw a line to.
_LINE: Final[Any] = {"linewidth": 1.2, "marker": ".", "markersize": 2}


def draw(curves: Curves) -> bytes:
    """A person's probabilities and strongest units over time, as a PNG."""
    figure = Figure(figsize=_INCHES, dpi=_DPI)
    above, below = figure.subplots(2, 1, sharex=True)
    figure.subplots_adjust(left=0.07, right=0.87, top=0.98, bottom=0.09, hspace=0.1)
    for place, name in enumerate(EXPRESSIONS):
        above.plot(curves.times_s, curves.probabilities[:, place], label=name, **_LINE)
    for place, code in enumerate(curves.codes):
        below.plot(curves.times_s, curves.units[:, place], label=code, **_LINE)
    _finish(above, "probability")
    _finish(below, "activation")
    below.set_xlabel("time, minutes:seconds")
    below.xaxis.set_major_formatter(FuncFormatter(_minutes))
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _finish(axes: Axes, what: str) -> None:
    axes.set_ylabel(what)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small")
    else:
        axes.text(0.5, 0.5, "not estimated", ha="center", va="center", transform=axes.transAxes)


def _minutes(seconds: float, _position: int | None) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}" if rest % 1 else f"{int(minutes)}:{int(rest):02d}"
