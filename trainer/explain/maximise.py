"""Pictures that a class or a neuron answers to most, found from noise.

H. Ding, S. K. Zhou, R. Chellappa. "FaceNet2ExpNet: Regularizing a Deep Face Recognition Net for
Expression Recognition." FG 2017. Figure 1, by DeepDraw (A. Øygard, 2015).

As in DeepDraw, the picture starts as grey with a little noise; a step goes along the gradient,
scaled to a mean of so many grey levels, and is followed by a blur that shrinks from step to step;
levels stay within 0..255. The paper names no values. Steps and the blur's radii are those of
DeepDraw's first octave, the radii in parts of the side, for nets here see smaller pictures.
DeepDraw draws on a canvas larger than the net's patch and moves the patch about; here the picture
is as large as the patch and is moved within itself, its border coming in again at the other side.
It is normalised as a face is before the net sees it, so that neither brightness nor contrast
counts.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torchvision.transforms.functional import gaussian_blur

from ferdesk.core.labels import EXPRESSIONS
from trainer.errors import TrainError
from trainer.explain.inside import Inside, Layer
from trainer.explain.subject import Subject
from trainer.tables import Result

_GREY, _NOISE, _WHITE = 128.0, 8.0, 255.0

Objective = Callable[[Tensor], Tensor]
"""From normalised pictures (t, 1, size, size), one a target, to (t,) what is to be raised."""


class Maximum(Result):
    """One picture.

    Attributes:
        target: the class, or the neuron.
        before: its answer to the noise.
        after: its answer to the picture: of a class the logit, of a filter the mean over places.
        probability: of a class, what the net gives it, 0..1; else None.
    """

    target: str
    before: float
    after: float
    probability: float | None = None

    @property
    def caption(self) -> str:
        """The target and how strong its answer is."""
        strength = f"{self.after:.2f}" if self.probability is None else f"{self.probability:.0%}"
        return f"{self.target}: {strength}"


class MaximumResult(Result):
    """All pictures of one call.

    Attributes:
        net: the run, checkpoint or bundle.
        layer: the neurons' layer, "" for classes.
        steps: how many were gone.
        seed: of the noise and the moves.
        pictures: what came of them.
    """

    net: str
    layer: str
    steps: int
    seed: int
    pictures: tuple[Maximum, ...]


@dataclass(frozen=True, slots=True)
class Ascent:
    """How a picture is found.

    Attributes:
        steps: how many.
        step: mean change of a pixel in one of them, in grey levels.
        blur: standard deviation of the Gaussian after the first and the last, in parts of the side.
        jitter: how far the picture is moved at most, in parts of the side.
        seed: of the noise and the moves.
    """

    steps: int = 190
    step: float = 11.0
    blur: tuple[float, float] = (2.5 / 224, 0.78 / 224)
    jitter: float = 1 / 16
    seed: int = 0


def maxima(
    subject: Subject, layer: Layer | None, targets: Sequence[int], ascent: Ascent
) -> tuple[tuple[Maximum, ...], Tensor]:
    """Find a picture for each target.

    Args:
        subject: the net.
        layer: the neurons'; None for classes.
        targets: places of expressions in the canonical order, or numbers of neurons.
        ascent: how.

    Returns:
        What came of them; and (targets, size, size) float32 grey levels 0..255.

    Raises:
        TrainError: there is no such neuron.
    """
    inside = subject.inside
    if layer is None:
        objective, names = class_objective(inside, targets), [EXPRESSIONS[t] for t in targets]
    else:
        objective = neuron_objective(inside, layer, targets)
        names = [f"{layer.name}, {t}" for t in targets]
    pictures, before, after = maximise(inside, objective, len(targets), ascent)
    with torch.inference_mode():
        logits, _ = inside.look(inside.prepare(pictures[:, None]))
    shares = logits.softmax(1).cpu()
    found = [
        Maximum(
            target=name,
            before=float(before[i]),
            after=float(after[i]),
            probability=None if layer else float(shares[i, targets[i]]),
        )
        for i, name in enumerate(names)
    ]
    return tuple(found), pictures


def class_objective(inside: Inside, classes: Sequence[int]) -> Objective:
    """The logit of each picture's own class."""

    def logits(x: Tensor) -> Tensor:
        found, _ = inside.look(x)
        return found[torch.arange(len(classes)), torch.tensor(classes)]

    return logits


def neuron_objective(inside: Inside, layer: Layer, neurons: Sequence[int]) -> Objective:
    """The answer of each picture's own neuron; of a filter the mean over all places.

    Raises:
        TrainError: there is no such neuron.
    """
    for number in neurons:
        if not 0 <= number < layer.units:
            raise TrainError(f"{layer} has neurons 0 to {layer.units - 1}, no neuron {number}.")

    def answers(x: Tensor) -> Tensor:
        _, found = inside.look(x, [layer.name])
        units = found[layer.name].reshape(len(x), layer.units, -1).mean(dim=2)
        return units[torch.arange(len(neurons)), torch.tensor(neurons)]

    return answers


def maximise(
    inside: Inside, objective: Objective, count: int, ascent: Ascent
) -> tuple[Tensor, Tensor, Tensor]:
    """Climb.

    Args:
        inside: the net.
        objective: what is raised.
        count: how many targets it has.
        ascent: how.

    Returns:
        (count, size, size) float32, grey levels 0..255; and (count,) what the objective gives for
        the noise that they began with, and for them.
    """
    generator = Generator().manual_seed(ascent.seed)
    side = inside.size
    noise = torch.randn(count, 1, side, side, generator=generator)
    pictures = (_GREY + _NOISE * noise).to(inside.device)
    reach = round(ascent.jitter * side)
    before = _value(inside, objective, pictures)
    for step in range(ascent.steps):
        move = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
        slope = _gradient(inside, objective, pictures.roll(move, (2, 3)))
        slope = slope.roll([-d for d in move], (2, 3))
        scale = slope.abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=torch.finfo().tiny)
        pictures = (pictures + ascent.step * slope / scale).clamp(0, _WHITE)
        start, end = ascent.blur
        pictures = _blurred(pictures, side * (start + (end - start) * step / ascent.steps))
    after = _value(inside, objective, pictures)
    return pictures[:, 0].cpu(), before, after


def _gradient(inside: Inside, objective: Objective, pictures: Tensor) -> Tensor:
    at = pictures.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(objective(inside.prepare(at)).sum(), at)
    return slope


@torch.no_grad()
def _value(inside: Inside, objective: Objective, pictures: Tensor) -> Tensor:
    return objective(inside.prepare(pictures)).float().cpu()


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Blur with a kernel that reaches three standard deviations, at least one pixel."""
    side = 2 * max(math.ceil(3 * sigma), 1) + 1
    blurred: Tensor = gaussian_blur(pictures, [side, side], [sigma, sigma])
    return blurred
