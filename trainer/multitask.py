"""Gender and age, learnt from a second set in alternate batches.

G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion Recognition", master thesis,
EPFL; chapter 6 and section 7.11: the branch for expressions is trained with FER+, the two others
with IMDB-WIKI.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ferdesk.core.preprocess import normalise
from trainer.augment import augment, draw
from trainer.checkpoint import State
from trainer.datasets.base import DATASETS, Faces
from trainer.datasets.faces import gather
from trainer.errors import TrainError
from trainer.nets.multitask import AGE_SPAN
from trainer.parallel import Team
from trainer.precision import autocast, default_device
from trainer.recipes import Recipe

HELD_OUT: Final = 10
"""One in so many people is not learnt from."""

AuxiliaryCall = Callable[[Tensor], tuple[Tensor, Tensor]]

_UNKNOWN: Final = -1
_SEED: Final = 0  # of who is held out; the recipe's seed must not move people across
_BATCH: Final = 256


@runtime_checkable
class AuxiliaryNet(Protocol):
    """A net with two more answers."""

    def auxiliary(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (n, 1, size, size) float, normalised, to (n, 2) gender logits and (n,) years."""


@dataclass(frozen=True, slots=True)
class AuxiliaryFigures:
    """What a net knows of people that were held out.

    Attributes:
        faces: how many were asked about.
        genders: of how many the gender is known.
        gender_accuracy: share of those that is right, or NaN.
        ages: of how many the age is known.
        age_error: mean distance in years over those, or NaN.
    """

    faces: int
    genders: int
    gender_accuracy: float
    ages: int
    age_error: float


@dataclass(frozen=True, slots=True, eq=False)
class _People:
    images: Tensor  # (n, 1, size, size) uint8
    gender: Tensor  # (n,) int64, -1 unknown
    age: Tensor  # (n,) float32, NaN unknown


class Auxiliary:
    """The second set on the training's device.

    Args:
        faces: with genders or ages; those that have neither are left out.
        recipe: whose net learns them.

    Raises:
        TrainError: the patches have another size than the recipe's, or fewer than two people's
            gender or age is known.
    """

    def __init__(self, faces: Faces, recipe: Recipe) -> None:
        if faces.images.shape[1] != recipe.size:
            raise TrainError(
                f"The recipe's size is {recipe.size}, but the images of {faces.dataset} are "
                f"{faces.images.shape[1]} wide."
            )
        gender = np.full(len(faces), _UNKNOWN) if faces.gender is None else faces.gender
        age = np.full(len(faces), np.nan, np.float32) if faces.age is None else faces.age
        known = np.flatnonzero((gender != _UNKNOWN) | ~np.isnan(age))
        held = _held_out(faces, known)
        if not 0 < held.sum() < len(known):
            raise TrainError(
                f"{faces.dataset} has no gender or age of two people or more: "
                f"{len(known)} of its {len(faces)} faces say either."
            )
        self._device = default_device()
        self._learnt, self._held = (
            _People(
                torch.from_numpy(faces.images[rows])[:, None].to(self._device),
                torch.from_numpy(gender[rows].astype(np.int64)).to(self._device),
                torch.from_numpy(age[rows].astype(np.float32)).to(self._device),
            )
            for rows in (known[~held], known[held])
        )

    def __len__(self) -> int:
        return len(self._learnt.images)

    def step(self, state: State, recipe: Recipe) -> Tensor:
        """One step of the optimiser on a batch of faces; the loss, detached.

        The batch is drawn anew each time, so that a set many times larger than the first one is
        seen in the measure of the first one's epochs. The learning rate is that of the expression
        batch before it, and the average of the weights is taken after the next.

        Args:
            state: its net, optimiser and generator move.
            recipe: how.
        """
        rows = torch.randint(len(self), (recipe.batch,), generator=state.generator)
        u = draw(recipe.batch, state.generator)
        rows = rows.to(self._device)
        small = recipe.small_size if state.epoch < recipe.small_epochs else None
        images = self._learnt.images[rows].float()
        x = normalise(augment(images, recipe, u, small or None))
        with autocast(self._device):
            gender, age = auxiliary_net(state.net)(x.contiguous(memory_format=torch.channels_last))
        loss = auxiliary_loss(
            gender.float(), age.float(), self._learnt.gender[rows], self._learnt.age[rows]
        )
        state.optimiser.zero_grad()
        state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        state.scaler.step(state.optimiser)
        state.scaler.update()
        return loss.detach()

    @torch.inference_mode()
    def figures(self, net: nn.Module) -> AuxiliaryFigures:
        """How well a net tells gender and age of the people that were held out.

        Args:
            net: in any mode; moved to the set's device and put into eval mode.
        """
        ask = auxiliary_net(net.to(self._device).eval())
        said = [ask(normalise(part.float())) for part in torch.split(self._held.images, _BATCH)]
        gender = torch.cat([gender for gender, _ in said]).argmax(1)
        years = torch.cat([age for _, age in said])
        sexed, aged = self._held.gender != _UNKNOWN, ~self._held.age.isnan()
        return AuxiliaryFigures(
            len(self._held.images),
            int(sexed.sum()),
            float((gender == self._held.gender)[sexed].double().mean()),
            int(aged.sum()),
            float((years - self._held.age)[aged].double().abs().mean()),
        )


