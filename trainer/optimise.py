"""The optimiser and its rate over the steps."""

import math

import torch
from torch import nn

from trainer.recipes.base import Training


def build_optimiser(net: nn.Module, recipe: Training) -> torch.optim.Optimizer:
    """The recipe's optimiser over all weights that are not frozen.

    Biases and the scales of normalisation layers are not decayed: pulling them to zero restrains
    nothing that the next layer could not undo.
    """
    trained = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(
            groups, recipe.lr, recipe.momentum, nesterov=recipe.nesterov and recipe.momentum > 0
        )
    # One pass over the weights: on a CPU it takes a fifth of the time. SGD's cannot do it where
    # some of the weights get their first gradient later than others.
    fused = all(p.device.type in ("cpu", "cuda") for p in trained)
    kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, recipe.lr, betas=(recipe.momentum, 0.999), fused=fused)


def rate(recipe: Training, step: int, steps_an_epoch: int) -> float:
    """The learning rate of a step, from 0.

    constant; cosine: down to 0 along half a cosine (Loshchilov and Hutter, ICLR 2017, eq. 5);
    step: multiplied by `step_factor` every `step_epochs`; one_cycle: up to `lr` over the warm-up,
    or the first 30 % of the steps, then down to 0 (Smith and Topin 2019). Each but one_cycle rises
    linearly over its warm-up.
    """
    total = recipe.epochs * steps_an_epoch
    warmup = recipe.warmup_epochs * steps_an_epoch
    if recipe.schedule == "one_cycle":
        warmup = warmup or 0.3 * total
        if step < warmup:
            return recipe.lr * _half_cosine(1 - (step + 1) / (warmup + 1))
        return recipe.lr * _half_cosine((step - warmup) / max(total - warmup, 1))
    rising = min(1.0, (step + 1) / (warmup + 1))
    if recipe.schedule == "cosine":
        return recipe.lr * rising * _half_cosine(min(step / total, 1.0))
    if recipe.schedule == "step":
        epoch = step // steps_an_epoch
        return recipe.lr * rising * recipe.step_factor ** (epoch // recipe.step_epochs)
    return recipe.lr * rising


def set_rate(optimiser: torch.optim.Optimizer, value: float) -> None:
    """Give every group of weights the same rate."""
    for group in optimiser.param_groups:
        group["lr"] = value


def _half_cosine(done: float) -> float:
    """From 1 to 0 while `done` goes from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * done))
