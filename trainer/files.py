"""Files appear whole or not at all: written beside their place, then renamed over it."""

import os
from collections.abc import Callable
from pathlib import Path

from ferdesk.core.errors import OutputError
from trainer.errors import write_failure

MODE = 0o644


def write_with(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file, then move it to `path`.

    Args:
        path: the final place; its folder must exist.
        write: gets the temporary path, which has the same suffix.

    Raises:
        OutputError: no space, no permission or no such folder; `path` is as it was before.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        temporary.chmod(MODE)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(write_failure(path, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(data)

    write_with(path, fill)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` in one step."""
    write_bytes(path, text.encode())
