"""Nets whose weights come from other pictures: ImageNet's, or faces to be told apart.

K. Simonyan, A. Zisserman. "Very Deep Convolutional Networks for Large-Scale Image Recognition."
ICLR 2015. Table 1, column D.
K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image Recognition." CVPR 2016. Table 1.
C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna. "Rethinking the Inception Architecture for
Computer Vision." CVPR 2016. Table 1.
Transferred to FER+ in G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion
Recognition", master thesis, EPFL; section 7.10, figures 7.4 to 7.6.

They take the same grey patch as every other net, and enlarge it and repeat it to three channels
themselves (section 7.10.1). Nothing else is done to it: `ferdesk.core.preprocess.normalise` leaves
a patch with mean 0 and variance 1, which is what the normalisation that ImageNet's weights were
trained with leaves on average.
"""

from typing import Any, ClassVar, Final, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from ferdesk.core.labels import EXPRESSIONS
from trainer.errors import TrainError
from trainer.nets import register_family, register_net
from trainer.nets.vgg import initialise
from trainer.registry import nearest

VGG16_CONVOLUTIONS: Final = {
    "conv1_1": 0,
    "conv1_2": 2,
    "conv2_1": 5,
    "conv2_2": 7,
    "conv3_1": 10,
    "conv3_2": 12,
    "conv3_3": 14,
    "conv4_1": 17,
    "conv4_2": 19,
    "conv4_3": 21,
    "conv5_1": 24,
    "conv5_2": 26,
    "conv5_3": 28,
}
"""Figure 7.6's names of VGG16's convolutions -> their places in torchvision's `features`."""

VGG16_HIDDEN: Final = {"fc6": 0, "fc7": 3, "fc8": 6}
"""The names of its linear layers -> their places in torchvision's `classifier`."""

_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)  # of red, green and blue in 0..1, by torchvision
_IMAGENET_SPREAD: Final = (0.229, 0.224, 0.225)
_INCEPTION_MEAN: Final = 0.5  # its weights were trained on pictures in -1..1
_INCEPTION_SPREAD: Final = 0.5


@runtime_checkable
class BlockNet(Protocol):
    """A net that names its parts in the order of the forward pass, for freezing."""

    def blocks(self) -> dict[str, tuple[nn.Module, ...]]:
        """The modules of each part, from the input on, without the last layer."""


@runtime_checkable
class FeatureNet(Protocol):
    """A net that hands out what its hidden layers say."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Their names."""

    def state_dict(self) -> dict[str, Any]:
        """All weights, by name."""

    def features(self, x: Tensor, layer: str) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to the (n, d) outputs of a layer.

        Raises:
            TrainError: no such layer.
        """


class EnlargedNet(nn.Module):
    """A net of torchvision's that sees a small grey patch as the pictures it was trained on.

    Args:
        net: from (n, 3, inner, inner) to (n, 8) logits.
        inner: side of the picture that `net` gets, in pixels.

    Attributes:
        published: what torchvision calls it, and has weights for.
        layers: the names of those that `features` gives.
    """

    published: str
    layers: ClassVar[tuple[str, ...]]

    def __init__(self, net: nn.Module, inner: int) -> None:
        super().__init__()
        self.net = net
        self._inner = inner

    def enlarge(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) to (n, 3, inner, inner), bilinearly, all channels the same."""
        side = (self._inner, self._inner)
        large = functional.interpolate(x, side, mode="bilinear", align_corners=False)
        return large.expand(-1, 3, -1, -1)

    def check_layer(self, layer: str) -> None:
        """Refuse a layer that has no name here.

        Raises:
            TrainError: it is none of `layers`.
        """
        if layer not in self.layers:
            raise TrainError(
                f"{self.published} has no layer {layer!r} to take features from. "
                f"{nearest(layer, self.layers)}"
            )


@register_net("vgg16-224")
class VGG16At224(EnlargedNet):
    """VGG16 as published: thirteen convolutions, 7 x 7 places, two hidden layers of 4096.

    Args:
        size: side of the patch in pixels; any.
        dropout: probability that a hidden unit's output is dropped (paper: 0.5).
        inner: side of what VGG16 sees; the published one unless a quicker net is wanted.

    Raises:
        TrainError: `size` is not positive.
    """

    published = "vgg16"
    layers = ("fc6", "fc7")

    def __init__(self, *, size: int, dropout: float, inner: int = 224) -> None:
        _check_size("vgg16-224", size)
        from torchvision import models  # here, for it takes longer to import than all the rest

        with torch.device("meta"):  # so that its own, slower initialisation takes no time
            net = models.get_model(
                self.published,
                weights=None,
                num_classes=len(EXPRESSIONS),
                dropout=dropout,
                init_weights=False,
            )
        super().__init__(net.to_empty(device="cpu"), inner)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.net(self.enlarge(x))
        return logits

    def features(self, x: Tensor, layer: str) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to fc6's or fc7's (n, 4096), after ReLU.

        Raises:
            TrainError: no such layer.
        """
        self.check_layer(layer)
        convolved, hidden = self._part("features"), self._part("classifier")
        places = self._part("avgpool")(convolved(self.enlarge(x))).flatten(1)
        found: Tensor = hidden[: VGG16_HIDDEN[layer] + 2](places)  # the layer and its ReLU
        return found

    def blocks(self) -> dict[str, tuple[nn.Module, ...]]:
        """conv1_1 to conv5_3, then fc6 and fc7."""
        convolutions, hidden = self._part("features"), self._part("classifier")
        found = {name: (convolutions[i],) for name, i in VGG16_CONVOLUTIONS.items()}
        return {**found, **{name: (hidden[VGG16_HIDDEN[name]],) for name in self.layers}}

    def _part(self, name: str) -> nn.Sequential:
        part = self.net.get_submodule(name)
        return part if isinstance(part, nn.Sequential) else nn.Sequential(part)


class _PooledAtEnd(EnlargedNet):
    """A net that runs its children one after the other and ends in pooling and one linear layer.

    Args:
        net: torchvision's; its last child is `fc`.
        inner: side of the picture that `net` gets, in pixels.
        dropout: probability that a pooled channel is dropped on its way to `fc`.
    """

    layers = ("pool",)

    def __init__(self, net: nn.Module, inner: int, *, dropout: float) -> None:
        super().__init__(net, inner)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.net.get_submodule("fc")(self.dropout(self.features(x, "pool")))
        return logits

    def features(self, x: Tensor, layer: str) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to the (n, 2048) pooled channels.

        Raises:
            TrainError: no such layer.
        """
        self.check_layer(layer)
        x = self.enlarge(x)
        for name, child in self.net.named_children():
            if name not in ("dropout", "fc"):
                x = child(x)
        return x.flatten(1)

    def blocks(self) -> dict[str, tuple[nn.Module, ...]]:
        """Its children that learn, a normalisation together with the convolution before it."""
        found: dict[str, tuple[nn.Module, ...]] = {}
        for name, child in self.net.named_children():
            if name == "fc" or not list(child.parameters()):
                continue
            if isinstance(child, nn.BatchNorm2d):
                before = next(reversed(found))
                found[before] = (*found[before], child)
            else:
                found[name] = (child,)
        return found


