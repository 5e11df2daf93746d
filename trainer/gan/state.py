"""What a GAN's training must remember, and how another one goes on from it."""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Generator as Random
from torch import Tensor

from trainer.checkpoint import check_recipe, read_checkpoint, write_checkpoint
from trainer.errors import TrainError
from trainer.gan.nets import Discriminator, Generator
from trainer.gan.people import People
from trainer.gan.schedule import Balance
from trainer.nets.ali2020 import FEATURES, stages_of
from trainer.optimise import build_optimiser
from trainer.recipes.ali2020 import GanRecipe
from trainer.runs import GAN_METRICS, Row, RunFolder

SUMS: Final = GAN_METRICS[1:-2]
"""What is averaged over an epoch's pictures: all but its number, speed and time."""

_SOURCE: Final = "decoder.source.0.weight"  # its columns: f(x), then the identity, then the noise
_PERSONAL: Final = "identity."  # the discriminator's head for identities


@dataclass(slots=True)
class GanState:
    """All that changes while a GAN is trained.

    Attributes:
        generator: the weights that its optimiser moves.
        ema: their running average, from which pictures and the encoder are taken.
        discriminator: in training mode always; nothing is taken from it.
        g_optimiser: of the generator.
        d_optimiser: of the discriminator.
        random: gives order, variants, identities and noise; on the CPU.
        balance: how far the discriminator is.
        epoch: epochs finished.
        step: steps of the discriminator taken in all.
        g_step: steps of the generator taken in all.
        order: (n * passes,) int64, this epoch's; empty between epochs.
        offsets: (n,) int64, the variant that each picture's first pass shows.
        position: places of `order` already used.
        sums: (len(SUMS),) float64, over this epoch's pictures so far.
        seconds: time spent on this epoch's batches so far.
        rows: the metrics of the finished epochs.
    """

    generator: Generator
    ema: Generator
    discriminator: Discriminator
    g_optimiser: torch.optim.Optimizer
    d_optimiser: torch.optim.Optimizer
    random: Random
    balance: Balance = field(default_factory=Balance)
    epoch: int = 0
    step: int = 0
    g_step: int = 0
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    offsets: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    position: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(len(SUMS), dtype=torch.float64))
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)


_PLAIN: Final = (
    "epoch",
    "step",
    "g_step",
    "order",
    "offsets",
    "position",
    "sums",
    "seconds",
    "rows",
)
_NETS: Final = ("generator", "ema", "discriminator", "g_optimiser", "d_optimiser")


def new_state(recipe: GanRecipe, people: People, device: torch.device) -> GanState:
    """Both nets with fresh weights, or those of the run that the recipe goes on from.

    Raises:
        TrainError: no such net, not of that size, or that run cannot be gone on from.
    """
    torch.manual_seed(recipe.seed)
    shape = recipe.size, stages_of(recipe.net), len(people.names)
    generator = Generator(*shape, recipe.noise)
    discriminator = Discriminator(*shape, dropout=recipe.dropout, spectral=recipe.spectral_norm)
    if recipe.weights:
        _go_on_from(Path(recipe.weights), recipe, generator, discriminator)
    for net in (generator, discriminator):
        net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    slower = recipe.model_copy(update={"lr": recipe.lr * recipe.d_rate})
    return GanState(
        generator,
        copy.deepcopy(generator).requires_grad_(False).eval(),
        discriminator,
        build_optimiser(generator, recipe),
        build_optimiser(discriminator, slower),
        Random().manual_seed(recipe.seed),
    )


