"""A net as a bundle has it: folded, its weights rounded to halves, its maps a second output."""

import copy
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ferdesk.core.au_bundle import ACTIVATIONS
from ferdesk.core.bundle import CAM, LOGITS, OutputSpec
from ferdesk.core.labels import EXPRESSIONS
from trainer.nets.maps import MapNet, class_activation_maps

BATCHES = (1, 1024)
"""The smallest and the largest batch that an exported net takes."""


class _Plain(nn.Module):
    """A net without maps, its one output in a tuple."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map (n, 1, size, size) to the (n, 8) logits."""
        return (self.net(x),)


class _WithMaps(nn.Module):
    """A `MapNet` in eval mode, with its class-activation maps as a second output."""

    def __init__(self, net: MapNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map (n, 1, size, size) to the (n, 8) logits and the (n, 8, h, w) maps."""
        maps = self.net.feature_maps(x)
        logits = self.net.classifier(maps.mean((2, 3)))
        return logits, class_activation_maps(self.net, maps)


class _Activations(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map (n, 1, size, size) to the (n, outputs) activations."""
        return (self.net(x).sigmoid(),)


class _Logits(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)[0]
        return logits


@dataclass(frozen=True, slots=True, eq=False)
class Deployed:
    """A net as its bundle has it; the net that it was made from is left as it was.

    Attributes:
        net: in eval mode on the CPU, from (n, 1, size, size) float32 to a tuple of `outputs`.
        outputs: their names and shapes: logits, then the activation maps of nets that have them; of
            action-unit nets the activations.
        size: side of the patch in pixels.
    """

    net: nn.Module
    outputs: tuple[OutputSpec, ...]
    size: int

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs' names."""
        return tuple(output.name for output in self.outputs)

    def logits(self) -> nn.Module:
        """The same net with the (n, 8) logits only, not in a tuple."""
        return _Logits(self.net).eval()


@torch.no_grad()
def deploy(net: nn.Module, size: int) -> Deployed:
    """Make a net ready to be written.

    Batch normalisation that follows a convolution is folded into it. Then each float tensor is
    rounded to half precision, one whose values do not fit excepted: what is stored in half the
    space is thereby exactly what is computed with.

    Args:
        net: on the CPU.
        size: side of its patches in pixels.
    """
    net = copy.deepcopy(net).eval().requires_grad_(False)
    folded = _halved(fold(with_outputs(net)))
    found = folded(torch.zeros(1, 1, size, size))
    names = (LOGITS, CAM) if len(found) > 1 else (LOGITS,)
    outputs = tuple(
        OutputSpec(name=name, shape=tuple(value.shape[1:]))
        for name, value in zip(names, found, strict=True)
    )
    if outputs[0].shape != (len(EXPRESSIONS),):
        raise ValueError(f"the net gives {outputs[0].shape}, not one logit an expression")
    return Deployed(folded, outputs, size)


def with_outputs(net: nn.Module) -> nn.Module:
    """A net that gives its outputs as a bundle has them, in a tuple; it is there as `.net`."""
    # Never a type of its own to mypy, for a torch module has any attribute.
    return _WithMaps(cast(MapNet, net)) if isinstance(net, MapNet) else _Plain(net)


@torch.no_grad()
def deploy_activations(net: nn.Module, size: int) -> Deployed:
    """Make an action-unit net ready to be written, as `deploy`; it then gives activations, 0..1.

    Args:
        net: on the CPU; gives log-odds.
        size: side of its patches in pixels.
    """
    net = copy.deepcopy(net).eval().requires_grad_(False)
    folded = _halved(fold(_Activations(net)))
    (found,) = folded(torch.zeros(1, 1, size, size))
    output = OutputSpec(name=ACTIVATIONS, shape=tuple(found.shape[1:]))
    return Deployed(folded, (output,), size)


def _halved(net: fx.GraphModule) -> fx.GraphModule:
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.is_floating_point() and torch.isfinite(tensor.half()).all():
            tensor.copy_(tensor.half())
    return net


def fold(net: nn.Module) -> fx.GraphModule:
    """Trace a net and fold each batch normalisation that alone follows a convolution into it.

    Args:
        net: in eval mode.
    """
    traced = fx.symbolic_trace(net)
    for before, node in _pairs(traced):
        conv = cast(nn.Conv2d, traced.get_submodule(str(before.target)))
        norm = cast(nn.BatchNorm2d, traced.get_submodule(str(node.target)))
        traced.set_submodule(str(before.target), fuse_conv_bn_eval(conv, norm))
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced.eval()


def folded_pairs(net: nn.Module) -> dict[str, str]:
    """What `fold` would fold: the name of each such normalisation -> its convolution's."""
    found = _pairs(fx.symbolic_trace(net))
    return {str(node.target): str(before.target) for before, node in found}


def _pairs(traced: fx.GraphModule) -> list[tuple[fx.Node, fx.Node]]:
    """Each convolution whose answer goes to a batch normalisation and nowhere else, with that."""
    found = []
    for node in traced.graph.nodes:
        before = node.args[0] if node.args else None
        if not isinstance(before, fx.Node) or not node.op == before.op == "call_module":
            continue
        conv = traced.get_submodule(str(before.target))
        norm = traced.get_submodule(str(node.target))
        alone = len(before.users) == 1
        if alone and type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
            found.append((before, node))
    return found


def is_half(tensor: Tensor) -> bool:
    """Whether half precision holds every value of a float32 tensor exactly."""
    return bool((tensor.half().float() == tensor).all())
