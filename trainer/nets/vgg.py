"""VGG nets, and the smaller one made for FER+.

K. Simonyan, A. Zisserman. "Very Deep Convolutional Networks for Large-Scale Image Recognition."
ICLR 2015. Table 1, columns B, D and E.
E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. "Training Deep Networks for Facial Expression
Recognition with Crowd-Sourced Label Distribution." ICMI 2016. Section 3.
Both trained on FER+ in G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion
Recognition", master thesis, EPFL; sections 7.1 to 7.4, figures 7.1 and 7.2.

None of them has class-activation maps: hidden layers lie between their last convolution and the
logits.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from ferdesk.core.labels import EXPRESSIONS
from trainer.errors import TrainError
from trainer.nets import register_net
from trainer.nets.pooled import check_size

CUSTOM_BLOCKS: Final = ((64, 64), (128, 128), (256, 256, 256), (256, 256, 256))
CUSTOM_HIDDEN: Final = 1024
_SIZE_STEP: Final = 2 ** len(CUSTOM_BLOCKS)
_CHANNELS: Final = 512  # of the published nets' last block
_HIDDEN: Final = 4096
_OUTPUT_SPREAD: Final = 0.01


@register_net("custom-vgg13")
class CustomVGG13(nn.Module):
    """Ten 3 x 3 convolutions in four blocks, two hidden layers of 1024.

    Max-pooling and dropout follow each block. The first hidden layer sees every place of the last
    block, so the number of parameters grows with `size`.

    Args:
        size: side of the patch in pixels, a multiple of 16 (paper: 64; FER+ has 48).
        dropout: probability that a hidden unit's output is dropped (paper: 0.5). After a block it
            is half of that (paper: 0.25).

    Raises:
        TrainError: `size` is not a positive multiple of 16.
    """

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__()
        if size <= 0 or size % _SIZE_STEP:
            raise TrainError(
                f"custom-vgg13 takes a size that is a multiple of {_SIZE_STEP}, not {size}."
            )
        layers: list[nn.Module] = []
        channels = 1
        for block in CUSTOM_BLOCKS:
            for filters in block:
                layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(inplace=True)]
                channels = filters
            layers += [nn.MaxPool2d(2), nn.Dropout(dropout / 2)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * (size // _SIZE_STEP) ** 2, CUSTOM_HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(CUSTOM_HIDDEN, CUSTOM_HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(CUSTOM_HIDDEN, len(EXPRESSIONS)),
        )
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.classifier(self.features(x))
        return logits


class _VGG(nn.Module):
    """A published net without batch normalisation, as the thesis trains it.

    The published nets end as 7 x 7 places of a 224 x 224 patch, and their first hidden layer sees
    all 49. Five poolings leave one place of a 48 x 48 patch. Stretched to 7 x 7, as torchvision
    does, it would meet 49 copies of the same weights, 100 million more that can say nothing new. So
    the places are averaged to one, and the first hidden layer goes from 512 to 4096.

    Args:
        name: as registered, which is torchvision's name too.
        size: side of the patch in pixels, from 32 on.
        dropout: probability that a hidden unit's output is dropped (paper: 0.5; the thesis gives
            none).

    Raises:
        TrainError: `size` is below 32.
    """

    def __init__(self, name: str, *, size: int, dropout: float) -> None:
        super().__init__()
        check_size(name, size)
        from torchvision import models  # here, for it takes longer to import than all the rest

        with torch.device("meta"):  # so that the wide layer, given up below, takes neither room
            net = models.get_model(  # nor time
                name,
                weights=None,
                num_classes=len(EXPRESSIONS),
                dropout=dropout,
                init_weights=False,
            )
            net.features[0] = nn.Conv2d(1, net.features[0].out_channels, 3, padding=1)
            net.classifier[0] = nn.Linear(_CHANNELS, _HIDDEN)
        self.features = net.features.to_empty(device="cpu")
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = net.classifier.to_empty(device="cpu")
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.classifier(self.pool(self.features(x)).flatten(1))
        return logits


@register_net("vgg13")
class VGG13(_VGG):
    """Ten convolutions, (2, 2, 2, 2, 2) a block, and three linear layers: column B."""

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__("vgg13", size=size, dropout=dropout)


@register_net("vgg16")
class VGG16(_VGG):
    """Thirteen convolutions, (2, 2, 3, 3, 3) a block, and three linear layers: column D."""

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__("vgg16", size=size, dropout=dropout)


@register_net("vgg19")
class VGG19(_VGG):
    """Sixteen convolutions, (2, 2, 4, 4, 4) a block, and three linear layers: column E."""

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__("vgg19", size=size, dropout=dropout)


def initialise(net: nn.Module) -> None:
    """Draw weights from N(0, 2 / fan_in), the last layer's from N(0, 0.01^2); biases start at 0.

    The first keeps the size of a signal through any number of ReLU layers (K. He, X. Zhang, S. Ren,
    J. Sun. "Delving Deep into Rectifiers", ICCV 2015, equation 10), which a net of this depth needs
    where nothing normalises it. The second (Simonyan and Zisserman, section 3.1) lets training
    start from nearly even probabilities.
    """
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for layer in layers:
        last = layer is layers[-1]
        spread = _OUTPUT_SPREAD if last else math.sqrt(2 / layer.weight[0].numel())
        nn.init.normal_(layer.weight, std=spread)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
