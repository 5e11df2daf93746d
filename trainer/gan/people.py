"""The people that a GAN learns: their faces, and a code for each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ferdesk.core.errors import DataError
from trainer.datasets.base import DATASETS, DROPPED, Faces
from trainer.datasets.faces import gather
from trainer.datasets.parts import Parts, recipe_parts
from trainer.errors import TrainError
from trainer.recipes import Recipe
from trainer.recipes.ali2020 import GanRecipe
from trainer.registry import nearest


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Faces whose person and expression are known, on a training's device.

    Attributes:
        names: of the identities, ascending; a name's place is its code.
        images: (n, 1, size, size) uint8.
        expression: (n,) int64, 0..7.
        identity: (n,) int64, codes.
        left_out: who is not learnt and why, one line each kind.
    """

    names: tuple[str, ...]
    images: Tensor
    expression: Tensor
    identity: Tensor
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)


def people_of(faces: Faces, recipe: GanRecipe, device: torch.device) -> People:
    """Those of some faces that a GAN can learn.

    Args:
        faces: with subjects.
        recipe: how many pictures an identity needs.
        device: where to.

    Raises:
        TrainError: the patches have another size than the recipe's, the set names nobody, or fewer
            than two identities have enough pictures.
    """
    if faces.images.shape[1] != recipe.size:
        raise TrainError(
            f"The recipe's size is {recipe.size}, but the images of {faces.dataset} are "
            f"{faces.images.shape[1]} wide."
        )
    labelled = faces.labels != DROPPED
    counts = Counter(s for s, known in zip(faces.subjects, labelled, strict=False) if s and known)
    if not counts:
        raise TrainError(
            f"{faces.dataset} says of no labelled face whom it shows; a GAN needs identities."
        )
    names = sorted(name for name, count in counts.items() if count >= recipe.least_images)
    if len(names) < 2:
        raise TrainError(
            f"{faces.dataset} has {len(names)} identities with {recipe.least_images} pictures or "
            f"more among {len(counts)}; a GAN needs two. Try a smaller --set least_images=..."
        )
    code = {name: place for place, name in enumerate(names)}
    known = [subject in code for subject in faces.subjects]
    kept = faces.pick(np.array(known) & labelled)
    return People(
        tuple(names),
        torch.from_numpy(kept.images)[:, None].to(device),
        torch.from_numpy(kept.labels).to(device),
        torch.tensor([code[subject] for subject in kept.subjects], device=device),
        tuple(_left_out(counts, recipe)),
    )


def _left_out(counts: Counter[str], recipe: GanRecipe) -> list[str]:
    few = [count for count in counts.values() if count < recipe.least_images]
    if not few:
        return []
    return [
        f"{len(few)} identities with fewer than {recipe.least_images} pictures "
        f"({sum(few)} pictures), {sum(count == 1 for count in few)} of them with one"
    ]


def read_people(recipe: GanRecipe, data: Path, *, skip_bad: bool = False) -> Faces:
    """What a GAN's recipe learns from: a protocol's train part, or a whole set.

    Raises:
        DataError: the data set cannot be read.
        TrainError: no such data set, protocol or fold.
    """
    if recipe.protocol:
        return read_parts(recipe, data, skip_bad=skip_bad).train
    table = DATASETS.get(recipe.dataset).read(data, skip_bad=skip_bad)
    labelled = [sample for sample in table.samples if sample.label != DROPPED]
    if not labelled:
        raise DataError(f"No picture of {recipe.dataset} has a label; layout: {table.layout}.")
    return gather(recipe.dataset, "train", labelled, table, recipe.size, skip_bad=skip_bad)


def read_parts(recipe: GanRecipe, data: Path, *, skip_bad: bool = False) -> Parts:
    """All parts of the fold that a GAN learnt from; its train part is what it learnt from.

    Raises:
        DataError, TrainError: as `trainer.datasets.parts.recipe_parts`.
    """
    reading = Recipe(
        name=recipe.name,
        title="",
        paper="",
        net="",
        dataset=recipe.dataset,
        protocol=recipe.protocol,
        fold=recipe.fold,
        size=recipe.size,
    )
    return recipe_parts(reading, data, skip_bad=skip_bad)


def held_out(recipe: GanRecipe, data: Path, *, skip_bad: bool = False) -> Faces:
    """The faces of a fold whose people a GAN has not learnt from: its valid and its test part.

    Raises:
        DataError: the data set cannot be read.
        TrainError: no such data set, protocol or fold, or the GAN learnt from all there is.
    """
    if not recipe.protocol:
        raise TrainError(
            f"{recipe.name} learnt from all of {recipe.dataset}; nobody is left to be asked about."
        )
    parts = read_parts(recipe, data, skip_bad=skip_bad)
    found = [parts.valid] if parts.test is None else [parts.valid, parts.test]
    return Faces(
        recipe.dataset,
        "held out",
        np.concatenate([faces.images for faces in found]),
        np.concatenate([faces.labels for faces in found]),
        tuple(name for faces in found for name in faces.names),
        subjects=tuple(who for faces in found for who in faces.subjects),
        skipped=parts.train.skipped,
    )


def code_of(identity: str, names: Sequence[str]) -> int:
    """The code of an identity that is named, or given as a number.

    Raises:
        TrainError: there is none of that name, or the number is out of range.
    """
    if identity in names:
        return list(names).index(identity)
    if identity.isdecimal():
        if int(identity) < len(names):
            return int(identity)
        raise TrainError(
            f"There is no identity {identity}: the GAN has codes 0 to {len(names) - 1}."
        )
    raise TrainError(f"The GAN does not know {identity!r}. {nearest(identity, names)}")


def one_hot(codes: Tensor, identities: int) -> Tensor:
    """Identity codes as the decoder takes them.

    Args:
        codes: (n,) int64.
        identities: how many there are.

    Returns:
        (n, identities) float32, on the codes' device.

    Raises:
        TrainError: a code is out of range.
    """
    if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < identities:
        raise TrainError(f"Identity codes go from 0 to {identities - 1} here.")
    return torch.nn.functional.one_hot(codes, identities).float()
