"""The GAN that gives a fold's net its encoder: trained on the fold's own people before the net."""

from pathlib import Path
from typing import Any, Final

from trainer.datasets.base import Faces
from trainer.errors import TrainError
from trainer.gan.train import train_gan
from trainer.recipes import Recipe
from trainer.recipes.ali2020 import GAN_RECIPES, GanRecipe
from trainer.runs import RunFolder

FOLDER: Final = "gan"
"""Where a run's own GAN lies in the run's folder."""
_LABELS: Final = frozenset({"name", "title", "paper"})


def gan_recipe(recipe: Recipe) -> GanRecipe:
    """How the GAN of a recipe's fold is trained.

    Args:
        recipe: names it in `gan`.

    Raises:
        TrainError: there is no such GAN recipe, a value does not fit, or it is for another net.
    """
    name, _, said = recipe.gan.partition(":")
    changes = dict(_pair(text) for text in said.split(",")) if said else {}
    found = GAN_RECIPES.get(name.strip()).override(changes)
    same = ("net", "size", "dataset", "protocol", "fold", "seed", "weights")
    return found.model_copy(update={key: getattr(recipe, key) for key in same})


def with_encoder(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the encoder of its own GAN as its first weights, if it names one.

    Args:
        recipe: how a net is trained.
        folder: of its run.
    """
    if not recipe.gan:
        return recipe
    return recipe.model_copy(update={"weights": str(folder / FOLDER)})


def gan_differences(recipe: Recipe, folder: Path) -> dict[str, tuple[Any, Any]]:
    """What the GAN in a run's folder has that the recipe's has not: key -> (there, here).

    Raises:
        TrainError: its recipe cannot be read.
    """
    run = RunFolder(folder / FOLDER)
    if not recipe.gan or not run.recipe.is_file():
        return {}
    theirs, ours = run.read_any_recipe().model_dump(), gan_recipe(recipe).model_dump()
    return {
        f"{FOLDER} {key}": (theirs.get(key), ours[key])
        for key in ours
        if key not in _LABELS and theirs.get(key) != ours[key]
    }


def finish_gan(recipe: Recipe, folder: Path, train: Faces, data: Path, *, replace: bool) -> None:
    """Train the GAN of a run to its end: not at all if it is there, else from its last state.

    Args:
        recipe: names it.
        folder: of the run.
        train: the faces that the run's net will learn from, too.
        data: where they came from.
        replace: start over.

    Raises:
        TrainError, StoppedError: as `trainer.gan.train.train_gan`.
    """
    run, wanted = RunFolder(folder / FOLDER), gan_recipe(recipe)
    there = run.last.is_file() and not replace
    if there and run.best.is_file() and len(run.read_metrics()) >= wanted.epochs:
        return
    train_gan(wanted, train, run, data=data, resume=there, fresh=replace)


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise TrainError(f"gan=...:{text}: write what differs as key=value, with commas between.")
    return key.strip(), value.strip()
