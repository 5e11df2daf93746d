"""One engine runs while a better one is being built, and gives way between two batches."""

import logging
import threading
from collections.abc import Callable

from ferdesk.core.errors import FerdeskError
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines.base import Engine

log = logging.getLogger(__name__)

Report = Callable[[str], None]
"""Told in a few words how far a build is; called in the thread that builds."""

_LONGEST_REASON = 80
"""Characters of a failure's reason in an engine's name; the log has all of it."""


class SwappingEngine:
    """Runs an engine until the one that a thread of its own builds is ready.

    `run` never waits for the build. A build that fails changes nothing but the name, which then
    says why.
    """

    def __init__(self, first: Engine, label: str, build: Callable[[Report], Engine]) -> None:
        """Start building.

        Args:
            first: runs meanwhile; closed once it is not needed any more.
            label: what is being built, for people.
            build: builds it and checks it; called once, in another thread. A FerdeskError says
                why there will be none.
        """
        self._lock = threading.Lock()
        self._running = first
        self._next: Engine | None = None
        self._closed = False
        self._label = label
        self._state = f"building {label}"
        self._thread = threading.Thread(target=self._build, args=(build,), name=f"engine: {label}")
        self._thread.start()

    @property
    def name(self) -> str:
        """What runs, and what is being built or why there is no such thing."""
        with self._lock:
            return f"{self._running.name} ({self._state})" if self._state else self._running.name

    def run(self, batch: FloatArray | ImageU8) -> dict[str, FloatArray]:
        """See `Engine.run`; the new engine takes over here if it is ready."""
        with self._lock:
            old = self._running if self._next is not None else None
            if self._next is not None:
                self._running, self._next, self._state = self._next, None, ""
            running = self._running
        if old is not None:
            log.info("%s takes over from %s", running.name, old.name)
            old.close()
        return running.run(batch)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the build's end; whether it has ended. The next `run` takes what it gave."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Let go of the net, at once.

        A build cannot be stopped half-way. It ends by itself, and what it gave is closed then; the
        program does not exit before.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            left = [one for one in (self._running, self._next) if one is not None]
            self._next = None
        for one in left:
            one.close()

    def _build(self, build: Callable[[Report], Engine]) -> None:
        try:
            built = build(self._report)
        except FerdeskError as error:
            log.warning("no %s: %s", self._label, error)
            self._fail(str(error))
            return
        except Exception as error:  # of a library that cannot be tried on every machine
            log.exception("no %s", self._label)
            self._fail(f"{type(error).__name__}: {error}")
            return
        with self._lock:
            late = self._closed
            if not late:
                self._next, self._state = built, f"{self._label} is ready"
        if late:
            built.close()

    def _report(self, state: str) -> None:
        with self._lock:
            self._state = f"{self._label}: {state}"

    def _fail(self, why: str) -> None:
        with self._lock:
            self._state = f"no {self._label}: {shortened(why)}"


def shortened(why: str) -> str:
    """The beginning of a reason, on one line, as it fits into a status bar."""
    line = " ".join(why.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"
