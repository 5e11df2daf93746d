"""Data sets that keep each clip's frames as pictures in a folder of its own."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from ferdesk.core.errors import DataError
from trainer.datasets.base import Sample
from trainer.datasets.listing import BadRows, is_picture, picture
from trainer.datasets.store import FolderStore, Store, ZipStore, open_store

_NUMBER: Final = re.compile(r"(\d{1,9})\.[A-Za-z]+", re.ASCII)


def kind(path: Path) -> Literal["file", "folder", ""]:
    """What lies at a path, "" where nothing or something else does; links are followed.

    Raises:
        DataError: that cannot be told.
    """
    try:
        return "file" if path.is_file() else "folder" if path.is_dir() else ""
    except OSError as error:
        raise DataError(f"Cannot look at {path}: {error.strerror or error}.") from error


def tops(store: Store) -> list[str]:
    """The names at a store's top, sorted; hidden ones are left out.

    Raises:
        DataError: it cannot be looked into.
    """
    if isinstance(store, FolderStore):
        try:
            names = {entry.name for entry in store.folder.iterdir()}
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"Cannot look into {store.folder}: {reason}.") from error
    else:
        names = {name.split("/")[0] for name in store.names()}
    return sorted(name for name in names if not name.startswith((".", "__MACOSX")))


def below(store: Store, folder: str) -> Store | None:
    """A folder inside a store, or None where it has none of that name.

    Args:
        store: where to look.
        folder: its path there, with forward slashes.

    Raises:
        DataError: it cannot be looked into.
    """
    if isinstance(store, ZipStore):
        inner = ZipStore(store.path, f"{store.prefix}{folder}/")
        return inner if inner.names() else None
    if not isinstance(store, FolderStore):
        return None
    path = store.folder / folder
    return FolderStore(path) if kind(path) == "folder" else None


def roots(path: Path) -> list[Store]:
    """What lies at `path` and, where that is one folder and nothing else, what lies in it.

    Raises:
        DataError: there is nothing, or it is neither a folder nor a zip.
    """
    store = open_store(path)
    names = tops(store)
    inner = below(store, names[0]) if len(names) == 1 else None
    return [store] if inner is None else [store, inner]


def clips(
    store: Store, subjects: "re.Pattern[str]", labels: Mapping[str, int], bad: BadRows
) -> list[Sample]:
    """Frames that lie as <subject>/<expression>/<number>.<suffix>, in the order of the clips.

    Folders at the top that are no subject's are passed over, and so are files that are no pictures.

    Args:
        store: the folder of the subjects' folders.
        subjects: what their names look like.
        labels: a subject's folders, in lower case, and the label of what is in them.
        bad: takes frames that lie elsewhere, or twice.

    Returns:
        One sample a frame; the sequence is "<subject>/<expression>", its frames count from 0 by
        their numbers.
    """
    found: dict[str, dict[int, str]] = {}
    for name in store.names():
        parts = name.split("/")
        if not is_picture(name) or not subjects.fullmatch(parts[0]):
            continue
        number = _NUMBER.fullmatch(parts[-1])
        if len(parts) != 3 or parts[1].lower() not in labels or number is None:
            expected = ", ".join(labels)
            bad.add(
                DataError(
                    f"{store.where(name)} is no frame of a clip: expected "
                    f"{parts[0]}/<expression>/<number>, the expression one of {expected}."
                )
            )
            continue
        frames = found.setdefault(f"{parts[0]}/{parts[1]}", {})
        other = frames.setdefault(int(number[1]), name)
        if other != name:
            bad.add(DataError(f"{store.where(name)} is there twice: {store.where(other)} too."))
    return [
        Sample(
            name,
            picture(store, name),
            label=labels[clip.split("/")[1].lower()],
            subject=clip.split("/")[0],
            sequence=clip,
            frame=place,
            frames=len(frames),
        )
        for clip, frames in sorted(found.items())
        for place, (_, name) in enumerate(sorted(frames.items()))
    ]
