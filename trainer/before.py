"""Runs that start from other runs: where those lie, and which weights they had.

The run of a recipe that starts from "@other" finds other's run beside itself. Of a fold, that is
the same fold of the other, if the other has folds.
"""

import re
from pathlib import Path
from typing import Any, Final

from trainer.errors import TrainError
from trainer.recipes import RECIPES, Recipe
from trainer.runs import RunFolder
from trainer.tables import digest

MARK: Final = "@"
_FOLD: Final = re.compile(r"fold-\d+", re.ASCII)


def run_before(name: str, folder: Path) -> Path:
    """Where the run of the recipe `name` lies, for the run in `folder`.

    Raises:
        TrainError: there is no such recipe.
    """
    has_folds = bool(RECIPES.get(name).protocol)
    if not _FOLD.fullmatch(folder.name):
        return folder.parent / name
    whole = folder.parent.parent / name
    return whole / folder.name if has_folds else whole


def resolved(recipe: Recipe, folder: Path) -> Recipe:
    """A recipe whose "@other" are paths.

    Args:
        recipe: whose run is in `folder`.
        folder: the run's.

    Raises:
        TrainError: there is no such run yet.
    """

    def path(text: str) -> str:
        if not text.startswith(MARK):
            return text
        run = RunFolder(run_before(text[1:], folder))
        if not run.best.is_file():
            raise TrainError(
                f"{recipe.name} starts from the run of {text[1:]}, which is not in "
                f"{run.folder}: train that first, or let `reproduce` or `cv` do all of it."
            )
        return str(run.folder)

    teachers = tuple(map(path, recipe.teachers))
    paths = {"face": path(recipe.face), "weights": path(recipe.weights), "teachers": teachers}
    return recipe.model_copy(update=paths)


def digests(recipe: Recipe, folder: Path) -> dict[str, str]:
    """SHA-256 of the weights that the run in `folder` starts from, by recipe.

    Raises:
        TrainError: they cannot be read.
    """
    return {name: digest(RunFolder(run_before(name, folder)).best) for name in recipe.after}


def other_starts(recipe: Recipe, run: RunFolder) -> dict[str, tuple[Any, Any]]:
    """The runs that a run started from and that have other weights by now: (then, now)."""
    if not recipe.after or not run.about.is_file():
        return {}
    there, here = run.read_about().get("before", {}), digests(recipe, run.folder)
    return {
        f"the run of {name}": (str(there.get(name))[:8], here[name][:8])
        for name in here
        if there.get(name) != here[name]
    }
