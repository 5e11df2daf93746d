"""A bundle's weights for a net to be trained further: what the export folded, unfolded again."""

from pathlib import Path
from typing import Final, cast

import torch
from torch import Tensor, nn

from ferdesk.bundles import find_bundle
from ferdesk.core.bundle import PROGRAM, ModelBundle, read_bundle
from ferdesk.core.errors import BundleError, ModelError
from ferdesk.engines.program import open_program
from trainer.deploy import folded_pairs, with_outputs
from trainer.errors import TrainError
from trainer.norms import standing_in

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

    In eval mode a net with these gives what the bundle gives. The normalisations that the bundle's
    convolutions have swallowed stand in (`trainer.norms`).

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
            norm = cast(nn.BatchNorm2d, net.get_submodule(layer))
            found[key] = standing_in(norm).get(kind, torch.ones(norm.num_features))
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


def _folded(net: nn.Module) -> dict[str, str]:
    """The net's normalisations that its bundle lacks -> the convolutions they are in."""
    was = net.training
    found = folded_pairs(with_outputs(net.eval()))
    net.train(was)
    return {k.removeprefix(_INNER): v.removeprefix(_INNER) for k, v in found.items()}


def _place(key: str) -> str:
    """What the program calls a weight (`trainer.program`)."""
    return f"{_INNER}{key}".replace(".", "__")
