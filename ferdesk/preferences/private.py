"""Small private files, replaced as a whole: whoever reads one finds the old or the new."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ferdesk.core.errors import PreferencesError


def replace_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 under another name and give it its own; its folder is made.

    Args:
        path: the file; where it is a link, what it points to is replaced.
        text: all that it will hold.

    Raises:
        PreferencesError: it cannot be written; what it held before is still there.
    """
    target = path.resolve()
    draft: Path | None = None
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A name of its own: two programs may write at once. Made with mode 0600.
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        draft = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        if draft is not None:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise PreferencesError(
            f"{path} cannot be written: {error.strerror or error}. What was changed holds until "
            "the program ends."
        ) from error


def read_limited(path: Path, most: int) -> str:
    """Read a text file of at most so many bytes.

    Raises:
        FileNotFoundError: there is none.
        PreferencesError: it cannot be read, is larger, or is no UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise PreferencesError(f"{path} has more than {most:,} bytes.")
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise PreferencesError(f"{path} cannot be read: {error}.") from error
