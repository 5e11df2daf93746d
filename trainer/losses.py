"""The four ways in which FER+'s paper trains towards ten votes an image.

E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. "Training Deep Networks for Facial Expression
Recognition with Crowd-Sourced Label Distribution." ICMI 2016, section 4.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from trainer.recipes.base import Loss

ACCEPTED_SHARE: Final = 0.3
"""Multi-target: an expression with more than this share of the votes is as good as any other."""


class Weighted(NamedTuple):
    """One of several answers that a net is trained on together, and its part in the loss."""

    weight: float
    logits: Tensor


def batch_targets(loss: Loss, distributions: Tensor, chance: Tensor) -> Tensor:
    """What a batch is compared with: the distributions, or classes made of them.

    Args:
        loss: the recipe's.
        distributions: (n, 8) float32, rows sum to 1.
        chance: (n,) float32, uniform in 0..1; what "probability" draws by.

    Returns:
        (n, 8) float32: for "majority" the one class with the most votes (section 4.1), for
        "probability" one class drawn by its share, anew each time (section 4.3), for
        "multi_target" a 1 for every accepted class (section 4.2), else the votes (section 4.4).
    """
    classes = distributions.shape[1]
    if loss == "majority":
        return functional.one_hot(distributions.argmax(1), classes).float()
    if loss == "probability":
        edges = distributions.cumsum(1)
        drawn = (edges <= chance[:, None] * edges[:, -1:]).sum(1).clamp(max=classes - 1)
        return functional.one_hot(drawn, classes).float()
    if loss == "multi_target":
        best = functional.one_hot(distributions.argmax(1), classes).bool()
        return ((distributions > ACCEPTED_SHARE) | best).float()
    return distributions


def batch_loss(loss: Loss, logits: Tensor, targets: Tensor) -> Tensor:
    """The mean loss of a batch.

    Args:
        loss: the recipe's.
        logits: (n, 8) float32.
        targets: (n, 8) as `batch_targets` gave them.

    Returns:
        A scalar. "multi_target" asks only for the accepted class that the net finds most probable
        (the paper's eq. 3); the others are cross-entropy.
    """
    if loss == "multi_target":
        log_probabilities = functional.log_softmax(logits, 1)
        accepted = log_probabilities.masked_fill(targets == 0, float("-inf"))
        return -accepted.max(1).values.mean()
    return functional.cross_entropy(logits, targets)


def whole_loss(loss: Loss, said: Tensor | tuple[Weighted, ...], targets: Tensor) -> Tensor:
    """The mean loss of a batch, over all that the net says about it.

    Args:
        loss: the recipe's.
        said: (n, 8) logits of any float type, or several such answers with their weights.
        targets: (n, 8) as `batch_targets` gave them.
    """
    if isinstance(said, Tensor):
        return batch_loss(loss, said.float(), targets)
    parts = [one.weight * batch_loss(loss, one.logits.float(), targets) for one in said]
    return torch.stack(parts).sum()
