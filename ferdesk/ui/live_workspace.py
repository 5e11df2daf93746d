"""The live workspace: a source, the picture with messages above it, a card for each face."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from ferdesk.live.capture import SourceState
from ferdesk.preferences.model import Preferences
from ferdesk.streams.choice import StreamChoice
from ferdesk.texts import tr
from ferdesk.ui.actions import ActionName
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.calibration import Calibration
from ferdesk.ui.cameras import Cameras
from ferdesk.ui.history import History
from ferdesk.ui.live import LiveResult, PipelineState
from ferdesk.ui.naming import Naming
from ferdesk.ui.outputs import Outputs
from ferdesk.ui.painter import Painter
from ferdesk.ui.panels import FacesPanel
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.recording import Recording
from ferdesk.ui.snapshot import Snapshot, save_snapshot
from ferdesk.ui.source_messages import SourceMessages
from ferdesk.ui.source_picker import DEMO, Choice, SourcePicker
from ferdesk.ui.stage_label import StageLabel
from ferdesk.ui.status import StatusLine
from ferdesk.ui.switches import Switches
from ferdesk.ui.theme import DARK, GAP, Colours, named
from ferdesk.ui.top_bar import TopBar
from ferdesk.ui.video_view import VideoView
from ferdesk.ui.waking import Waking
from ferdesk.ui.worker import Jobs, Worker

if TYPE_CHECKING:
    from ferdesk.ui.time_plots import TimePlots


class LiveWorkspace(QWidget):
    """Source picker on top, picture with messages above it, cards at the right.

    Args:
        worker: runs the source through the pipeline; closed by whoever made it.
        jobs: runs the scan for cameras, the saving of snapshots and the recording of faces.
        painter: draws what the worker found.
        find_cameras: lists the cameras there are; may be slow, is called in a thread.
        keeper: the user's preferences.
        streams: live outputs that are on from the start.
        status: the window's line at the bottom.
        say: says something for a moment.
        stage: shows the picture to an audience.
    """

    source_named = Signal(str)
    """What is watched now, for the window's title."""

    def __init__(
        self,
        worker: Worker,
        jobs: Jobs,
        painter: Painter,
        find_cameras: Callable[[], Sequence[Choice]],
        keeper: PreferencesKeeper,
        streams: StreamChoice,
        status: StatusLine,
        say: Callable[[str], None],
        stage: Callable[[], None],
    ) -> None:
        super().__init__()
        self._worker = worker
        self._jobs = jobs
        self._painter = painter
        self._keeper = keeper
        self._status = status
        self._say = say
        self._spec = ""
        self._plots_shown = False
        self._colours = DARK
        self._pipeline = PipelineState()
        self.picker = SourcePicker()
        self.banners = BannerStack()
        self.cameras = Cameras(
            jobs, self.picker, self.banners, say, find_cameras, self.open, self._ways_out
        )
        self.view = VideoView()
        self.naming = Naming(self, worker.tap)
        self.panel = FacesPanel(self.naming.names.of)
        self.switches = Switches(keeper, say)
        self.history = History()
        self.plots: TimePlots | None = None
        self._messages = SourceMessages(
            self.banners, self.view, status, self._ways_out, lambda: self.open(self._spec)
        )
        self._waking = Waking(self.banners, worker.tap)
        self.stage = StageLabel()
        self.stage.setVisible(False)
        self.recording = Recording(
            self,
            worker.tap,
            jobs,
            self.banners,
            say,
            keeper,
            lambda on: self.top.show_on("record", on),
        )
        self.outputs = Outputs(
            self,
            worker.tap,
            jobs,
            self.banners,
            keeper,
            streams,
            lambda on: self.top.show_on("outputs", on),
        )
        self.calibration = Calibration(self, jobs, say, self._use_neutral)
        self.top = TopBar(self.picker, {**self.slots(), "stage": stage})
        self._lay_out()
        self._connect()
        self._obey(keeper.now)
        keeper.changed.connect(self._obey)

    @property
    def camera(self) -> str:
        """The camera that is watched; empty where it is something else, or an address."""
        return self._spec if self._spec in {one.spec for one in self.picker.cameras} else ""

    def start(self, source: str | None, before: str = "") -> None:
        """Begin with a source.

        Args:
            source: which; where it is None the camera of before, the first one, or the demo.
            before: the camera that was watched last.
        """
        self._worker.start()
        if source is not None:
            self.open(source)
            self.cameras.list()
            return
        self.view.show_text(tr("Looking for a camera…"))
        self.cameras.begin(before)

    def open(self, spec: str) -> None:
        """Watch another source."""
        self.calibration.cancel()
        self._spec = spec
        self._worker.open(spec, loop=spec == DEMO)
        self.picker.show_current(spec)
        name = self.picker.name_of(spec)
        self.source_named.emit(name)
        self._messages.opening(name)
        self.naming.clear()
        self.panel.clear()
        self.history.clear()
        self.top.show_paused(False)

    def toggle_pause(self) -> None:
        """Hold the picture, or go on."""
        paused = not self._worker.paused
        self._worker.set_paused(paused)
        self.recording.set_paused(paused)
        self.top.show_paused(paused)
        self._say(tr("Paused") if paused else "")

    def save_snapshot(self) -> None:
        """Save what is shown."""
        live = self.view.live
        if live is None:
            self._say(tr("There is no picture to save yet."))
            return
        now = datetime.now().astimezone()
        self._jobs.submit(
            lambda: save_snapshot(live, self._keeper.now.privacy.snapshot_folder, now),
            self._snapshot_saved,
            lambda error: self.banners.show_message("snapshot", str(error), "error"),
        )

    @property
    def plots_shown(self) -> bool:
        """Whether the curves of the last minute are shown."""
        return self._plots_shown

    def toggle_plots(self) -> None:
        """Show or hide the curves of the last minute."""
        self._plots_shown = not self._plots_shown
        if self.plots is None:
            self.plots = self._made_plots()
        self.plots.setVisible(self._plots_shown)
        self.top.show_on("plots", self._plots_shown)

    def _made_plots(self) -> "TimePlots":
        # Their library takes a good part of the window's start, and many never want them.
        from ferdesk.ui.time_plots import TimePlots

        plots = TimePlots(self.history, self.naming.names.of)
        plots.set_colours(self._colours)
        plots.choose_units(self._keeper.now.display.chosen_units)
        self._left.addWidget(plots, 1)
        return plots

    def choose_units(self) -> None:
        """Let the user choose which action units are shown, and in what order."""
        from ferdesk.ui.unit_chooser import choose

        choose(self._keeper, self._pipeline.units, self)

    def calibrate(self) -> None:
        """Show the neutral faces, to record and choose one."""
        self.calibration.open()
        self.top.show_on("neutral", bool(self._worker.settings.neutral))

    def slots(self) -> dict[ActionName, Callable[[], None]]:
        """What each of its actions does."""
        return {
            "pause": self.toggle_pause,
            "snapshot": self.save_snapshot,
            "record": self.recording.toggle,
            "record_options": self.recording.options,
            "mark": self.recording.mark,
            "outputs": self.outputs.choose,
            "open_file": self.picker.ask_file,
            "demo": lambda: self.open(DEMO),
            **self.switches.slots(),
            "choose_units": self.choose_units,
            "plots": self.toggle_plots,
            "neutral": self.calibrate,
        }

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        for part in (self.top, self.picker, self.banners, self.view, self.panel):
            part.set_colours(colours)
        self._colours = colours
        if self.plots is not None:
            self.plots.set_colours(colours)
        self.stage.set_colours(colours)
        self.calibration.set_colours(colours)

    def _obey(self, preferences: Preferences) -> None:
        display = preferences.display
        self.panel.set_units_shown(display.units)
        for part in (self.panel, self.stage):
            part.set_unsure_below(display.unsure_below)
        self.panel.sort_units(display.unit_order, display.chosen_units)
        self.panel.set_thumbs(preferences.privacy.hide_faces, preferences.source.mirror)
        if self.plots is not None:
            self.plots.choose_units(display.chosen_units)
        self.switches.show(self.top)
        self._worker.want_maps(display.maps)
        self._draw_anew()

    def _draw_anew(self) -> None:
        wanted = replace(self._keeper.now.overlay(), names=self.naming.names.given)
        if self._painter.configure(wanted, self._keeper.now.source.mirror):
            self._paint_again()
        if self.view.live is not None:
            self._show_cards(self.view.live)

    def _show_cards(self, live: LiveResult) -> None:
        frame = live.result.frame
        self.panel.show_faces(live.result.faces, frame.clock_s, frame.image)
        self.stage.show_faces(live.result.faces, self.naming.names.given)

    def show_stage(self, on: bool) -> None:
        """Leave picture and large words alone for an audience, or show all again."""
        self.top.setVisible(not on)
        self.panel.setVisible(not on)
        if self.plots is not None:
            self.plots.setVisible(self._plots_shown and not on)
        self.stage.setVisible(on)
        margin = 0 if on else GAP
        self._column.setContentsMargins(margin, margin, margin, margin)

    def close_down(self) -> None:
        """Let go of the source at once; whoever made the worker joins its threads."""
        self.calibration.close()
        self._worker.stop()
        self.outputs.close()

    def refresh_status(self) -> None:
        """Show how it goes; called a few times a second."""
        self._waking.look()
        self._status.show_counters(self.view.live, self.view.latency_ms())
        self._status.show_recording(self.recording.status())
        self._status.show_outputs(self.outputs.statuses())

    def _lay_out(self) -> None:
        beside = QWidget()
        left = self._left = QVBoxLayout(beside)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(GAP)
        left.addWidget(self.banners)
        left.addWidget(self.view, 3)
        left.addWidget(self.stage)
        middle = named(QSplitter(Qt.Orientation.Horizontal), "live")
        middle.setHandleWidth(GAP)
        middle.setChildrenCollapsible(False)
        middle.addWidget(beside)
        middle.addWidget(self.panel)
        middle.setStretchFactor(0, 3)
        middle.setStretchFactor(1, 1)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.setSpacing(GAP)
        column.addWidget(self.top)
        column.addWidget(middle, 1)
        # Else the list of sources has it, and would look as if something had to be chosen.
        self.view.setFocus()

    def _connect(self) -> None:
        self.picker.chosen.connect(self.open)
        self.picker.refresh_wanted.connect(self.cameras.refresh)
        self.view.watch_shown(self.recording.shown)
        self.naming.changed.connect(self._draw_anew)
        self.panel.name_wanted.connect(self.naming.ask)
        self.panel.name_unwanted.connect(self.naming.take_away)
        self.panel.units_wanted.connect(self.choose_units)
        self._worker.result_ready.connect(self._show_result)
        self._worker.source_changed.connect(self._source_changed)
        self._worker.pipeline_changed.connect(self._pipeline_changed)
        self._worker.recording_ended.connect(self.recording.ended)

    def _show_result(self) -> None:
        live = self._worker.take()
        if live is not None:
            self.naming.follow(live)
            self.view.show_result(live)
            self._show_cards(live)
            self.history.add(live.result.frame.clock_s, live.result.faces)
            self.calibration.feed(live.result)

    def _paint_again(self) -> None:
        live = self.view.live
        if live is not None:
            self._jobs.submit(
                lambda: self._painter.paint_again(live),
                self._show_again,
                lambda error: self.banners.show_message("unexpected", str(error), "error"),
            )

    def _show_again(self, live: LiveResult) -> None:
        shown = self.view.live
        if shown is not None and shown.result is live.result:
            self.view.show_result(live)

    def _source_changed(self, state: SourceState) -> None:
        if not self._worker.is_current(state):
            return
        if state.phase == "ended":
            self.calibration.end()
            self.recording.stop()
        self._messages.tell(self.picker.name_of(state.spec), state)

    def _pipeline_changed(self, state: PipelineState) -> None:
        self._pipeline = state
        self._status.show_pipeline(state)
        self.outputs.pipeline_changed(state)
        self.switches.pipeline_changed(state, self.top)
        self.calibration.pipeline_changed(state)
        self.top.show_on("neutral", bool(state.neutral))
        if not state.error:
            self.banners.clear("pipeline")
            return
        again = BannerAction(tr("Try again"), self._worker.rebuild)
        self.banners.show_message("pipeline", state.error, "error", (again,))
        if self.view.live is None:
            self.view.show_text(tr("Faces cannot be analysed; the message above says why."))

    def _use_neutral(self, name: str) -> None:
        self._worker.configure(self._worker.settings.model_copy(update={"neutral": name}))

    def _snapshot_saved(self, snapshot: Snapshot) -> None:
        self.banners.clear("snapshot")
        said = tr("Saved {picture} and {data}")
        self._say(said.format(picture=snapshot.picture, data=snapshot.data.name))

    def _ways_out(self) -> tuple[BannerAction, ...]:
        return (
            BannerAction(tr("Choose camera"), self.cameras.choose),
            BannerAction(tr("Open file"), self.picker.ask_file),
        )
