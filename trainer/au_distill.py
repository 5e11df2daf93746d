"""Training an action-unit net on another estimator's answers, from faces in memory to a folder."""

import copy
import math
import platform
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from torch import Generator, Tensor, nn
from torch.nn import functional

from ferdesk.core.preprocess import normalise
from trainer.au_data import AuSet, AuSets, mirrored
from trainer.augment import augment, draw, mirrors
from trainer.bars import images_bar
from trainer.checkpoint import State, load_state, save_best, save_state
from trainer.errors import StoppedError, TrainError
from trainer.fit import batch_end, update_average
from trainer.nets.au_net import NAME, AuNet
from trainer.optimise import build_optimiser, rate, set_rate
from trainer.plots import draw_au_curves
from trainer.precision import autocast, default_device, gradient_scaler
from trainer.recipes.au import AuRecipe
from trainer.runs import Row, RunFolder
from trainer.signals import Stop, stop_signals

_BATCH: Final = 256
_SMALLEST_DEVIATION: Final = 0.01  # of targets: keeps a unit that never moves from ruling the rest
_SMOOTH_L1_BETA: Final = 0.1


def distill(
    recipe: AuRecipe,
    sets: AuSets,
    run: RunFolder,
    *,
    data: Path,
    resume: bool = False,
    fresh: bool = False,
) -> list[Row]:
    """Train a recipe's net until its last epoch, or until a signal or a NaN stops it.

    Args:
        recipe: all that decides the result.
        sets: what is learnt from, and what the best epoch is chosen on.
        run: where everything is written.
        data: where the images came from; its last name is kept for the record.
        resume: go on from the folder's last checkpoint.
        fresh: replace a run that is in the folder.

    Returns:
        The metrics, a row an epoch.

    Raises:
        StoppedError: SIGINT or SIGTERM; the state was saved.
        TrainError: the loss is no longer a number, the checkpoint does not fit, or there is a run
            and it is said neither to resume nor to replace it.
        OutputError: the folder cannot be written.
    """
    with stop_signals() as stop:
        device = default_device()
        state = _new_state(recipe, len(sets.outputs), device)
        run.prepare(resume=resume, fresh=fresh)
        if resume:
            load_state(run.last, state, recipe)
        else:
            save_state(run.last, state, recipe)
        run.write_recipe(recipe)
        run.write_about(_about(recipe, data, sets, device))
        course = _Course(
            recipe,
            sets.train,
            sets.valid,
            torch.tensor(mirrored(sets.outputs)),
            _weights(sets.train.targets, recipe.balance).to(device),
            run,
            stop,
        )
        _train(state, course)
    return state.rows


def build(recipe: AuRecipe, outputs: int) -> AuNet:
    """The recipe's net with fresh weights from torch's global generator.

    Raises:
        TrainError: no such net, or not of that size.
    """
    if recipe.net != NAME:
        raise TrainError(f"There is no action-unit net {recipe.net!r}. Known: {NAME}.")
    return AuNet(size=recipe.size, outputs=outputs, dropout=recipe.dropout)


@torch.inference_mode()
def activations(net: nn.Module, faces: AuSet, recipe: AuRecipe, *, exact: bool = False) -> Tensor:
    """What a net says about the middles of the kept patches.

    Args:
        net: gives log-odds; put into eval mode.
        faces: on the CPU.
        recipe: whose size the net's patches have.
        exact: compute in float32 even where bfloat16 is faster.

    Returns:
        (n, outputs) float32 on the CPU, 0..1.
    """
    net.eval()
    device = next(net.parameters()).device
    parts = []
    for chunk in torch.split(middle(faces.images, recipe.size), _BATCH):
        x = normalise(chunk.to(device).float()).contiguous(memory_format=torch.channels_last)
        with autocast(device, enabled=not exact):
            parts.append(net(x).float().sigmoid().cpu())
    return torch.cat(parts)


def middle(images: Tensor, size: int) -> Tensor:
    """The (n, 1, size, size) middles of larger patches."""
    start = (images.shape[2] - size) // 2
    return images[:, :, start : start + size, start : start + size]


