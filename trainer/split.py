"""Faces as a training wants them: on its device, with a target for each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray
from trainer.datasets import protocols
from trainer.datasets.base import DROPPED, Faces
from trainer.errors import TrainError
from trainer.recipes import Recipe
from trainer.teachers import teacher_targets


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images in memory and what is asked of them.

    Attributes:
        images: (n, 1, height, width) uint8.
        targets: (n, 8) float32, rows sum to 1.
        plurality: (n,) int64 class.
        majority: (n,) int64 class, or DROPPED; equal to `plurality` where nobody voted.
    """

    images: Tensor
    targets: Tensor
    plurality: Tensor
    majority: Tensor


def split_of(
    faces: Faces, recipe: Recipe, device: torch.device, kept_in: Path | None = None
) -> Split:
    """The faces that have a label, with their targets, on `device`.

    Of sets with votes, those whose plurality label is one of the eight. In the train part, the loss
    "majority" takes only those that have a majority (Barsoum et al. 2016, section 4.1), and
    teachers' answers are mixed into the targets (Hinton et al. 2015, section 2).

    Args:
        faces: a part of a data set.
        recipe: what is asked of them.
        device: where the images go.
        kept_in: the run's folder, where teachers' answers stay; None asks them anew.

    Raises:
        TrainError: the recipe's patch has another size than the images, or no face has a label.
    """
    if recipe.size != faces.images.shape[1]:
        raise TrainError(
            f"The recipe's size is {recipe.size}, but the images of {faces.dataset} are "
            f"{faces.images.shape[1]} wide."
        )
    keep = faces.labels != DROPPED
    learns = faces.part == "train"
    if learns and recipe.loss == "majority" and faces.votes is not None:
        keep &= protocols.labels(faces.votes, "majority") != DROPPED
    if not keep.any():
        raise TrainError(f"No face of the {faces.part} part of {faces.dataset} has a label.")
    kept = faces.pick(keep)
    majority = kept.labels
    targets: FloatArray = np.eye(len(EXPRESSIONS), dtype=np.float32)[kept.labels]
    if kept.votes is not None:
        majority = protocols.labels(kept.votes, "majority")
        targets = protocols.targets(kept.votes, recipe.votes)
    if learns and recipe.teachers:
        taught = teacher_targets(recipe.teachers, kept.images, kept_in)
        targets = (1 - recipe.teachers_share) * targets + recipe.teachers_share * taught
    return Split(
        torch.from_numpy(kept.images)[:, None].to(device),
        torch.from_numpy(targets).to(device),
        torch.from_numpy(kept.labels).to(device),
        torch.from_numpy(majority).to(device),
    )


def hits(logits: Tensor, split: Split) -> tuple[float, float]:
    """Accuracy under plurality and under majority.

    Args:
        logits: (n, 8) on the CPU.
        split: of n images.
    """
    best = logits.argmax(1)
    majority = split.majority.cpu()
    kept = majority != DROPPED
    return (
        float((best == split.plurality.cpu()).double().mean()),
        float((best == majority)[kept].double().mean()) if kept.any() else float("nan"),
    )
