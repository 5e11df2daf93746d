"""Exports reach their final name whole, or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ferdesk.core.errors import OutputError
from ferdesk.outputs.files import PrivateFile, failed
from ferdesk.sessions import schema

_OF_A_SESSION: Final = (schema.DATABASE, schema.VIDEO, schema.README)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[PrivateFile]:
    """A file, open for the user alone, that takes its name when all is written.

    A file of that name, from an earlier run say, is replaced then; when writing fails it stays as
    it was.

    Args:
        path: the final name.

    Raises:
        OutputError: it cannot be written, or belongs to a recorded session.
    """
    _check(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with PrivateFile(part) as file:
            yield file
            if file.error is not None:
                raise failed(path, file.error)
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise failed(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _check(path: Path) -> None:
    if path.is_dir():
        raise OutputError(f"{path} is a folder. Name a file.")
    if not path.parent.is_dir():
        raise OutputError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.name.startswith(_OF_A_SESSION) and (path.parent / schema.DATABASE).exists():
        raise OutputError(f"{path} belongs to a recorded session. Choose another name.")
