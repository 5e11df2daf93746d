"""What DE-GAN's two nets are trained towards.

K. Ali, C. E. Hughes. "Facial Expression Representation Learning by Synthesizing Expression Images."
ICIP 2020. Equations 1 and 2, which are maximised; here their negatives are minimised.
"""

import torch
from torch import Tensor
from torch.nn import functional

from trainer.gan.nets import FAKE, Answers


def discriminator_loss(
    real: Answers, fake: Answers, expression: Tensor, identity: Tensor, real_target: float = 1.0
) -> Tensor:
    """Minus equation 1: real pictures are known by expression and person, generated ones as such.

    Args:
        real: of (n, ...) real pictures.
        fake: of as many generated ones.
        expression: (n,) int64, 0..7, what the real ones show.
        identity: (n,) int64, whom they show.
        real_target: the probability that the right expression shall have; the rest is "generated"'s
            (one-sided label smoothing; 1 is the paper's).

    Returns:
        A scalar, means over the batch.
    """
    classes = real.expression.shape[1]
    wanted = functional.one_hot(expression, classes) * real_target
    wanted[:, FAKE] += 1 - real_target
    generated = torch.full_like(expression, FAKE)
    return (
        functional.cross_entropy(real.expression, wanted)
        + functional.cross_entropy(real.identity, identity)
        + functional.cross_entropy(fake.expression, generated)
    )


def generator_loss(fake: Answers, expression: Tensor, identity: Tensor) -> Tensor:
    """Minus equation 2: generated pictures pass for the expression and for the person asked for.

    Args:
        fake: of n generated pictures.
        expression: (n,) int64, 0..7, what the pictures show that they were made from.
        identity: (n,) int64, whose codes were given.

    Returns:
        A scalar, means over the batch.
    """
    return functional.cross_entropy(fake.expression, expression) + functional.cross_entropy(
        fake.identity, identity
    )
