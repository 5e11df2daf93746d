"""The line at the bottom: what is read, how fast, and by what."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLayout, QWidget

from ferdesk.streams.hub import OutputStatus
from ferdesk.ui.live import LiveResult, PipelineState
from ferdesk.ui.theme import GAP, named

_NOTHING: Final = "–"
_ELIDED_WIDTH: Final = 40
_NARROW: Final = 320
_ROOMY: Final = 1000
"""A line of this width says also which face models and engine run, without one's pointing at it."""
_NET_TIP: Final = "The expression net"


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
        self.setAccessibleName("Status")
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP, GAP // 3, GAP, GAP // 3)
        # Else all that is said would keep the window from becoming narrow.
        row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        row.setSpacing(GAP * 2)
        self.source = named(ElidedLabel(), "statusSource")
        self.source.setAccessibleDescription("The source and the size of its frames")
        self.message = named(ElidedLabel(), "statusMessage")
        self.message.setAccessibleDescription("What was done last")
        self.recording = _label("statusRecording", "The recording: its time, what it dropped")
        self.outputs = _label("statusOutputs", "What other programs can listen to")
        self.fps = _label("statusFps", "Pictures analysed in the last second")
        self.latency = _label("statusLatency", "From capture to the picture on the screen")
        self.dropped = _label("statusDropped", "Frames left out because a newer one was there")
        self.faces = _label("statusFaces", "The face models that run")
        self.engine = _label("statusEngine", "What runs the nets")
        self.bundle = _label("statusBundle", _NET_TIP)
        self.neutral = _label("statusNeutral", "Whose neutral face is taken off the action units")
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
        self.faces.setText(f"faces: {state.faces_backend or _NOTHING}")
        self.engine.setText(f"engine: {state.engine or _NOTHING}")
        self.bundle.setText(f"net: {state.bundle or _NOTHING}")
        self.neutral.setText(f"neutral: {state.neutral}")
        self.neutral.setVisible(bool(state.neutral))
        self.bundle.setToolTip(
            f"{_NET_TIP}\n"
            f"Face models: {state.faces_backend or _NOTHING}\n"
            f"Engine: {state.engine or _NOTHING}\n"
            f"Action units: {state.au_estimator or 'none'}\n"
            f"Decides between contested expressions: {state.disambiguator or 'nothing'}\n"
            f"Neutral face: {state.neutral or 'none'}"
        )

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
        names = [f"{one.name}{' (off!)' if one.trouble else ''}" for one in statuses]
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
        self.fps.setText(f"{live.counters.fps:.0f} fps" if going and live else f"{_NOTHING} fps")
        self.latency.setText(f"{latency_ms:.0f} ms" if going else f"{_NOTHING} ms")
        if live is None:
            self.dropped.setText("dropped 0")
            return
        self.dropped.setText(f"dropped {live.counters.dropped}")
        self.dropped.setToolTip(
            f"{live.counters.dropped} frames left out because a newer one was there; "
            f"{live.counters.unshown} results replaced before they were shown"
        )
        self.latency.setToolTip(
            "From capture to the picture on the screen; "
            f"{live.counters.latency_ms:.1f} ms of it until the annotated picture was ready"
        )


def _label(name: str, tip: str) -> QLabel:
    label = named(QLabel(), name)
    label.setToolTip(tip)
    label.setAccessibleDescription(tip)
    return label
