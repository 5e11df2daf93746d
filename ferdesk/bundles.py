"""Which bundles are installed, and where one lies that somebody names."""

import re
from pathlib import Path
from typing import Literal

from ferdesk import resources
from ferdesk.core.bundle import MANIFEST, read_task
from ferdesk.core.errors import BundleError

Task = Literal["expression", "action_units", "au_svm"]


def find_bundle(name: str, task: Task = "expression") -> Path:
    """A bundle's folder, by name among the installed ones or by path.

    Args:
        name: its name, or its folder.
        task: what it has to be for; whether it is, `read_bundle` checks.

    Raises:
        BundleError: none there; the message names what is installed for the task.
    """
    if re.search(r"[\\/]", name) or Path(name, MANIFEST).is_file():
        return Path(name)
    for folder in resources.bundle_folders():
        if (folder / name / MANIFEST).is_file():
            return folder / name
    known = ", ".join(path.name for path in installed_bundles(task)) or "none"
    raise BundleError(f"No bundle named {name!r}. Installed: {known}.")


def installed_bundles(task: Task = "expression") -> tuple[Path, ...]:
    """The folders of all bundles for a task that can be chosen by name.

    One whose description cannot be read counts for every task, so that whoever opens it can say
    what is wrong.
    """
    return tuple(folder for folder in all_bundles() if _for(folder, task))


def all_bundles() -> tuple[Path, ...]:
    """The folders of all bundles; a user's own hides a shipped one of the same name."""
    found: dict[str, Path] = {}
    for folder in resources.bundle_folders():
        for manifest in sorted(folder.glob(f"*/{MANIFEST}")):
            found.setdefault(manifest.parent.name, manifest.parent)
    return tuple(found.values())


def _for(folder: Path, task: Task) -> bool:
    try:
        return read_task(folder) in (task, "")
    except BundleError:
        return True
