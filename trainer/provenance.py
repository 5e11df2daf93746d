"""What a bundle says about where its net is from: data, terms, teachers, how it was chosen."""

from pathlib import Path
from typing import Final

import numpy as np

from ferdesk.bundles import find_bundle
from ferdesk.core.bundle import ModelBundle, TrainingData, read_bundle
from ferdesk.core.errors import BundleError
from trainer.before import resolved
from trainer.datasets import DATASETS, Faces
from trainer.datasets.base import DROPPED
from trainer.datasets.parts import added, added_name
from trainer.errors import TrainError
from trainer.recipes import Recipe
from trainer.recipes.ali2020 import GanRecipe
from trainer.runs import RunFolder
from trainer.tables import portable
from trainer.weights import starting_bundle

Value = str | int | float | bool | None
IMAGENET: Final = "imagenet"
_FER2013_CROPS: Final = ("ferplus", "fer2013")
_FER2013_SIDE: Final = 48


def run_folder(name: str) -> RunFolder | None:
    """The run that lies at `name`, or None where it is no run's folder."""
    run = RunFolder(Path(name))
    return run if run.recipe.is_file() else None


def teacher_bundle(name: str) -> Path:
    """The bundle called `name`, by name or by folder.

    Raises:
        TrainError: there is neither a run nor a bundle there.
    """
    try:
        return find_bundle(name)
    except BundleError as error:
        raise TrainError(
            f"The teacher {name!r} is neither a run's folder nor a bundle: {error}"
        ) from (error)


def part_name(recipe: Recipe | GanRecipe, part: str) -> str:
    """A part, or which part of which fold, for the record."""
    return f"{recipe.protocol}, fold {recipe.fold}, {part}" if recipe.protocol else part


def training_data(recipe: Recipe, train: Faces) -> tuple[TrainingData, ...]:
    """What the net has seen: the recipe's own set, then what its teachers and first weights saw.

    Args:
        recipe: how it was trained.
        train: what it was trained on, to be counted.

    Raises:
        TrainError: a teacher is no longer there to be asked.
    """
    labelled = np.flatnonzero(train.labels != DROPPED).tolist()
    more: list[TrainingData] = []
    for dataset, part in added(recipe.also):
        begin = added_name(dataset, part)
        more.append(_of(dataset, part, sum(train.names[i].startswith(begin) for i in labelled)))
    own = _entry(recipe, train.part, len(labelled) - sum(entry.images for entry in more))
    return tuple(dict.fromkeys((own, *more, *_inherited(recipe))))


def licence(data: tuple[TrainingData, ...]) -> str:
    """The weights' own licence, and the terms of all that they were made from."""
    terms = "; ".join(dict.fromkeys(entry.terms for entry in data))
    return f"Weights: Apache-2.0. They were made from data with terms of its own: {terms}"


def recipe_values(recipe: Recipe) -> dict[str, Value]:
    """A recipe as a bundle keeps it: of files and folders only the last name."""
    values: dict[str, Value] = portable(recipe).model_dump(exclude={"title", "paper"})
    values["teachers"] = _short(recipe.teachers)
    return values


def notes(recipe: Recipe, valid: Faces) -> str:
    """How the epoch and the temperature were chosen, what the faces were, who helped."""
    votes = valid.votes is not None
    part = part_name(recipe, valid.part)
    said = [
        f"The epoch was chosen by {'plurality ' if votes else ''}accuracy on {part}, and the "
        f"temperature fitted to its {'plurality ' if votes else ''}labels by negative "
        "log-likelihood; the metrics are of the same part, so those chosen on it flatter a little."
    ]
    if recipe.dataset in _FER2013_CROPS:
        scaled = f", scaled to {recipe.size} x {recipe.size}" * (recipe.size != _FER2013_SIDE)
        said.append(f"Faces were FER2013's own 48 x 48 crops{scaled}.")
    else:
        said.append(
            "Pictures that are not face crops already were cropped as the app crops them, and all "
            f"were scaled to {recipe.size} x {recipe.size}."
        )
    if recipe.teachers:
        said.append(
            f"It was distilled from {_short(recipe.teachers)}: their mean answer is "
            f"{recipe.teachers_share:.0%} of what it was trained towards."
        )
    if recipe.weights:
        start = "weights trained on ImageNet" if recipe.weights == IMAGENET else "the weights of "
        name = "" if recipe.weights == IMAGENET else Path(recipe.weights).name
        said.append(f"It started from {start}{name}.")
    if recipe.auxiliary:
        terms = DATASETS.get(recipe.auxiliary).terms
        said.append(
            f"The genders and ages of {recipe.auxiliary} were learnt beside it (terms: {terms})."
        )
    return " ".join(said)


def _short(teachers: tuple[str, ...]) -> str:
    return ", ".join(Path(name).name for name in teachers)


def _entry(recipe: Recipe | GanRecipe, part: str, images: int) -> TrainingData:
    return _of(recipe.dataset, part_name(recipe, part), images)


def _of(name: str, part: str, images: int) -> TrainingData:
    dataset = DATASETS.get(name)
    return TrainingData(name=dataset.title, part=part, images=images, terms=dataset.terms)


def _inherited(recipe: Recipe) -> tuple[TrainingData, ...]:
    """What a net knows from its teachers, from its first weights and from its face net."""
    found: list[TrainingData] = []
    for name in recipe.teachers:
        found += _data_of(name)
    for start in (recipe.weights, recipe.face):
        run = run_folder(start) if start else None
        bundle = starting_bundle(start) if run is None else None
        if run is not None:
            found += _data_of_run(run)
        elif bundle is not None:
            found += read_bundle(bundle, ModelBundle).training_data
    return tuple(found)


def _data_of(teacher: str) -> tuple[TrainingData, ...]:
    run = run_folder(teacher)
    if run is not None:
        return _data_of_run(run)
    return read_bundle(teacher_bundle(teacher), ModelBundle).training_data


def _data_of_run(run: RunFolder) -> tuple[TrainingData, ...]:
    recipe = run.read_any_recipe()
    images = run.read_about().get("train_images")
    if type(images) is not int or images < 1:
        raise TrainError(f"{run.about} does not say how many train_images there were.")
    if isinstance(recipe, GanRecipe):
        start = run_folder(recipe.weights) if recipe.weights else None
        return (_entry(recipe, "train", images), *(_data_of_run(start) if start else ()))
    if not isinstance(recipe, Recipe):
        raise TrainError(f"{run.folder} is no run that an expression net could start from.")
    recipe = resolved(recipe, run.folder)
    if not recipe.epochs:  # it was only measured
        return _inherited(recipe)
    return (_entry(recipe, "train", images), *_inherited(recipe))
