"""DenseNet of 121 layers.

G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger. "Densely Connected Convolutional Networks."
CVPR 2017. Table 1. G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion Recognition",
master thesis, EPFL, describes it in section 4.3.2 and could not train it on FER+ (section 7.8).
"""

from torch import nn

from ferdesk.core.labels import EXPRESSIONS
from trainer.nets import register_net
from trainer.nets.pooled import PooledNet, check_size, make_grey


@register_net("densenet121")
class DenseNet121(PooledNet):
    """Dense blocks of 6, 12, 24 and 16 layers, each layer adding 32 channels.

    Five halvings that round down leave 1 x 1 place of a 48 x 48 patch, so that its class-activation
    map is flat below 64 x 64, and in training batch normalisation refuses a batch of one.

    Args:
        size: side of the patch in pixels, from 32 on.
        dropout: probability that a value is dropped after each dense layer (paper, section 4.2:
            0.2, and only where the data are not augmented).

    Raises:
        TrainError: `size` is below 32.
    """

    def __init__(self, *, size: int, dropout: float) -> None:
        check_size("densenet121", size)
        from torchvision import models  # here, for it takes longer to import than all the rest

        net = models.get_model(
            "densenet121", weights=None, num_classes=len(EXPRESSIONS), drop_rate=dropout
        )
        make_grey(net.features)
        net.features.add_module("relu5", nn.ReLU())  # torchvision has it in its forward
        super().__init__(net.features, net.classifier, dropout=0.0)
