"""What is said and noted when the computer wakes up."""

from datetime import timedelta
from typing import Final

from ferdesk.live.sleep import SleepWatch
from ferdesk.texts import tr
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
        slept = timedelta(seconds=round(slept_s))
        recorder = self._tap.recorder
        if recorder is not None:
            # Recordings are in English, whoever made them.
            recorder.note(f"The computer slept for {slept}, or its clock was set")
        said = tr(
            "The computer slept for {time}, or its clock was set. Nothing was seen meanwhile."
        )
        self._banners.show_message(KEY, said.format(time=slept), "warning")
