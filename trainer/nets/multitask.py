"""One trunk for three tasks: expression, gender and age.

G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion Recognition", master thesis,
EPFL; section 6.1 (hard parameter sharing), section 7.11, figure 7.7, table 7.3.
"""

from typing import Final

from torch import Tensor, nn

from trainer.nets import register_net
from trainer.nets.vgg import CUSTOM_HIDDEN, CustomVGG13, initialise

GENDERS: Final = 2
AGE_MIDDLE: Final = 50.0
AGE_SPAN: Final = 50.0
"""The net counts ages in these years from the middle, so that most outputs lie in -1..1."""


@register_net("multitask-vgg13")
class MultiTaskVGG13(CustomVGG13):
    """The custom VGG13, whose four blocks serve two more branches.

    The thesis says that the net has three branches and starts from the custom VGG13 (section 7.11),
    not where they part. Here all convolutions are shared, and each branch has two hidden layers of
    its own, so that the way from the picture to the expression is that of "custom-vgg13" exactly.

    Args:
        size: side of the patch in pixels, a multiple of 16.
        dropout: probability that a hidden unit's output is dropped; half of that after a block.

    Raises:
        TrainError: `size` is not a positive multiple of 16.
    """

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__(size=size, dropout=dropout)
        first = next(m for m in self.classifier if isinstance(m, nn.Linear))
        self.gender = _branch(first.in_features, GENDERS, dropout)
        self.age = _branch(first.in_features, 1, dropout)

    def auxiliary(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the other two branches say.

        Args:
            x: (n, 1, size, size) float, normalised.

        Returns:
            (n, 2) logits, woman and man, and (n,) ages in years.
        """
        shared = self.features(x)
        gender: Tensor = self.gender(shared)
        age: Tensor = self.age(shared)
        return gender, AGE_MIDDLE + AGE_SPAN * age[:, 0]


def _branch(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    """Two hidden layers, as many as lead to the expression."""
    branch = nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, CUSTOM_HIDDEN),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(CUSTOM_HIDDEN, CUSTOM_HIDDEN),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(CUSTOM_HIDDEN, outputs),
    )
    initialise(branch)
    return branch
