"""Action units by a net of our own, on the patches that the expression net gets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ferdesk.aus.base import au_values, is_reliable
from ferdesk.core.align import eye_aligned
from ferdesk.core.au_bundle import ACTIVATIONS, AuBundle
from ferdesk.core.bundle import InputSpec, read_bundle
from ferdesk.core.preprocess import extract, net_input
from ferdesk.core.types import AuValues, Crop, Face, FloatArray, Frame, ImageU8
from ferdesk.engines.base import EngineChoice, Precision
from ferdesk.engines.choice import open_net
from ferdesk.engines.net import Net


class NativeEstimator:
    """Units by a bundle's net."""

    def __init__(
        self,
        folder: Path,
        threads: int = 0,
        precision: Precision = "f32",
        crops: InputSpec | None = None,
        engine: EngineChoice = "auto",
        wait: bool = True,
    ) -> None:
        """Check the bundle and load its net.

        Args:
            folder: the bundle's folder.
            threads: threads the engine may use; 0 lets it choose.
            precision: "auto" computes faster where the processor can and the bundle's stored
                reference answers come out alike; else in f32.
            crops: what the crops are like that `estimate` gets; where they are not what the net
                eats, or None, it cuts patches of its own.
            engine: what runs it; see `ferdesk.engines.choice.open_net`.
            wait: whether to wait for an engine that takes long to build.

        Raises:
            BundleError: the bundle is not sound.
            EngineError: the engine that was named is not there, or gives other answers.
            ModelError: the engine cannot load the net.
        """
        self.bundle = read_bundle(folder, AuBundle)
        self.name = f"native {self.bundle.name}"
        self.units = self.bundle.units
        spec = self.bundle.input
        self._takes_crops = crops is not None and (crops.size, crops.crop) == (spec.size, spec.crop)
        self._folder = folder
        self._engine = open_net(self.net, engine, threads, precision, wait)
        self._columns = {(one.au, one.side): i for i, one in enumerate(self.bundle.labels)}

    @property
    def net(self) -> Net:
        """The net as engines see it."""
        return Net(
            folder=self._folder,
            name=self.bundle.name,
            files=self.bundle.files,
            outputs=tuple(output.name for output in self.bundle.outputs),
            wanted=ACTIVATIONS,
            width=len(self.bundle.labels),
            size=self.bundle.input.size,
        )

    @property
    def engine(self) -> str:
        """What runs the net, for people."""
        return self._engine.name

    def estimate(
        self, frame: Frame, time_s: float, faces: Sequence[Face], crops: Sequence[Crop]
    ) -> list[AuValues | None]:
        """See `AuEstimator.estimate`."""
        if not faces:
            return []
        if self._takes_crops:
            patches = [crop.image for crop in crops]
        else:
            patches = [self._cut(frame, face) for face in faces]
        return [
            self._values(row, time_s, is_reliable(face))
            for row, face in zip(self.activations(patches), faces, strict=True)
        ]

    def activations(self, patches: list[ImageU8]) -> FloatArray:
        """What the net says.

        Args:
            patches: n >= 1 arrays of (size, size) uint8, grey, cut by the bundle's crop recipe.

        Returns:
            (n, labels) float32, 0..1, in the order of the bundle's labels.
        """
        return self._engine.run(net_input(patches))[ACTIVATIONS]

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Let go of the net."""
        self._engine.close()

    def _cut(self, frame: Frame, face: Face) -> ImageU8:
        spec = self.bundle.input
        place = eye_aligned(face.landmarks, spec.crop, spec.size)
        return extract(frame.image, place, spec.size).image

    def _values(self, row: FloatArray, time_s: float, reliable: bool) -> AuValues:
        numbers = np.clip(row, 0, 1).tolist()
        whole = {au: numbers[i] for (au, side), i in self._columns.items() if not side}
        sides = {
            au: (numbers[i], numbers[self._columns[au, "right"]])
            for (au, side), i in self._columns.items()
            if side == "left"
        }
        return au_values(self.name, whole, sides, time_s, reliable)
