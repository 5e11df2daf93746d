"""One training, from images in memory to a run's folder. Reads from top to bottom."""

import copy
import math
import platform
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from torch import Generator, Tensor, nn
from torch.nn import functional

from ferdesk.core.preprocess import normalise
from trainer.augment import augment, draw, mix
from trainer.bars import images_bar
from trainer.before import digests, resolved
from trainer.checkpoint import State, load_state, save_best, save_state
from trainer.datasets.base import Faces
from trainer.errors import StoppedError, TrainError
from trainer.guide import Guide, learner_of
from trainer.losses import batch_targets, whole_loss
from trainer.multitask import Auxiliary, check_auxiliary
from trainer.nets import build_net
from trainer.norms import measure_norms
from trainer.optimise import build_optimiser, rate, set_rate
from trainer.parallel import Team, is_leader, team
from trainer.plots import draw_curves, draw_guide_curves
from trainer.precision import autocast, compiled, default_device, gradient_scaler
from trainer.predict import predict_logits
from trainer.recipes import Recipe
from trainer.runs import Row, RunFolder
from trainer.signals import Stop, stop_signals
from trainer.split import Split, hits, split_of
from trainer.weights import start_from, train_mode

_CHECK_EVERY: Final = 50  # steps between looks at the loss, which on a GPU cost a wait
_SAVE_EVERY_S: Final = 300.0  # within an epoch: what a power cut may take


def fit(
    recipe: Recipe,
    train: Faces,
    valid: Faces,
    run: RunFolder,
    *,
    data: Path,
    auxiliary: Auxiliary | None = None,
    resume: bool = False,
    fresh: bool = False,
) -> list[Row]:
    """Train a recipe's net until its last epoch, or until a signal or a NaN stops it.

    Under torchrun all its processes train the one net, and the first one writes.

    Args:
        recipe: all that decides the result.
        train: what is learnt from.
        valid: what the best epoch is chosen on.
        run: where everything is written.
        data: where the images came from; its last name is kept for the record.
        auxiliary: the second set of a multi-task recipe; a batch of it follows each of `train`.
        resume: go on from the folder's last checkpoint; alone, it continues bit for bit.
        fresh: replace a run that is in the folder.

    Returns:
        The metrics, a row an epoch.

    Raises:
        StoppedError: SIGINT or SIGTERM; the state was saved.
        TrainError: the loss is no longer a number, the checkpoint, the weights to start from, the
            face net or the second set do not fit, or there is a run and it is said neither to
            resume nor to replace it.
        OutputError: the folder cannot be written.
    """
    with team() as us:
        if us.leads:
            run.check(resume=resume, fresh=fresh)
        device = default_device()
        found = resolved(recipe, run.folder)
        sets = split_of(train, found, device, run.folder), split_of(valid, found, device)
        state = new_state(found, device, resume=resume, images=sets[0].images)
        check_auxiliary(recipe, auxiliary, state.net, us)
        guide = Guide(found, state.net) if recipe.face else None
        if guide is not None:  # what is frozen by now has no momentum
            state.optimiser = build_optimiser(state.net, recipe)
        if us.leads:
            run.prepare(resume=resume, fresh=fresh)
        if resume:
            load_state(run.last, state, recipe)
        elif us.leads:
            save_state(run.last, state, recipe)
        us.copy_from_leader(state.net)
        if us.leads:
            run.write_recipe(recipe)
            before = digests(recipe, run.folder)
            run.write_about({**_about(recipe, data, sets, (train, valid), us), "before": before})
        if us.world > 1:  # dropout is each process's own
            torch.manual_seed(recipe.seed + us.rank + us.world * state.step)
        with stop_signals() as stop:  # until here there is nothing to save
            _train(state, _Course(recipe, *sets, auxiliary, guide, run, us, stop))
        if not recipe.epochs and us.leads:
            save_best(run.best, state, recipe)
    return state.rows


