"""How an analysis goes on, as lines of JSON: for a program that started `ferdesk analyze`."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Literal, Self, TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from ferdesk.summary import Summary

_EVERY_S: Final = 0.2


class Step(BaseModel):
    """One line.

    Attributes:
        event: an input begins; some of its frames are done; what an input came to.
        name: of the source, where it begins.
        frames: done so far.
        total: about how many there are; None where that is unknown.
        seconds: since the first frame was asked for.
        summary: what it came to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Literal["begin", "frames", "result"]
    name: str = ""
    frames: int = 0
    total: int | None = None
    seconds: float = 0.0
    summary: Summary | None = None


class LineProgress:
    """Writes a line when an input begins, and a few a second while it goes on.

    Args:
        file: where lines go; standard error by default.
        clock: tells seconds.
    """

    def __init__(
        self, file: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = file or sys.stderr
        self._clock = clock
        self._total: int | None = None
        self._frames = 0
        self._began = 0.0
        self._told = 0.0

    def begin(self, name: str, frames: int | None) -> None:
        """Tell that an input begins."""
        self._total, self._frames = frames, 0
        self._began = self._told = self._clock()
        self._write(Step(event="begin", name=name, total=frames))

    def advance(self) -> None:
        """Count a frame, and tell it if the last line was a while ago."""
        self._frames += 1
        now = self._clock()
        if now - self._told >= _EVERY_S:
            self._told = now
            self._tell(now)

    def end(self, summary: Summary) -> None:
        """Tell how many frames were done in the end."""
        self._tell(self._clock())

    def results(self, summaries: Sequence[Summary]) -> None:
        """Tell what all inputs came to, those that were done before among them."""
        for summary in summaries:
            self._write(Step(event="result", summary=summary))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.flush()

    def _tell(self, now: float) -> None:
        done, seconds = self._frames, round(now - self._began, 3)
        self._write(Step(event="frames", frames=done, total=self._total, seconds=seconds))

    def _write(self, step: Step) -> None:
        # Of ASCII alone: names of files need not be valid text.
        line = json.dumps(step.model_dump(exclude_defaults=True))
        self._file.write(f"{line}\n")
        self._file.flush()


def step_of(line: str) -> Step | None:
    """What a line tells; None where it is a message for people."""
    if not line.startswith("{"):
        return None
    try:
        return Step.model_validate(json.loads(line))
    except (ValueError, ValidationError):
        return None
