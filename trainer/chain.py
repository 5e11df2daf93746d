"""Trainings that need other trainings before them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trainer.before import run_before
from trainer.datasets.folds import of_fold
from trainer.recipes import RECIPES, Recipe
from trainer.tasks import Place, Result, Training, finish_run, run_tasks

Changes = Mapping[str, dict[str, str]]
"""Values to be set, as texts, by recipe."""


def with_before(training: Training, changes: Changes) -> Training:
    """A training together with those that it starts from, and that those start from.

    Args:
        training: alone.
        changes: of the recipes before it.

    Raises:
        TrainError: there is no such recipe, or a value does not fit.
    """
    return replace(
        training,
        before=tuple(
            with_before(
                replace(
                    training,
                    recipe=of_fold(recipe, training.recipe.fold) if recipe.protocol else recipe,
                    folder=run_before(recipe.name, training.folder),
                ),
                changes,
            )
            for recipe in recipes_before(training.recipe, changes)
        ),
    )


def recipes_before(recipe: Recipe, changes: Changes) -> tuple[Recipe, ...]:
    """The recipes whose runs a recipe's starts from, without those before them."""
    return tuple(RECIPES.get(n).override(changes.get(n, {})) for n in recipe.after)


def all_before(recipe: Recipe, changes: Changes) -> tuple[Recipe, ...]:
    """The recipes that a recipe starts from, and that those start from, each once."""
    found: dict[str, Recipe] = {}
    for earlier in recipes_before(recipe, changes):
        found |= {one.name: one for one in all_before(earlier, changes)}
        found[earlier.name] = earlier
    return tuple(found.values())


def finish_shared(trainings: Sequence[Training], place: Place) -> None:
    """Finish what several trainings start from, so that no two of them do it at the same time.

    What goes wrong is said, and then again by each that needs it.

    Raises:
        StoppedError: a signal; it says how to go on.
    """
    shared = {one.folder: one for training in trainings for one in _without_folds(training)}
    run_tasks(_finish, list(shared.values()), place)


def _finish(training: Training) -> Result:
    finish_run(training)
    return {}


def _without_folds(training: Training) -> list[Training]:
    """Those before it, the first first, that are the same for every fold."""
    found = []
    for one in training.before:
        found += _without_folds(one)
        if not one.recipe.protocol:
            found.append(one)
    return found