def correlation(found: Tensor, wanted: Tensor) -> Tensor:
    """Pearson's r of each column of two (n, k) tensors; 0 where one of them does not vary."""
    one, other = (value.double() - value.double().mean(0) for value in (found, wanted))
    scale = (one.square().sum(0) * other.square().sum(0)).sqrt()
    return torch.where(scale > 0, (one * other).sum(0) / scale.clamp(min=1e-12), 0.0).clamp(-1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """What a training goes by and does not change.

    Attributes:
        recipe: how.
        train: what is learnt from; on the CPU.
        valid: what the best epoch is chosen on; on the CPU.
        mirrored: which column is which after mirroring.
        weights: of each column in the loss.
        run: where to.
        stop: whether to.
    """

    recipe: AuRecipe
    train: AuSet
    valid: AuSet
    mirrored: Tensor
    weights: Tensor
    run: RunFolder
    stop: Stop


def _new_state(recipe: AuRecipe, outputs: int, device: torch.device) -> State:
    torch.manual_seed(recipe.seed)
    net = build(recipe, outputs)
    net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(net).requires_grad_(False).eval()
    generator = Generator().manual_seed(recipe.seed)
    return State(net, ema, build_optimiser(net, recipe), gradient_scaler(device), generator)


def _weights(targets: Tensor, balance: float) -> Tensor:
    """Of each column in the loss, 1 on average."""
    deviation = targets.std(0).clamp(min=_SMALLEST_DEVIATION)
    weights = deviation ** (-2 * balance)
    return weights / weights.mean()


def _train(state: State, course: _Course) -> None:
    """Epoch after epoch, with a line about each."""
    recipe, n = course.recipe, len(course.train)
    console = Console(stderr=True, highlight=False)
    with images_bar(console) as bar:
        task = bar.add_task(recipe.name, total=recipe.epochs * n, rate=0.0)
        while state.epoch < recipe.epochs:
            if state.position == 0:
                state.order = torch.randperm(n, generator=state.generator)
            state.net.train()
            while state.position < n:
                _step(state, course)
                _heed(state, course)
                speed = state.position / state.seconds
                bar.update(task, completed=state.epoch * n + state.position, rate=speed)
            row = _finish_epoch(state, course)
            console.print(
                f"epoch {state.epoch}/{recipe.epochs}  loss {row['train_loss']:.4f}  valid r "
                f"{row['valid_r']:.3f} (best {state.best:.3f}), mean error {row['valid_mae']:.3f}  "
                f"{row['images_per_second']:.0f} img/s"
            )


def _step(state: State, course: _Course) -> None:
    """One step of the optimiser and of the average."""
    recipe, train = course.recipe, course.train
    n, device, begin = len(train), course.weights.device, time.perf_counter()
    picked = state.order[state.position : batch_end(state.position, recipe.batch, n)]
    set_rate(state.optimiser, rate(recipe, state.step, math.ceil(n / recipe.batch)))
    images, targets = train.images[picked].to(device).float(), train.targets[picked]
    u = draw(len(picked), state.generator)
    turned = mirrors(recipe, u)[:, None]
    targets = torch.where(turned, targets[:, course.mirrored], targets).to(device)
    shown = recipe.size / images.shape[2]
    x = normalise(augment(images, recipe, u, recipe.size, shown))
    with autocast(device):
        logits = state.net(x.contiguous(memory_format=torch.channels_last))
    loss = au_loss(recipe.loss, logits.float(), targets, course.weights)
    state.optimiser.zero_grad()
    state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    state.scaler.step(state.optimiser)
    state.scaler.update()
    state.step += 1
    update_average(state.ema, state.net, recipe.ema_decay, state.step)
    state.loss_sum += float(loss.detach()) * len(picked)
    state.position += len(picked)
    state.seconds += time.perf_counter() - begin


def au_loss(kind: str, logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The mean loss of a batch; see `AuRecipe`.

    Args:
        kind: `AuRecipe.loss`.
        logits: (n, outputs) log-odds.
        targets: (n, outputs), 0..1.
        weights: (outputs,).
    """
    if kind == "bce":
        each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    else:
        found = logits.sigmoid()
        each = functional.smooth_l1_loss(found, targets, reduction="none", beta=_SMOOTH_L1_BETA)
    return (each * weights).mean()


def _finish_epoch(state: State, course: _Course) -> Row:
    """Evaluate the average, keep it if it is the best, and save."""
    recipe, valid, run = course.recipe, course.valid, course.run
    n = len(course.train)
    found = activations(state.ema, valid, recipe)
    weights = course.weights.cpu()
    row: Row = {
        "epoch": state.epoch + 1,
        "train_loss": state.loss_sum / n,
        "valid_loss": float(au_loss(recipe.loss, found.logit(1e-6), valid.targets, weights)),
        "valid_r": float(correlation(found, valid.targets).mean()),
        "valid_mae": float((found - valid.targets).abs().mean()),
        "images_per_second": n / state.seconds,
        "seconds": state.seconds,
    }
    if not math.isfinite(row["train_loss"] + row["valid_loss"]):
        raise TrainError(
            f"The loss is no longer a number (epoch {state.epoch + 1}). The last good state is in "
            f"{run.last}; try again with a smaller --set lr=..."
        )
    state.rows = [*state.rows, row]
    state.epoch += 1
    state.order, state.position = torch.empty(0, dtype=torch.int64), 0
    state.loss_sum = state.seconds = 0.0
    better = row["valid_r"] > state.best
    state.best = max(state.best, row["valid_r"])
    if better:
        save_best(run.best, state, recipe)
    save_state(run.last, state, recipe)
    run.write_metrics(state.rows)
    draw_au_curves(run.curves, state.rows, recipe.title)
    return row


def _heed(state: State, course: _Course) -> None:
    if course.stop.signum and state.position < len(course.train):
        save_state(course.run.last, state, course.recipe)
        done = state.position / len(state.order)
        raise StoppedError(
            f"Stopped by {signal.Signals(course.stop.signum).name} in epoch {state.epoch + 1} "
            f"({done:.0%} of it done); the state is in {course.run.last}. Go on with the same "
            "command and --resume.",
            course.stop.signum,
        )


def _about(recipe: AuRecipe, data: Path, sets: AuSets, device: torch.device) -> dict[str, Any]:
    return {
        "seed": recipe.seed,
        "data": data.name,
        "train_images": sets.seen,
        "valid_images": len(sets.valid),
        "outputs": [one.model_dump() for one in sets.outputs],
        "device": str(device),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
