"""Files that hold what was seen of people: readable by the user alone, never left half-written."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ferdesk.core.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


def make_folder(path: Path) -> None:
    """Make a folder for results, open to the user alone; one that is there stays as it is.

    Raises:
        OutputError: it cannot be made, or something else has its name.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise failed(path, error) from error


def failed(path: Path, error: OSError) -> OutputError:
    """The error to raise when `path` cannot be written."""
    return OutputError(f"{path} cannot be written: {error.strerror or error}.")


class PrivateFile(io.FileIO):
    """A new file of mode 0600 that keeps what was written well when a later write fails.

    When a write fails, because the disk is full say, all that came after the last `keep` is taken
    away. From then on the file stays as it is: writes do nothing, `error` says why.

    Args:
        path: the file; what it held before is lost.

    Raises:
        OutputError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: OSError | None = None
        self._kept = 0
        try:
            super().__init__(path, "w", opener=_open_private)
        except OSError as error:
            raise failed(path, error) from error

    def keep(self) -> None:
        """Say that what was written so far is whole."""
        self._kept = os.fstat(self.fileno()).st_size

    def write(self, data: "Buffer", /) -> int:
        """Write all of `data` at the place in the file; returns its length.

        Raises:
            OSError: this is the write that failed.
        """
        rest = memoryview(data).cast("B")
        size = len(rest)
        if self.error is not None:
            return size
        start = self.tell()
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
            self.truncate(self._kept)
            self.seek(start)
            raise
        return size


def _open_private(name: str, flags: int) -> int:
    handle = os.open(name, flags, 0o600)
    if hasattr(os, "fchmod"):  # a file from before may have been open to others
        os.fchmod(handle, 0o600)
    return handle
