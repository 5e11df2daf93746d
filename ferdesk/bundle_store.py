"""The installed bundles, whatever they are for: what they say, and adding and removing them.

A bundle that is added may come from a stranger. It is copied first and judged then, so that what
was judged is what is kept.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ferdesk import resources
from ferdesk.bundles import Task, all_bundles
from ferdesk.core.au_bundle import AuBundle
from ferdesk.core.bundle import (
    MANIFEST,
    MODEL,
    PROGRAM,
    REFERENCE,
    Bundle,
    ModelBundle,
    read_description,
    read_task,
)
from ferdesk.core.errors import BundleError, FerdeskError, ModelError
from ferdesk.core.svm_bundle import SVMS, SvmBundle, read_svm_bundle

KINDS: Final[Mapping[Task, type[Bundle]]] = {
    "expression": ModelBundle,
    "action_units": AuBundle,
    "au_svm": SvmBundle,
}
"""What there are bundles for."""

MAX_BYTES: Final = 1_000_000_000
"""Of a bundle's files together."""
_KNOWN_FILES: Final = frozenset({MODEL, PROGRAM, REFERENCE, SVMS})
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Installed:
    """A bundle that can be chosen by name.

    Attributes:
        name: its folder's.
        folder: where it lies.
        own: whether the user put it there; the others came with ferdesk.
        bundle: what it says of itself; None where that cannot be read.
        trouble: why not.
    """

    name: str
    folder: Path
    own: bool
    bundle: Bundle | None
    trouble: str = ""


def list_bundles() -> tuple[Installed, ...]:
    """All of them, by task; their files are not looked at, see `verify`."""
    order = [*KINDS, ""]
    found = [_describe(folder) for folder in all_bundles()]
    return tuple(sorted(found, key=lambda one: order.index(one.bundle.task if one.bundle else "")))


def find_installed(name: str) -> Installed:
    """The bundle of a name.

    Raises:
        BundleError: there is none.
    """
    for one in list_bundles():
        if one.name == name:
            return one
    known = ", ".join(one.name for one in list_bundles()) or "none"
    raise BundleError(f"No bundle named {name!r}. Installed: {known}.")


def verify(folder: Path) -> Bundle:
    """Check a bundle as far as it can be checked.

    That is its description, the hash of every file, and whether its net answers as it did where it
    was made, or whether its machines are sound.

    Raises:
        BundleError, ModelError: it is not what it should be.
    """
    bundle = _read_any(folder)
    if isinstance(bundle, SvmBundle):
        return read_svm_bundle(folder, bundle.estimator)[0]
    # Only here, since it loads the engines.
    from ferdesk.aus.native import NativeEstimator
    from ferdesk.expression import ExpressionNet

    opened = (NativeEstimator if isinstance(bundle, AuBundle) else ExpressionNet)(folder)
    opened.close()
    return opened.bundle


def add(folder: Path) -> Installed:
    """Copy a bundle into the user's folder, and check the copy before it can be chosen.

    Files that its description does not list are left behind.

    Args:
        folder: the bundle's folder, wherever it is.

    Raises:
        BundleError, ModelError: it is not sound, too large, holds links or files that no bundle
            has, or its name is taken; nothing is left of it then.
    """
    described = _read_any(folder)
    home = resources.bundle_folders()[0]
    taken = {one.name.casefold() for one in list_bundles()}
    if described.name.casefold() in taken or (home / described.name).exists():
        raise BundleError(
            f"There is a bundle named {described.name} already. Remove it first, or give this one "
            f"another name in its {MANIFEST}."
        )
    if foreign := sorted(set(described.files) - _KNOWN_FILES):
        raise BundleError(f"{folder} lists {foreign[0]}, which no bundle has.")
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Beside the folder of bundles: a draft must not be found among them.
        draft = Path(tempfile.mkdtemp(prefix="adding-", dir=home.parent))
    except OSError as error:
        raise BundleError(f"{home} cannot be written: {error.strerror or error}.") from error
    try:
        left = MAX_BYTES
        for name in (MANIFEST, *described.files):
            left -= _copy(folder / name, draft / name, left)
        if _verify_copy(draft, folder).name != described.name:
            raise BundleError(f"{folder} changed while it was copied. Try again.")
        draft.rename(home / described.name)
    except OSError as error:
        raise BundleError(f"{folder} cannot be copied: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _describe(home / described.name)


def _verify_copy(draft: Path, folder: Path) -> Bundle:
    """`verify`, with complaints about the place that the user knows."""
    try:
        return verify(draft)
    except (BundleError, ModelError) as error:
        raise type(error)(str(error).replace(str(draft), str(folder))) from error


def remove(name: str) -> None:
    """Delete one of the user's bundles.

    Raises:
        BundleError: there is none of this name, it came with ferdesk, or it cannot be deleted.
    """
    found = find_installed(name)
    if not found.own:
        raise BundleError(f"{name} came with ferdesk and stays. Only added bundles can be removed.")
    try:
        if found.folder.is_symlink():
            found.folder.unlink()
        else:
            shutil.rmtree(found.folder)
    except OSError as error:
        raise BundleError(
            f"{found.folder} cannot be deleted: {error.strerror or error}."
        ) from error


def _describe(folder: Path) -> Installed:
    own = folder.parent == resources.bundle_folders()[0]
    try:
        return Installed(folder.name, folder, own, _read_any(folder))
    except FerdeskError as error:
        return Installed(folder.name, folder, own, None, str(error))


def _read_any(folder: Path) -> Bundle:
    task = read_task(folder)
    kind = next((kind for known, kind in KINDS.items() if known == task), None)
    if kind is None:
        raise BundleError(
            f"{folder} is a bundle for the task {task[:40]!r}; known are {', '.join(KINDS)}."
        )
    return read_description(folder, kind)


def _copy(source: Path, target: Path, limit: int) -> int:
    """Copy a plain file, open to the user alone; returns its bytes."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        # A named pipe would wait for ever for someone to write.
        handle = os.open(source, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        link = source.is_symlink()
        why = "it is a link" if link else error.strerror or str(error)
        raise BundleError(f"{source} is not taken: {why}.") from error
    with os.fdopen(handle, "rb") as file:
        if source.is_symlink() or not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BundleError(f"{source} is not taken: it is no plain file.")
        if os.fstat(handle).st_size > limit:
            raise _too_large(source)
        fresh = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        created = os.open(target, fresh, 0o600)
        with os.fdopen(created, "wb") as copy:
            return _pour(file, copy, limit, source)


def _pour(file: BinaryIO, copy: BinaryIO, limit: int, source: Path) -> int:
    done = 0
    while chunk := file.read(_CHUNK):
        done += len(chunk)
        if done > limit:  # it grows while it is read
            raise _too_large(source)
        copy.write(chunk)
    return done


def _too_large(source: Path) -> BundleError:
    return BundleError(f"{source} is not taken: a bundle has {MAX_BYTES / 1e6:,.0f} MB at most.")
