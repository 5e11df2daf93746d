"""The one interface of everything that runs a net."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ferdesk.core.types import FloatArray, ImageU8

Precision = Literal["auto", "f32"]
"""f32 gives the same numbers on every machine; auto may take what the processor is faster with."""

EngineName = Literal["openvino", "onnxruntime", "torch", "tensorrt"]
EngineChoice = Literal["auto", "openvino", "onnxruntime", "torch", "tensorrt"]
"""An engine by name; auto takes what `ferdesk bench` found fastest here, else openvino."""


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

        Raises:
            ValueError: the rows have another shape than the net takes.
        """
        ...

    def close(self) -> None:
        """Let go of the net."""
        ...


def check_rows(batch: FloatArray | ImageU8, row: tuple[int, ...]) -> None:
    """Refuse a batch whose rows are not of the shape that a net takes.

    Raises:
        ValueError: they are not.
    """
    if batch.shape[1:] != row:
        raise ValueError(f"rows of {batch.shape[1:]} for a net that takes {row}")
