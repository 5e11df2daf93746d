"""Switches live outputs on and off from the window, and says how they go."""

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from ferdesk.streams.base import LiveOutput
from ferdesk.streams.choice import StreamChoice, open_outputs
from ferdesk.streams.hub import OutputStatus
from ferdesk.streams.lsl_markers import MarkerInlet
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.live import PipelineState
from ferdesk.ui.outputs_dialog import OutputsDialog
from ferdesk.ui.tap import Tap
from ferdesk.ui.worker import Jobs

KEY: Final = "outputs"
"""Of the messages."""


class Outputs:
    """The window's live outputs, and the markers that other programs send.

    Args:
        parent: the window.
        tap: where results leave the pipeline thread.
        jobs: opens and closes outputs.
        banners: where messages go.
        choice: what is on from the start.
        changed: called with whether any is on.
    """

    def __init__(
        self,
        parent: QWidget,
        tap: Tap,
        jobs: Jobs,
        banners: BannerStack,
        choice: StreamChoice,
        changed: Callable[[bool], None],
    ) -> None:
        self._parent = parent
        self._tap = tap
        self._jobs = jobs
        self._banners = banners
        self._choice = choice
        self._changed = changed
        self._markers: MarkerInlet | None = None
        self._wants_markers = False
        self._facts: tuple[tuple[int, ...], str, str] | None = None

    def choose(self) -> None:
        """Let the user switch outputs on and off."""
        dialog = OutputsDialog(self._choice, self._wants_markers, self._parent)
        dialog.accepted.connect(lambda: self._chosen(dialog))
        dialog.open()

    def pipeline_changed(self, state: PipelineState) -> None:
        """Outputs say which units there are, so they begin anew where those change."""
        if state.error:
            return
        facts = (state.units, state.au_estimator, state.bundle)
        if facts != self._facts:
            self._facts = facts
            if self._choice.any:
                self._open()

    def statuses(self) -> list[OutputStatus]:
        """How each goes; empty where all are off."""
        shown = self._tap.hub.statuses()
        if self._markers is not None:
            shown.append(OutputStatus("Markers", self._markers.status, False))
        return shown

    def close(self) -> None:
        """Stop listening to markers; the outputs are closed with the worker."""
        if self._markers is not None:
            self._markers.close()
            self._markers = None

    def _chosen(self, dialog: OutputsDialog) -> None:
        self._choice, self._wants_markers = dialog.choice(), dialog.markers.isChecked()
        self._open()

    def _open(self) -> None:
        if self._facts is None:  # the pipeline is still being built; it will call
            return
        units, estimator, bundle = self._facts
        choice, hub = self._choice, self._tap.hub

        def work() -> Sequence[LiveOutput]:
            for status in hub.statuses():
                hub.remove(status.name)
            opened = open_outputs(choice, units=units, estimator=estimator, bundle=bundle)
            for output in opened:
                hub.add(output)
            self._listen(self._wants_markers)
            return opened

        self._jobs.submit(work, self._opened, self._failed)

    def _listen(self, wanted: bool) -> None:
        if not wanted:
            self.close()
        elif self._markers is None:
            self._markers = MarkerInlet(self._mark)

    def _mark(self, time_s: float, text: str) -> None:
        recorder = self._tap.recorder
        if recorder is not None:
            recorder.mark(text, author="LSL", at_ns=round(time_s * 1e9))

    def _opened(self, outputs: Sequence[LiveOutput]) -> None:
        self._changed(self._choice.any or self._wants_markers)
        if not outputs:
            self._banners.clear(KEY)
            return
        lines = [f"{output.name}: {output.address}" for output in outputs]
        warnings = self._choice.warnings
        text = "\n".join(["Other programs can listen:", *lines, *warnings])
        address = "\n".join(output.address for output in outputs)
        copy = BannerAction("Copy", lambda: QGuiApplication.clipboard().setText(address))
        self._banners.show_message(KEY, text, "warning" if warnings else "info", (copy,))

    def _failed(self, error: Exception) -> None:
        self._choice, self._wants_markers = StreamChoice(), False
        self._changed(False)
        self._banners.show_message(KEY, str(error), "error")
