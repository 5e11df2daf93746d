"""What a training must remember to go on as if nothing had happened.

Files hold tensors, numbers and texts only and are read with weights_only=True, so that a checkpoint
from a stranger cannot run code.
"""

import io
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn

from trainer import files
from trainer.errors import TrainError
from trainer.recipes.base import Recipe, Training
from trainer.runs import Row

_MAY_DIFFER = frozenset({"epochs", "title", "paper", "table", "published"})


@dataclass(slots=True)
class State:
    """All that changes while a net is trained.

    Attributes:
        net: the weights that the optimiser moves.
        ema: their running average, which is what gets evaluated and exported.
        optimiser: with its momenta.
        scaler: of the gradients; idle unless they are float16.
        generator: gives the order of the images and the augmentation; on the CPU.
        epoch: epochs finished.
        step: optimiser steps taken in all.
        order: (n,) int64, this epoch's order; empty between epochs.
        position: images of `order` already used.
        loss_sum: sum of the image losses of this epoch so far.
        seconds: time spent on this epoch's batches so far.
        best: the best accuracy on valid so far; -1 before the first.
        rows: the metrics of the finished epochs.
    """

    net: nn.Module
    ema: nn.Module
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    generator: Generator
    epoch: int = 0
    step: int = 0
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    position: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    best: float = -1.0
    rows: list[Row] = field(default_factory=list)


_PLAIN = ("epoch", "step", "order", "position", "loss_sum", "seconds", "best", "rows")


def save_state(path: Path, state: State, recipe: Training) -> None:
    """Write the whole state, the global random generators included, in one step."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    content = {
        "kind": "state",
        "recipe": recipe.model_dump_json(),
        "net": state.net.state_dict(),
        "ema": state.ema.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "scaler": state.scaler.state_dict(),
        "generator": state.generator.get_state(),
        "torch_rng": torch.get_rng_state(),
        "cuda_rng": cuda,
        **{key: getattr(state, key) for key in _PLAIN},
    }
    write_checkpoint(path, content)


def load_state(path: Path, state: State, recipe: Training) -> None:
    """Fill `state` from a file and set the global random generators.

    Raises:
        TrainError: unreadable, or made with other values than `recipe`'s (its epochs aside).
    """
    content = read_checkpoint(path, "state")
    check_recipe(path, content, recipe)
    try:
        state.net.load_state_dict(content["net"])
        state.ema.load_state_dict(content["ema"])
        state.optimiser.load_state_dict(content["optimiser"])
        state.scaler.load_state_dict(content["scaler"])
        state.generator.set_state(content["generator"])
        torch.set_rng_state(content["torch_rng"])
        if torch.cuda.is_available() and content["cuda_rng"]:
            torch.cuda.set_rng_state_all(content["cuda_rng"])
        for key in _PLAIN:
            setattr(state, key, content[key])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise TrainError(f"{path} does not hold a state of net {recipe.net!r}.") from error


def save_best(path: Path, state: State, recipe: Training) -> None:
    """Write the averaged weights and the epoch they are from."""
    content = {
        "kind": "weights",
        "recipe": recipe.model_dump_json(),
        "ema": state.ema.state_dict(),
        "epoch": state.epoch,
        "accuracy": state.best,
    }
    write_checkpoint(path, content)


def load_best(path: Path, net: nn.Module, recipe: Training) -> int:
    """Fill `net` with the averaged weights of the best epoch.

    Returns:
        That epoch, from 1.

    Raises:
        TrainError: unreadable, or weights of another net.
    """
    content = read_checkpoint(path, "weights")
    check_recipe(path, content, recipe)
    try:
        net.load_state_dict(content["ema"])
        return int(content["epoch"])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise TrainError(f"{path} does not hold weights of net {recipe.net!r}.") from error


def load_checkpoint(path: Path) -> tuple[Recipe, dict[str, Tensor]]:
    """The averaged weights of a checkpoint of either kind, whose run may be gone.

    Returns:
        The recipe that they were made with, and the weights by name.

    Raises:
        TrainError: unreadable, no checkpoint of this trainer, or not of an expression net.
    """
    content = read_checkpoint(path, "weights", "state")
    try:
        recipe = Recipe.model_validate_json(content["recipe"])
        return recipe, dict(content["ema"])
    except (KeyError, ValueError, TypeError) as error:
        raise TrainError(f"{path} names no expression recipe that this version knows.") from error


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors, numbers and texts in one step; the entry "kind" says what they are."""
    buffer = io.BytesIO()  # written to a file, torch.save turns a full disk into a RuntimeError
    torch.save(content, buffer)
    files.write_bytes(path, buffer.getvalue())


def read_checkpoint(path: Path, *kinds: str) -> dict[str, Any]:
    """What `write_checkpoint` wrote, on the CPU.

    Raises:
        TrainError: missing, unreadable, or of none of these kinds.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TrainError(f"There is no {path}; train first.") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise TrainError(
            f"{path} cannot be read as a checkpoint: it is damaged or holds more than weights."
        ) from error
    if not isinstance(content, dict) or content.get("kind") not in kinds:
        said = " or ".join(kinds)
        raise TrainError(f"{path} is not a checkpoint of this trainer ({said}).")
    return cast("dict[str, Any]", content)


def check_recipe(path: Path, content: dict[str, Any], recipe: Training) -> None:
    """Refuse a checkpoint that was made with other values than `recipe`'s, its epochs aside.

    Raises:
        TrainError: it was, or it names no recipe.
    """
    try:
        theirs = type(recipe).model_validate_json(content["recipe"]).model_dump()
    except (KeyError, ValueError) as error:
        raise TrainError(f"{path} names no recipe that this version knows.") from error
    ours = recipe.model_dump()
    if theirs["net"] != ours["net"]:
        raise TrainError(f"{path} is of net {theirs['net']!r}, not of {ours['net']!r}.")
    differing = [k for k in ours if ours[k] != theirs[k] and k not in _MAY_DIFFER]
    if differing:
        said = ", ".join(f"{k}={theirs[k]} there, {ours[k]} here" for k in differing)
        raise TrainError(f"{path} was made with other values: {said}. Use those, or --fresh.")
