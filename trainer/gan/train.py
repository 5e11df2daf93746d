"""Training a DE-GAN, from faces in memory to a run's folder.

K. Ali, C. E. Hughes. "Facial Expression Representation Learning by Synthesizing Expression Images."
ICIP 2020. Sections 3.1 and 4.1.
"""

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
from torch import Generator as Random
from torch import Tensor

from ferdesk.core.preprocess import normalise
from trainer.augment import PATCHES, augment, draw
from trainer.bars import images_bar
from trainer.datasets.base import Faces
from trainer.errors import StoppedError, TrainError
from trainer.fit import batch_end, update_average
from trainer.gan.losses import discriminator_loss, generator_loss
from trainer.gan.nets import Answers
from trainer.gan.people import People, one_hot, people_of
from trainer.gan.pictures import grid, transfer, write_picture
from trainer.gan.schedule import told_apart
from trainer.gan.state import SUMS, GanState, load_state, new_state, save_good, save_state
from trainer.optimise import rate, set_rate
from trainer.plots import draw_gan_curves
from trainer.precision import autocast, default_device, low_precision
from trainer.recipes.ali2020 import GanRecipe
from trainer.runs import Row, RunFolder
from trainer.signals import Stop, stop_signals

_SAVE_EVERY_S: Final = 300.0  # within an epoch: what a power cut may take
_SHOWN: Final = 8  # sources and identities of a grid


def train_gan(
    recipe: GanRecipe,
    faces: Faces,
    run: RunFolder,
    *,
    data: Path,
    resume: bool = False,
    fresh: bool = False,
) -> list[Row]:
    """Train a GAN until its last epoch, or until a signal, a NaN or its collapse stops it.

    Args:
        recipe: all that decides the result.
        faces: what is learnt from; those of people with too few pictures are left out.
        run: where everything is written.
        data: where the faces came from; its last name is kept for the record.
        resume: go on from the folder's last checkpoint, bit for bit.
        fresh: replace a run that is in the folder.

    Returns:
        The metrics, a row an epoch: `trainer.runs.GAN_METRICS`.

    Raises:
        StoppedError: SIGINT or SIGTERM; the state was saved.
        TrainError: the faces cannot be learnt from, a loss is no longer a number, the generator is
            lost, the checkpoint or the run to go on from does not fit, or there is a run and it is
            said neither to resume nor to replace it.
        OutputError: the folder cannot be written.
    """
    with stop_signals() as stop:
        device = default_device()
        people = people_of(faces, recipe, device)
        run.prepare(resume=resume, fresh=fresh)
        state = new_state(recipe, people, device)
        course = _Course(recipe, people, run, stop, device)
        if resume:
            load_state(run.last, state, recipe, people)
        else:
            save_state(run.last, state, recipe, people)
        run.write_recipe(recipe)
        run.write_about(_about(course, data, faces))
        _train(state, course)
    return state.rows


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """What a training goes by and does not change."""

    recipe: GanRecipe
    people: People
    run: RunFolder
    stop: Stop
    device: torch.device

    @property
    def length(self) -> int:
        """Pictures of an epoch, each variant counted."""
        return len(self.people) * self.recipe.passes


def _train(state: GanState, course: _Course) -> None:
    """Epoch after epoch, with a line about each."""
    recipe, n = course.recipe, course.length
    console = Console(stderr=True, highlight=False)
    for line in course.people.left_out:
        console.print(f"left out: {line}", markup=False)
    with images_bar(console) as bar:
        task = bar.add_task(recipe.name, total=recipe.epochs * n, rate=0.0)
        while state.epoch < recipe.epochs:
            if state.position == 0:
                _begin_epoch(state, course)
            saved = time.perf_counter()
            while state.position < n:
                begin = time.perf_counter()
                _step(state, course)
                state.seconds += time.perf_counter() - begin
                saved = _heed(state, course, saved)
                speed = state.position / state.seconds
                bar.update(task, completed=state.epoch * n + state.position, rate=speed)
            row = _finish_epoch(state, course)
            console.print(
                f"epoch {state.epoch}/{recipe.epochs}  D {row['d_loss']:.3f}, G "
                f"{row['g_loss']:.3f}  told apart {row['d_accuracy']:.1%}, people asked for "
                f"{row['g_identity']:.1%}, expressions {row['g_expression']:.1%}, "
                f"{row['g_steps']:.1f} G steps  {row['images_per_second']:.0f} img/s"
            )
            _refuse_the_lost(state, course)


