"""EfficientNet-Lite0, a small net for pictures of ImageNet's size, which torchvision has not.

M. Tan, Q. V. Le. "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks." ICML
2019; Lite0 is its B0 without squeeze-and-excitation and with ReLU6 (TensorFlow's models, 2020). Its
weights' names are those of the files that are passed on for torch.
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from ferdesk.core.labels import EXPRESSIONS
from trainer.nets import register_net
from trainer.nets.pretrained import EnlargedNet

_STEM: Final = 32
_HEAD: Final = 1280
_STAGES: Final = (
    # blocks, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_EPSILON: Final = 1e-3
_MOMENTUM: Final = 0.01
_INNER: Final = 224


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does it: where it is uneven, more at the end."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        missing = kernel - stride  # of sides that the stride divides, as all here are
        self._margin = (missing // 2, missing - missing // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        return super().forward(functional.pad(x, self._margin))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=_MOMENTUM)


class _Block(nn.Module):
    """Widen, look around in each channel, narrow; a shortcut where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, wider: int) -> None:
        super().__init__()
        middle = inputs * wider
        self._widens = wider > 1
        if self._widens:
            self._expand_conv = _SameConv(inputs, middle, 1, 1)
            self._bn0 = _norm(middle)
        self._depthwise_conv = _SameConv(middle, middle, kernel, stride, groups=middle)
        self._bn1 = _norm(middle)
        self._project_conv = _SameConv(middle, outputs, 1, 1)
        self._bn2 = _norm(outputs)
        self._same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self._widens else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        narrow: Tensor = self._bn2(self._project_conv(y))
        return x + narrow if self._same else narrow


class _Lite0(nn.Module):
    """The net itself, from (n, 3, 224, 224)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self._conv_stem = _SameConv(3, _STEM, 3, 2)
        self._bn0 = _norm(_STEM)
        blocks: list[nn.Module] = []
        inputs = _STEM
        for count, kernel, stride, wider, outputs in _STAGES:
            for place in range(count):
                blocks.append(_Block(inputs, outputs, kernel, stride if place == 0 else 1, wider))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = _SameConv(inputs, _HEAD, 1, 1)
        self._bn1 = _norm(_HEAD)
        self._dropout = nn.Dropout(dropout)
        self._fc = nn.Linear(_HEAD, len(EXPRESSIONS))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)))
        logits: Tensor = self._fc(self._dropout(x.mean((2, 3))))
        return logits


@register_net("efficientnet-lite0-224")
class EfficientNetLite0At224(EnlargedNet):
    """EfficientNet-Lite0 as published: sixteen blocks, 3.4 million weights.

    Args:
        size: side of the patch in pixels; any.
        dropout: probability that a pooled channel is dropped on its way to the last layer (paper:
            0.2).
        inner: side of what the net sees, a multiple of 32.
    """

    published = ""
    layers = ()

    def __init__(self, *, size: int, dropout: float, inner: int = _INNER) -> None:
        super().__init__(_Lite0(dropout), inner)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.net(self.enlarge(x))
        return logits


@register_net("efficientnet-lite0-112")
class EfficientNetLite0At112(EfficientNetLite0At224):
    """The same net at half the side, which takes a quarter of the work."""

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__(size=size, dropout=dropout, inner=_INNER // 2)