@register_net("resnet50-224")
class ResNet50At224(_PooledAtEnd):
    """ResNet50 as published: a 7 x 7 convolution, then (3, 4, 6, 3) bottlenecks.

    Args:
        size: side of the patch in pixels; any.
        dropout: probability that a pooled channel is dropped on its way to the last layer (paper:
            none).
        inner: side of what the net sees; the published one unless a quicker net is wanted.

    Raises:
        TrainError: `size` is not positive.
    """

    published = "resnet50"

    def __init__(self, *, size: int, dropout: float, inner: int = 224) -> None:
        _check_size("resnet50-224", size)
        from torchvision import models

        net = models.get_model(self.published, weights=None, num_classes=len(EXPRESSIONS))
        super().__init__(net, inner, dropout=dropout)


@register_net("inceptionv3-299")
class InceptionV3At299(_PooledAtEnd):
    """Inception v3 as published, without the auxiliary classifier.

    Args:
        size: side of the patch in pixels; any.
        dropout: probability that a pooled channel is dropped on its way to the last layer
            (torchvision: 0.5).
        inner: side of what the net sees, at least 75; the published one unless a quicker net is
            wanted.

    Raises:
        TrainError: `size` is not positive.
    """

    published = "inception_v3"
    _scale: Tensor
    _shift: Tensor

    def __init__(self, *, size: int, dropout: float, inner: int = 299) -> None:
        _check_size("inceptionv3-299", size)
        from torchvision import models

        net = models.get_model(
            self.published,
            weights=None,
            num_classes=len(EXPRESSIONS),
            aux_logits=False,
            init_weights=True,  # torch's trunc_normal_, not SciPy's slow one
        )
        super().__init__(net, inner, dropout=dropout)
        spread, mean = torch.tensor(_IMAGENET_SPREAD), torch.tensor(_IMAGENET_MEAN)
        shift = (mean - _INCEPTION_MEAN) / _INCEPTION_SPREAD
        self.register_buffer("_scale", (spread / _INCEPTION_SPREAD)[:, None, None], False)
        self.register_buffer("_shift", shift[:, None, None], False)

    def enlarge(self, x: Tensor) -> Tensor:
        """As `EnlargedNet.enlarge`, then from ImageNet's usual normalisation to Inception's."""
        return super().enlarge(x) * self._scale + self._shift


class TorchvisionNet(EnlargedNet):
    """Any of torchvision's nets for classification, with its own last layer for the expressions.

    Args:
        name: what torchvision calls it.
        size: side of the patch in pixels; any.
        dropout: is the net's own, which not all let one choose: 0 turns it off.
        inner: side of what the net sees.

    Raises:
        TrainError: torchvision has no such net, or `size` is not positive.
    """

    layers = ()

    def __init__(self, name: str, *, size: int, dropout: float, inner: int = 224) -> None:
        _check_size(f"torchvision/{name}", size)
        from torchvision import models

        known = models.list_models(module=models)
        if name not in known:
            raise TrainError(f"torchvision has no net {name!r}. {nearest(name, known)}")
        super().__init__(models.get_model(name, weights=None, num_classes=len(EXPRESSIONS)), inner)
        self.published = name
        self._branches = bool(getattr(self.net, "aux_logits", False))
        for module in self.net.modules():
            if isinstance(module, nn.Dropout) and not dropout:
                module.p = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        found = self.net(self.enlarge(x))
        logits: Tensor = found[0] if self._branches and self.training else found
        return logits


@register_family("torchvision")
def torchvision_net(member: str, *, size: int, dropout: float) -> nn.Module:
    """Any of torchvision's nets, such as torchvision/alexnet."""
    return TorchvisionNet(member, size=size, dropout=dropout)


def _check_size(name: str, size: int) -> None:
    if size <= 0:
        raise TrainError(f"{name} takes any size from 1 on, not {size}.")
