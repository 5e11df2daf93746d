"""Normalisation layers for weights that came without: folded ones, and those of published nets.

S. Ioffe, C. Szegedy. "Batch Normalization." ICML 2015. Once trained, such a layer is no more than a
scale and a shift a channel, and is often kept as that or swallowed by the convolution before it.
Trained further like that, a net lacks the normalisation that its rate relies on. So it gets layers
that stand in: in eval mode they only scale and shift, and `measure_norms` lets them expect what
pictures bring them, which changes nothing in eval mode either.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

import torch
from torch import Tensor, nn

from ferdesk.core.preprocess import normalise

_BATCH: Final = 256
_LOOKED_AT: Final = 8192  # pictures at most: plenty for a mean and a spread a channel


def standing_in(norm: nn.BatchNorm2d) -> dict[str, Tensor]:
    """The statistics with which a layer, in eval mode, scales by its weight and adds its bias."""
    return {
        "running_mean": torch.zeros(norm.num_features),
        "running_var": torch.full((norm.num_features,), 1 - norm.eps),
    }


def stand_ins(net: nn.Module) -> dict[str, nn.BatchNorm2d]:
    """The layers that have such statistics, by name; a fresh one has a variance of 1."""
    found = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            state = module.state_dict()
            if all(torch.equal(state[k].cpu(), v) for k, v in standing_in(module).items()):
                found[name] = module
    return found


@torch.no_grad()
def measure_norms(net: nn.Module, images: Tensor) -> None:
    """Let the layers that stand in expect what pictures bring them.

    In eval mode the net gives what it gave before; in training mode about that.

    Args:
        net: changed; without such layers, left alone.
        images: (n, 1, size, size) uint8, on the net's device; of many only some are looked at.
    """
    norms = stand_ins(net)
    if not norms:
        return
    looked_at = images[:: max(1, len(images) // _LOOKED_AT)]
    sums = {name: torch.zeros(2, norm.num_features).double() for name, norm in norms.items()}

    def look(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            variance, mean = torch.var_mean(inputs[0], (0, 2, 3), correction=0)
            both = torch.stack([mean, variance + mean.square()])
            sums[name] += both.cpu().double() * len(inputs[0])

        return hook

    was = net.training
    net.eval()
    with ExitStack() as hooks:
        for name, norm in norms.items():
            hooks.callback(norm.register_forward_pre_hook(look(name)).remove)
        for chunk in torch.split(looked_at, _BATCH):
            net(normalise(chunk.float()).contiguous(memory_format=torch.channels_last))
    net.train(was)
    for name, norm in norms.items():
        mean, square = sums[name] / len(looked_at)
        own = norm.state_dict()
        variance = (square - mean.square()).clamp(min=0).to(own["bias"])
        mean = mean.to(own["bias"])
        own["running_mean"].copy_(mean)
        own["running_var"].copy_(variance)
        own["bias"].add_(own["weight"] * mean)
        own["weight"].mul_((variance + norm.eps).sqrt())
