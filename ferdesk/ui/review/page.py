"""An open session: its picture, plots and annotations, and moving through it."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QLabel, QScrollArea, QSplitter, QTabWidget, QVBoxLayout, QWidget

from ferdesk.core.types import Matrix
from ferdesk.overlay_colours import USUAL
from ferdesk.review.columns import PersonColumns
from ferdesk.review.curves import Curves, curves_of
from ferdesk.review.events import EventKind, event_times, next_time, time_before
from ferdesk.review.opening import Opened, people_of
from ferdesk.review.pictures import StoredPicture
from ferdesk.review.playhead import Playhead
from ferdesk.review.summary import overview_of
from ferdesk.texts import tr
from ferdesk.ui.review.grabber import Grabber
from ferdesk.ui.review.keys import KeyName
from ferdesk.ui.review.notes_panel import NotesPanel
from ferdesk.ui.review.picture_view import PictureView
from ferdesk.ui.review.plots import ReviewPlots
from ferdesk.ui.review.transport import Transport
from ferdesk.ui.theme import GAP, Colours, named
from ferdesk.ui.worker import JOIN_S, Jobs

_TICK_MS: Final = 8
"""While playing; a frame of 60 a second is late by half of it at most."""

_NO_MORE: Final[dict[EventKind, tuple[str, str]]] = {
    "change": (
        tr("There is no change of expression before this."),
        tr("There is no change of expression after this."),
    ),
    "contest": (
        tr("There is no contested face before this."),
        tr("There is no contested face after this."),
    ),
    "annotation": (
        tr("There is no annotation before this."),
        tr("There is no annotation after this."),
    ),
}
"""Backwards and forwards."""


class SessionPage(QWidget):
    """Everything about one session.

    Its signals: `failed` gives an error of reading, `video_failed` why the video cannot be shown.

    Args:
        jobs: reads the numbers.
        say: says something for a moment.
        plots: its curves over time.
        notes: its annotations.
        parent: where it will be shown.
    """

    failed = Signal(object)
    video_failed = Signal(str)

    def __init__(
        self,
        jobs: Jobs,
        say: Callable[[str], None],
        plots: ReviewPlots,
        notes: NotesPanel,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._say = say
        self._opened: Opened | None = None
        self._people: tuple[PersonColumns, ...] = ()
        self._grabber: Grabber | None = None
        self._playhead: Playhead | None = None
        self._overlay = True
        self._palette = USUAL
        self.reading = threading.Lock()
        """Held while a job reads the numbers: nobody else may then replace the files."""
        self.view = PictureView()
        self.plots = plots
        self.notes = notes
        self.about = named(QLabel(), "about")
        self.about.setWordWrap(True)
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.transport = Transport(self.slots())
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._lay_out()
        self._connect()

    @property
    def opened(self) -> Opened | None:
        """The session that is shown."""
        return self._opened

    @property
    def playhead(self) -> Playhead | None:
        """Where in it the review is."""
        return self._playhead

    @property
    def overlay(self) -> bool:
        """Whether what was found is drawn into the picture."""
        return self._overlay

    def slots(self) -> dict[KeyName, Callable[[], None]]:
        """What its keys do."""
        own: dict[KeyName, Callable[[], None]] = {
            "play": self.toggle_play,
            "frame_back": partial(self._step, -1),
            "frame_on": partial(self._step, 1),
            "second_back": partial(self._step_s, -1.0),
            "second_on": partial(self._step_s, 1.0),
            "to_start": partial(self.go, 0),
            "to_end": partial(self.go, 2**62),
            "slower": lambda: self.transport.step_speed(-1),
            "faster": lambda: self.transport.step_speed(1),
            "next_change": partial(self._jump, "change", next_time),
            "change_before": partial(self._jump, "change", time_before),
            "next_contest": partial(self._jump, "contest", next_time),
            "contest_before": partial(self._jump, "contest", time_before),
            "next_annotation": partial(self._jump, "annotation", next_time),
            "annotation_before": partial(self._jump, "annotation", time_before),
            "zoom_in": self.plots.zoom_in,
            "zoom_out": self.plots.zoom_out,
            "fit": self.plots.fit,
        }
        return {**own, **self.notes.slots()}

    def show_session(self, opened: Opened) -> None:
        """Show a session that was opened; the one before is let go of."""
        self.clear()
        self._opened = opened
        self._overlay = opened.meta.video != "annotated"  # else all would be drawn twice
        self._playhead = Playhead(opened.timeline)
        self.transport.show_length(len(opened.timeline))
        self.plots.begin(opened.timeline.seconds)
        self.notes.begin(opened)
        self.about.setText("\n".join(overview_of(opened, ()).lines(tr)))
        if len(opened.timeline):
            self.view.show_text(tr("Reading the picture…"))
            self._grabber = Grabber(opened, self)
            self._grabber.shown.connect(self._show_picture)
            self._grabber.failed.connect(self._picture_failed)
        else:
            self.view.show_text(tr("This session has no frames."))
        self._show_place()

        def read() -> tuple[PersonColumns, ...]:
            with self.reading:
                return people_of(opened)

        self._jobs.submit(read, partial(self._show_people, opened), self._if_shown(opened))

    def clear(self) -> None:
        """Let go of the session; its thread is waited for in a job."""
        grabber = self.take_grabber()
        if grabber is not None:
            self._jobs.submit(
                lambda: grabber.join(JOIN_S),
                lambda _: grabber.deleteLater(),
                self.failed.emit,
            )

    def take_grabber(self) -> Grabber | None:
        """Let go of the session; what holds its files has been told to stop, to be joined."""
        self._timer.stop()
        grabber, self._grabber = self._grabber, None
        if grabber is not None:
            grabber.stop()
        self._opened = self._playhead = None
        self._people = ()
        self.notes.begin(None)
        self.plots.begin(0.0)
        self.transport.show_playing(False)
        return grabber

    def shut_down(self, timeout_s: float) -> bool:
        """Let go of everything; returns whether its thread ended within the time."""
        grabber = self.take_grabber()
        return grabber is None or grabber.join(timeout_s)

    def toggle_play(self) -> None:
        """Play, or hold."""
        head = self._playhead
        if head is None:
            return
        if head.playing:
            head.pause()
        else:
            head.play(time.monotonic())
        self._follow_playing(head)
        self._show_place()

    def go(self, index: int) -> None:
        """Go to a place in the timeline, or the nearest that there is."""
        if self._playhead is not None:
            self._playhead.go(index, time.monotonic())
            self._show_place()

    def go_to_time(self, time_s: float) -> None:
        """Go to the frame that is shown at a time."""
        if self._playhead is not None:
            self._playhead.go_to_time(time_s, time.monotonic())
            self._show_place()

    def set_overlay(self, on: bool) -> None:
        """Draw what was found into the picture, or not."""
        self._overlay = on
        self._show_place()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        for part in (self.view, self.plots, self.transport):
            part.set_colours(colours)
        if colours.expressions != self._palette:
            self._palette = colours.expressions
            self._show_place()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: hold."""
        if self._playhead is not None:
            self._playhead.pause()
            self._follow_playing(self._playhead)
        super().hideEvent(event)

    def _lay_out(self) -> None:
        # From outside to inside: whatever gets another parent has all in it styled anew.
        whole = named(QSplitter(Qt.Orientation.Vertical, self), "reviewPlots")
        above = named(QSplitter(Qt.Orientation.Horizontal, whole), "reviewPicture")
        above.addWidget(self.view)
        self.tabs = QTabWidget(above)
        self.tabs.addTab(self.notes, tr("Annotations"))
        scroll = QScrollArea(self.tabs)
        self.tabs.addTab(scroll, tr("About"))
        self.tabs.setDocumentMode(True)
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.about)
        scroll.setAccessibleName(tr("About the session"))
        below = QWidget(whole)
        column = QVBoxLayout(below)
        column.setContentsMargins(0, GAP // 3, 0, 0)
        column.setSpacing(GAP // 3)
        column.addWidget(self.transport)
        column.addWidget(self.plots, 1)
        for splitter in (above, whole):
            splitter.setChildrenCollapsible(False)
            splitter.setStretchFactor(0, 3)
            splitter.setStretchFactor(1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(whole)

    def _connect(self) -> None:
        self.transport.index_wanted.connect(self.go)
        self.transport.speed_wanted.connect(self._set_speed)
        self.plots.time_wanted.connect(self.go_to_time)
        self.plots.person_wanted.connect(self._choose_person)
        self.notes.time_wanted.connect(self.go_to_time)
        self.notes.changed.connect(self.plots.show_notes)

    def _show_people(self, opened: Opened, people: tuple[PersonColumns, ...]) -> None:
        if opened is not self._opened:
            return
        self._people = people
        self.about.setText("\n".join(overview_of(opened, people).lines(tr)))
        self.notes.show_people(people)
        self.plots.show_people(people)

    def _choose_person(self, face_id: int) -> None:
        opened = self._opened
        person = next((one for one in self._people if one.face_id == face_id), None)
        if opened is None or person is None:
            return

        def read() -> Curves:
            with self.reading:
                return curves_of(opened, person)

        def show(curves: Curves) -> None:
            if opened is self._opened and self.plots.who.currentData() == face_id:
                self.plots.show_curves(curves)
                self._show_place()

        self._jobs.submit(read, show, self._if_shown(opened))

    def _if_shown(self, opened: Opened) -> Callable[[Exception], None]:
        def tell(error: Exception) -> None:
            if opened is self._opened:
                self.failed.emit(error)

        return tell

    def _set_speed(self, speed: float) -> None:
        if self._playhead is not None:
            self._playhead.set_speed(speed, time.monotonic())

    def _step(self, frames: int) -> None:
        if self._playhead is not None:
            self.go(self._playhead.index + frames)

    def _step_s(self, seconds: float) -> None:
        if self._playhead is not None:
            self.go_to_time(self._playhead.time_s + seconds)

    def _jump(self, kind: EventKind, choose: Callable[[Matrix, float], float | None]) -> None:
        if self._playhead is None or self._opened is None:
            return
        target = choose(self._shown_times(kind), self._playhead.time_s)
        if target is None:
            self._say(_NO_MORE[kind][choose is next_time])
        else:
            self.go_to_time(target)

    def _shown_times(self, kind: EventKind) -> Matrix:
        """The times of the frames that are shown at events of a kind: where the review can be."""
        curves = self.plots.curves
        if kind == "annotation" or curves is None:
            found = event_times(kind, None, (note for _, note in self.notes.notes.rows()))
        else:
            found = curves.changes_s if kind == "change" else curves.contests_s
        return found if self._opened is None else self._opened.timeline.frame_times(found)

    def _tick(self) -> None:
        head = self._playhead
        if head is None:
            return
        if head.advance(time.monotonic()):
            self._show_place()
        self._follow_playing(head)

    def _follow_playing(self, head: Playhead) -> None:
        if head.playing != self._timer.isActive():
            self.transport.show_playing(head.playing)
            (self._timer.start if head.playing else self._timer.stop)()

    def _show_place(self) -> None:
        head, opened = self._playhead, self._opened
        if head is None or opened is None:
            return
        seconds = opened.timeline.seconds
        self.transport.show_place(head.index, head.number, head.time_s, seconds)
        self.plots.show_cursor(head.time_s)
        self.notes.show_place(head.time_s)
        if self._grabber is not None:
            self._grabber.ask(head.index, self._overlay, self._palette)

    def _picture_failed(self, error: Exception) -> None:
        if self.sender() is self._grabber:
            self.view.show_text(tr("This frame cannot be shown; the message above says why."))
            self.failed.emit(error)

    def _show_picture(self, picture: StoredPicture) -> None:
        if self.sender() is not self._grabber:
            return
        self.view.show_picture(picture)
        if picture.trouble:
            self.video_failed.emit(picture.trouble)
