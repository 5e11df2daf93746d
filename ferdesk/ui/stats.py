"""Figures of a run of the window, for kiosks and tests: how quick it was, and how smooth."""

import json
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer

from ferdesk.outputs.files import PrivateFile
from ferdesk.ui.live import LiveResult

_BEAT_MS: Final = 4
"""A timer that is late by so much says how long the UI thread was held up."""

_KEPT: Final = 200_000
"""Of each kind of figure: an hour and more at 30 frames a second."""


class RunStats(QObject):
    """Watches the UI thread and what is shown.

    Args:
        parent: lives as long.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._started_ns = process_start_ns()
        self._window_ns: int | None = None
        self._label_ns: int | None = None
        self._first_ns: int | None = None
        self._last_ns = 0
        self._shown = 0
        self._dropped = 0
        self._latencies_ms: deque[float] = deque(maxlen=_KEPT)
        self._held_ms: deque[float] = deque(maxlen=_KEPT)
        self._beat_ns = time.monotonic_ns()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(_BEAT_MS)

    def window_shown(self) -> None:
        """The window is there."""
        if self._window_ns is None:
            self._window_ns = time.monotonic_ns()

    def shown(self, live: LiveResult, shown_ns: int) -> None:
        """A result was painted for the first time."""
        if self._first_ns is None:
            self._first_ns = shown_ns
            self._held_ms.clear()  # what came before is the start, which has a figure of its own
        if self._label_ns is None and live.result.faces:
            self._label_ns = shown_ns
        self._last_ns = shown_ns
        self._shown += 1
        self._dropped = live.counters.dropped
        self._latencies_ms.append((shown_ns - live.result.frame.captured_ns) / 1e6)

    def to_dict(self) -> dict[str, Any]:
        """The figures; None where there was nothing to measure.

        `window_s` and `first_label_s` count from the start of the process; `ui_p99_ms` is how late
        something that the UI thread had to do every 4 ms was, 99 times of 100 at most, from the
        first picture on; latencies are from capture to paint.
        """
        seconds = (self._last_ns - self._first_ns) / 1e9 if self._first_ns is not None else 0.0
        return {
            "window_s": self._since_start(self._window_ns),
            "first_label_s": self._since_start(self._label_ns),
            "shown": self._shown,
            "fps": (self._shown - 1) / seconds if seconds > 0 else None,
            "ui_p99_ms": _quantile(self._held_ms, 0.99),
            "ui_max_ms": max(self._held_ms, default=None),
            "latency_p50_ms": _quantile(self._latencies_ms, 0.5),
            "latency_p95_ms": _quantile(self._latencies_ms, 0.95),
            "dropped": self._dropped,
            "rss_mb": memory_mb(),
        }

    def write(self, path: Path) -> None:
        """Write them as JSON, for the user alone.

        Raises:
            OutputError: the file cannot be made.
        """
        text = json.dumps(self.to_dict(), indent=2) + "\n"
        with PrivateFile(path) as file:
            file.write(text.encode())

    def _since_start(self, at_ns: int | None) -> float | None:
        return None if at_ns is None else (at_ns - self._started_ns) / 1e9

    def _beat(self) -> None:
        now = time.monotonic_ns()
        self._held_ms.append(max(0.0, (now - self._beat_ns) / 1e6 - _BEAT_MS))
        self._beat_ns = now


def process_start_ns() -> int:
    """When this process was started, by `time.monotonic_ns()`; Linux knows, else it is now."""
    stat = Path("/proc/self/stat")
    if not stat.exists():
        return time.monotonic_ns()
    # Field 22, in clock ticks since the machine started; the name before it may hold anything.
    ticks = int(stat.read_text().rpartition(")")[2].split()[19])
    since_boot_ns = ticks * 10**9 // os.sysconf("SC_CLK_TCK")
    return since_boot_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + time.monotonic_ns()


def memory_mb() -> float | None:
    """Memory that this process has in use now, in megabytes; None where the system does not say."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return None


def _quantile(values: deque[float], part: float) -> float | None:
    return float(np.quantile(values, part)) if values else None