def save_state(path: Path, state: GanState, recipe: GanRecipe, people: People) -> None:
    """Write the whole state, the global random generators included, in one step."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    content = {
        "kind": "gan-state",
        "recipe": recipe.model_dump_json(),
        "names": list(people.names),
        "random": state.random.get_state(),
        "torch_rng": torch.get_rng_state(),
        "cuda_rng": cuda,
        "running": state.balance.running,
        "pinned": state.balance.pinned,
        **{key: getattr(state, key).state_dict() for key in _NETS},
        **{key: getattr(state, key) for key in _PLAIN},
    }
    write_checkpoint(path, content)


def load_state(path: Path, state: GanState, recipe: GanRecipe, people: People) -> None:
    """Fill `state` from a file and set the global random generators.

    Raises:
        TrainError: unreadable, or made with other values (its epochs aside) or of other people.
    """
    content = read_checkpoint(path, "gan-state")
    check_recipe(path, content, recipe)
    if content.get("names") != list(people.names):
        raise TrainError(f"{path} is of other people than the data has; use the same data.")
    try:
        for key in _NETS:
            getattr(state, key).load_state_dict(content[key])
        state.random.set_state(content["random"])
        torch.set_rng_state(content["torch_rng"])
        if torch.cuda.is_available() and content["cuda_rng"]:
            torch.cuda.set_rng_state_all(content["cuda_rng"])
        state.balance = Balance(float(content["running"]), int(content["pinned"]))
        for key in _PLAIN:
            setattr(state, key, content[key])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise TrainError(f"{path} does not hold a state of this GAN.") from error


def save_good(path: Path, state: GanState, recipe: GanRecipe, people: People) -> None:
    """Write what is taken from a GAN: the averaged generator, and D for one that goes on."""
    content = {
        "kind": "weights",
        "recipe": recipe.model_dump_json(),
        "names": list(people.names),
        "ema": state.ema.state_dict(),
        "discriminator": state.discriminator.state_dict(),
        "epoch": state.epoch,
    }
    write_checkpoint(path, content)


@dataclass(frozen=True, slots=True, eq=False)
class TrainedGan:
    """A GAN's averaged generator.

    Attributes:
        generator: in eval mode on the CPU.
        recipe: how it was trained.
        names: of its identities, by code.
        epoch: whose end it is from, from 1.
    """

    generator: Generator
    recipe: GanRecipe
    names: tuple[str, ...]
    epoch: int


def load_gan(run: RunFolder) -> TrainedGan:
    """The generator of a GAN's last good epoch.

    Raises:
        TrainError: there is none, or it cannot be read.
    """
    content, recipe, names = _read_good(run.best)
    generator = Generator(recipe.size, stages_of(recipe.net), len(names), recipe.noise)
    try:
        generator.load_state_dict(content["ema"])
        epoch = int(content["epoch"])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise TrainError(f"{run.best} does not hold weights of this GAN.") from error
    return TrainedGan(generator.eval(), recipe, names, epoch)


def _read_good(path: Path) -> tuple[dict[str, Any], GanRecipe, tuple[str, ...]]:
    content = read_checkpoint(path, "weights")
    try:
        recipe = GanRecipe.model_validate_json(content["recipe"])
        names = tuple(map(str, content["names"]))
    except (KeyError, ValueError, TypeError) as error:
        raise TrainError(f"{path} is not a GAN's; train one with: gan train.") from error
    return content, recipe, names


@torch.no_grad()
def _go_on_from(
    folder: Path, recipe: GanRecipe, generator: Generator, discriminator: Discriminator
) -> None:
    """Take over another GAN's weights; what belongs to its identities stays fresh.

    Raises:
        TrainError: there is no GAN in that folder, or its nets are others.
    """
    content, theirs, names = _read_good(RunFolder(folder).best)
    if theirs.dataset == recipe.dataset:
        raise TrainError(
            f"{folder} was trained on {theirs.dataset} too, perhaps on people that are to be "
            "unseen; go on from a GAN of another set, or with --resume."
        )
    same = ("net", "size", "noise", "spectral_norm")
    differing = [key for key in same if getattr(theirs, key) != getattr(recipe, key)]
    if differing:
        raise TrainError(
            f"{folder} is a GAN of another kind: "
            + ", ".join(f"{k}={getattr(theirs, k)} there" for k in differing)
        )
    try:
        own, source = generator.state_dict(), content["ema"]
        ours, theirs = own[_SOURCE], source[_SOURCE]
        ours[:, :FEATURES] = theirs[:, :FEATURES]
        ours[:, -recipe.noise :] = theirs[:, FEATURES + len(names) :]
        generator.load_state_dict({**source, _SOURCE: ours})
        head, found = discriminator.state_dict(), content["discriminator"]
        kept = {key: value for key, value in head.items() if key.startswith(_PERSONAL)}
        discriminator.load_state_dict({**found, **kept})
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise TrainError(f"{folder} does not hold weights of a GAN.") from error
