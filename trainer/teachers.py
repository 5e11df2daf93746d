"""What trained nets answer, to be learnt from by another one.

G. Hinton, O. Vinyals, J. Dean. "Distilling the Knowledge in a Neural Network." 2015. Section 2, at
a temperature of 1.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch

from ferdesk.core.bundle import ModelBundle, read_bundle
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray, ImageU8
from trainer.errors import TrainError
from trainer.evaluate import bundle_probabilities
from trainer.precision import default_device
from trainer.predict import load_run, predict_logits
from trainer.provenance import run_folder, teacher_bundle
from trainer.runs import RunFolder

_AT_ONCE: Final = 4096  # pictures that are turned round and brought to the device together


def teacher_targets(teachers: tuple[str, ...], images: ImageU8) -> FloatArray:
    """The mean answer of several nets to pictures and their mirror images.

    Args:
        teachers: runs' folders or bundles (by name or folder), one or more. Bundles answer with
            calibrated probabilities, runs with those of their best epoch, in the device's quickest
            precision.
        images: (n, size, size) uint8, grey, n >= 1.

    Returns:
        (n, 8) float32, rows sum to 1.

    Raises:
        TrainError: there is no such run or bundle, or it takes pictures of another size.
        BundleError: a bundle is not sound.
    """
    total = np.zeros((len(images), len(EXPRESSIONS)), np.float64)
    for name in teachers:
        run = run_folder(name)
        total += _of_bundle(name, images) if run is None else _of_run(run, images)
    return np.asarray(total / total.sum(axis=1, keepdims=True), np.float32)


def _of_run(run: RunFolder, images: ImageU8) -> FloatArray:
    """The sum over both sides: rows sum to 2."""
    net, recipe, _ = load_run(run)
    _check_size(run.folder.name, recipe.size, images)
    device = default_device()
    net = net.to(device)
    answers = []
    for chunk in _chunks(images):
        batch = torch.from_numpy(chunk)[:, None].to(device)
        ahead, mirrored = predict_logits(net, batch), predict_logits(net, batch.flip(3))
        answers.append(ahead.softmax(1) + mirrored.softmax(1))
    return np.asarray(torch.cat(answers).numpy(), np.float32)


def _of_bundle(name: str, images: ImageU8) -> FloatArray:
    """The sum over both sides: rows sum to 2."""
    folder = teacher_bundle(name)
    _check_size(name, read_bundle(folder, ModelBundle).input.size, images)
    return bundle_probabilities(folder, images) + bundle_probabilities(folder, images[:, :, ::-1])


def _chunks(images: ImageU8) -> Iterator[ImageU8]:
    return (images[i : i + _AT_ONCE] for i in range(0, len(images), _AT_ONCE))


def _check_size(name: str, size: int, images: ImageU8) -> None:
    if images.shape[1:] != (size, size):
        raise TrainError(
            f"The teacher {name!r} takes {size} x {size} pictures, but those here are "
            f"{images.shape[2]} x {images.shape[1]}; choose another, or train at its size."
        )
