"""One training, from images in memory to a run's folder. Reads from top to bottom."""

import copy
import math
import platform
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Generator, Tensor, nn
from torch.nn import functional

from ferdesk.core.preprocess import normalise
from trainer.augment import augment
from trainer.checkpoint import State, load_state, save_best, save_state
from trainer.datasets import protocols
from trainer.datasets.ferplus import FerPlus
from trainer.errors import StoppedError, TrainError
from trainer.nets import build_net
from trainer.plots import draw_curves
from trainer.precision import autocast, default_device
from trainer.predict import predict_logits
from trainer.recipes import Recipe
from trainer.runs import Row, RunFolder

_CHECK_EVERY: Final = 50  # steps between looks at the loss, which on a GPU cost a wait


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images in memory and what is asked of them.

    Attributes:
        images: (n, 1, height, width) uint8.
        targets: (n, 8) float32, rows sum to 1.
        plurality: (n,) int64 class.
        majority: (n,) int64 class, or `protocols.DROPPED`.
    """

    images: Tensor
    targets: Tensor
    plurality: Tensor
    majority: Tensor


def split_of(data: FerPlus, recipe: Recipe, device: torch.device) -> Split:
    """The images that keep their label under plurality, with their targets, on `device`.

    Raises:
        TrainError: the recipe's patch has another size than the images.
    """
    if recipe.size != data.images.shape[1]:
        raise TrainError(
            f"The recipe's size is {recipe.size}, but FER+ images are {data.images.shape[1]} wide."
        )
    labels = protocols.labels(data.votes, "plurality")
    keep = labels != protocols.DROPPED
    votes = data.votes[keep]
    return Split(
        torch.from_numpy(data.images[keep])[:, None].to(device),
        torch.from_numpy(protocols.targets(votes, recipe.votes)).to(device),
        torch.from_numpy(labels[keep]).to(device),
        torch.from_numpy(protocols.labels(votes, "majority")).to(device),
    )


def fit(
    recipe: Recipe,
    train: FerPlus,
    valid: FerPlus,
    run: RunFolder,
    *,
    data: Path,
    resume: bool = False,
    fresh: bool = False,
) -> list[Row]:
    """Train a recipe's net until its last epoch, or until a signal or a NaN stops it.

    Args:
        recipe: all that decides the result.
        train: what is learnt from.
        valid: what the best epoch is chosen on.
        run: where everything is written.
        data: where the images came from; its last name is kept for the record.
        resume: go on from the folder's last checkpoint; it continues bit for bit.
        fresh: replace a run that is in the folder.

    Returns:
        The metrics, a row an epoch.

    Raises:
        StoppedError: SIGINT or SIGTERM; the state was saved.
        TrainError: the loss is no longer a number, the checkpoint does not fit, or there is a run
            and it is said neither to resume nor to replace it.
        OutputError: the folder cannot be written.
    """
    device = default_device()
    sets = split_of(train, recipe, device), split_of(valid, recipe, device)
    state = _new_state(recipe, device)
    run.prepare(resume=resume, fresh=fresh)
    if resume:
        load_state(run.last, state, recipe)
    else:
        save_state(run.last, state, recipe)
    run.write_recipe(recipe)
    run.write_about(_about(recipe, data, sets, (train, valid)))

    console = Console(stderr=True, highlight=False)
    with _signals() as stop, _progress(console) as bar:
        task = bar.add_task(recipe.name, total=recipe.epochs * len(sets[0].images), rate=0.0)
        while state.epoch < recipe.epochs:
            _train_epoch(state, sets[0], recipe, run, stop, bar, task)
            row = _finish_epoch(state, sets[1], recipe, run, len(sets[0].images))
            console.print(
                f"epoch {state.epoch}/{recipe.epochs}  loss {row['train_loss']:.4f}  "
                f"valid {row['valid_accuracy']:.2%} (best {state.best:.2%})  "
                f"{row['images_per_second']:.0f} img/s"
            )
    return state.rows


def _new_state(recipe: Recipe, device: torch.device) -> State:
    torch.manual_seed(recipe.seed)
    net = build_net(recipe.net, size=recipe.size, dropout=recipe.dropout)
    net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(net).requires_grad_(False).eval()
    optimiser = torch.optim.SGD(
        net.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay
    )
    return State(net, ema, optimiser, Generator().manual_seed(recipe.seed))


def _train_epoch(
    state: State,
    train: Split,
    recipe: Recipe,
    run: RunFolder,
    stop: "_Stop",
    bar: Progress,
    task: TaskID,
) -> None:
    """Go through the images once, or through what an interruption left of them."""
    n = len(train.images)
    if state.position == 0:
        state.order = torch.randperm(n, generator=state.generator)
    state.net.train()
    loss_sum = torch.tensor(state.loss_sum, dtype=torch.float64, device=train.images.device)
    begin, seconds_before = time.perf_counter(), state.seconds
    while state.position < n:
        picked = state.order[state.position : state.position + recipe.batch]
        loss_sum += train_step(state, train, picked.to(train.images.device), recipe) * len(picked)
        state.position += len(picked)
        state.seconds = seconds_before + time.perf_counter() - begin
        rate = state.position / state.seconds
        bar.update(task, completed=state.epoch * n + state.position, rate=rate)
        if state.step % _CHECK_EVERY == 0 or state.position >= n or stop.signum:
            state.loss_sum = float(loss_sum)
            _check_finite(state.loss_sum, state, run)
        if stop.signum and state.position < n:
            _save_and_stop(state, recipe, run, stop.signum)


def train_step(state: State, train: Split, picked: Tensor, recipe: Recipe) -> Tensor:
    """One step of SGD and of the average on the images `picked`; the mean loss, detached."""
    batch = augment(train.images[picked].float(), recipe, state.generator)
    x = normalise(batch).contiguous(memory_format=torch.channels_last)
    with autocast(x.device):
        logits = state.net(x)
    loss = functional.cross_entropy(logits.float(), train.targets[picked])
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimiser.step()
    state.step += 1
    update_average(state.ema, state.net, recipe.ema_decay, state.step)
    return loss.detach()


@torch.no_grad()
def update_average(ema: nn.Module, net: nn.Module, decay: float, step: int) -> None:
    """Move the average towards the net; early steps weigh more, so that the start is forgotten."""
    keep = min(decay, step / (step + 10))
    for mean, value in zip(ema.parameters(), net.parameters(), strict=True):
        mean.lerp_(value, 1 - keep)
    for kept, current in zip(ema.buffers(), net.buffers(), strict=True):
        kept.copy_(current)


def _finish_epoch(state: State, valid: Split, recipe: Recipe, run: RunFolder, n: int) -> Row:
    """Evaluate the average, keep it if it is the best, and save."""
    logits = predict_logits(state.ema, valid.images)
    valid_loss = float(functional.cross_entropy(logits, valid.targets.cpu()))
    _check_finite(valid_loss, state, run)
    hits = logits.argmax(1)
    majority = valid.majority.cpu()
    kept = majority != protocols.DROPPED
    accuracy = float((hits == valid.plurality.cpu()).double().mean())
    row: Row = {
        "epoch": state.epoch + 1,
        "train_loss": state.loss_sum / n,
        "valid_loss": valid_loss,
        "valid_accuracy": accuracy,
        "valid_accuracy_majority": float((hits == majority)[kept].double().mean()),
        "images_per_second": n / state.seconds,
        "seconds": state.seconds,
    }
    state.rows = [*state.rows, row]
    state.epoch += 1
    state.order, state.position = torch.empty(0, dtype=torch.int64), 0
    state.loss_sum = state.seconds = 0.0
    if accuracy > state.best:
        state.best = accuracy
        save_best(run.best, state, recipe)
    save_state(run.last, state, recipe)
    run.write_metrics(state.rows)
    draw_curves(run.curves, state.rows, recipe.title)
    return row


def _check_finite(loss: float, state: State, run: RunFolder) -> None:
    if not math.isfinite(loss):
        raise TrainError(
            f"The loss is no longer a number (epoch {state.epoch + 1}, step {state.step}). "
            f"The last good state is in {run.last}; try again with a smaller --set lr=..."
        )


def _save_and_stop(state: State, recipe: Recipe, run: RunFolder, signum: int) -> None:
    save_state(run.last, state, recipe)
    done = state.position / len(state.order)
    raise StoppedError(
        f"Stopped by {signal.Signals(signum).name} in epoch {state.epoch + 1} ({done:.0%} of it "
        f"done); the state is in {run.last}. Go on with the same command and --resume.",
        signum,
    )


@dataclass(slots=True)
class _Stop:
    """Set by a signal, looked at after every step."""

    signum: int = 0
    previous: dict[int, Any] = field(default_factory=dict)

    def catch(self, signum: int, _frame: FrameType | None) -> None:
        """Remember the signal; a second one acts as if nobody listened."""
        self.signum = signum
        signal.signal(signum, self.previous[signum])


@contextmanager
def _signals() -> Iterator[_Stop]:
    """Turn SIGINT and SIGTERM into a wish to stop, while the body runs."""
    stop = _Stop()
    try:
        for signum in (int(signal.SIGINT), int(signal.SIGTERM)):
            stop.previous[signum] = signal.getsignal(signum)
            signal.signal(signum, stop.catch)
        yield stop
    finally:
        for signum, handler in stop.previous.items():
            signal.signal(signum, handler)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[rate]:.0f} img/s, left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _about(
    recipe: Recipe, data: Path, sets: tuple[Split, Split], read: tuple[FerPlus, FerPlus]
) -> dict[str, Any]:
    return {
        "seed": recipe.seed,
        "data": data.name,
        "train_images": len(sets[0].images),
        "valid_images": len(sets[1].images),
        "skipped": [line for part in read for line in part.skipped],
        "device": str(sets[0].images.device),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
