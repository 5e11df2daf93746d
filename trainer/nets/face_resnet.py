"""dlib's face-recognition net: 29 layers, made to tell people apart.

D. E. King. "Dlib-ml: A Machine Learning Toolkit." JMLR 2009; its `dlib_face_recognition_resnet_v1`,
a net of K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
with fewer layers and half the filters, trained on three million faces.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ferdesk.core.labels import EXPRESSIONS
from trainer.errors import TrainError
from trainer.nets import register_net
from trainer.norms import standing_in

EMBEDDING: Final = "fc.weight"
"""The published net's last layer, which this one has not: it ends in expressions."""
LAST: Final = "expressions"
"""The layer that it has instead."""
INNER: Final = 150
"""Side of the pictures that it was trained on, in pixels."""
CLOSE: Final = 112
"""Side at which a face that fills its patch, as FER+'s do, is about as large as in those pictures,
which show a quarter more around it on each side."""

_MEAN: Final = (122.782, 117.001, 104.298)  # of red, green and blue, in grey levels
_RANGE: Final = 256.0
_LEVELS: Final = 57.6  # grey levels that stand for one unit of a normalised patch, as ImageNet's do
_AS_NORM: Final = {"weights": "weight", "biases": "bias"}  # its scales' names, and ours
_STAGES: Final = ((32, 3), (64, 3), (128, 2), (256, 2))  # channels, blocks without a stride
_SMALLEST: Final = 16


class _Affine(nn.Module):
    """A scale and a shift a channel: what is left of a batch normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(channels))
        self.biases = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift (n, channels, h, w)."""
        return x * self.weights[:, None, None] + self.biases[:, None, None]


class _Layer(nn.Module):
    """A convolution with its scale, or with a normalisation in its place."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, padding: int, *, norm: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.scale = nn.BatchNorm2d(outputs) if norm else _Affine(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, ...), without ReLU."""
        scaled: Tensor = self.scale(self.conv(x))
        return scaled


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; `down` halves the places, of which `side` come in."""

    def __init__(self, inputs: int, outputs: int, side: int, *, down: bool, norm: bool) -> None:
        super().__init__()
        self.conv1 = _Layer(inputs, outputs, 3, *((2, 0) if down else (1, 1)), norm=norm)
        self.relu1 = nn.ReLU()
        self.conv2 = _Layer(outputs, outputs, 3, 1, 1, norm=norm)
        self.relu = nn.ReLU()  # a module, so that what a block answers has a name
        self._down, self._more = down, outputs - inputs
        self._missing = side // 2 - (side - 1) // 2  # places that the branch has fewer of

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h, w), or half as high and wide."""
        branch = self.conv2(self.relu1(self.conv1(x)))
        if not self._down:
            summed: Tensor = self.relu(branch + x)
            return summed
        short = functional.avg_pool2d(x, 2)
        short = functional.pad(short, (0, 0, 0, 0, 0, self._more))
        halved: Tensor = self.relu(functional.pad(branch, (0, self._missing) * 2) + short)
        return halved


@register_net("face-resnet")
class FaceResNet(nn.Module):
    """The published net up to its pooling, then one linear layer to the expressions.

    It takes the grey patch of every other net and makes a picture of 150 pixels of it, the three
    channels alike, at the grey levels that the net was trained on. Its blocks are conv32_down,
    conv32_1 to conv32_3, conv64_down and so on to conv256_down_out; conv256_2.relu is what one of
    them answers.

    Args:
        size: side of the patch in pixels, from 16 on.
        dropout: probability that a pooled channel is dropped on its way to the last layer.
        inner: side of what the net sees.
        norm: have the batch normalisation that the published net was trained with, and of which its
            file keeps a scale and a shift a channel.

    Raises:
        TrainError: `size` is too small.
    """

    _shift: Tensor

    def __init__(
        self, *, size: int, dropout: float, inner: int = INNER, norm: bool = False
    ) -> None:
        super().__init__()
        if size < _SMALLEST:
            raise TrainError(
                f"face-resnet takes patches of {_SMALLEST} pixels or more, not {size}."
            )
        self._inner = inner
        shift = (sum(_MEAN) / len(_MEAN) - torch.tensor(_MEAN)) / _RANGE
        self.register_buffer("_shift", shift[:, None, None], False)
        self.conv32_down = _Layer(3, _STAGES[0][0], 7, 2, 0, norm=norm)
        inputs = _STAGES[0][0]
        names = ["conv32_down"]
        side = ((inner - 5) // 2 - 1) // 2  # a side after the first layer and the pooling
        for outputs, count in _STAGES:
            if outputs > inputs:
                names.append(f"conv{outputs}_down")
                self.add_module(names[-1], _Block(inputs, outputs, side, down=True, norm=norm))
                side //= 2
            for number in range(1, count + 1):
                names.append(f"conv{outputs}_{number}")
                self.add_module(names[-1], _Block(outputs, outputs, side, down=False, norm=norm))
            inputs = outputs
        names.append(f"conv{inputs}_down_out")
        self.add_module(names[-1], _Block(inputs, inputs, side, down=True, norm=norm))
        self._names = tuple(names)
        self.dropout = nn.Dropout(dropout)
        self.expressions = nn.Linear(inputs, len(EXPRESSIONS))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.expressions(self.dropout(self.pooled(self.picture(x))))
        return logits

    def picture(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size), normalised, to (n, 3, inner, inner), about -0.5..0.5."""
        side = (self._inner, self._inner)
        large = functional.interpolate(x, side, mode="bilinear", align_corners=False)
        return large.expand(-1, 3, -1, -1) * (_LEVELS / _RANGE) + self._shift

    def pooled(self, picture: Tensor) -> Tensor:
        """Map (n, 3, inner, inner), grey levels less the mean over 256, to (n, 256) pooled."""
        x = functional.max_pool2d(torch.relu(self.conv32_down(picture)), 3, 2)
        for name in self._names[1:]:
            x = self.get_submodule(name)(x)
        return x.mean((2, 3))

    def blocks(self) -> dict[str, tuple[nn.Module, ...]]:
        """Its layers, for freezing."""
        return {name: (self.get_submodule(name),) for name in self._names}


@register_net("face-resnet-112")
def close_face_resnet(*, size: int, dropout: float) -> FaceResNet:
    """The same net to be fine-tuned: with normalisation, and seeing the patch at `CLOSE` pixels."""
    return FaceResNet(size=size, dropout=dropout, inner=CLOSE, norm=True)


def with_statistics(net: FaceResNet, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published scales and shifts as normalisations that stand in, where the net has those."""
    renamed = {}
    norms = {n: m for n, m in net.named_modules() if isinstance(m, nn.BatchNorm2d)}
    for key, value in found.items():
        layer, _, kind = key.rpartition(".")
        renamed[f"{layer}.{_AS_NORM.get(kind, kind)}" if layer in norms else key] = value
    for name, norm in norms.items():
        renamed |= {f"{name}.{kind}": value for kind, value in standing_in(norm).items()}
    return renamed