def _begin_epoch(state: GanState, course: _Course) -> None:
    """Each pass over the pictures shows the next variant of each, from one that is drawn."""
    n = len(course.people)
    state.order = torch.randperm(course.length, generator=state.random)
    state.offsets = torch.randint(PATCHES, (n,), generator=state.random)


def _batch(state: GanState, course: _Course) -> tuple[Tensor, Tensor, Tensor]:
    """The next pictures: (b, 1, size, size) normalised, their expressions and their people."""
    recipe, people, n = course.recipe, course.people, len(course.people)
    end = batch_end(state.position, recipe.batch, len(state.order))
    places = state.order[state.position : end]
    state.position = end
    rows, passed = places % n, places // n
    u = draw(len(places), state.random)
    if recipe.augmentation == "patches":
        numbers = (state.offsets[rows] + passed) % PATCHES
        u[:, 0] = (numbers + 0.5) / PATCHES  # the number that `augment` makes of it
    rows = rows.to(course.device)
    x = normalise(augment(people.images[rows].float(), recipe, u))
    x = x.contiguous(memory_format=torch.channels_last)
    return x, people.expression[rows], people.identity[rows]


def _step(state: GanState, course: _Course) -> None:
    """One step of the discriminator, then one or more of the generator."""
    recipe = course.recipe
    x, expression, identity = _batch(state, course)
    steps_an_epoch = math.ceil(course.length / recipe.batch)
    now = rate(recipe, state.step, steps_an_epoch)
    set_rate(state.g_optimiser, now)
    set_rate(state.d_optimiser, now * recipe.d_rate)
    fake, wanted = _generate(state, course, x)
    with _half(course):
        real_said, fake_said = state.discriminator(x), state.discriminator(fake.detach())
    real_said, fake_said = _exact(real_said), _exact(fake_said)
    d_loss = discriminator_loss(real_said, fake_said, expression, identity, recipe.real_target)
    _descend(state.d_optimiser, d_loss)
    state.step += 1
    apart = told_apart(real_said.expression, fake_said.expression)
    steps = state.balance.g_steps(recipe)
    state.discriminator.requires_grad_(False)
    for number in range(steps):
        if number:
            fake, wanted = _generate(state, course, x)
        with _half(course):
            said = state.discriminator(fake)
        said = _exact(said)
        g_loss = generator_loss(said, expression, wanted)
        _descend(state.g_optimiser, g_loss)
        state.g_step += 1
        update_average(state.ema, state.generator, recipe.ema_decay, state.g_step)
    state.discriminator.requires_grad_(True)
    state.balance.add_step(float(apart))
    found = (
        d_loss,
        g_loss,
        apart,
        _right(real_said.expression, expression),
        _right(real_said.identity, identity),
        _right(said.expression, expression),
        _right(said.identity, wanted),
        torch.tensor(float(steps)),
    )
    state.sums += torch.stack([value.detach().double().cpu() for value in found]) * len(x)


def _generate(state: GanState, course: _Course, x: Tensor) -> tuple[Tensor, Tensor]:
    """The pictures' expressions on people drawn at random, and the codes of those."""
    recipe, n = course.recipe, len(x)
    identities = len(course.people.names)
    wanted = torch.randint(identities, (n,), generator=state.random)
    noise = torch.randn(n, recipe.noise, generator=state.random)
    code = one_hot(wanted, identities)
    with _half(course):
        fake = state.generator(x, code.to(course.device), noise.to(course.device))
    return fake.contiguous(memory_format=torch.channels_last), wanted.to(course.device)


def _half(course: _Course) -> torch.autocast:
    """bfloat16 where it is quick; float16 would need its gradients scaled, of two nets at that."""
    return autocast(course.device, enabled=low_precision(course.device) is torch.bfloat16)


