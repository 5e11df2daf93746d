"""The one interface of everything that runs a net."""

from typing import Protocol

from ferdesk.core.types import FloatArray


class Engine(Protocol):
    """A loaded net. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """What runs it and in which precision, for people: "openvino CPU f32"."""
        ...

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """Run the net.

        Args:
            batch: (n, ...) float32, C-contiguous, shaped as the net's single input.

        Returns:
            Each output by name, float32. The arrays are the caller's.
        """
        ...

    def close(self) -> None:
        """Let go of the net."""
        ...
