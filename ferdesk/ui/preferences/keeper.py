"""Holds the preferences for the window: whoever changes one tells it, and it tells everybody."""

import threading
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from ferdesk.preferences.file import write
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import TABLE, Value, by_key
from ferdesk.ui.worker import Jobs

SAVE_AFTER_MS: Final = 400
"""Changes that follow each other closely, as of a number that is stepped, are stored together."""


class PreferencesKeeper(QObject):
    """The snapshot of now; stores what changes, off the UI thread.

    Args:
        preferences: as they were loaded.
        jobs: does the writing.
        path: the file; by default the user's.
        parent: as for every QObject.
    """

    changed = Signal(Preferences)
    """With the new snapshot, at once."""

    failed = Signal(str)
    """They cannot be stored; for people. The snapshot holds all the same."""

    kept_aside = Signal(Path)
    """The file there was could not be read, and lies here now."""

    def __init__(
        self,
        preferences: Preferences,
        jobs: Jobs,
        path: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._now = preferences
        self._jobs = jobs
        self._path = path
        self._waiting: dict[str, Value | None] = {}
        self._writing = False
        self._file = threading.Lock()
        self._timer = QTimer(self, singleShot=True)
        self._timer.setInterval(SAVE_AFTER_MS)
        self._timer.timeout.connect(self._write)

    @property
    def now(self) -> Preferences:
        """The preferences that hold."""
        return self._now

    def set(self, key: str, value: Value) -> None:
        """Change one.

        Raises:
            PreferencesError: there is no such key, or the value is out of range.
        """
        row = by_key(key)
        after = row.changed(self._now, value)
        if row.value(after) != row.value(self._now):
            self._take(after, {key: row.value(after)})

    def reset(self, *keys: str) -> None:
        """Take some back to their defaults; all where none is named.

        Raises:
            PreferencesError: there is no such key.
        """
        rows = [by_key(key) for key in keys] or list(TABLE.values())
        after = self._now
        for row in rows:
            after = row.changed(after, row.default)
        # Also those that did not change: the file may have something unsound for them.
        self._take(after, dict.fromkeys((row.key for row in rows), None))

    def close(self) -> None:
        """Store at once what still waits, before the jobs are waited for."""
        self._timer.stop()
        if self._waiting:
            self._submit()

    def _take(self, after: Preferences, changes: dict[str, Value | None]) -> None:
        before, self._now = self._now, after
        self._waiting |= changes
        self._timer.start()
        if before != after:
            self.changed.emit(after)

    def _write(self) -> None:
        if self._waiting and not self._writing:  # else `_written` comes back to what waits
            self._submit()

    def _submit(self) -> None:
        waiting, self._waiting = self._waiting, {}
        self._writing = True

        def work() -> Path | None:
            with self._file:
                return write(waiting, self._path)

        self._jobs.submit(work, self._written, self._not_written)

    def _written(self, kept: Path | None) -> None:
        self._writing = False
        if kept is not None:
            self.kept_aside.emit(kept)
        self._write()

    def _not_written(self, error: Exception) -> None:
        self._writing = False
        self.failed.emit(str(error))
        self._write()
