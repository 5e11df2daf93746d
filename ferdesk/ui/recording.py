"""Starts and stops recordings from the window, and says how they go."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QWidget

from ferdesk.sessions.library import new_name
from ferdesk.sessions.recorder import Recorder, RecorderState
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.live import LiveResult
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.recording_dialog import RecordingDialog
from ferdesk.ui.tap import RecordingChoice, RecordingEnd, Tap
from ferdesk.ui.worker import Jobs

KEY: Final = "recording"
"""Of the messages."""

_LITTLE_BYTES: Final = 2_000_000_000


class Recording:
    """The window's recording.

    Args:
        parent: the window.
        tap: where results leave the pipeline thread.
        jobs: finishes recordings.
        banners: where messages go.
        say: says something for a moment.
        keeper: knows how the user wants to record, and where.
        changed: called when one begins or ends.
    """

    def __init__(
        self,
        parent: QWidget,
        tap: Tap,
        jobs: Jobs,
        banners: BannerStack,
        say: Callable[[str], None],
        keeper: PreferencesKeeper,
        changed: Callable[[bool], None],
    ) -> None:
        self._parent = parent
        self._tap = tap
        self._jobs = jobs
        self._banners = banners
        self._say = say
        self._keeper = keeper
        self._changed = changed

    def toggle(self) -> None:
        """Record as chosen last, or end the recording."""
        if self._tap.recording:
            self.stop()
            return
        now = datetime.now().astimezone()
        self._banners.clear(KEY)
        wanted = self._keeper.now.recording
        self._tap.start(new_name(wanted.place, now), RecordingChoice(**wanted.choice()))
        self._changed(True)
        self._say(tr("Recording"))

    def stop(self) -> None:
        """End the recording, if one runs."""
        if not self._tap.recording:
            return
        recorder = self._tap.stop()
        self._changed(False)
        if recorder is None:
            self._say(tr("Nothing was recorded: no picture came."))
        else:
            self._finish(recorder, "")

    def options(self) -> None:
        """Let the user choose how to record."""
        wanted = self._keeper.now.recording
        choice = RecordingChoice(**wanted.choice())
        dialog = RecordingDialog(choice, wanted.place, self._parent)
        dialog.accepted.connect(lambda: self._choose(dialog))
        dialog.open()

    def mark(self) -> None:
        """Mark this moment."""
        recorder = self._tap.recorder
        if recorder is None:
            self._say(tr("Nothing is being recorded that could be marked."))
            return
        recorder.mark(author="window")
        self._say(tr("Marked at {time}").format(time=clock(recorder.state.seconds)))

    def set_paused(self, paused: bool) -> None:
        """Note in the recording that the picture was held, or went on."""
        if self._tap.recorder is not None:
            self._tap.recorder.set_paused(paused)

    def shown(self, live: LiveResult, shown_ns: int) -> None:
        """Note when a picture was first on the screen."""
        if self._tap.recorder is not None:
            self._tap.recorder.shown(live.result.frame.index, shown_ns)

    def ended(self, end: RecordingEnd) -> None:
        """A recording ended by itself."""
        self._changed(False)
        if end.recorder is None:
            self._banners.show_message(KEY, end.why, "error")
        else:
            self._finish(end.recorder, end.why)

    def status(self) -> str:
        """How it goes, for the status line; empty where nothing is recorded."""
        recorder = self._tap.recorder
        if recorder is None:
            return ""
        state = recorder.state
        parts = [f"● {clock(state.seconds)}"]
        if state.dropped:
            parts.append(tr("{n} dropped").format(n=state.dropped))
        if state.free_bytes < _LITTLE_BYTES:
            parts.append(tr("{n} MB left").format(n=state.free_bytes // 1_000_000))
        return "  ".join(parts)

    def _choose(self, dialog: RecordingDialog) -> None:
        choice, folder = dialog.choice(), dialog.folder()
        self._keeper.set("recording.video", choice.video)
        self._keeper.set("recording.lossless", choice.lossless)
        self._keeper.set("recording.consent", choice.consent)
        if folder != self._keeper.now.recording.place:
            self._keeper.set("recording.folder", str(folder))

    def _finish(self, recorder: Recorder, why: str) -> None:
        self._jobs.submit(
            recorder.close,
            lambda state: self._show_end(recorder, state, why),
            lambda error: self._banners.show_message(KEY, str(error), "error"),
        )

    def _show_end(self, recorder: Recorder, state: RecorderState, why: str) -> None:
        if not state.frames and not state.trouble:
            nothing = tr("Nothing was recorded: no picture came.")
            self._banners.show_message(KEY, f"{why} {nothing}".strip(), "warning")
            return
        text = _recorded_text(state, recorder.folder)
        if trouble := state.trouble:
            self._banners.show_message(KEY, f"{trouble} {text}", "error")
            return
        where = BannerAction(tr("Copy path"), lambda: self._copy(recorder.folder))
        text = f"{why} {text}".strip()
        self._banners.show_message(KEY, text, "warning" if why else "info", (where,))

    def _copy(self, folder: Path) -> None:
        from PySide6.QtGui import QGuiApplication

        QGuiApplication.clipboard().setText(str(folder))
        self._say(tr("Copied"))


def _recorded_text(state: RecorderState, folder: Path) -> str:
    if state.dropped:
        text = tr("Recorded {time} ({frames} frames, {dropped} frames dropped) in {folder}")
    else:
        text = tr("Recorded {time} ({frames} frames) in {folder}")
    return text.format(
        time=clock(state.seconds), frames=state.frames, dropped=state.dropped, folder=folder
    )


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: 03:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
