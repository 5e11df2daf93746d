"""A bundle's torch program on CUDA, Apple's MPS or the CPU: an extra, `torch`.

torch is imported inside functions: whoever looks at this file without using it does not load it.
The program goes through `ferdesk.engines.program.open_program` always, which judges it first.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from ferdesk.core.errors import EngineError, ModelError
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines.base import Precision, check_rows
from ferdesk.engines.net import Net
from ferdesk.engines.program import open_program

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import GraphModule

MOST_ROWS = 64
"""So many rows go to a GPU at once; a larger batch is split."""


def devices() -> tuple[str, ...]:
    """What torch can run on here, the fastest first: "CUDA", "MPS", "CPU".

    Raises:
        EngineError: torch is not installed, or does not load.
    """
    try:
        import torch
    except Exception as error:  # a build for another system raises OSError
        raise EngineError(f"torch does not load: {error}.") from error
    found = ["CUDA"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("MPS")
    return (*found, "CPU")


def load_module(net: Net, device: str) -> "GraphModule":
    """The net's program on a device, judged, checked for its input, and in f32.

    It takes (n, 1, size, size) float32 and gives a tuple in the order of `net.outputs`.

    Raises:
        EngineError: the bundle has no program.
        ModelError: the program is refused, or takes or gives something else than the bundle says.
    """
    import torch

    path = net.program
    try:
        program = torch.export.load(open_program(path))
        entries = [one for one in program.graph.nodes if one.name in _inputs(program)]
        outputs = program.graph_signature.user_outputs
        fits = [tuple(one.meta["val"].shape[1:]) for one in entries] == [net.row]
        module = program.module().to(device.lower())
    except ModelError:
        raise
    except Exception as error:  # whatever of a strange program torch stumbles over
        raise ModelError(f"{path} cannot be loaded as a torch program: {error}.") from error
    if not fits or len(outputs) != len(net.outputs):
        raise ModelError(f"{path} does not take and give what {net.name} says.")
    return module


class TorchEngine:
    """A torch program. On the CPU it goes row by row, like OpenVINO: docs/decisions/0003."""

    def __init__(
        self, net: Net, device: str, threads: int = 0, precision: Precision = "f32"
    ) -> None:
        """Load the program.

        Args:
            net: what to run.
            device: one of `devices()`.
            threads: threads torch may use on the CPU, in the whole process; 0 leaves that as it is.
            precision: "auto" takes TF32 on CUDA, f32 elsewhere.

        Raises:
            EngineError: the bundle has no program.
            ModelError: the program is refused, or does not fit the bundle.
        """
        import torch

        self._torch = torch
        self._module = load_module(net, device)
        self._device = device.lower()
        self._at_once = 1 if device == "CPU" else MOST_ROWS
        self._tf32 = device == "CUDA" and precision == "auto"
        self._row, self._wanted = net.row, net.wanted
        self._index = net.outputs.index(net.wanted)
        if threads and device == "CPU":
            torch.set_num_threads(threads)
        self.name = f"torch {device} {'tf32' if self._tf32 else 'f32'}"

    def run(self, batch: FloatArray | ImageU8) -> dict[str, FloatArray]:
        """See `Engine.run`."""
        check_rows(batch, self._row)
        torch = self._torch
        given = torch.from_numpy(np.ascontiguousarray(batch, np.float32))
        with torch.inference_mode(), self._numbers():
            parts = [
                self._module(part.to(self._device))[self._index].cpu()
                for part in given.split(self._at_once)
            ]
            found: Tensor = torch.cat(parts)
        return {self._wanted: np.asarray(found.numpy(), np.float32)}

    def close(self) -> None:
        """See `Engine.close`."""
        del self._module

    def _numbers(self) -> AbstractContextManager[None]:
        """How convolutions on CUDA round: as cuDNN's default is TF32, f32 has to be asked for."""
        return self._torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=self._tf32
        )


def _inputs(program: object) -> tuple[str, ...]:
    names: tuple[str, ...] = program.graph_signature.user_inputs  # type: ignore[attr-defined]
    return names
