"""Residual nets of 18, 34 and 50 layers.

K. He, X. Zhang, S. Ren, J. Sun. "Deep Residual Learning for Image Recognition." CVPR 2016. Table 1.
Trained on FER+ in G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion Recognition",
master thesis, EPFL; sections 7.5 to 7.7, figure 7.3.
"""

from typing import Final

from ferdesk.core.labels import EXPRESSIONS
from trainer.nets import register_net
from trainer.nets.pooled import PooledNet, check_size, grey_trunk

_HEAD: Final = ("avgpool", "fc")


class _ResNet(PooledNet):
    """A residual net with the published stem: 7 x 7 with stride 2, then max-pooling by 2.

    A 48 x 48 patch ends as 2 x 2 places. Neither the paper nor the thesis has dropout; 0 is theirs.

    Args:
        name: as registered, which is torchvision's name too.
        size: side of the patch in pixels, from 32 on.
        dropout: probability that a pooled channel is dropped on its way to the last layer.

    Raises:
        TrainError: `size` is below 32.
    """

    def __init__(self, name: str, *, size: int, dropout: float) -> None:
        check_size(name, size)
        from torchvision import models  # here, for it takes longer to import than all the rest

        net = models.get_model(name, weights=None, num_classes=len(EXPRESSIONS))
        super().__init__(grey_trunk(net, head=_HEAD), net.fc, dropout=dropout)


@register_net("resnet18")
class ResNet18(_ResNet):
    """18 layers: (2, 2, 2, 2) blocks of two 3 x 3 convolutions."""

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__("resnet18", size=size, dropout=dropout)


@register_net("resnet34")
class ResNet34(_ResNet):
    """34 layers: (3, 4, 6, 3) blocks of two 3 x 3 convolutions."""

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__("resnet34", size=size, dropout=dropout)


@register_net("resnet50")
class ResNet50(_ResNet):
    """50 layers: (3, 4, 6, 3) bottlenecks of 1 x 1, 3 x 3 and 1 x 1 convolutions."""

    def __init__(self, *, size: int, dropout: float) -> None:
        super().__init__("resnet50", size=size, dropout=dropout)
