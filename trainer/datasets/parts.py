"""Which faces a recipe learns from, is chosen on and is judged on."""

from dataclasses import dataclass
from pathlib import Path

from trainer.datasets.base import DATASETS, Faces
from trainer.datasets.faces import app_crop, gather, load_faces
from trainer.datasets.folds import FOLD_PROTOCOLS, folds
from trainer.errors import TrainError
from trainer.recipes import Recipe


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
        recipe: names the data set, its patch size and, for folds, the protocol and the fold.
        data: where the data set lies.
        skip_bad: leave bad rows and images out, and list them.

    Raises:
        DataError: the data set cannot be read, or lacks a part.
        TrainError: no such data set, protocol or fold.
    """
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
