"""Nets, one file a paper. A net is a torch module from (n, 1, size, size) to (n, 8) logits.

A new file registers its class with `@register_net("name")` and is imported at the end of this one.
The class takes the keywords `size` (side of the patch in pixels) and `dropout`. Nets of which there
are as many as there are wishes are a family: `torchvision/alexnet`, `fn2en/512x7`.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from torch import Tensor, nn

from trainer.registry import Registry


class NetFactory(Protocol):
    """What a registered class looks like to its caller."""

    def __call__(self, *, size: int, dropout: float) -> nn.Module:
        """Build the net with fresh weights from torch's global generator."""


class FamilyFactory(Protocol):
    """What makes the members of a family of nets."""

    def __call__(self, member: str, *, size: int, dropout: float) -> nn.Module:
        """Build the member of that name with fresh weights; TrainError where there is none."""


_NETS: Registry[NetFactory] = Registry("net")
_FAMILIES: Registry[FamilyFactory] = Registry("family of nets")
F = TypeVar("F", bound=NetFactory)
G = TypeVar("G", bound=FamilyFactory)


def register_net(name: str) -> Callable[[F], F]:
    """Enter a net class under `name`; `@register_net("khorrami2015")` above the class."""

    def enter(factory: F) -> F:
        _NETS.add(name, factory)
        return factory

    return enter


def register_family(name: str) -> Callable[[G], G]:
    """Enter a family of nets, whose members are called `name/member`."""

    def enter(factory: G) -> G:
        _FAMILIES.add(name, factory)
        return factory

    return enter


def build_net(name: str, *, size: int, dropout: float) -> nn.Module:
    """Build a registered net, or a member of a family, with fresh weights.

    Raises:
        TrainError: unknown name, or a size the net cannot take.
    """
    family, slash, member = name.partition("/")
    if slash:
        return _FAMILIES.get(family)(member, size=size, dropout=dropout)
    return _NETS.get(name)(size=size, dropout=dropout)


def net_names() -> tuple[str, ...]:
    """All registered names, sorted."""
    return _NETS.names()


def parameter_count(net: nn.Module) -> int:
    """How many numbers the net learns."""
    parameters: list[Tensor] = list(net.parameters())
    return sum(p.numel() for p in parameters)


from trainer.nets import (  # noqa: E402  (each registers itself)
    ali2020,  # noqa: F401
    densenet,  # noqa: F401
    ding2017,  # noqa: F401
    efficientnet_lite,  # noqa: F401
    face_resnet,  # noqa: F401
    googlenet,  # noqa: F401
    khorrami2015,  # noqa: F401
    multitask,  # noqa: F401
    ng2015,  # noqa: F401
    pretrained,  # noqa: F401
    residual,  # noqa: F401
    resnet,  # noqa: F401
    vgg,  # noqa: F401
)
