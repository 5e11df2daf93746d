"""What a queue shows of its files, and of all together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ferdesk.sessions.schema import ENDING
from ferdesk.summary import Summary

State = Literal["waiting", "running", "done", "failed", "cancelled", "before"]
"""`before`: an earlier run did it."""

ENDED: Final = frozenset[State]({"done", "failed", "cancelled", "before"})

_LEAST_SHARE: Final = 0.01
"""What is done below this says nothing about how long the rest takes."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a queue.

    Attributes:
        id: its number in the queue, never used again.
        spec: the file or folder.
        state: how far it is.
        size: in bytes; says how long it takes, compared with others.
        frames: done so far.
        total: about how many it has; None where that is unknown.
        seconds: since its first frame was asked for.
        stopping: whether it is to end and still finishes its files.
        in_run: whether it belongs to what was started last.
        summary: what it came to; None until it ended, and where its process did not say.
        error: why it failed; empty where it did not.
    """

    id: int
    spec: str
    state: State = "waiting"
    size: int = 0
    frames: int = 0
    total: int | None = None
    seconds: float = 0.0
    stopping: bool = False
    in_run: bool = False
    summary: Summary | None = None
    error: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(self.spec).name or self.spec

    @property
    def share(self) -> float | None:
        """How much of it is done, 0..1; None where nobody knows."""
        if self.state in ("done", "before"):
            return 1.0
        if self.state == "waiting":
            return 0.0
        return min(1.0, self.frames / self.total) if self.total else None

    @property
    def fps(self) -> float:
        """Frames a second, on average; 0 where there is none yet."""
        if self.summary is not None:
            return self.summary.fps
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until it is done, at this pace; None where nobody knows."""
        if self.state != "running" or not self.total or not self.frames:
            return None
        return max(0, self.total - self.frames) / self.fps if self.fps else None

    @property
    def session(self) -> Path | None:
        """The session that was made of it."""
        files = () if self.summary is None else self.summary.files
        return next((Path(file) for file in files if file.endswith(ENDING)), None)


class Totals(NamedTuple):
    """How far what was started is.

    Attributes:
        ended: files that are done, failed, or were cancelled.
        files: all of them.
        share: how much is done, 0..1, by the files' sizes.
        left_s: seconds until all is done; None where nobody knows.
    """

    ended: int = 0
    files: int = 0
    share: float = 0.0
    left_s: float | None = None


def totals(items: Sequence[Item], elapsed_s: float) -> Totals:
    """How far what was started is.

    Args:
        items: all of the queue.
        elapsed_s: seconds since it was started.
    """
    run = [item for item in items if item.in_run]
    ended = sum(item.state in ENDED for item in run)
    # What failed, was cancelled or done before took no time that says anything about the rest.
    timed = [item for item in run if item.state in ("waiting", "running", "done")]
    size = sum(max(1, item.size) for item in timed)
    done = sum(max(1, item.size) * (item.share or 0.0) for item in timed)
    share = done / size if size else 1.0
    left_s = elapsed_s * (1 - share) / share if share > _LEAST_SHARE else None
    return Totals(ended, len(run), share, left_s if ended < len(run) else None)
