"""Trusting an engine with a bundle's net: it has to give the answers that are stored beside it."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from ferdesk.core.bundle import MODEL, REFERENCE
from ferdesk.core.errors import BundleError
from ferdesk.core.types import FloatArray
from ferdesk.engines.base import Engine, Precision
from ferdesk.engines.openvino_cpu import OpenVinoEngine

PARITY: Final = 0.01
"""Largest difference in what a net says, probabilities or activations, between an engine and the
bundle's reference."""

_MAX_REFERENCE_BYTES: Final = 16_000_000


def open_checked(
    folder: Path,
    output: str,
    width: int,
    size: int,
    threads: int,
    precision: Precision,
    said: Callable[[FloatArray], FloatArray] = np.asarray,
) -> Engine:
    """Open a bundle's net, in f32 where the faster precision does not give the reference.

    Args:
        folder: the bundle, whose hashes were checked.
        output: the net's output that is wanted.
        width: how many numbers it has.
        size: side of the net's patches in pixels.
        threads: threads the engine may use; 0 lets it choose.
        precision: see `ferdesk.engines.base.Precision`.
        said: from the output, (n, width), to what has to be alike within PARITY.

    Raises:
        BundleError: no reference, one that does not fit, or the net does not give it in f32 either.
        ModelError: the engine cannot load the net.
    """
    batch, expected = _read(folder / REFERENCE, output)
    fits = batch.shape[1:] == (1, size, size) and len(batch) > 0
    if not fits or expected.shape != (len(batch), width):
        raise BundleError(f"{folder}: {REFERENCE} does not fit the net's input and labels.")
    tries: tuple[Precision, ...] = ("f32",) if precision == "f32" else (precision, "f32")
    for number in tries:
        engine = OpenVinoEngine(folder / MODEL, threads, number, outputs=(output,))
        found = _answers(engine, batch, output, folder)
        if found.shape != expected.shape:
            raise BundleError(f"{folder}: the net gives {found.shape}, not one value a label.")
        if float(np.abs(said(found) - said(expected)).max()) <= PARITY:
            return engine
        engine.close()
    raise BundleError(f"{folder}: the net does not give the bundle's own reference.")


def _answers(engine: Engine, batch: FloatArray, output: str, folder: Path) -> FloatArray:
    try:
        return engine.run(batch)[output]
    except (RuntimeError, ValueError) as error:
        raise BundleError(f"{folder}: the net does not take {batch.shape[1:]}.") from error


def _read(path: Path, output: str) -> tuple[FloatArray, FloatArray]:
    """The stored inputs and answers; the file may come from a stranger."""
    try:
        with zipfile.ZipFile(path) as members:
            if sum(member.file_size for member in members.infolist()) > _MAX_REFERENCE_BYTES:
                raise BundleError(f"{path} is too large for a reference.")
        with np.load(path, allow_pickle=False) as stored:
            x, answers = (np.asarray(stored[name], np.float32) for name in ("x", output))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} holds no reference: {error}.") from error
    return x, answers
