"""Small GANs and drawn people for their tests."""

import numpy as np
from dataset_trees import drawing

from trainer.datasets.base import Faces
from trainer.nets import ali2020
from trainer.recipes.ali2020 import GAN_RECIPES

SIDE = 16
TINY = {"size": "16", "epochs": "2", "batch": "8", "least_images": "2", "samples_every": "1"}


def shrink(monkeypatch):
    """Nets of a few filters, under the names of the others."""
    for name in ali2020.STAGES:
        monkeypatch.setitem(ali2020.STAGES, name, (4, 4, 8, 8))
    monkeypatch.setattr(ali2020, "_LOCAL", 4)
    monkeypatch.setattr(ali2020, "_HIDDEN", 8)


def people(count=24, persons=4, dataset="faces", part="train", seed=0):
    """Faces of several persons, in turn, with three expressions."""
    images = np.stack([drawing(seed + i, SIDE) for i in range(count)])
    labels = np.array([i % 3 for i in range(count)])
    names = tuple(f"{seed + i}.png" for i in range(count))
    subjects = tuple(f"person {i % persons}" for i in range(count))
    return Faces(dataset, part, images, labels, names, subjects=subjects)


def gan_recipe(name="ali2020-gan-faces", **changes):
    return GAN_RECIPES.get(name).override({**TINY, **changes})
