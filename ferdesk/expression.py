"""From aligned patches to calibrated expression probabilities."""

import re
from pathlib import Path

import numpy as np

from ferdesk import resources
from ferdesk.core.bundle import MANIFEST, read_bundle
from ferdesk.core.errors import BundleError
from ferdesk.core.preprocess import net_input
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines.openvino_cpu import OpenVinoEngine


def find_bundle(name: str) -> Path:
    """A bundle's folder, by name among the installed ones or by path.

    Raises:
        BundleError: none there; the message names what is installed.
    """
    if re.search(r"[\\/]", name) or Path(name, MANIFEST).is_file():
        return Path(name)
    for folder in resources.bundle_folders():
        if (folder / name / MANIFEST).is_file():
            return folder / name
    known = ", ".join(path.name for path in installed_bundles()) or "none"
    raise BundleError(f"No bundle named {name!r}. Installed: {known}.")


def installed_bundles() -> tuple[Path, ...]:
    """The folders of all bundles that can be chosen by name; a user's own hides a shipped one."""
    found: dict[str, Path] = {}
    for folder in resources.bundle_folders():
        for manifest in sorted(folder.glob(f"*/{MANIFEST}")):
            found.setdefault(manifest.parent.name, manifest.parent)
    return tuple(found.values())


class ExpressionNet:
    """A bundle's net, run by an engine."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Check the bundle and load its net.

        Args:
            folder: the bundle's folder.
            threads: threads the engine may use; 0 lets it choose.

        Raises:
            BundleError: the bundle is not sound.
            ModelError: the engine cannot load the net.
        """
        self.bundle = read_bundle(folder)
        self._engine = OpenVinoEngine(folder / "model.onnx", threads)
        self._output = self.bundle.outputs[0].name
        size = self.bundle.input.size
        logits = self._logits([np.zeros((size, size), np.uint8)] * 2)
        if logits.shape != (2, len(self.bundle.labels)):
            raise BundleError(f"{folder}: the net gives {logits.shape}, not one value a label.")

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
        scaled = self._logits(patches) / self.bundle.temperature
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)

    def close(self) -> None:
        """Let go of the net."""
        self._engine.close()

    def _logits(self, patches: list[ImageU8]) -> FloatArray:
        outputs = self._engine.run(net_input(patches))
        if self._output not in outputs:
            raise BundleError(f"{self.bundle.name}: the net has no output {self._output!r}.")
        return outputs[self._output]
