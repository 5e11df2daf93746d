"""The zero-bias CNN.

P. Khorrami, T. L. Paine, T. S. Huang. "Do Deep Neural Networks Learn Facial Action Units When Doing
Expression Recognition?" ICCV Workshops 2015. Sections 3.1 and 3.2, figure 2.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from ferdesk.core.labels import EXPRESSIONS
from trainer.errors import TrainError
from trainer.nets import register_net

FILTERS: Final = (64, 128, 256)
KERNEL: Final = 5
HIDDEN: Final = 300
K_RANGE: Final = (0.2, 1.2)
_QUADRANTS: Final = 2  # a side
_SIZE_STEP: Final = 8  # two poolings by two, then quadrants, must come out whole


@register_net("khorrami2015")
class ZeroBiasCNN(nn.Module):
    """Three convolutions without biases, quadrant pooling, one hidden layer.

    The paper's patches are 96 x 96; the net takes any multiple of 8, and the number of parameters
    does not depend on it, because quadrant pooling always leaves 256 x 2 x 2.

    Args:
        size: side of the patch in pixels.
        dropout: probability that a hidden unit's output is dropped (paper: 0.5).

    Raises:
        TrainError: `size` is not a positive multiple of 8.
    """

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__()
        if size <= 0 or size % _SIZE_STEP:
            raise TrainError(f"khorrami2015 takes a size that is a multiple of 8, not {size}.")
        # ReLU and max-pooling commute, and pooling first leaves ReLU a quarter of the work.
        self.features = nn.Sequential(
            _conv(1, FILTERS[0]),
            nn.MaxPool2d(2),
            nn.ReLU(),
            _conv(FILTERS[0], FILTERS[1]),
            nn.MaxPool2d(2),
            nn.ReLU(),
            _conv(FILTERS[1], FILTERS[2]),
            nn.MaxPool2d(size // _SIZE_STEP),
            nn.ReLU(),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(FILTERS[2] * _QUADRANTS**2, HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, len(EXPRESSIONS)),
        )
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.classifier(self.features(x))
        return logits


def initialise(net: nn.Module) -> None:
    """Draw every layer's weights from N(0, k / fan_in), k ~ U[0.2, 1.2] per layer (section 3.2).

    The paper prints sigma = k / fan_in for the standard deviation. Taken literally, a layer scales
    its signal by about k / sqrt(fan_in), and of pictures of unit variance some 1e-5 is left after
    the three convolutions of 25, 1600 and 3200 inputs, before two linear layers of the same kind.
    So k / fan_in is taken as the variance, the usual form of such an initialisation. Biases of the
    linear layers start at 0.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            k = float(torch.empty(1).uniform_(*K_RANGE))
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, std=math.sqrt(k / fan_in))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, KERNEL, padding=KERNEL // 2, bias=False)
