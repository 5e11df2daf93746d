"""A bundle's weights for a net to be trained further: what the export folded, unfolded again.

S. Ioffe, C. Szegedy. "Batch Normalization." ICML 2015. A bundle has each normalisation inside the
convolution before it (`trainer.deploy.fold`). Trained like that a net would lack the normalisation
that its rate relies on, so each gets one again that changes nothing: `bundle_tensors` gives one
that only adds the bias, and `measure_norms` lets it expect what pictures bring it.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from ferdesk.bundles import find_bundle
from ferdesk.core.bundle import PROGRAM, ModelBundle, read_bundle
from ferdesk.core.errors import BundleError, ModelError
from ferdesk.core.preprocess import normalise
from ferdesk.engines.program import open_program
from trainer.deploy import folded_pairs, with_outputs
from trainer.errors import TrainError

_BATCH: Final = 256
_MEASURED: Final = 8192  # pictures at most: plenty for a mean and a spread a channel
_INNER: Final = "net."  # where the program has the net


def named_bundle(weights: str) -> Path | None:
    """The folder of the bundle called `weights`, by name or folder; None where there is none."""
    try:
        folder = find_bundle(weights)
    except BundleError:
        return None
    return folder if (folder / PROGRAM).is_file() else None


def bundle_tensors(net: nn.Module, folder: Path) -> dict[str, Tensor]:
    """A bundle's weights under the names of the net that it was made from.

    In eval mode a net with these gives what the bundle gives.

    Args:
        net: of that kind; left as it is.
        folder: the bundle's.

    Returns:
        float32 on the CPU.

    Raises:
        TrainError: the bundle is not sound, or of another net.
    """
    try:
        read_bundle(folder, ModelBundle)
        program = torch.export.load(open_program(folder / PROGRAM))
    except (BundleError, ModelError) as error:
        raise TrainError(f"Cannot start from the bundle {folder.name}: {error}") from error
    theirs = {name: value.detach().float() for name, value in program.state_dict.items()}
    norms = _folded(net)
    convolutions = set(norms.values())
    own, found, used = net.state_dict(), {}, set()
    for key, ours in own.items():
        layer, _, kind = key.rpartition(".")
        if not ours.is_floating_point():  # a normalisation's counter
            continue
        if layer in convolutions and kind == "bias":
            found[key] = torch.zeros_like(ours)
            continue
        if layer in norms and kind != "bias":
            found[key] = _standing_in(kind, _norm(net, layer))
            continue
        place = _place(f"{norms.get(layer, layer)}.{kind}")
        if place not in theirs:
            raise TrainError(f"{folder.name} is a bundle of another net: it lacks {key}.")
        found[key] = theirs[place]
        used.add(place)
    if theirs.keys() - used:
        spare = min(theirs.keys() - used).replace("__", ".").removeprefix(_INNER)
        raise TrainError(f"{folder.name} is a bundle of another net: {spare} is not in this one.")
    return found


@torch.no_grad()
def measure_norms(net: nn.Module, images: Tensor) -> None:
    """Let the normalisations that `bundle_tensors` made up expect what pictures bring them.

    In eval mode the net gives what it gave before; in training mode about that.

    Args:
        net: filled by `bundle_tensors`; changed.
        images: (n, 1, size, size) uint8, on the net's device; of many only some are
            looked at.
    """
    means: dict[str, list[Tensor]] = {}
    squares: dict[str, list[Tensor]] = {}

    def look(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].double()
            means.setdefault(name, []).append(x.mean((0, 2, 3)) * len(x))
            squares.setdefault(name, []).append(x.square().mean((0, 2, 3)) * len(x))

        return hook

    looked_at = images[:: max(1, len(images) // _MEASURED)]
    was = net.training
    net.eval()
    norms = _folded(net)
    with ExitStack() as hooks:
        for name in norms:
            handle = net.get_submodule(name).register_forward_pre_hook(look(name))
            hooks.callback(handle.remove)
        for chunk in torch.split(looked_at, _BATCH):
            net(normalise(chunk.float()).contiguous(memory_format=torch.channels_last))
    for name in norms:
        mean = torch.stack(means[name]).sum(0) / len(looked_at)
        variance = torch.stack(squares[name]).sum(0) / len(looked_at) - mean.square()
        variance = variance.clamp(min=0)
        own = net.get_submodule(name).state_dict()
        own["running_mean"].copy_(mean)
        own["running_var"].copy_(variance)
        own["weight"].copy_((variance + _norm(net, name).eps).sqrt())
        own["bias"].add_(mean)
    net.train(was)


def _folded(net: nn.Module) -> dict[str, str]:
    """The net's normalisations that its bundle lacks -> the convolutions they are in."""
    was = net.training
    found = folded_pairs(with_outputs(net.eval()))
    net.train(was)
    return {k.removeprefix(_INNER): v.removeprefix(_INNER) for k, v in found.items()}


def _norm(net: nn.Module, name: str) -> nn.BatchNorm2d:
    return cast(nn.BatchNorm2d, net.get_submodule(name))


def _standing_in(kind: str, norm: nn.BatchNorm2d) -> Tensor:
    """The weight, mean or variance of a normalisation that changes nothing."""
    if kind == "running_mean":
        return torch.zeros(norm.num_features)
    if kind == "running_var":
        return torch.full((norm.num_features,), 1 - norm.eps)
    return torch.ones(norm.num_features)


def _place(key: str) -> str:
    """What the program calls a weight (`trainer.program`)."""
    return f"{_INNER}{key}".replace(".", "__")
