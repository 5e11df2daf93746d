"""One analysis in a process of its own: a crash of it takes nothing else down."""

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, Final, NamedTuple

from ferdesk.progress_lines import Step, step_of
from ferdesk.summary import Summary

GRACE_S: Final = 5.0
"""For a process that is to stop to finish its files."""

_LONGEST_LINE: Final = 1_000_000
_LINES_KEPT: Final = 20
_NICER: Final = 5
"""By so much the window goes before the analyses."""

_WINDOWS_FLAGS: Final[int] = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(
    subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0
)


class Ending(NamedTuple):
    """How a process ended.

    Attributes:
        code: its exit code; negative where a signal ended it.
        summary: what the analysis came to; None where it did not say.
        said: the last lines that it wrote for people.
    """

    code: int
    summary: Summary | None
    said: str

    @property
    def why(self) -> str:
        """Why there is no summary."""
        if self.code >= 0:
            return self.said or f"The analysis ended without a result (exit code {self.code})."
        try:
            name = signal.Signals(-self.code).name
        except ValueError:
            name = f"signal {-self.code}"
        hint = " The memory may have been full: analyse fewer files at once." * (name == "SIGKILL")
        said = f"\n{self.said}" if self.said else ""
        return f"The analysis was ended from outside, or crashed ({name}).{hint}{said}"


class Child:
    """A process that analyses one file. `run` in one thread; `stop` from any.

    Args:
        command: the whole command line, with progress as lines of JSON.
        told: is told how it goes on, in the thread of `run`.
    """

    def __init__(self, command: Sequence[str], told: Callable[[Step], None]) -> None:
        self._command = tuple(command)
        self._told = told
        self._lock = threading.Lock()
        self._stopped = False
        self._process: subprocess.Popen[str] | None = None
        self._killer: threading.Timer | None = None

    @property
    def pid(self) -> int | None:
        """Of the process while there is one."""
        return None if self._process is None else self._process.pid

    def run(self) -> Ending:
        """Run it to its end.

        Raises:
            OSError: it cannot be started.
        """
        with self._lock:
            if self._stopped:
                return Ending(-signal.SIGTERM, None, "")
            # In a session of its own: Ctrl-C in a terminal is for the window, which then stops it.
            self._process = process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                creationflags=_WINDOWS_FLAGS,
            )
        _be_nice(process.pid)
        try:
            with process:
                summary, said = self._listen(process.stderr)
        finally:
            with self._lock:
                self._process = None
                killer, self._killer = self._killer, None
            if killer is not None:
                killer.cancel()
                killer.join()
        return Ending(process.returncode, summary, said)

    def stop(self) -> None:
        """Ask it to finish its files and end; one that does not is killed after a while.

        On Windows, where nobody can ask, it is ended at once: its files are whole but for the last
        moment.
        """
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            if self._process is not None:
                self._process.terminate()
                self._killer = threading.Timer(GRACE_S, self._kill)
                self._killer.name = "ferdesk-queue-kill"
                self._killer.daemon = True
                self._killer.start()

    def _kill(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def _listen(self, lines: IO[str] | None) -> tuple[Summary | None, str]:
        summary: Summary | None = None
        said: deque[str] = deque(maxlen=_LINES_KEPT)
        if lines is not None:
            for line in iter(partial(lines.readline, _LONGEST_LINE), ""):
                step = step_of(line)
                if step is None:
                    said.append(line.rstrip()[:1000])
                elif step.summary is not None:
                    summary = step.summary
                else:
                    self._told(step)
        return summary, "\n".join(said).removeprefix("ferdesk: ")


def _be_nice(pid: int) -> None:
    if hasattr(os, "setpriority"):
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, pid, min(19, ours + _NICER))
