"""Residual nets of our own: the Wide ResNet, and the compact net that the app runs by default.

Convolutions are drawn as torch draws them, not as He et al. (ICCV 2015) would: each meets a
normalisation, so only the ratio of the rate to their size counts, and with the larger weights of
theirs the Wide ResNet was seen to stand still for two epochs at the thesis's rate of 0.1.
"""

import re
from typing import Final

import torch
from torch import Tensor, nn

from ferdesk.core.labels import EXPRESSIONS
from trainer.errors import TrainError
from trainer.nets import register_net
from trainer.nets.pooled import PooledNet

_SMALLEST: Final = 16  # pixels; below, nothing is left before the pooling


class WideBlock(nn.Module):
    """Two 3x3 convolutions with normalisation and ReLU before each, dropout between.

    S. Zagoruyko, N. Komodakis. "Wide Residual Networks." BMVC 2016, figure 1 (d).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        ready = self.relu(self.norm1(x))
        kept = x if self.shortcut is None else self.shortcut(ready)
        branch = self.conv1(ready)
        branch = self.conv2(self.dropout(self.relu(self.norm2(branch))))
        total: Tensor = kept + branch
        return total


class WideResNet(PooledNet):
    """Wide ResNet: for such small pictures, with few layers but wide ones.

    S. Zagoruyko, N. Komodakis. "Wide Residual Networks." BMVC 2016, table 1: three groups of blocks
    with 64, 128 and 256 channels, four times as many as in the ResNets that it starts from.

    Args:
        name: for messages.
        blocks: in each group.
        size: side of the patch in pixels; any from 16, since pooling is global.
        dropout: between the two convolutions of a block (the thesis: 0.3).

    Raises:
        TrainError: `size` is too small.
    """

    WIDTHS: Final = (64, 128, 256)

    def __init__(self, name: str, blocks: int, *, size: int, dropout: float) -> None:
        _check_size(name, size)
        inputs = 16
        layers: list[nn.Module] = [nn.Conv2d(1, inputs, 3, padding=1, bias=False)]
        for group, width in enumerate(self.WIDTHS):
            for place in range(blocks):
                stride = 2 if group > 0 and place == 0 else 1
                layers.append(WideBlock(inputs, width, stride, dropout))
                inputs = width
        layers += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
        linear = nn.Linear(inputs, len(EXPRESSIONS))
        super().__init__(nn.Sequential(*layers), linear, dropout=0.0)
        self.blocks = blocks

    def deepened(self, found: dict[str, Tensor]) -> dict[str, Tensor]:
        """A shallower Wide ResNet's weights for this one, which then answers as that one does.

        T. Chen, I. Goodfellow, J. Shlens. "Net2Net: Accelerating Learning via Knowledge Transfer."
        ICLR 2016, section 2.3: the blocks that are added change nothing until they have learnt
        something; here since their second convolution is 0.

        Args:
            found: weights by name.

        Returns:
            Those under this net's names, and the added blocks' (what a damaged file lacks stays
            lacking); `found` itself where it is of no shallower one.
        """
        theirs = sum(_SECOND.fullmatch(key) is not None for key in found) // len(self.WIDTHS)
        if not 0 < theirs < self.blocks:
            return found
        moved = {0: 0} | {
            1 + group * theirs + place: 1 + group * self.blocks + place
            for group in range(len(self.WIDTHS))
            for place in range(theirs)
        }
        last, ours = len(self.WIDTHS) * theirs + 1, len(self.WIDTHS) * self.blocks + 1
        moved[last] = ours  # the normalisation before the pooling
        added = {
            key: torch.zeros_like(value) if _SECOND.fullmatch(key) else value
            for key, value in self.state_dict().items()
            if (place := _place(key)) is not None and place not in moved.values()
        }
        return added | {_moved(key, moved): value for key, value in found.items()}


_FEATURE: Final = re.compile(r"features\.(\d+)\.(.+)", re.ASCII)
_SECOND: Final = re.compile(r"features\.\d+\.conv2\.weight", re.ASCII)


def _place(key: str) -> int | None:
    """Which of the features a weight belongs to; None where to none of them."""
    match = _FEATURE.fullmatch(key)
    return None if match is None else int(match[1])


def _moved(key: str, places: dict[int, int]) -> str:
    """A weight's name after its layer's place among the features has changed."""
    place = _place(key)
    return _FEATURE.sub(rf"features.{places[place]}.\2", key) if place in places else key


@register_net("wrn-28-4")
def wide_resnet_28_4(*, size: int, dropout: float) -> WideResNet:
    """Wide ResNet 28-4: the best net on FER+ in G. Kyritsis's thesis (section 7.9)."""
    return WideResNet("wrn-28-4", 4, size=size, dropout=dropout)


@register_net("wrn-10-4")
def wide_resnet_10_4(*, size: int, dropout: float) -> WideResNet:
    """The shallowest of them; 28-4 may start from it, at a fifth of the work for an image."""
    return WideResNet("wrn-10-4", 1, size=size, dropout=dropout)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut.

    K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image Recognition." CVPR 2016.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.relu = nn.ReLU(inplace=True)
        same = inputs == outputs and stride == 1
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        total: Tensor = self.relu(self.branch(x) + self.shortcut(x))
        return total


@register_net("compact")
class CompactNet(PooledNet):
    """The app's own net: 1.6 million weights, made to be quick on one thread of a laptop.

    Most of a ResNet's work on a 48 x 48 picture is done at its full size; here only a thin first
    layer is. The last of three stages keeps 6 x 6 places.

    Args:
        size: side of the patch in pixels; any from 16, since pooling is global.
        dropout: before the last layer.

    Raises:
        TrainError: `size` is too small.
    """

    STEM: Final = 16
    WIDTHS: Final = (48, 96, 192)
    BLOCKS: Final = 2

    def __init__(self, *, size: int, dropout: float) -> None:
        _check_size("compact", size)
        inputs = self.WIDTHS[0]
        layers: list[nn.Module] = [
            nn.Conv2d(1, self.STEM, 3, padding=1, bias=False),
            nn.BatchNorm2d(self.STEM),
            nn.ReLU(inplace=True),
            nn.Conv2d(self.STEM, inputs, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
        ]
        for stage, width in enumerate(self.WIDTHS):
            for place in range(self.BLOCKS):
                stride = 2 if stage > 0 and place == 0 else 1
                layers.append(BasicBlock(inputs, width, stride))
                inputs = width
        linear = nn.Linear(inputs, len(EXPRESSIONS))
        super().__init__(nn.Sequential(*layers), linear, dropout=dropout)


def _check_size(name: str, size: int) -> None:
    if size < _SMALLEST:
        raise TrainError(f"{name} takes patches of {_SMALLEST} pixels or more, not {size}.")
