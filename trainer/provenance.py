"""What a bundle says about where its net is from: data, terms, teachers, how it was chosen."""

from pathlib import Path
from typing import Final

from ferdesk.bundles import find_bundle
from ferdesk.core.bundle import ModelBundle, TrainingData, read_bundle
from ferdesk.core.errors import BundleError
from trainer.datasets import DATASETS, Faces
from trainer.datasets.base import DROPPED
from trainer.errors import TrainError
from trainer.recipes import Recipe
from trainer.runs import RunFolder

Value = str | int | float | bool | None
IMAGENET: Final = "imagenet"
_FER2013_CROPS: Final = ("ferplus", "fer2013")
_FER2013_SIDE: Final = 48


def teacher_names(teachers: str) -> tuple[str, ...]:
    """The names in a recipe's `teachers`.

    Raises:
        TrainError: a comma with nothing before or after it, or nothing at all.
    """
    names = tuple(name.strip() for name in teachers.split(","))
    if not all(names):
        raise TrainError(f"teachers={teachers!r}: write runs or bundles, with commas between them.")
    return names


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


def part_name(recipe: Recipe, part: str) -> str:
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
    own = _entry(recipe, train.part, int((train.labels != DROPPED).sum()))
    others: list[TrainingData] = []
    for name in teacher_names(recipe.teachers) if recipe.teachers else ():
        others += _data_of(name)
    start = run_folder(recipe.weights) if recipe.weights else None
    if start is not None:
        others += _data_of_run(start)
    return tuple(dict.fromkeys((own, *others)))


def licence(data: tuple[TrainingData, ...]) -> str:
    """The weights' own licence, and the terms of all that they were made from."""
    terms = "; ".join(dict.fromkeys(entry.terms for entry in data))
    return f"Weights: Apache-2.0. They were made from data with terms of its own: {terms}"


def recipe_values(recipe: Recipe) -> dict[str, Value]:
    """A recipe as a bundle keeps it: of files and folders only the last name."""
    values: dict[str, Value] = recipe.model_dump(exclude={"title", "paper"})
    values["weights"] = Path(recipe.weights).name
    values["teachers"] = ",".join(_short(recipe.teachers))
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
            f"It was distilled from {', '.join(_short(recipe.teachers))}: their mean answer is "
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


def _short(teachers: str) -> list[str]:
    return [Path(name).name for name in teacher_names(teachers)] if teachers else []


def _entry(recipe: Recipe, part: str, images: int) -> TrainingData:
    dataset = DATASETS.get(recipe.dataset)
    return TrainingData(
        name=dataset.title, part=part_name(recipe, part), images=images, terms=dataset.terms
    )


def _data_of(teacher: str) -> tuple[TrainingData, ...]:
    run = run_folder(teacher)
    if run is not None:
        return _data_of_run(run)
    return read_bundle(teacher_bundle(teacher), ModelBundle).training_data


def _data_of_run(run: RunFolder) -> tuple[TrainingData, ...]:
    recipe = run.read_recipe()
    images = run.read_about().get("train_images")
    if type(images) is not int or images < 1:
        raise TrainError(f"{run.about} does not say how many train_images there were.")
    others = tuple(
        entry
        for name in (teacher_names(recipe.teachers) if recipe.teachers else ())
        for entry in _data_of(name)
    )
    return (_entry(recipe, "train", images), *others)
