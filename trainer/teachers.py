"""What trained nets answer, to be learnt from by another one.

G. Hinton, O. Vinyals, J. Dean. "Distilling the Knowledge in a Neural Network." 2015. Section 2, at
a temperature of 1.
"""

import hashlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from rich.console import Console

from ferdesk.core.bundle import MANIFEST, ModelBundle, read_bundle
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray, ImageU8
from trainer import files
from trainer.bars import images_bar
from trainer.errors import TrainError
from trainer.evaluate import bundle_probabilities
from trainer.parallel import is_leader
from trainer.precision import default_device
from trainer.predict import load_run, predict_logits
from trainer.provenance import run_folder, teacher_bundle
from trainer.runs import RunFolder
from trainer.tables import digest, make_folder

_AT_ONCE: Final = 2048  # pictures that are turned round and brought to the device together
_Answer = Callable[[ImageU8], FloatArray]


def teacher_targets(
    teachers: tuple[str, ...], images: ImageU8, kept_in: Path | None = None
) -> FloatArray:
    """The mean answer of several nets to pictures and their mirror images.

    Args:
        teachers: runs' folders or bundles (by name or folder), one or more. Bundles answer with
            calibrated probabilities, runs with those of their best epoch, in the device's quickest
            precision.
        images: (n, size, size) uint8, grey, n >= 1.
        kept_in: the folder where each one's answers stay, so that a training that goes on need not
            ask again; None keeps nothing.

    Returns:
        (n, 8) float32, rows sum to 1.

    Raises:
        TrainError: there is no such run or bundle, it takes pictures of another size, or what was
            kept of it is damaged.
        BundleError: a bundle is not sound.
        OutputError: the answers cannot be kept.
    """
    total = np.zeros((len(images), len(EXPRESSIONS)), np.float64)
    for name in teachers:
        total += _answers(name, images, kept_in)
    return np.asarray(total / total.sum(axis=1, keepdims=True), np.float32)


def _answers(name: str, images: ImageU8, kept_in: Path | None) -> FloatArray:
    """One teacher's, summed over both sides: (n, 8) float32, rows sum to 2."""
    run = run_folder(name)
    if kept_in is None:
        return _ask(name, run, images)
    weights = teacher_bundle(name) / MANIFEST if run is None else run.best
    shown = hashlib.sha256(digest(weights).encode())
    shown.update(np.ascontiguousarray(images).data)
    path = kept_in / f"answers-{shown.hexdigest()[:16]}.npy"
    if path.is_file():
        return _read(path, len(images))
    answers = _ask(name, run, images)
    make_folder(kept_in)
    files.write_with(path, lambda temporary: np.save(temporary, answers))
    return answers


def _read(path: Path, n: int) -> FloatArray:
    try:
        answers: FloatArray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise TrainError(f"Cannot read {path}, a teacher's answers: {error}. Delete it.") from error
    if answers.dtype != np.float32 or answers.shape != (n, len(EXPRESSIONS)):
        raise TrainError(f"{path} does not hold a teacher's answers. Delete it.")
    return answers


def _ask(name: str, run: RunFolder | None, images: ImageU8) -> FloatArray:
    """As `_answers`, with a bar on a terminal."""
    answer = _bundle(name, images) if run is None else _net(run, images)
    said = []
    begin, done = time.perf_counter(), 0
    with images_bar(Console(stderr=True, quiet=not is_leader())) as bar:
        task = bar.add_task(f"asking {Path(name).name}", total=len(images), rate=0.0)
        for start in range(0, len(images), _AT_ONCE):
            chunk = images[start : start + _AT_ONCE]
            both = answer(np.concatenate((chunk, chunk[:, :, ::-1])))
            said.append(both[: len(chunk)] + both[len(chunk) :])
            done += len(chunk)
            bar.update(task, completed=done, rate=done / (time.perf_counter() - begin))
    return np.concatenate(said)


def _net(run: RunFolder, images: ImageU8) -> _Answer:
    net, recipe, _ = load_run(run)
    _check_size(run.folder.name, recipe.size, images)
    device = default_device()
    net = net.to(device)

    def answer(asked: ImageU8) -> FloatArray:
        logits = predict_logits(net, torch.from_numpy(asked)[:, None].to(device))
        return np.asarray(logits.softmax(1).numpy(), np.float32)

    return answer


def _bundle(name: str, images: ImageU8) -> _Answer:
    folder = teacher_bundle(name)
    _check_size(name, read_bundle(folder, ModelBundle).input.size, images)
    return partial(bundle_probabilities, folder)


def _check_size(name: str, size: int, images: ImageU8) -> None:
    if images.shape[1:] != (size, size):
        raise TrainError(
            f"The teacher {name!r} takes {size} x {size} pictures, but those here are "
            f"{images.shape[2]} x {images.shape[1]}; choose another, or train at its size."
        )