def new_state(
    recipe: Recipe, device: torch.device, *, resume: bool = False, images: Tensor | None = None
) -> State:
    """A recipe's net and all that goes with it, before the first step.

    Args:
        recipe: names the net and, where it is not to be fresh, the weights it starts from.
        device: where to.
        resume: a checkpoint will give the weights; those of the recipe are not loaded.
        images: what is learnt from, (n, 1, size, size) uint8 on `device`: for the normalisations
            of weights that came without.
    """
    torch.manual_seed(recipe.seed)
    net = build_net(recipe.net, size=recipe.size, dropout=recipe.dropout)
    left = start_from(net, recipe, resume=resume)
    if left and is_leader():
        said = f"not taken from {recipe.weights}, since of another size: {', '.join(left)}"
        Console(stderr=True, highlight=False, soft_wrap=True).print(said, markup=False)
    net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if images is not None and not resume:
        measure_norms(net, images)
    ema = copy.deepcopy(net).requires_grad_(False).eval()
    generator = Generator().manual_seed(recipe.seed)
    optimiser = build_optimiser(net, recipe)
    return State(net, ema, optimiser, gradient_scaler(device), generator)


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """What a training goes by and does not change."""

    recipe: Recipe
    train: Split
    valid: Split
    auxiliary: Auxiliary | None
    guide: Guide | None
    run: RunFolder
    us: Team
    stop: Stop

    @property
    def length(self) -> int:
        """Images of an epoch, each pass counted."""
        return len(self.train.images) * self.recipe.passes


def _train(state: State, course: _Course) -> None:
    """Epoch after epoch, with a line about each."""
    recipe, n = course.recipe, course.length
    console = Console(stderr=True, highlight=False, quiet=not course.us.leads)
    learner = state.net if course.guide is None else course.guide.learner
    net = course.us.wrap(compiled(learner, course.train.images.device))
    with images_bar(console) as bar:
        task = bar.add_task(recipe.name, total=recipe.epochs * n, rate=0.0)

        def show() -> None:
            speed = state.position / state.seconds
            bar.update(task, completed=state.epoch * n + state.position, rate=speed)

        while state.epoch < recipe.epochs:
            _train_epoch(state, net, course, show)
            row = _finish_epoch(state, course)
            console.print(
                f"epoch {state.epoch}/{recipe.epochs}  loss {row['train_loss']:.4f}  "
                f"{_reached(row, state.best)}  {row['images_per_second']:.0f} img/s"
            )


def _reached(row: Row, best: float) -> str:
    if "valid_relative" in row:
        return f"valid {row['valid_loss']:.4f} ({row['valid_relative']:.1%} of the features)"
    return f"valid {row['valid_accuracy']:.2%} (best {best:.2%})"


def _train_epoch(state: State, net: nn.Module, course: _Course, show: Callable[[], None]) -> None:
    """Go through the images, or through what an interruption left of them."""
    recipe, train, us, stop = course.recipe, course.train, course.us, course.stop
    n = course.length
    if state.position == 0:
        state.order = torch.randperm(n, generator=state.generator)
    train_mode(net)
    before = state.loss_sum if us.leads else 0.0  # it is the sum over all processes
    loss_sum = torch.tensor(before, dtype=torch.float64, device=train.images.device)
    begin, seconds_before, saved = time.perf_counter(), state.seconds, time.perf_counter()
    while state.position < n:
        picked = state.order[state.position : batch_end(state.position, recipe.batch, n)]
        picked = picked % len(train.images)
        set_rate(state.optimiser, rate(recipe, state.step, math.ceil(n / recipe.batch)))
        loss = train_step(state, net, train, picked, recipe, us, course.guide)
        loss_sum += loss * len(us.share(picked))
        if course.auxiliary is not None:
            course.auxiliary.step(state, recipe)
        state.position += len(picked)
        state.seconds = seconds_before + time.perf_counter() - begin
        show()
        if state.step % _CHECK_EVERY and state.position < n and not (stop.signum and us.world == 1):
            continue
        state.loss_sum = float(us.sum(loss_sum.clone()))
        _check_finite(state.loss_sum, state, course.run)
        signum = int(us.agree(stop.signum))
        late = us.agree(time.perf_counter() - saved) > _SAVE_EVERY_S
        if state.position < n and us.leads and (signum or late):
            save_state(course.run.last, state, recipe)
        if signum and state.position < n:
            _stop(state, course.run, signum)
        saved = time.perf_counter() if late else saved


def batch_end(position: int, batch: int, n: int) -> int:
    """Where a batch ends; a last image goes with the others, for one alone has no variance."""
    end = min(position + batch, n)
    return n if end == n - 1 else end


