"""Looks for cameras, off the UI thread, and begins with one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from PySide6.QtCore import QTimer

from ferdesk.sources.modes import Mode, camera_modes
from ferdesk.texts import tr, trn
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.source_picker import DEMO, Choice, SourcePicker
from ferdesk.ui.worker import Jobs

MODES_AFTER_MS: Final = 2500
"""After the cameras themselves, it is asked what they offer."""


class Cameras:
    """The cameras of the source picker.

    Args:
        jobs: does the looking.
        picker: lists them.
        banners: where messages go.
        say: says something for a moment.
        find: lists the cameras there are; may be slow, is called in a thread.
        open_source: watches a source.
        ways_out: what can be done where there is no camera.
        find_modes: what the cameras offer; may be slow, is called in a thread.
    """

    def __init__(
        self,
        jobs: Jobs,
        picker: SourcePicker,
        banners: BannerStack,
        say: Callable[[str], None],
        find: Callable[[], Sequence[Choice]],
        open_source: Callable[[str], None],
        ways_out: Callable[[], Sequence[BannerAction]],
        find_modes: Callable[[], Mapping[str, Sequence[Mode]]] = camera_modes,
    ) -> None:
        self._jobs = jobs
        self._picker = picker
        self._banners = banners
        self._say = say
        self._find = find
        self._open = open_source
        self._ways_out = ways_out
        self._find_modes = find_modes
        # Later: the first picture comes first.
        self._modes_timer = QTimer(picker, singleShot=True)
        self._modes_timer.timeout.connect(self._look_at_modes)

    def begin(self, before: str) -> None:
        """Watch a camera: that of before, else the first; the demo where there is none.

        Args:
            before: the spec of the one that was watched last; empty for none.
        """

        def failed(error: Exception) -> None:
            self._begin_with((), before)
            self._failed(error)

        self._jobs.submit(self._find, lambda found: self._begin_with(found, before), failed)

    def list(self) -> None:
        """Look for them."""
        self._jobs.submit(self._find, self._list, self._failed)

    def refresh(self) -> None:
        """Look for them again, and say how many there are."""
        self._jobs.submit(self._find, self._found, self._failed)

    def choose(self) -> None:
        """Look for them again and let the user choose."""

        def found(cameras: Sequence[Choice]) -> None:
            self._found(cameras)
            self._picker.open_list()

        self._jobs.submit(self._find, found, self._failed)

    def _begin_with(self, cameras: Sequence[Choice], before: str) -> None:
        self._list(cameras)
        if cameras:
            specs = [camera.spec for camera in cameras]
            self._open(before if before in specs else specs[0])
            return
        self._open(DEMO)
        self._banners.show_message(
            "no-camera", tr("No camera found: showing the built-in demo"), "info", self._ways_out()
        )

    def _found(self, cameras: Sequence[Choice]) -> None:
        self._list(cameras)
        count = len(cameras)
        some = trn("{n} camera found", "{n} cameras found", count)
        self._say(some.format(n=count) if count else tr("No cameras found"))

    def _list(self, cameras: Sequence[Choice]) -> None:
        self._picker.set_cameras(cameras)
        if cameras:
            self._modes_timer.start(MODES_AFTER_MS)

    def _look_at_modes(self) -> None:
        self._jobs.submit(self._find_modes, self._picker.set_modes, self._failed)

    def _failed(self, error: Exception) -> None:
        text = tr("Cameras cannot be listed: {error}").format(error=error)
        self._banners.show_message("scan", text, "warning")
