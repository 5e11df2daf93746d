"""Class-activation maps: which places of a picture speak for which expression.

B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba. "Learning Deep Features for Discriminative
Localization." CVPR 2016. Section 2, equation 2.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor, einsum, nn


@runtime_checkable
class MapNet(Protocol):
    """A net that ends in global average pooling and one linear layer.

    For such a net the logit of class c is a mean over places: with f_k(x, y) the activation of
    unit k before the pooling and w_k^c the linear layer's weight, M_c(x, y) = sum_k w_k^c f_k(x, y)
    says how much the place (x, y) adds to it (B. Zhou et al. "Learning Deep Features for
    Discriminative Localization", CVPR 2016, equation 2). In eval mode, `classifier` of the mean of
    `feature_maps(x)` over places equals the net's output for x.

    From Python 3.12 on, isinstance() looks for both members on the class and in the instance's
    `__dict__`, and a torch module keeps its submodules in neither. So a net needs `classifier` as a
    property of its class, as `trainer.nets.pooled.PooledNet` has.
    """

    def feature_maps(self, x: Tensor) -> Tensor:
        """Map (n, 1, size, size) float, normalised, to (n, channels, h, w) before the pooling."""

    @property
    def classifier(self) -> nn.Linear:
        """The last layer, from channels to the 8 logits."""


def class_activation_maps(net: MapNet, maps: Tensor) -> Tensor:
    """Weigh a net's feature maps by its last layer, place by place.

    Args:
        net: the net that made `maps`.
        maps: (n, channels, h, w), from `net.feature_maps`.

    Returns:
        (n, 8, h, w), in units of logits and without the bias: the mean over places, plus
        `net.classifier.bias`, is the net's output in eval mode.
    """
    return einsum("kc,nchw->nkhw", net.classifier.weight, maps)
