"""What the nets from torchvision share: one input channel, and an end that gives maps."""

from collections import OrderedDict
from typing import Final

from torch import Tensor, nn

from trainer.errors import TrainError

MIN_SIZE: Final = 32
"""Five halvings, which all of these nets make, leave one place of 32 x 32."""


class PooledNet(nn.Module):
    """Feature maps, global average pooling, dropout and one linear layer: a `MapNet`.

    Args:
        features: from (n, 1, size, size) to (n, channels, h, w).
        linear: from channels to the 8 logits.
        dropout: probability that a pooled channel is dropped on its way to `linear`.
    """

    def __init__(self, features: nn.Module, linear: nn.Linear, *, dropout: float) -> None:
        super().__init__()
        self.features = features
        self.dropout = nn.Dropout(dropout)
        self.linear = linear

    @property
    def classifier(self) -> nn.Linear:
        """The last layer. A property, so that isinstance(net, MapNet) finds it (see `MapNet`)."""
        return self.linear

    def feature_maps(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, channels, h, w) before the pooling."""
        maps: Tensor = self.features(x)
        return maps

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.linear(self.dropout(self.feature_maps(x).mean((2, 3))))
        return logits


def grey_trunk(net: nn.Module, *, head: tuple[str, ...]) -> nn.Sequential:
    """The modules of a three-channel net, less its head, for pictures of one channel.

    Args:
        net: a net that runs its children one after the other. It is taken apart; don't use it
            afterwards.
        head: names of the children to leave out.
    """
    trunk = nn.Sequential(OrderedDict((n, m) for n, m in net.named_children() if n not in head))
    make_grey(trunk)
    return trunk


def make_grey(net: nn.Module) -> None:
    """Let a three-channel net's first convolution take one channel.

    Its kernels become the sum of their three channels, so that a grey picture gives what it gave
    the three-channel net when repeated three times.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.weight = nn.Parameter(module.weight.detach().sum(1, keepdim=True))
            module.in_channels = 1
            return
    raise ValueError("no convolution")


def check_size(name: str, size: int) -> None:
    """Refuse a patch that is gone before the net ends.

    Raises:
        TrainError: `size` is below 32.
    """
    if size < MIN_SIZE:
        raise TrainError(f"{name} takes any size from {MIN_SIZE} on, not {size}.")