def auxiliary_loss(gender: Tensor, age: Tensor, genders: Tensor, ages: Tensor) -> Tensor:
    """Cross-entropy of the gender plus a Huber loss of the age, each over those that are known.

    The age is counted in the net's own units, so that both are of the order of 1 at the start; with
    the Huber loss an age that the set has wrong does not outweigh the rest of its batch.

    Args:
        gender: (n, 2) float32 logits.
        age: (n,) float32, years.
        genders: (n,) int64, 0 or 1, or -1 for unknown.
        ages: (n,) float32 years, NaN for unknown.

    Returns:
        A scalar; 0 for a batch of which nothing is known.
    """
    sexed, aged = genders != _UNKNOWN, ~ages.isnan()
    loss = (gender.sum() + age.sum()) * 0  # keeps a gradient, of zeros, where nothing is known
    if sexed.any():
        loss = loss + functional.cross_entropy(gender[sexed], genders[sexed])
    if aged.any():
        loss = loss + functional.smooth_l1_loss(age[aged] / AGE_SPAN, ages[aged] / AGE_SPAN)
    return loss


def check_wish(recipe: Recipe, path: Path | None) -> None:
    """Make sure that a path to a second set is given exactly where the recipe asks for one.

    Raises:
        TrainError: it is not.
    """
    if path is not None and not recipe.auxiliary:
        raise TrainError(f"{recipe.name} learns from one set; leave --auxiliary out.")
    if path is None and recipe.auxiliary:
        raise TrainError(
            f"{recipe.name} learns gender and age as well: say --auxiliary PATH, where "
            f"{recipe.auxiliary} lies."
        )


def load_auxiliary(recipe: Recipe, path: Path | None, *, skip_bad: bool = False) -> Faces | None:
    """Read the second set that a recipe asks for, as far as gender or age is known.

    Args:
        recipe: names the set, or none.
        path: where it lies; None where the recipe names none.
        skip_bad: leave bad rows and images out, and list them.

    Returns:
        Its faces, or None where the recipe asks for none.

    Raises:
        TrainError: as `check_wish`, or the set has neither genders nor ages.
        DataError: the set cannot be read.
    """
    check_wish(recipe, path)
    if path is None:
        return None
    table = DATASETS.get(recipe.auxiliary).read(path, skip_bad=skip_bad)
    known = [s for s in table.samples if s.gender != _UNKNOWN or not np.isnan(s.age)]
    if not known:
        raise TrainError(
            f"{path}: expected genders or ages, found neither in {len(table.samples)} pictures."
        )
    return gather(recipe.auxiliary, "train", known, table, recipe.size, skip_bad=skip_bad)


def check_auxiliary(recipe: Recipe, auxiliary: Auxiliary | None, net: nn.Module, us: Team) -> None:
    """Refuse a training that cannot be multi-task, or should be.

    Raises:
        TrainError: a recipe with a second set without it, or the other way round, a net without the
            branches, or several processes: each batch of either kind would leave branches without
            gradients, which then are not averaged over the processes.
    """
    if (auxiliary is None) == bool(recipe.auxiliary):
        wanted = f"needs {recipe.auxiliary}" if recipe.auxiliary else "takes no second set"
        raise TrainError(f"{recipe.name} {wanted}.")
    if auxiliary is not None:
        auxiliary_net(net)
        if us.world > 1:
            raise TrainError("Multi-task recipes are trained by one process, not by several.")


def auxiliary_net(net: nn.Module) -> AuxiliaryCall:
    """What asks a net for gender and age.

    Raises:
        TrainError: the net has no such branches.
    """
    if not isinstance(net, AuxiliaryNet):
        raise TrainError("This net knows nothing of gender and age; multitask-vgg13 does.")
    return net.auxiliary


def _held_out(faces: Faces, known: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the faces at `known` show the tenth of the people that is not learnt from.

    Where a set does not say who is shown, each face is somebody else.
    """
    subjects = faces.subjects or ("",) * len(faces)
    people = [subjects[i] or faces.names[i] for i in known]
    everyone, who = np.unique(np.array(people), return_inverse=True)
    order = np.random.default_rng(_SEED).permutation(len(everyone))
    held = order[: -(-len(everyone) // HELD_OUT)]
    return np.isin(who, held)