def train_step(
    state: State,
    net: nn.Module,
    train: Split,
    picked: Tensor,
    recipe: Recipe,
    us: Team,
    guide: Guide | None = None,
) -> Tensor:
    """One step of the optimiser and of the average on the images `picked`; the mean loss, detached.

    Args:
        state: what the step changes.
        net: `state.net`, or with a guide its learner, or the team's view of either.
        train: where the images are.
        picked: (n,) int64, on the CPU; the whole batch, of which each process takes its share.
        recipe: how.
        us: who trains.
        guide: whose features are learnt; None for the labels.
    """
    device = train.images.device
    u = draw(len(picked), state.generator)
    rows = us.share(picked).to(device)
    small = recipe.small_size if state.epoch < recipe.small_epochs else None
    x = normalise(augment(train.images[rows].float(), recipe, us.share(u), small or None))
    chance = us.share(u)[:, -1].to(device)
    targets = batch_targets(recipe.loss, train.targets[rows], chance)
    if recipe.mixup:
        x, targets = mix(x, targets, recipe.mixup, state.generator)
    if guide is None:
        with autocast(device):
            said = net(x.contiguous(memory_format=torch.channels_last))
        loss = whole_loss(recipe.loss, said, targets)
    else:
        loss = guide.loss(net, x)
    state.optimiser.zero_grad()
    state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    state.scaler.step(state.optimiser)
    state.scaler.update()
    state.step += 1
    update_average(state.ema, state.net, recipe.ema_decay, state.step)
    return loss.detach()


@torch.no_grad()
def update_average(ema: nn.Module, net: nn.Module, decay: float, step: int) -> None:
    """Move the average towards the net; early steps weigh more, so that the start is forgotten.

    Batch normalisation's statistics are averaged like the weights they belong to.
    """
    keep = min(decay, step / (step + 10))
    ours = [t for t in ema.state_dict().values() if t.is_floating_point()]
    theirs = [t for t in net.state_dict().values() if t.is_floating_point()]
    torch._foreach_lerp_(ours, theirs, 1 - keep)


def _finish_epoch(state: State, course: _Course) -> Row:
    """Evaluate the average, keep it if it is the best, and save."""
    recipe, run, us = course.recipe, course.run, course.us
    n = course.length
    for net in (state.net, state.ema):  # each process has its own batch statistics until here
        us.copy_from_leader(net)
    found, score = _judged(state, course)
    _check_finite(found["valid_loss"], state, run)
    row: Row = {
        "epoch": state.epoch + 1,
        "train_loss": state.loss_sum / n,
        **found,
        "images_per_second": n / state.seconds,
        "seconds": state.seconds,
    }
    state.rows = [*state.rows, row]
    state.epoch += 1
    state.order, state.position = torch.empty(0, dtype=torch.int64), 0
    state.loss_sum = state.seconds = 0.0
    better = score > state.best
    state.best = max(state.best, score)
    if us.leads:
        if better:
            save_best(run.best, state, recipe)
        save_state(run.last, state, recipe)
        run.write_metrics(state.rows)
        draw_them = draw_curves if course.guide is None else draw_guide_curves
        draw_them(run.curves, state.rows, recipe.title)
    return row


def _judged(state: State, course: _Course) -> tuple[Row, float]:
    """What the average makes of valid, and a score in 0..1 by which the best epoch is chosen."""
    valid = course.valid
    if course.guide is not None:
        learner = learner_of(state.ema)
        loss, relative = course.guide.judge(learner, valid.images)
        return {"valid_loss": loss, "valid_relative": relative}, 1 / (1 + relative)
    logits = predict_logits(state.ema, valid.images)
    accuracy, majority = hits(logits, valid)
    figures: Row = {
        "valid_loss": float(functional.cross_entropy(logits, valid.targets.cpu())),
        "valid_accuracy": accuracy,
        "valid_accuracy_majority": majority,
    }
    return figures, accuracy


def _check_finite(loss: float, state: State, run: RunFolder) -> None:
    if not math.isfinite(loss):
        raise TrainError(
            f"The loss is no longer a number (epoch {state.epoch + 1}, step {state.step}). "
            f"The last good state is in {run.last}; try again with a smaller --set lr=..."
        )


def _stop(state: State, run: RunFolder, signum: int) -> None:
    done = state.position / len(state.order)
    raise StoppedError(
        f"Stopped by {signal.Signals(signum).name} in epoch {state.epoch + 1} ({done:.0%} of it "
        f"done); the state is in {run.last}. Go on with the same command and --resume.",
        signum,
    )


def _about(
    recipe: Recipe,
    data: Path,
    sets: tuple[Split, Split],
    read: tuple[Faces, Faces],
    us: Team,
) -> dict[str, Any]:
    return {
        "seed": recipe.seed,
        "data": data.name,
        "train_images": len(sets[0].images),
        "valid_images": len(sets[1].images),
        "skipped": [line for part in read for line in part.skipped],
        "device": str(sets[0].images.device),
        "processes": us.world,
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
