"""What does a training step cost beside the net's own forward and backward pass?

    python benchmarks/training_throughput.py [RECIPE ...] [--seconds 20]

For each recipe the trainer's step (choosing images, augmentation, normalisation, loss, optimiser,
running average) and the bare forward and backward pass of the same net on synthetic tensors take
turns, so that both meet the same noise of the machine. Prints a Markdown table of medians.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from torch.nn import functional

from trainer.datasets.base import Faces
from trainer.fit import new_state, train_step
from trainer.parallel import Team
from trainer.precision import autocast, default_device
from trainer.recipes import RECIPES, Recipe
from trainer.split import split_of

IMAGES = 4096


def synthetic(recipe: Recipe) -> Faces:
    """Noise with one-hot labels, as many as fit a few batches."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, recipe.size, recipe.size), dtype=np.uint8)
    names = tuple(str(i) for i in range(IMAGES))
    return Faces("noise", "train", images, rng.integers(0, 8, IMAGES), names)


def measure(recipe: Recipe, seconds: float) -> tuple[float, float, float]:
    """Medians in images a second: the step, bare forward and backward, and their median ratio."""
    device = default_device()
    split = split_of(synthetic(recipe), recipe, device)
    state = new_state(recipe, device)
    bare = new_state(recipe, device).net.train()
    state.net.train()
    x = torch.randn(recipe.batch, 1, recipe.size, recipe.size, device=device)
    x = x.contiguous(memory_format=torch.channels_last)
    targets = split.targets[: recipe.batch]
    order = torch.arange(recipe.batch)

    def ours() -> None:
        train_step(state, state.net, split, order, recipe, Team())

    def plain() -> None:
        bare.zero_grad()
        with autocast(device):
            logits = bare(x)
        functional.cross_entropy(logits.float(), targets).backward()

    times: tuple[list[float], list[float]] = ([], [])
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times[0]) < 5:
        for work, kept in zip((ours, plain), times, strict=True):
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            kept.append(time.perf_counter() - start)
    step, alone = (statistics.median(kept[2:]) for kept in times)
    ratio = statistics.median(b / a for a, b in list(zip(*times, strict=True))[2:])
    return recipe.batch / step, recipe.batch / alone, ratio


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=["compact-votes", "kyritsis-wrn-28-4"])
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    print("| recipe | batch | training step, img/s | bare forward + backward | ratio |")
    print("|---|---|---|---|---|")
    for name in arguments.recipes:
        # All at the one full size, also where a recipe begins with smaller patches.
        recipe = RECIPES.get(name).override({"small_epochs": "0"})
        step, alone, ratio = measure(recipe, arguments.seconds)
        print(f"| {name} | {recipe.batch} | {step:.0f} | {alone:.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
