"""DE-GAN's encoder, the local CNNs on its stages, and the plain CNN that they are compared with.

K. Ali, C. E. Hughes. "Facial Expression Representation Learning by Synthesizing Expression Images."
ICIP 2020. Section 3.2, figure 3, equation 3.
A. Radford, L. Metz, S. Chintala. "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks." ICLR 2016 (DCGAN), to which section 4.1 points for what it leaves
open: strided convolutions of 4 x 4, batch normalisation, leaky ReLU, 64 filters in the first stage
and twice as many in each that follows.
"""

from itertools import pairwise
from typing import ClassVar, Final

import torch
from torch import Tensor, nn

from ferdesk.core.labels import EXPRESSIONS
from trainer.errors import TrainError
from trainer.losses import Weighted
from trainer.nets import register_net

STAGES: Final = {"ali2020": (64, 128, 256, 512), "ali2020-half": (32, 64, 128, 256)}
"""By net, the filters of the encoder's four stages, each of which halves the picture's side. The
second is for a CPU."""
FEATURES: Final = 350
"""Length of f(x), section 4.1."""
LOSS_WEIGHTS: Final = (0.7, 0.6, 0.4, 0.3, 1.0)
"""Of equation 3: the four local CNNs, then what is said by all together."""
SLOPE: Final = 0.2
SPREAD: Final = 0.02
"""Standard deviation of fresh weights, section 4.1."""
_KERNEL: Final = 4
_LOCAL: Final = 64  # filters of a local CNN
_HIDDEN: Final = 128  # units of a local CNN's last hidden layer
_SMALLEST: Final = 4  # side that a local CNN's maps are pooled to
_STEP: Final = 16  # what four halvings take


class Encoder(nn.Module):
    """G_en: four stages that halve the picture's side, and f(x).

    Args:
        size: side of the patch in pixels, a multiple of 16 (paper: 96).
        filters: of the four stages.

    Raises:
        TrainError: `size` is not a positive multiple of 16.
    """

    def __init__(self, size: int, filters: tuple[int, ...]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(
                # Batch normalisation has a shift of its own.
                nn.Conv2d(before, after, _KERNEL, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(SLOPE),
            )
            for before, after in pairwise((1, *filters))
        )
        self.code = nn.Linear(filters[-1] * smallest_side(size) ** 2, FEATURES)

    def record(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """The expressive component of each stage, and f(x).

        Args:
            x: (n, 1, size, size) float, normalised.

        Returns:
            Four maps, from (n, 64, size / 2, size / 2) to (n, 512, size / 16, size / 16) with the
            paper's filters, and (n, 350).
        """
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps, self.code(x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to f(x), (n, 350)."""
        return self.record(x)[1]


@register_net("ali2020")
class DeGanNet(nn.Module):
    """A frozen encoder with a local CNN on each stage; f(x) joins their last hidden layers.

    The paper draws the local CNNs and does not describe them. Here each is two convolutions of
    3 x 3 with 64 filters, pooled to 4 x 4 or less, and a hidden layer of 128.

    Args:
        size: side of the patch in pixels, a multiple of 16.
        dropout: probability that one of the joined numbers is dropped.

    Raises:
        TrainError: `size` is not a positive multiple of 16.
    """

    name: ClassVar[str] = "ali2020"

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__()
        filters = STAGES[self.name]
        self.encoder = Encoder(size, filters)
        self.local = nn.ModuleList(
            _local_cnn(inputs, size // 2 ** (place + 1)) for place, inputs in enumerate(filters)
        )
        self.answers = nn.ModuleList(nn.Linear(_HIDDEN, len(EXPRESSIONS)) for _ in filters)
        self.dropout = nn.Dropout(dropout)
        self.joined = nn.Linear(FEATURES + _HIDDEN * len(filters), len(EXPRESSIONS))
        initialise(self)

    def blocks(self) -> dict[str, tuple[nn.Module, ...]]:
        """The encoder alone; all else is what stage 2 learns."""
        return {"encoder": (self.encoder,)}

    def forward(self, x: Tensor) -> Tensor | tuple[Weighted, ...]:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits.

        While it is trained it gives five of them, with their weights in equation 3.
        """
        maps, code = self.encoder.record(x)
        hidden = [cnn(stage) for cnn, stage in zip(self.local, maps, strict=True)]
        logits: Tensor = self.joined(self.dropout(torch.cat([code, *hidden], 1)))
        if not self.training:
            return logits
        said = [answer(values) for answer, values in zip(self.answers, hidden, strict=True)]
        return tuple(map(Weighted, LOSS_WEIGHTS, (*said, logits)))


@register_net("ali2020-half")
class HalfDeGanNet(DeGanNet):
    """The same on an encoder of half as many filters."""

    name: ClassVar[str] = "ali2020-half"


@register_net("ali2020-cnn")
class DeGanCnn(nn.Module):
    """The tables' "CNN (baseline)", which the paper does not describe.

    Here it has the encoder's layers, trained from fresh weights on the expressions alone, so that
    what differs is how the layers came to their weights, and the local CNNs.

    Args:
        size: side of the patch in pixels, a multiple of 16.
        dropout: probability that one of the 350 numbers is dropped.

    Raises:
        TrainError: `size` is not a positive multiple of 16.
    """

    name: ClassVar[str] = "ali2020"

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__()
        self.encoder = Encoder(size, STAGES[self.name])
        self.answer = nn.Sequential(
            nn.LeakyReLU(SLOPE), nn.Dropout(dropout), nn.Linear(FEATURES, len(EXPRESSIONS))
        )
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.answer(self.encoder(x))
        return logits


@register_net("ali2020-cnn-half")
class HalfDeGanCnn(DeGanCnn):
    """The same with half as many filters."""

    name: ClassVar[str] = "ali2020-half"


def initialise(net: nn.Module) -> None:
    """Draw every layer's weights from N(0, 0.02^2), biases 0 (section 4.1).

    The scales of batch normalisation are drawn about 1, as in DCGAN: about 0 nothing would pass.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=SPREAD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, SPREAD)


def stages_of(net: str) -> tuple[int, ...]:
    """The filters of a GAN's four stages.

    Raises:
        TrainError: there is no GAN of that name.
    """
    if net not in STAGES:
        raise TrainError(f"There is no GAN {net!r}. Known: {', '.join(STAGES)}.")
    return STAGES[net]


def smallest_side(size: int) -> int:
    """Side of the last stage's maps.

    Raises:
        TrainError: four halvings of `size` do not come out whole.
    """
    if size <= 0 or size % _STEP:
        raise TrainError(f"DE-GAN takes a size that is a multiple of {_STEP}, not {size}.")
    return size // _STEP


def _local_cnn(inputs: int, side: int) -> nn.Sequential:
    """From a stage's maps to a last hidden layer."""
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [
            nn.Conv2d(inputs, _LOCAL, 3, padding=1, bias=False),
            nn.BatchNorm2d(_LOCAL),
            nn.ReLU(),
        ]
        inputs = _LOCAL
        if side > _SMALLEST:
            layers.append(nn.MaxPool2d(2))
            side //= 2
    while side > _SMALLEST:
        layers.append(nn.MaxPool2d(2))
        side //= 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(_LOCAL * side**2, _HIDDEN), nn.ReLU())
