"""The one interface of everything that runs a net."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ferdesk.core.types import FloatArray, ImageU8

Precision = Literal["auto", "f32"]
"""f32 gives the same numbers on every machine; auto may take what the processor is faster with."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """A net that is fed with pictures; the engine turns BGR bytes into what the net expects.

    The net's input is (value - mean) / scale, in RGB.
    """

    mean: float
    scale: float


class Engine(Protocol):
    """A loaded net. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """What runs it and in which precision, for people: "openvino CPU f32"."""
        ...

    def run(self, batch: FloatArray | ImageU8) -> dict[str, FloatArray]:
        """Run the net.

        Args:
            batch: (n >= 1, ...) shaped as the net's single input: float32, or, where the engine was
                opened with `Pixels`, (n, height, width, 3) uint8, BGR.

        Returns:
            Each output by name, (n, ...) float32. The arrays are the caller's.
        """
        ...

    def close(self) -> None:
        """Let go of the net."""
        ...
