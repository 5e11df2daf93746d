"""Records a person's neutral face while the window goes on, saves it and puts it to use."""

import math
from collections.abc import Callable, Iterator

from PySide6.QtWidgets import QInputDialog, QLineEdit, QWidget

from ferdesk.calibrate import DEFAULT_SECONDS, record
from ferdesk.core.errors import ProfileError
from ferdesk.core.types import FrameResult
from ferdesk.live.mailbox import Mailbox
from ferdesk.profiles import NeutralProfile, profile_path, save_profile
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.worker import Jobs

KEY = "neutral"
"""Of the messages."""


class Calibration:
    """Asks for a name, feeds the recorder, and says how it goes.

    Args:
        parent: the window.
        jobs: runs the recording.
        banners: where messages go.
        say: says something for a moment.
        use: puts the profile of a name to use; none where the name is empty.
    """

    def __init__(
        self,
        parent: QWidget,
        jobs: Jobs,
        banners: BannerStack,
        say: Callable[[str], None],
        use: Callable[[str], None],
    ) -> None:
        self._parent = parent
        self._jobs = jobs
        self._banners = banners
        self._say = say
        self._use = use
        self._run: _Recording | None = None

    def start(self, estimator: str) -> None:
        """Ask whose face it is and begin.

        Args:
            estimator: what estimates action units; empty where nothing does.
        """
        if self._run is not None:
            self._say("A neutral face is being recorded.")
            return
        if not estimator:
            self._fail("There are no action units to calibrate. Start ferdesk with --aus.")
            return
        name, ok = QInputDialog.getText(
            self._parent,
            "Calibrate a neutral face",
            f"Look into the camera for {DEFAULT_SECONDS:g} seconds with your face at rest, mouth "
            "closed, alone in the picture.\nA name for this face:",
            QLineEdit.EchoMode.Normal,
            "me",
        )
        if ok:
            self._begin(name.strip())

    def feed(self, result: FrameResult) -> None:
        """Take in what is shown; cheap enough for every frame."""
        if self._run is not None:
            self._run.frames.put(result)
            self._say(f"{DEFAULT_SECONDS * (1 - self._run.progress):.0f} s to go")

    def end(self) -> None:
        """The source has ended: make do with what was recorded."""
        if self._run is not None:
            self._run.frames.poke()

    def cancel(self) -> None:
        """Stop, and keep nothing."""
        if self._run is not None:
            self._run.cancelled = True
            self.end()
            self._run = None
            self._banners.clear(KEY)
            self._say("The recording was cancelled.")

    def _begin(self, name: str) -> None:
        try:
            profile_path(name)
        except ProfileError as error:
            self._fail(str(error))
            return
        run = self._run = _Recording(name)
        text = f"Recording the neutral face {name!r}: look into the camera and keep still."
        self._banners.show_message(KEY, text, "info", (BannerAction("Cancel", self.cancel),))
        self._jobs.submit(
            run.record,
            lambda profile: self._done(run, profile),
            lambda error: self._ended(run, error),
        )

    def _done(self, run: "_Recording", profile: NeutralProfile | None) -> None:
        if run is not self._run or profile is None:
            return
        self._run = None
        self._say("")
        name = profile.name
        self._use(name)
        self._banners.show_message(
            KEY,
            f"The neutral face {name!r} is saved and taken off the action units of the largest "
            "face.",
            "info",
            (BannerAction("Do not use it", self._stop_using),),
        )

    def _stop_using(self) -> None:
        self._banners.clear(KEY)
        self._use("")
        self._say("Action units are shown as estimated.")

    def _ended(self, run: "_Recording", error: Exception) -> None:
        if run is self._run:
            self._run = None
            self._say("")
            self._fail(str(error))

    def _fail(self, text: str) -> None:
        self._banners.show_message(KEY, text, "error")


class _Recording:
    """One recording, in a job's thread, fed from the window's."""

    def __init__(self, name: str) -> None:
        self.frames = Mailbox[FrameResult]()
        self.progress = 0.0
        self.cancelled = False
        self._name = name

    def record(self) -> NeutralProfile | None:
        """Record and save; None where it was cancelled."""
        profile = record(self._name, self._results(), report=self._note)
        if self.cancelled:
            return None
        save_profile(profile)
        return profile

    def _note(self, progress: float) -> None:
        self.progress = progress

    def _results(self) -> Iterator[FrameResult]:
        before_s = -math.inf
        while (result := self.frames.wait()) is not None:
            if result.frame.clock_s < before_s:
                return  # the clip begins again
            before_s = result.frame.clock_s
            yield result
