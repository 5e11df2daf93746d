"""Files and folders that are sources, or have sources in them."""

import os
from collections.abc import Iterator
from pathlib import Path

from ferdesk.core.errors import SourceError
from ferdesk.sources.images import PICTURE_SUFFIXES, natural_key
from ferdesk.sources.video import VIDEO_SUFFIXES


def existing(name: str | Path) -> Path | None:
    """The file or folder of a name; None where there is none, or nobody may look."""
    path = Path(name)
    if not str(name).strip():  # which pathlib takes for the folder we are in
        return None
    try:
        path.stat()
    except (OSError, ValueError):  # no such file, no permission, too long, no name at all
        return None
    return path


def videos_in(
    folder: Path, *, recursive: bool = False, without: Path | None = None
) -> tuple[Path, ...]:
    """The videos of a folder, by their file names; hidden files are passed over.

    Args:
        folder: where to look.
        recursive: look into the folders below as well, but not through links.
        without: a folder below that is left out.

    Returns:
        In natural order of their paths; none where it is a folder of pictures, which is one source.

    Raises:
        SourceError: it has neither, or both, or cannot be read; or pictures where only videos can
            be meant, for being searched with the folders below.
    """
    found = list(_files(folder, recursive, without))
    videos = [path for path in found if path.suffix.lower() in VIDEO_SUFFIXES]
    pictures = any(path.suffix.lower() in PICTURE_SUFFIXES for path in found)
    if not videos and not pictures:
        raise SourceError(f"The folder {folder} has no videos or pictures in it.")
    if videos and pictures:
        raise SourceError(
            f"The folder {folder} has both videos and pictures in it. Name the files that you "
            f"mean, such as {folder / ('*' + videos[0].suffix)}."
        )
    if pictures and recursive:
        raise SourceError(f"The folder {folder} has no videos in it; --recursive is for those.")

    def place(path: Path) -> list[tuple[tuple[bool, int, str], ...]]:
        return [natural_key(part) for part in path.relative_to(folder).parts]

    return tuple(sorted(videos, key=place))


def _files(folder: Path, recursive: bool, without: Path | None) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror or error}.") from error

    left_out = None if without is None else without.resolve()
    for at, folders, names in os.walk(folder, onerror=fail):
        here = Path(at)
        folders[:] = [
            name
            for name in folders
            if recursive and not name.startswith(".") and (here / name).resolve() != left_out
        ]
        for name in names:
            path = existing(here / name)
            if path is not None and path.is_file() and not name.startswith("."):
                yield path
