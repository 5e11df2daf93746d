"""Switches live outputs on and off from the window, and says how they go."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from ferdesk.core.errors import PreferencesError
from ferdesk.streams.base import LiveOutput
from ferdesk.streams.choice import StreamChoice, open_outputs
from ferdesk.streams.hub import OutputStatus
from ferdesk.streams.lsl_markers import MarkerInlet
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.live import PipelineState
from ferdesk.ui.outputs_dialog import OutputsDialog
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.tap import Tap
from ferdesk.ui.worker import Jobs

KEY: Final = "outputs"
"""Of the messages."""

_KEPT: Final = ("osc_host", "osc_port", "websocket_port")
"""What need not be typed twice; what is on is for this run alone."""


class Outputs:
    """The window's live outputs, and the markers that other programs send.

    Args:
        parent: the window.
        tap: where results leave the pipeline thread.
        jobs: opens and closes outputs.
        banners: where messages go.
        keeper: remembers hosts and ports.
        choice: what is on from the start.
        changed: called with whether any is on.
    """

    def __init__(
        self,
        parent: QWidget,
        tap: Tap,
        jobs: Jobs,
        banners: BannerStack,
        keeper: PreferencesKeeper,
        choice: StreamChoice,
        changed: Callable[[bool], None],
    ) -> None:
        self._parent = parent
        self._tap = tap
        self._jobs = jobs
        self._banners = banners
        self._keeper = keeper
        self._choice = choice
        self._changed = changed
        self._markers: MarkerInlet | None = None
        self._wants_markers = False
        self._facts: tuple[tuple[int, ...], str, str] | None = None
        self._opening = False
        self._again = False
        self._closed = False
        self._lock = threading.Lock()

    def choose(self) -> None:
        """Let the user switch outputs on and off."""
        self._changed(self._choice.any or self._wants_markers)
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
            shown.append(OutputStatus(tr("Markers"), self._markers.status, False))
        return shown

    def close(self) -> None:
        """Stop listening to markers; the outputs are closed with the worker."""
        with self._lock:
            self._closed = True
            markers, self._markers = self._markers, None
        if markers is not None:
            markers.close()

    def _chosen(self, dialog: OutputsDialog) -> None:
        choice = dialog.choice()
        try:
            for name in _KEPT:
                self._keeper.set(f"outputs.{name}", getattr(choice, name))
        except PreferencesError as error:
            self._banners.show_message(KEY, str(error), "error")
            return
        self._choice, self._wants_markers = choice, dialog.markers.isChecked()
        self._open()

    def _open(self) -> None:
        """Open what is chosen, one after the other: two at once would want the same ports."""
        if self._facts is None:  # the pipeline is still being built; it will call
            return
        if self._opening:
            self._again = True
            return
        self._opening = True
        units, estimator, bundle = self._facts
        choice, hub, wants_markers = self._choice, self._tap.hub, self._wants_markers

        def work() -> Sequence[LiveOutput]:
            for status in hub.statuses():
                hub.remove(status.name)
            self._listen(wants_markers)
            opened = open_outputs(choice, units=units, estimator=estimator, bundle=bundle)
            for place, output in enumerate(opened):
                try:
                    hub.add(output)
                except ValueError:  # the window was closed meanwhile
                    for one in opened[place:]:
                        one.close()
                    raise
            return opened

        self._jobs.submit(work, self._opened, self._failed)

    def _listen(self, wanted: bool) -> None:
        """Listen to markers, or do not; one opening runs at a time."""
        if wanted == (self._markers is not None):
            return
        made = MarkerInlet(self._mark) if wanted else None
        with self._lock:
            gone, self._markers = (made, None) if self._closed else (self._markers, made)
        if gone is not None:
            gone.close()

    def _done(self) -> bool:
        """The opening has ended; returns whether its outcome counts."""
        self._opening = False
        again, self._again = self._again, False
        if again:
            self._open()
        return not again

    def _mark(self, time_s: float, text: str) -> None:
        recorder = self._tap.recorder
        if recorder is not None:
            recorder.mark(text, author="LSL", at_ns=round(time_s * 1e9))

    def _opened(self, outputs: Sequence[LiveOutput]) -> None:
        if not self._done():
            return
        self._changed(self._choice.any or self._wants_markers)
        if not outputs:
            self._banners.clear(KEY)
            return
        lines = [f"{output.name}: {output.address}" for output in outputs]
        warnings = self._choice.warnings(tr)
        text = "\n".join([tr("Other programs can listen:"), *lines, *warnings])
        address = "\n".join(output.address for output in outputs)
        copy = BannerAction(tr("Copy"), lambda: QGuiApplication.clipboard().setText(address))
        self._banners.show_message(KEY, text, "warning" if warnings else "info", (copy,))

    def _failed(self, error: Exception) -> None:
        if not self._done():
            return
        off = replace(self._choice, lsl=False, osc=False, websocket=False, virtual_camera=False)
        self._choice, self._wants_markers = off, self._markers is not None
        self._changed(self._wants_markers)
        self._banners.show_message(KEY, str(error), "error")
