"""Trusting an engine with a bundle's net: it has to give the answers that are stored beside it."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from ferdesk.core.bundle import REFERENCE
from ferdesk.core.errors import BundleError
from ferdesk.core.types import FloatArray
from ferdesk.engines.base import Engine
from ferdesk.engines.net import Net

PARITY: Final = 0.01
"""Largest difference in what a net says, probabilities or activations, between an engine and the
bundle's reference."""

_MAX_REFERENCE_BYTES: Final = 16_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a net has to answer.

    Attributes:
        net: which one.
        batch: (n >= 1, 1, size, size) float32, its inputs.
        answers: (n, width) float32, what its wanted output was for them where it was made.
    """

    net: Net
    batch: FloatArray
    answers: FloatArray

    @classmethod
    def read(cls, net: Net) -> Self:
        """Read a bundle's reference.

        Raises:
            BundleError: there is none, or it does not fit the net.
        """
        batch, answers = _read(net.folder / REFERENCE, net.wanted)
        fits = batch.shape[1:] == net.row and len(batch) > 0
        if not fits or answers.shape != (len(batch), net.width):
            raise BundleError(f"{net.folder}: {REFERENCE} does not fit the net's input and labels.")
        return cls(net, batch, answers)

    def difference(self, engine: Engine) -> float:
        """How far an engine's answers are from the stored ones, at most; NaN where those are.

        Raises:
            BundleError: the net does not take the bundle's input, or gives another shape.
        """
        folder = self.net.folder
        try:
            found = engine.run(self.batch)[self.net.wanted]
        except (RuntimeError, ValueError) as error:
            raise BundleError(
                f"{folder}: the net does not take {self.batch.shape[1:]}: {error}."
            ) from error
        if found.shape != self.answers.shape:
            raise BundleError(f"{folder}: the net gives {found.shape}, not one value a label.")
        said = self.net.said
        return float(np.abs(said(found) - said(self.answers)).max())


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
