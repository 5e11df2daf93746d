"""What is said and noted when the computer wakes up."""

from datetime import timedelta
from typing import Final

from ferdesk.live.sleep import SleepWatch
from ferdesk.ui.banner import BannerStack
from ferdesk.ui.tap import Tap

KEY: Final = "sleep"
"""Of the message."""


class Waking:
    """Looks at the clocks a few times a second.

    Args:
        banners: where the message goes.
        tap: knows the recording, which is told.
        watch: compares the clocks.
    """

    def __init__(self, banners: BannerStack, tap: Tap, watch: SleepWatch | None = None) -> None:
        self._banners = banners
        self._tap = tap
        self._watch = watch or SleepWatch()

    def look(self) -> None:
        """Say and note that the computer slept, if it did."""
        slept_s = self._watch.look()
        if not slept_s:
            return
        said = f"The computer slept for {timedelta(seconds=round(slept_s))}, or its clock was set"
        recorder = self._tap.recorder
        if recorder is not None:
            recorder.note(said)
        self._banners.show_message(KEY, f"{said}. Nothing was seen meanwhile.", "warning")
