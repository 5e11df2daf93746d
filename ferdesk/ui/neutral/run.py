"""One recording of a neutral face, in a job's thread, fed from the window's."""

import math
from collections.abc import Iterator

from ferdesk.calibrate import RestWatch, record
from ferdesk.core.types import FrameResult
from ferdesk.live.mailbox import Mailbox
from ferdesk.profiles import NeutralProfile, save_profile
from ferdesk.texts import tr


class NeutralRun:
    """Takes what is shown until there is enough of it.

    Attributes:
        frames: where results come in.
        progress: how much of the time is recorded, 0..1.
        hint: what is wrong with the face at this moment, for people; empty for nothing.

    Args:
        name: of the profile to be; one of this name is replaced.
    """

    def __init__(self, name: str) -> None:
        self.frames = Mailbox[FrameResult]()
        self.progress = 0.0
        self.hint = ""
        self._name = name
        self._cancelled = False

    def record(self) -> NeutralProfile | None:
        """Record and save; None where it was cancelled.

        Raises:
            ProfileError: there is no face, several, or it is not seen well or still enough.
        """
        profile = record(self._name, self._results(), report=self._note)
        if self._cancelled:
            return None
        save_profile(profile)
        return profile

    def end(self) -> None:
        """No more results will come: make do with what was recorded."""
        self.frames.poke()

    def cancel(self) -> None:
        """Stop, and keep nothing."""
        self._cancelled = True
        self.end()

    def _note(self, progress: float) -> None:
        self.progress = progress

    def _results(self) -> Iterator[FrameResult]:
        watch = RestWatch(tr)
        before_s = -math.inf
        while (result := self.frames.wait()) is not None:
            if result.frame.clock_s < before_s:
                return  # the clip begins again
            before_s = result.frame.clock_s
            self.hint = watch.look(result)
            yield result
