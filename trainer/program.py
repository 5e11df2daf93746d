"""model.pt2: the net as a torch program, for GPUs."""

import io
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from ferdesk.core.errors import ModelError
from ferdesk.core.types import FloatArray
from ferdesk.engines.program import open_program
from trainer import files
from trainer.deploy import BATCHES, Deployed, is_half
from trainer.errors import TrainError


class _Halves(nn.Module):
    """A net whose weights lie in half precision and are cast to float32 when it runs."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self._net = [net]  # in a list, so that its own weights are not this module's too
        self._places: dict[str, str] = {}
        for name, tensor in (*net.named_parameters(), *net.named_buffers()):
            if tensor.is_floating_point():
                place = name.replace(".", "__")
                self._places[name] = place
                self.register_buffer(place, tensor.half() if is_half(tensor) else tensor)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """As the net."""
        weights = {name: getattr(self, place).float() for name, place in self._places.items()}
        outputs: tuple[Tensor, ...] = torch.func.functional_call(self._net[0], weights, (x,))
        return outputs


def write_program(deployed: Deployed, path: Path) -> None:
    """Write a program that gives the net's outputs as a tuple, for batches of 1 to 1024.

    Its weights are stored in half precision where that holds them exactly, and it computes in
    float32. It has no sample inputs, no notes and no checks of devices: see
    `ferdesk.engines.program` for why, and for what may be in it at all.
    """
    example = torch.zeros(2, 1, deployed.size, deployed.size)
    batch = torch.export.Dim("batch", min=BATCHES[0], max=BATCHES[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes are on its own inner workings
        program = torch.export.export(
            _Halves(deployed.net).eval(), (example,), dynamic_shapes=({0: batch},)
        )
    _strip(program)
    content = io.BytesIO()
    torch.export.save(program, content)
    files.write_bytes(path, content.getvalue())


@torch.inference_mode()
def run_program(path: Path, x: FloatArray) -> tuple[FloatArray, ...]:
    """What a written program gives for x (n, 1, size, size), loaded as the app loads it.

    Raises:
        TrainError: the app would refuse the program.
    """
    try:
        program = torch.export.load(open_program(path))
    except ModelError as error:
        raise TrainError(f"Not exported: {error}") from error
    outputs = program.module()(torch.from_numpy(x))
    return tuple(output.numpy() for output in outputs)


def _strip(program: ExportedProgram) -> None:
    """Take out what the app refuses, and what binds the program to one machine.

    Notes hold paths of this machine. The casts of weights come with asserts that the weights are on
    the device they were on at export, and would fail on every other.
    """
    graph = program.graph
    for node in list(graph.nodes):
        if node.target is torch.ops.aten._assert_tensor_metadata.default:
            graph.erase_node(node)
            continue
        node.meta = {"val": node.meta["val"]} if "val" in node.meta else {}
    program.graph_module.recompile()
    program.example_inputs = None
