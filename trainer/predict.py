"""What a trained net says about images, from a run's checkpoint."""

from typing import Final

import torch
from torch import Tensor, nn

from ferdesk.core.preprocess import normalise
from ferdesk.core.types import FloatArray, ImageU8
from trainer.checkpoint import load_best
from trainer.nets import build_net
from trainer.precision import autocast, default_device
from trainer.recipes import Recipe
from trainer.runs import RunFolder

_BATCH: Final = 256


@torch.inference_mode()
def predict_logits(net: nn.Module, images: Tensor, *, exact: bool = False) -> Tensor:
    """Logits of all images, not augmented.

    Args:
        net: in any mode; put into eval mode.
        images: (n, 1, height, width) uint8, on the net's device.
        exact: compute in float32 even where bfloat16 is faster.

    Returns:
        (n, 8) float32 on the CPU.
    """
    net.eval()
    parts = []
    for chunk in torch.split(images, _BATCH):
        x = normalise(chunk.float()).contiguous(memory_format=torch.channels_last)
        with autocast(x.device, enabled=not exact):
            parts.append(net(x).float().cpu())
    return torch.cat(parts)


def load_run(run: RunFolder) -> tuple[nn.Module, Recipe, int]:
    """The averaged weights of a run's best epoch.

    Returns:
        The net in eval mode on the CPU, its recipe, and the epoch, from 1.

    Raises:
        TrainError: there is no such run, or its checkpoint does not fit its recipe.
    """
    recipe = run.read_recipe()
    net = build_net(recipe.net, size=recipe.size, dropout=recipe.dropout)
    epoch = load_best(run.best, net, recipe)
    return net.eval(), recipe, epoch


def run_probabilities(run: RunFolder, images: ImageU8) -> FloatArray:
    """What a run's best net says, not calibrated.

    Args:
        run: the run's folder.
        images: (n, size, size) uint8, grey.

    Returns:
        (n, 8) float32, rows sum to 1.
    """
    net, _, _ = load_run(run)
    device = default_device()
    batch = torch.from_numpy(images)[:, None].to(device)
    logits = predict_logits(net.to(device), batch, exact=True)
    probabilities: FloatArray = logits.softmax(1).numpy()
    return probabilities
