"""The two nets of the cascade of fine-tunings.

H.-W. Ng, V. D. Nguyen, V. Vonikakis, S. Winkler. "Deep Learning for Emotion Recognition on Small
Datasets Using Transfer Learning." ICMI 2015. Section 3.2.
A. Krizhevsky, I. Sutskever, G. E. Hinton. "ImageNet Classification with Deep Convolutional Neural
Networks." NIPS 2012; torchvision has it as in "One Weird Trick for Parallelizing Convolutional
Neural Networks", 2014: one column, fewer filters and no normalisation.
K. Chatfield, K. Simonyan, A. Vedaldi, A. Zisserman. "Return of the Devil in the Details: Delving
Deep into Convolutional Nets." BMVC 2014. Table 1, CNN-M-2048.
"""

from collections import OrderedDict
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from ferdesk.core.labels import EXPRESSIONS
from trainer.nets import register_net
from trainer.nets.pretrained import EnlargedNet, TorchvisionNet
from trainer.nets.vgg import initialise

FIRST: Final = "conv1.weight"
"""CNN-M-2048's first weights as they are published, for grey levels less their mean."""
_ALEXNET_CONVOLUTIONS: Final = {"conv1": 0, "conv2": 3, "conv3": 6, "conv4": 8, "conv5": 10}
_ALEXNET_HIDDEN: Final = {"fc6": 1, "fc7": 4}
_INNER: Final = 224
_PLACES: Final = 6  # are left of 224 pixels after the last pooling, a side


@register_net("alexnet-224")
class AlexNetAt224(TorchvisionNet):
    """AlexNet as torchvision has it: five convolutions, two hidden layers of 4096.

    Args:
        size: side of the patch in pixels; any.
        dropout: probability that a hidden unit's output is dropped (paper: 0.5).
        inner: side of what AlexNet sees; the published one unless a quicker net is wanted.

    Raises:
        TrainError: `size` is not positive.
    """

    def __init__(self, *, size: int, dropout: float, inner: int = _INNER) -> None:
        super().__init__("alexnet", size=size, dropout=dropout, inner=inner)
        for module in self.net.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout

    def blocks(self) -> dict[str, tuple[nn.Module, ...]]:
        """conv1 to conv5, then fc6 and fc7."""
        found = {
            name: (self.net.get_submodule(f"features.{place}"),)
            for name, place in _ALEXNET_CONVOLUTIONS.items()
        }
        hidden = {
            name: (self.net.get_submodule(f"classifier.{place}"),)
            for name, place in _ALEXNET_HIDDEN.items()
        }
        return {**found, **hidden}


class ChannelNorm(nn.Module):
    """Local response normalisation over five channels, with the published constants.

    What `nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)` computes (Krizhevsky et al.,
    section 3.3), without asking for the batch's size, which a bundle's program may not do.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to the same shape."""
        around = functional.avg_pool3d(
            (x * x).unsqueeze(1), (5, 1, 1), stride=1, padding=(2, 0, 0)
        ).squeeze(1)
        return x / (2.0 + 5e-4 * around) ** 0.75


@register_net("vgg-m-2048")
class VggM2048(EnlargedNet):
    """CNN-M-2048: five convolutions, hidden layers of 4096 and 2048.

    Args:
        size: side of the patch in pixels; any.
        dropout: probability that a hidden unit's output is dropped (paper: 0.5).
    """

    published = ""
    layers = ()

    def __init__(self, *, size: int, dropout: float) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=nn.Conv2d(3, 96, 7, stride=2),
            relu1=nn.ReLU(inplace=True),
            norm1=ChannelNorm(),
            pool1=_pooling(),
            conv2=nn.Conv2d(96, 256, 5, stride=2, padding=1),
            relu2=nn.ReLU(inplace=True),
            norm2=ChannelNorm(),
            pool2=_pooling(),
            conv3=nn.Conv2d(256, 512, 3, padding=1),
            relu3=nn.ReLU(inplace=True),
            conv4=nn.Conv2d(512, 512, 3, padding=1),
            relu4=nn.ReLU(inplace=True),
            conv5=nn.Conv2d(512, 512, 3, padding=1),
            relu5=nn.ReLU(inplace=True),
            pool5=_pooling(),
            flat=nn.Flatten(),
            fc6=nn.Linear(512 * _PLACES**2, 4096),
            relu6=nn.ReLU(inplace=True),
            drop6=nn.Dropout(dropout),
            fc7=nn.Linear(4096, 2048),
            relu7=nn.ReLU(inplace=True),
            drop7=nn.Dropout(dropout),
            fc8=nn.Linear(2048, len(EXPRESSIONS)),
        )
        super().__init__(nn.Sequential(layers), _INNER)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, 8) logits."""
        logits: Tensor = self.net(self.enlarge(x))
        return logits

    def blocks(self) -> dict[str, tuple[nn.Module, ...]]:
        """conv1 to conv5, then fc6 and fc7."""
        names = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
        return {name: (self.net.get_submodule(name),) for name in names}


def _pooling() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)  # Caffe rounds up
