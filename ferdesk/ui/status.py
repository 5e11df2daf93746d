"""The line at the bottom: what is read, how fast, and by what."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLayout, QWidget

from ferdesk.streams.hub import OutputStatus
from ferdesk.texts import tr
from ferdesk.ui.live import LiveResult, PipelineState
from ferdesk.ui.theme import GAP, named

_NOTHING: Final = "–"
_ELIDED_WIDTH: Final = 40
_NARROW: Final = 320
_ROOMY: Final = 1000
"""A line of this width says also which face models and engine run, without one's pointing at it."""
_NET_TIP: Final = tr("The expression net")


class ElidedLabel(QLabel):
    """A label that shows what fits, and all of it in its tool tip; never makes the window wider."""

    def setText(self, text: str) -> None:
        """Show a text."""
        super().setText(text)
        self.setToolTip(text)

    def minimumSizeHint(self) -> QSize:
        """Hardly any width."""
        return QSize(_ELIDED_WIDTH, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what fits."""
        middle = Qt.TextElideMode.ElideMiddle
        text = self.fontMetrics().elidedText(self.text(), middle, self.width())
        with QPainter(self) as painter:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, text)


class StatusLine(QFrame):
    """Labels that are refreshed a few times a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setAccessibleName(tr("Status"))
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP, GAP // 3, GAP, GAP // 3)
        # Else all that is said would keep the window from becoming narrow.
        row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        row.setSpacing(GAP * 2)
        self.source = named(ElidedLabel(), "statusSource")
        self.source.setAccessibleDescription(tr("The source and the size of its frames"))
        self.message = named(ElidedLabel(), "statusMessage")
        self.message.setAccessibleDescription(tr("What was done last"))
        self.recording = _label("statusRecording", tr("The recording: its time, what it dropped"))
        self.outputs = _label("statusOutputs", tr("What other programs can listen to"))
        self.fps = _label("statusFps", tr("Pictures analysed in the last second"))
        self.latency = _label("statusLatency", tr("From capture to the picture on the screen"))
        self.dropped = _label("statusDropped", tr("Frames left out because a newer one was there"))
        self.faces = _label("statusFaces", tr("The face models that run"))
        self.engine = _label("statusEngine", tr("What runs the nets"))
        self.bundle = _label("statusBundle", _NET_TIP)
        self.neutral = _label(
            "statusNeutral", tr("Whose neutral face is taken off the action units")
        )
        row.addWidget(self.source)
        row.addWidget(self.message, 1)
        for label in (
            self.recording,
            self.outputs,
            self.fps,
            self.latency,
            self.dropped,
            self.faces,
            self.engine,
            self.bundle,
            self.neutral,
        ):
            row.addWidget(label)
        self.show_pipeline(PipelineState())
        self.show_counters(None, None)
        self.show_recording("")
        self.show_outputs(())

    def show_pipeline(self, state: PipelineState) -> None:
        """Show what runs."""
        faces, engine = state.faces_backend or _NOTHING, state.engine or _NOTHING
        self.faces.setText(tr("faces: {name}").format(name=faces))
        self.engine.setText(tr("engine: {name}").format(name=engine))
        self.bundle.setText(tr("net: {name}").format(name=state.bundle or _NOTHING))
        self.neutral.setText(tr("neutral: {name}").format(name=state.neutral))
        self.neutral.setVisible(bool(state.neutral))
        lines = (
            _NET_TIP,
            tr("Face models: {name}").format(name=faces),
            tr("Engine: {name}").format(name=engine),
            tr("Action units: {name}").format(name=state.au_estimator or tr("none")),
            tr("Decides between contested expressions: {name}").format(
                name=state.disambiguator or tr("nothing")
            ),
            tr("Neutral face: {name}").format(name=state.neutral or tr("none")),
        )
        self.bundle.setToolTip("\n".join(lines))

    def minimumSizeHint(self) -> QSize:
        """Hardly any width."""
        return QSize(_NARROW, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what the net's tool tip says, too, where there is little room."""
        super().resizeEvent(event)
        for label in (self.faces, self.engine):
            label.setVisible(event.size().width() >= _ROOMY)

    def show_source(self, name: str, size: tuple[int, int] | None) -> None:
        """Show the source's name and the (width, height) of its frames."""
        self.source.setText(f"{name}  {size[0]}×{size[1]}" if size else name)

    def show_recording(self, text: str) -> None:
        """Show how the recording goes; nothing where `text` is empty."""
        self.recording.setText(text)
        self.recording.setVisible(bool(text))

    def show_outputs(self, statuses: Sequence[OutputStatus]) -> None:
        """Show which live outputs are on, and in the tool tip how they go."""
        off = tr("{name} (off!)")
        names = [off.format(name=one.name) if one.trouble else one.name for one in statuses]
        self.outputs.setText(f"⇢ {', '.join(names)}")
        self.outputs.setToolTip("\n".join(one.text for one in statuses))
        self.outputs.setVisible(bool(names))

    def show_counters(self, live: LiveResult | None, latency_ms: float | None) -> None:
        """Show how it goes.

        Args:
            live: the newest result.
            latency_ms: from capture to screen; None when nothing was shown lately.
        """
        going = live is not None and latency_ms is not None
        fps = f"{live.counters.fps:.0f}" if going and live else _NOTHING
        self.fps.setText(tr("{n} fps").format(n=fps))
        self.latency.setText(f"{latency_ms:.0f} ms" if going else f"{_NOTHING} ms")
        counters = live.counters if live is not None else None
        self.dropped.setText(tr("dropped {n}").format(n=counters.dropped if counters else 0))
        if counters is None:
            return
        left_out = tr(
            "{dropped} frames left out because a newer one was there; "
            "{unshown} results replaced before they were shown"
        )
        self.dropped.setToolTip(left_out.format(dropped=counters.dropped, unshown=counters.unshown))
        latency = tr(
            "From capture to the picture on the screen; "
            "{ms:.1f} ms of it until the annotated picture was ready"
        )
        self.latency.setToolTip(latency.format(ms=counters.latency_ms))


def _label(name: str, tip: str) -> QLabel:
    label = named(QLabel(), name)
    label.setToolTip(tip)
    label.setAccessibleDescription(tip)
    return label
