"""What can go wrong in training besides the data, which has `ferdesk.core.errors.DataError`."""

import errno

from ferdesk.core.errors import FerdeskError


class TrainError(FerdeskError):
    """A recipe, a run or a checkpoint cannot be used; the message says what to do."""


class StoppedError(FerdeskError):
    """A signal stopped the training after its state was saved.

    Attributes:
        signum: the signal; a shell expects the exit code 128 + signum.
    """

    def __init__(self, message: str, signum: int) -> None:
        super().__init__(message)
        self.signum = signum


def write_failure(path: object, error: OSError) -> str:
    """One line that says why `path` could not be written and what helps."""
    if error.errno == errno.ENOSPC:
        return f"Cannot write {path}: the disk is full. Free some space, then run again."
    return f"Cannot write {path}: {error.strerror or error}."
