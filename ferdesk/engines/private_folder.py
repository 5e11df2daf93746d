"""Folders whose files are trusted because nobody else can write into them."""

import os
import stat
from pathlib import Path

from ferdesk.core.errors import EngineError


def private_folder(path: Path) -> Path:
    """Make a folder that is the user's alone, or make sure that one that is there is so.

    What it holds has to be the user's own as well; its permissions do not matter, for nobody else
    gets that far. On Windows the user's folders are closed to other users by their access lists,
    which are not looked at.

    Args:
        path: the folder; its parent is checked too, so that nobody can put another in its place.

    Returns:
        The same path.

    Raises:
        EngineError: it cannot be made, others can get into it, or it holds what is not the user's.
    """
    try:
        for folder in (*reversed(path.parents), path):  # `parents` would open those on the way
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        if hasattr(os, "getuid"):
            _check(path.parent, stat.S_IWGRP | stat.S_IWOTH)
            _check(path, stat.S_IRWXG | stat.S_IRWXO)
            for found in path.rglob("*"):
                _check(found, 0)
    except OSError as error:
        raise EngineError(f"{path} cannot be used: {error.strerror or error}.") from error
    return path


def _check(path: Path, forbidden: int) -> None:
    """Refuse what is no plain file or folder of the user's, or has such permissions."""
    found = path.lstat()
    plain = stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)
    if not plain or found.st_uid != os.getuid() or found.st_mode & forbidden:
        raise EngineError(
            f"{path} is not yours alone, so what lies there is not trusted. Delete it: it is made "
            "anew."
        )
