"""From aligned patches to calibrated expression probabilities."""

from pathlib import Path

import numpy as np

from ferdesk.core.bundle import CAM, LOGITS, MODEL, ModelBundle, read_bundle, sha256
from ferdesk.core.errors import BundleError
from ferdesk.core.preprocess import net_input
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines.base import Engine, EngineChoice, Precision
from ferdesk.engines.choice import open_net
from ferdesk.engines.net import Net
from ferdesk.engines.openvino_cpu import OpenVinoEngine


class ExpressionNet:
    """A bundle's net, run by an engine."""

    def __init__(
        self,
        folder: Path,
        threads: int = 0,
        precision: Precision = "f32",
        engine: EngineChoice = "auto",
        wait: bool = True,
    ) -> None:
        """Check the bundle and load its net.

        Args:
            folder: the bundle's folder.
            threads: threads the engine may use; 0 lets it choose.
            precision: "auto" computes faster where the processor can and the bundle's stored
                reference answers come out alike; else in f32.
            engine: what runs it; see `ferdesk.engines.choice.open_net`.
            wait: whether to wait for an engine that takes long to build.

        Raises:
            BundleError: the bundle is not sound.
            EngineError: the engine that was named is not there, or gives other answers.
            ModelError: the engine cannot load the net.
        """
        self.bundle = read_bundle(folder, ModelBundle)
        self._folder, self._threads = folder, threads
        self._mapper: Engine | None = None
        self._engine = open_net(self.net, engine, threads, precision, wait)

    @property
    def net(self) -> Net:
        """The net as engines see it."""
        return Net(
            folder=self._folder,
            name=self.bundle.name,
            files=self.bundle.files,
            outputs=tuple(output.name for output in self.bundle.outputs),
            wanted=LOGITS,
            width=len(self.bundle.labels),
            size=self.bundle.input.size,
            said=self._probabilities,
        )

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
        return self._probabilities(self._engine.run(net_input(patches))[LOGITS])

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
            path = self._folder / MODEL
            self._mapper = OpenVinoEngine(path, self._threads, "f32", outputs=(CAM,))
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

    def _probabilities(self, logits: FloatArray) -> FloatArray:
        scaled = logits / self.bundle.temperature
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)
