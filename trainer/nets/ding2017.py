"""The expression net of FaceNet2ExpNet.

H. Ding, S. K. Zhou, R. Chellappa. "FaceNet2ExpNet: Regularizing a Deep Face Recognition Net for
Expression Recognition." FG 2017. Section III.B.
"""

import re
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ferdesk.core.labels import EXPRESSIONS
from trainer.errors import TrainError
from trainer.nets import register_family, register_net
from trainer.nets.vgg import initialise

CHANNELS: Final = (64, 128, 256, 512, 512)
HIDDEN: Final = 256
_SMALLEST: Final = 2 ** len(CHANNELS)
_SHAPE: Final = re.compile(r"([1-9]\d{0,3})x([1-9]\d?)", re.ASCII)
_VGG_FACE: Final = (512, 7)  # channels and side of pool5, of a 224 x 224 picture


@runtime_checkable
class GuidedNet(Protocol):
    """A net whose convolutions can learn another net's features."""

    def learner(self) -> nn.Module:
        """The convolutions, from (n, 1, size, size) to (n, *shape)."""

    def rest(self) -> nn.Module:
        """What follows them."""

    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the features."""


class ExpressionNet(nn.Module):
    """Five 3x3 convolutions, each with ReLU and pooling, a 1x1 one, and one hidden layer of 256.

    The 1x1 convolution has as many channels as the face net's layer and, as in the paper, no ReLU.
    Where the layer has more places than are left of the picture, a transposed convolution makes
    them. The pooling is padded, so that a side is halved, rounding up.

    Args:
        size: side of the patch in pixels, from 32 on (paper: 224).
        dropout: probability that a hidden unit's output is dropped (paper: 0.5).
        channels: of the face net's layer.
        side: how many places wide that is; None for as many as there are.
        normalised: put batch normalisation after each convolution but the transposed one.

    Raises:
        TrainError: `size` is too small, or more places are left than `side`.
    """

    def __init__(
        self,
        *,
        size: int,
        dropout: float,
        channels: int = _VGG_FACE[0],
        side: int | None = None,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        own = places(size)
        side = own if side is None else side
        if size < _SMALLEST or own > side:
            raise TrainError(
                f"The expression net takes patches of {_SMALLEST} pixels or more, not {size}."
                if size < _SMALLEST
                else f"Of {size} pixels {own} x {own} places are left, more than the {side} x "
                f"{side} that are to be learnt; choose a smaller size or an earlier layer."
            )
        layers: list[nn.Module] = []
        inputs = 1
        for outputs in CHANNELS:
            layers += _convolution(inputs, outputs, 3, normalised=normalised)
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)]
            inputs = outputs
        layers += _convolution(inputs, channels, 1, normalised=normalised)
        if side > own:
            layers.append(_enlarging(channels, own, side))
        self._shape = (channels, side, side)
        self.convolutions = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * side * side, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, len(EXPRESSIONS)),
        )
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.classifier(self.convolutions(x))
        return logits

    def learner(self) -> nn.Module:
        """As `GuidedNet` has it."""
        return self.convolutions

    def rest(self) -> nn.Module:
        """As `GuidedNet` has it."""
        return self.classifier

    def shape(self) -> tuple[int, int, int]:
        """As `GuidedNet` has it."""
        return self._shape


@register_net("fn2en-scratch")
class ScratchNet(ExpressionNet):
    """The same net with batch normalisation: the paper's baseline, trained from scratch."""

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__(size=size, dropout=dropout, normalised=True)


@register_family("fn2en")
def expression_net(member: str, *, size: int, dropout: float) -> nn.Module:
    """The expression net for a layer of so many channels and places, such as fn2en/512x7.

    Raises:
        TrainError: `member` is no such shape, or `size` does not fit.
    """
    channels, side = _layer_shape("fn2en", member)
    return ExpressionNet(size=size, dropout=dropout, channels=channels, side=side)


@register_family("fn2en-norm")
def normalised_net(member: str, *, size: int, dropout: float) -> nn.Module:
    """The same with batch normalisation, which the paper has in its baseline alone.

    Raises:
        TrainError: as `expression_net`.
    """
    channels, side = _layer_shape("fn2en-norm", member)
    return ExpressionNet(size=size, dropout=dropout, channels=channels, side=side, normalised=True)


def _layer_shape(family: str, member: str) -> tuple[int, int]:
    """Channels and side out of a text such as 512x7."""
    match = _SHAPE.fullmatch(member)
    if match is None:
        raise TrainError(
            f"{family}/{member}: write the channels and the side of the face net's layer, such as "
            f"{family}/{_VGG_FACE[0]}x{_VGG_FACE[1]}."
        )
    return int(match[1]), int(match[2])


def places(size: int) -> int:
    """How many places wide five poolings leave a patch."""
    for _ in CHANNELS:
        size = -(-size // 2)
    return size


def _convolution(inputs: int, outputs: int, kernel: int, *, normalised: bool) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=not normalised)
    norm: list[nn.Module] = [nn.BatchNorm2d(outputs)] if normalised else []
    return [convolution, *norm]


def _enlarging(channels: int, own: int, side: int) -> nn.Module:
    """A transposed convolution from `own` places to exactly `side`.

    A layer of s places is reached with the stride s // own; the kernel makes up for the remainder.
    """
    stride = side // own
    kernel = side - (own - 1) * stride
    enlarging = nn.ConvTranspose2d(channels, channels, kernel, stride)
    with torch.no_grad():  # a unit hands its value to every place that it reaches
        enlarging.weight.zero_()
        enlarging.weight[range(channels), range(channels)] = 1.0
        if enlarging.bias is not None:
            enlarging.bias.zero_()
    return enlarging
