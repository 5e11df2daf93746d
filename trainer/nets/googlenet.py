"""GoogLeNet, or Inception v1.

C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke,
A. Rabinovich. "Going Deeper with Convolutions." CVPR 2015. Table 1. Trained on FER+ in G. Kyritsis,
"Deep Models and Transfer Learning for Facial Emotion Recognition", master thesis, EPFL; section
4.2, table 7.1.
"""

from typing import Final

from ferdesk.core.labels import EXPRESSIONS
from trainer.nets import register_net
from trainer.nets.pooled import PooledNet, check_size, grey_trunk

_HEAD: Final = ("avgpool", "dropout", "fc")


@register_net("googlenet")
class GoogLeNet(PooledNet):
    """Nine inception modules without the two auxiliary classifiers.

    It is torchvision's, which has batch normalisation after each convolution and 3 x 3 convolutions
    where table 1 has 5 x 5. A 48 x 48 patch ends as 2 x 2 places.

    Args:
        size: side of the patch in pixels, from 32 on.
        dropout: probability that a pooled channel is dropped on its way to the last layer (paper:
            0.4).

    Raises:
        TrainError: `size` is below 32.
    """

    def __init__(self, *, size: int, dropout: float) -> None:
        check_size("googlenet", size)
        from torchvision import models  # here, for it takes longer to import than all the rest

        net = models.get_model(
            "googlenet",
            weights=None,
            num_classes=len(EXPRESSIONS),
            aux_logits=False,
            init_weights=True,  # torch's trunc_normal_ with a spread of 0.01, not SciPy's slow one
        )
        super().__init__(grey_trunk(net, head=_HEAD), net.fc, dropout=dropout)
