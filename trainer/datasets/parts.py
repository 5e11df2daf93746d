"""Which faces a recipe learns from, is chosen on and is judged on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ferdesk.core.errors import DataError
from trainer.datasets.base import DATASETS, PARTS, Faces, Part
from trainer.datasets.faces import app_crop, gather, load_faces
from trainer.datasets.folds import FOLD_PROTOCOLS, folds, left_out
from trainer.errors import TrainError
from trainer.recipes import Recipe

_FORMS: Final = ("", ".zip", ".csv")


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The faces of one training.

    Attributes:
        train: what is learnt from.
        valid: what the best epoch is chosen on.
        test: what is reported, with protocols that cut folds; else None.
    """

    train: Faces
    valid: Faces
    test: Faces | None = None


def recipe_parts(recipe: Recipe, data: Path, *, skip_bad: bool = False) -> Parts:
    """Read what a recipe asks for.

    Args:
        recipe: names the data set, its patch size, for folds the protocol and the fold, and which
            parts of other sets are learnt from as well.
        data: where the data set lies, or a folder with it and the others, each under its name.
        skip_bad: leave bad rows and images out, and list them.

    Raises:
        DataError: the data set cannot be read, or lacks a part.
        TrainError: no such data set, protocol or fold.
    """
    parts = _own_parts(recipe, place(data, recipe.dataset), skip_bad=skip_bad)
    if not recipe.also:
        return parts
    more = [
        load_faces(dataset, place(data, dataset), part, recipe.size, skip_bad=skip_bad)
        for dataset, part in added(recipe.also)
    ]
    return replace(parts, train=joined([parts.train, *more]))


def place(data: Path, dataset: str) -> Path:
    """Where a data set lies: under its name in the folder `data`, or `data` itself."""
    named = (data / f"{dataset}{form}" for form in _FORMS)
    return next((path for path in named if path.exists()), data)


def joined(parts: list[Faces]) -> Faces:
    """Faces of several sets as the first one's part, with labels only; names tell the others.

    Raises:
        DataError: their patches are not of one size.
    """
    first = parts[0]
    if len({faces.images.shape[1:] for faces in parts}) > 1:
        raise DataError(f"The faces of {first.dataset} and of what is added are not of one size.")
    names = list(first.names)
    for faces in parts[1:]:
        names += [added_name(faces.dataset, faces.part, name) for name in faces.names]
    return Faces(
        first.dataset,
        first.part,
        np.concatenate([faces.images for faces in parts]),
        np.concatenate([faces.labels for faces in parts]),
        tuple(names),
        skipped=tuple(dict.fromkeys(line for faces in parts for line in faces.skipped)),
    )


def added_name(dataset: str, part: str, name: str = "") -> str:
    """What a face of another set is called among those that it was added to, or how that begins."""
    return f"{dataset}:{part}/{name}"


def added(also: str) -> tuple[tuple[str, Part], ...]:
    """The data sets and parts that `Recipe.also` names.

    Raises:
        TrainError: it is not of that form, or there is no such data set or part.
    """
    found = []
    for text in also.split(",") if also else ():
        dataset, _, word = (piece.strip() for piece in text.partition(":"))
        part = next((one for one in PARTS if one == word), None)
        if part is None:
            raise TrainError(
                f"also={also}: write a data set and one of its parts, such as fer2013:train, with "
                "commas between them."
            )
        found.append((DATASETS.get(dataset).name, part))
    return tuple(found)


def _own_parts(recipe: Recipe, data: Path, *, skip_bad: bool) -> Parts:
    """The parts of the recipe's own set."""
    if not recipe.protocol:
        train = load_faces(recipe.dataset, data, "train", recipe.size, skip_bad=skip_bad)
        valid = load_faces(recipe.dataset, data, "valid", recipe.size, skip_bad=skip_bad)
        return Parts(train, valid)
    protocol = FOLD_PROTOCOLS.get(recipe.protocol)
    if protocol.dataset != recipe.dataset:
        raise TrainError(
            f"The protocol {protocol.name} is for {protocol.dataset}, not for {recipe.dataset}."
        )
    table = DATASETS.get(recipe.dataset).read(data, skip_bad=skip_bad)
    table = replace(table, skipped=(*table.skipped, *left_out(protocol, table)))
    cut = folds(protocol, table)
    if recipe.fold >= len(cut):
        raise TrainError(f"{protocol.name} has folds 0 to {len(cut) - 1}, no fold {recipe.fold}.")
    fold = cut[recipe.fold]
    crop = None if table.cropped else app_crop(recipe.size)  # its nets are loaded once
    groups = {"train": fold.train, "valid": fold.valid, "test": fold.test}
    faces = {
        part: gather(recipe.dataset, part, group, table, recipe.size, skip_bad=skip_bad, crop=crop)
        for part, group in groups.items()
        if group
    }
    return Parts(faces["train"], faces["valid"], faces.get("test"))
