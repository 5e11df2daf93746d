"""From aligned patches to calibrated expression probabilities."""

import zipfile
from pathlib import Path
from typing import Final

import numpy as np

from ferdesk.core.bundle import CAM, LOGITS, MODEL, REFERENCE, ModelBundle, read_bundle, sha256
from ferdesk.core.errors import BundleError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.preprocess import net_input
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines.base import Engine, Precision
from ferdesk.engines.openvino_cpu import OpenVinoEngine

PARITY: Final = 0.01
"""Largest difference in a probability between an engine and the bundle's reference."""

_MAX_REFERENCE_BYTES: Final = 16_000_000


class ExpressionNet:
    """A bundle's net, run by an engine."""

    def __init__(self, folder: Path, threads: int = 0, precision: Precision = "f32") -> None:
        """Check the bundle and load its net.

        Args:
            folder: the bundle's folder.
            threads: threads the engine may use; 0 lets it choose.
            precision: "auto" computes faster where the processor can and the bundle's stored
                reference answers come out alike; else in f32.

        Raises:
            BundleError: the bundle is not sound.
            ModelError: the engine cannot load the net.
        """
        self.bundle = read_bundle(folder, ModelBundle)
        self._folder, self._threads = folder, threads
        self._mapper: Engine | None = None
        self._engine: Engine = self._open(LOGITS, precision)
        if not self._agrees(folder):
            self._engine.close()
            self._engine = self._open(LOGITS, "f32")
            if not self._agrees(folder):
                raise BundleError(f"{folder}: the net does not give the bundle's own reference.")

    @property
    def engine(self) -> str:
        """What runs the net, for people."""
        return self._engine.name

    def predict(self, patches: list[ImageU8]) -> FloatArray:
        """Judge patches.

        Args:
            patches: n arrays of (size, size) uint8, grey, cut by the bundle's crop recipe.

        Returns:
            (n, 8) float32, probabilities in the canonical order; each row sums to 1. They are
            calibrated: the bundle's temperature divides the logits (Guo et al. 2017, eq. 9).
        """
        if not patches:
            return np.zeros((0, len(self.bundle.labels)), np.float32)
        return self._probabilities(self._run(net_input(patches)))

    @property
    def has_maps(self) -> bool:
        """Whether the net can say which places of a patch speak for which expression."""
        return self.bundle.map_shape is not None

    def maps(self, patches: list[ImageU8]) -> FloatArray:
        """Class-activation maps (B. Zhou et al., CVPR 2016, equation 2).

        The first call loads the net a second time, in f32, with its maps; until then they cost
        nothing.

        Args:
            patches: as for `predict`.

        Returns:
            (n, 8, h, w) float32, in units of logits: how much each place adds to each expression,
            the bias and the temperature left out.

        Raises:
            BundleError: the net has none (see `has_maps`), or not of the stated shape.
        """
        shape = self.bundle.map_shape
        if shape is None:
            raise BundleError(
                f"{self.bundle.name} has no activation maps; choose a bundle whose net ends in "
                "global average pooling."
            )
        if not patches:
            return np.zeros((0, *shape), np.float32)
        if self._mapper is None:
            # The first check was a while ago; the file may have been exchanged since.
            if sha256(self._folder / MODEL) != self.bundle.files[MODEL]:
                raise BundleError(f"{self._folder / MODEL} was altered since it was loaded.")
            self._mapper = self._open(CAM, "f32")
        found = self._mapper.run(net_input(patches))[CAM]
        if found.shape[1:] != shape:
            raise BundleError(
                f"{self._folder}: the net gives maps of {found.shape[1:]}, not of {shape}."
            )
        return found

    def close(self) -> None:
        """Let go of the net."""
        self._engine.close()
        if self._mapper is not None:
            self._mapper.close()

    def _open(self, output: str, precision: Precision) -> Engine:
        path = self._folder / MODEL
        return OpenVinoEngine(path, self._threads, precision, outputs=(output,))

    def _run(self, batch: FloatArray) -> FloatArray:
        return self._engine.run(batch)[LOGITS]

    def _probabilities(self, logits: FloatArray) -> FloatArray:
        scaled = logits / self.bundle.temperature
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)

    def _agrees(self, folder: Path) -> bool:
        """Whether the engine gives the answers that the trainer stored beside the net."""
        size = self.bundle.input.size
        batch, expected = _reference(folder / REFERENCE)
        fits = batch.shape[1:] == (1, size, size) and len(batch) > 0
        if not fits or expected.shape != (len(batch), len(EXPRESSIONS)):
            raise BundleError(f"{folder}: {REFERENCE} does not fit the net's input and labels.")
        try:
            found = self._run(batch)
        except (RuntimeError, ValueError) as error:
            raise BundleError(f"{folder}: the net does not take {batch.shape[1:]}.") from error
        if found.shape != expected.shape:
            raise BundleError(f"{folder}: the net gives {found.shape}, not one value a label.")
        apart = np.abs(self._probabilities(found) - self._probabilities(expected))
        return bool(apart.max() <= PARITY)


def _reference(path: Path) -> tuple[FloatArray, FloatArray]:
    """The stored inputs and logits; the file may come from a stranger."""
    try:
        with zipfile.ZipFile(path) as members:
            if sum(member.file_size for member in members.infolist()) > _MAX_REFERENCE_BYTES:
                raise BundleError(f"{path} is too large for a reference.")
        with np.load(path, allow_pickle=False) as stored:
            x, logits = (np.asarray(stored[name], np.float32) for name in ("x", "logits"))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} holds no reference: {error}.") from error
    return x, logits
