"""The action-unit net: small enough to run beside the expression net on every frame.

Residual blocks after K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image
Recognition", CVPR 2016. The head sees where things are: averaging over the whole patch, as nets for
expressions do, would make it hard to tell a face's left from its right.
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from trainer.errors import TrainError

NAME: Final = "au"
WIDTHS: Final = (16, 48, 128)
_STRIDE: Final = 8  # of all stages together
_PLACES: Final = 3  # a side


class AuNet(nn.Module):
    """Three convolutions with stride 2, residual blocks after the last two, one linear layer.

    At the first stage's many places a block would take half of all time.

    Args:
        size: side of the patch in pixels, a multiple of 24.
        outputs: how many numbers it gives.
        dropout: probability that a number of the head's input is dropped.

    Raises:
        TrainError: `size` is none such.
    """

    def __init__(self, *, size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        if size <= 0 or size % (_STRIDE * _PLACES):
            raise TrainError(f"{NAME} takes a size that is a multiple of 24, not {size}.")
        before, *others = WIDTHS
        layers: list[nn.Module] = [_conv(1, before, stride=2), nn.ReLU()]
        for width in others:
            layers += [_conv(before, width, stride=2), nn.ReLU(), _Block(width)]
            before = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AvgPool2d(size // _STRIDE // _PLACES)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(before * _PLACES**2, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, outputs) log-odds of activations."""
        logits: Tensor = self.head(self.pool(self.features(x)))
        return logits


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = _conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) to the same."""
        return functional.relu(x + self.second(functional.relu(self.first(x))))


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs)
    )
