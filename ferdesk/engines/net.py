"""A bundle's net as the engines see it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ferdesk.core.bundle import MODEL, PROGRAM
from ferdesk.core.errors import EngineError
from ferdesk.core.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """A net in a bundle whose hashes were checked.

    Attributes:
        folder: the bundle's folder.
        name: the bundle's name.
        files: the hash of each of its files by name.
        outputs: the names of all the net's outputs, in order.
        wanted: the one that is computed.
        width: how many numbers that has a row.
        size: side of the net's patches in pixels; a row of its input is (1, size, size) float32.
        said: from the output, (n, width), to what has to be alike whatever runs the net.
    """

    folder: Path
    name: str
    files: Mapping[str, str]
    outputs: tuple[str, ...]
    wanted: str
    width: int
    size: int
    said: Callable[[FloatArray], FloatArray] = np.asarray

    @property
    def row(self) -> tuple[int, int, int]:
        """The shape of one row of its input."""
        return 1, self.size, self.size

    @property
    def digest(self) -> str:
        """One hash for all of its files, in lower-case hexadecimal."""
        listed = "".join(f"{name} {value}\n" for name, value in sorted(self.files.items()))
        return hashlib.sha256(listed.encode()).hexdigest()

    @property
    def model(self) -> Path:
        """The ONNX file."""
        return self.folder / MODEL

    @property
    def has_program(self) -> bool:
        """Whether the bundle has a torch program."""
        return PROGRAM in self.files

    @property
    def program(self) -> Path:
        """The torch program.

        Raises:
            EngineError: the bundle has none.
        """
        if not self.has_program:
            raise EngineError(
                f"{self.name} has no torch program ({PROGRAM}), which torch and tensorrt need. "
                "Choose another engine: --engine openvino."
            )
        return self.folder / PROGRAM