def _exact(said: Answers) -> Answers:
    return Answers(said.expression.float(), said.identity.float())


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _right(logits: Tensor, wanted: Tensor) -> Tensor:
    return (logits.argmax(1) == wanted).float().mean()


def _heed(state: GanState, course: _Course, saved: float) -> float:
    """Look at the losses, at signals and at the clock; when the state was last saved."""
    _check_finite(state, course)
    over = state.position >= course.length
    signum = course.stop.signum
    late = time.perf_counter() - saved > _SAVE_EVERY_S
    if not over and (signum or late):
        save_state(course.run.last, state, course.recipe, course.people)
    if signum and not over:
        done = state.position / course.length
        raise StoppedError(
            f"Stopped by {signal.Signals(signum).name} in epoch {state.epoch + 1} ({done:.0%} of "
            f"it done); the state is in {course.run.last}. Go on with the same command and "
            "--resume.",
            signum,
        )
    return time.perf_counter() if late else saved


def _check_finite(state: GanState, course: _Course) -> None:
    if not bool(torch.isfinite(state.sums).all()):
        raise TrainError(
            f"A loss is no longer a number (epoch {state.epoch + 1}, step {state.step}). The last "
            f"good state is in {course.run.last}; try again with a smaller --set lr=..."
        )


def _finish_epoch(state: GanState, course: _Course) -> Row:
    """Write what the epoch came to; the generator only while it still fools somebody."""
    recipe, people, run, n = course.recipe, course.people, course.run, course.length
    row: Row = {
        "epoch": state.epoch + 1,
        **dict(zip(SUMS, (state.sums / n).tolist(), strict=True)),
        "images_per_second": n / state.seconds,
        "seconds": state.seconds,
    }
    state.rows = [*state.rows, row]
    state.epoch += 1
    state.order, state.offsets = (torch.empty(0, dtype=torch.int64) for _ in range(2))
    state.position, state.seconds = 0, 0.0
    state.sums = torch.zeros_like(state.sums)
    state.balance.add_epoch(row["d_accuracy"], recipe)
    if not state.balance.pinned or not run.best.is_file():
        save_good(run.best, state, recipe, people)
    save_state(run.last, state, recipe, people)
    run.write_metrics(state.rows)
    draw_gan_curves(run.curves, state.rows, recipe.title)
    if state.epoch % recipe.samples_every == 0 or state.epoch == recipe.epochs:
        _draw_samples(state, course)
    return row


def _refuse_the_lost(state: GanState, course: _Course) -> None:
    recipe, run = course.recipe, course.run
    if state.balance.lost(recipe):
        raise TrainError(
            f"The generator is lost: for {state.balance.pinned} epochs the discriminator told "
            f"{recipe.pinned_at:.1%} of the pictures apart. The last good generator, of epoch "
            f"{max(1, state.epoch - state.balance.pinned)}, is in {run.best}. Start over with "
            "--fresh and --set spectral_norm=true, real_target=0.9, another d_rate or g_steps."
        )


def _draw_samples(state: GanState, course: _Course) -> None:
    """The same faces on the same people each time, drawn by the seed."""
    people, recipe = course.people, course.recipe
    random = Random().manual_seed(recipe.seed)
    rows = torch.randperm(len(people), generator=random)[:_SHOWN].to(course.device)
    codes = torch.randperm(len(people.names), generator=random)[:_SHOWN].tolist()
    sources = people.images[rows]
    made = transfer(state.ema, sources, codes, torch.zeros(recipe.noise))
    path = course.run.samples / f"epoch-{state.epoch:04d}.png"
    write_picture(path, grid(sources.cpu(), made))


def _about(course: _Course, data: Path, faces: Faces) -> dict[str, Any]:
    return {
        "seed": course.recipe.seed,
        "data": data.name,
        "train_images": len(course.people),
        "identities": list(course.people.names),
        "left_out": list(course.people.left_out),
        "skipped": list(faces.skipped),
        "device": str(course.device),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
