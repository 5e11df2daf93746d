"""TensorRT on an NVIDIA GPU, by torch-tensorrt from a bundle's torch program: an extra, `tensorrt`.

Written for torch-tensorrt 2.14. torch and torch_tensorrt are imported inside functions.
docs/engines.md says what of this was tried and what was not.
"""

import contextlib
import hashlib
import logging
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ferdesk import resources
from ferdesk.core.errors import EngineError, FerdeskError
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines.base import Precision, check_rows
from ferdesk.engines.net import Net
from ferdesk.engines.private_folder import private_folder
from ferdesk.engines.swap import Report
from ferdesk.engines.torch_program import load_module

if TYPE_CHECKING:
    import torch
    from torch import Tensor

log = logging.getLogger(__name__)

_DEVICE: Final = "CUDA"
MOST_ROWS: Final = 16
"""So many rows an engine takes at once; a larger batch is split."""
_CACHE_BYTES: Final = 1 << 30
_DRIVER: Final = Path("/proc/driver/nvidia/version")

_BUILDING = threading.Lock()
"""One build at a time: a second one of the same net finds the first one's engine in the cache."""
_GATE = threading.Lock()
"""Held while a net runs, and while it is said whether nets may be recorded as CUDA graphs: a
recording fails when another thread, a build, uses the GPU meanwhile."""


def devices() -> tuple[str, ...]:
    """What it can run on here; torch_tensorrt itself is loaded only when something is built.

    Raises:
        EngineError: torch is not installed, or there is no NVIDIA GPU that it can use.
    """
    try:
        import torch
    except Exception as error:  # a build for another system raises OSError
        raise EngineError(f"torch does not load: {error}.") from error
    if not torch.cuda.is_available():
        raise EngineError("tensorrt needs an NVIDIA GPU that torch can use, and there is none.")
    return (_DEVICE,)


class TensorRtEngine:
    """A net that TensorRT was made to compile for the GPU of this machine.

    Batches of 1 to 16 rows; the batch is padded to 1, 2, 4, 8 or 16 rows, since a CUDA graph is for
    one size.
    """

    def __init__(self, net: Net, precision: Precision, report: Report) -> None:
        """Build it, or take it from the cache. Building takes long.

        Args:
            net: what to run.
            precision: "auto" takes half precision; f32 turns TF32 off as well.
            report: told how far it is.

        Raises:
            EngineError: the bundle has no program, torch_tensorrt does not load, there is no GPU,
                the cache is not the user's alone, or TensorRT does not compile the net.
            ModelError: the program is refused, or does not fit the bundle.
        """
        report("loading")
        devices()
        trt = load()
        import torch

        half = precision == "auto"
        self.name = f"tensorrt CUDA {'f16' if half else 'f32'}"
        self._torch = torch
        self._row, self._wanted = net.row, net.wanted
        number = torch.float16 if half else torch.float32
        with _BUILDING, _without_graphs(trt):
            report("building")
            try:
                self._module = _compiled(trt, net, half)
                self._pinned = _pinned((MOST_ROWS, *net.row), number)
            except FerdeskError:
                raise
            except Exception as error:  # whatever TensorRT and what lies between stumble over
                raise EngineError(f"TensorRT does not compile {net.name}: {error}") from error
        self._given: dict[int, Tensor] = {}
        report("checking")

    def run(self, batch: FloatArray | ImageU8) -> dict[str, FloatArray]:
        """See `Engine.run`."""
        check_rows(batch, self._row)
        torch = self._torch
        rows = torch.from_numpy(np.ascontiguousarray(batch, np.float32))
        with _GATE, torch.inference_mode():
            parts = [self._few(part) for part in rows.split(MOST_ROWS)]
        return {self._wanted: np.asarray(torch.cat(parts).numpy(), np.float32)}

    def close(self) -> None:
        """See `Engine.close`."""
        del self._module, self._given, self._pinned

    def _few(self, rows: "Tensor") -> "Tensor":
        n = len(rows)
        size = padded(n)
        self._pinned[:n].copy_(rows)
        self._pinned[n:size].zero_()
        if size not in self._given:  # kept, so that a graph finds its input where it was
            self._given[size] = _on_gpu(self._pinned[:size])
        given = self._given[size]
        given.copy_(self._pinned[:size], non_blocking=True)
        found: Tensor = self._module(given)[0]
        return found[:n].float().cpu()


def load() -> ModuleType:
    """The torch_tensorrt package.

    Raises:
        EngineError: it does not load: without TensorRT's libraries it raises a bare Exception.
    """
    try:
        # It prints when it fails, and our standard output may be JSON.
        with contextlib.redirect_stdout(sys.stderr):
            import torch_tensorrt
    except Exception as error:
        raise EngineError(f"torch_tensorrt does not load: {error}.") from error
    found: ModuleType = torch_tensorrt
    return found


def compile_options(folder: Path, timings: Path, half: bool) -> dict[str, Any]:
    """The keywords for `torch_tensorrt.dynamo.compile`, which swallows those it does not know.

    Networks are strongly typed from 2.14 on: the precision is the program's, not an option.

    Args:
        folder: for built engines.
        timings: the file for what TensorRT measured while it built.
        half: whether the program computes in half precision; else TF32 is turned off.
    """
    return {
        "min_block_size": 1,
        "require_full_compilation": True,
        "disable_tf32": not half,
        # Engines are kept only where their weights can be exchanged.
        "immutable_weights": False,
        "cache_built_engines": True,
        "reuse_cached_engines": True,
        "engine_cache_dir": str(folder),
        "engine_cache_size": _CACHE_BYTES,
        "timing_cache_path": str(timings),
    }


def padded(rows: int) -> int:
    """The size that a batch of 1 to 16 rows is run in: the next power of two."""
    return 1 << (rows - 1).bit_length()


def halved(module: "torch.fx.GraphModule") -> "torch.fx.GraphModule":
    """Let a program compute in half precision, from its input to its outputs; changes it in place.

    A program stores its weights in half precision and casts them to float32; those casts would
    bring float32 back.
    """
    import torch

    for node in module.graph.nodes:
        if node.target is torch.ops.aten.to.dtype and node.args[1] is torch.float32:
            node.update_arg(1, torch.float16)
    module.recompile()
    return module.half()


def exported(module: "torch.fx.GraphModule", index: int, example: "Tensor") -> Any:
    """The program anew, for batches of 1 to 16, with one output alone.

    Args:
        module: the program, on its device and in its precision.
        index: which output.
        example: (2, ...) of the input's type, on the same device.
    """
    import torch

    class One(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = module

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            return (self.net(x)[index],)

    batch = torch.export.Dim("batch", min=1, max=MOST_ROWS)
    return torch.export.export(One(), (example,), dynamic_shapes=({0: batch},))


def _compiled(trt: ModuleType, net: Net, half: bool) -> Any:
    import torch

    engines, timings = cache_places(net, half, machine_words())
    module = load_module(net, _DEVICE)
    number = torch.float16 if half else torch.float32
    if half:
        module = halved(module)
    example = torch.zeros((2, *net.row), dtype=number, device=_DEVICE.lower())
    program = exported(module, net.outputs.index(net.wanted), example)
    entry = trt.Input(
        min_shape=(1, *net.row),
        opt_shape=(1, *net.row),
        max_shape=(MOST_ROWS, *net.row),
        dtype=number,
    )
    return trt.dynamo.compile(
        program, arg_inputs=[entry], **compile_options(engines, timings, half)
    )


def machine_words() -> tuple[str, ...]:
    """What an engine is built for: it fits no other GPU, driver or TensorRT."""
    import torch

    driver = _DRIVER.read_text(errors="replace") if _DRIVER.is_file() else ""
    major, minor = torch.cuda.get_device_capability()
    return (
        torch.cuda.get_device_name(),
        f"{major}.{minor}",
        driver.partition("\n")[0] or f"CUDA {torch.version.cuda}",
        *(f"{name} {_version(name)}" for name in ("tensorrt-cu13", "torch-tensorrt", "torch")),
    )


def cache_places(net: Net, half: bool, machine: tuple[str, ...]) -> tuple[Path, Path]:
    """Where a net's engine and the machine's timings lie, in folders that are the user's alone.

    torch_tensorrt unpickles what it finds there, so nobody else may have put it there.

    Args:
        net: which net.
        half: whether it computes in half precision.
        machine: see `machine_words`.

    Returns:
        The folder of engines, and the file of timings beside it.

    Raises:
        EngineError: a folder is not the user's alone.
    """
    words = hashlib.sha256("\n".join(machine).encode()).hexdigest()[:32]
    home = private_folder(resources.user_cache() / "tensorrt")
    here = private_folder(home / words)
    kind = "f16" if half else "f32"
    return private_folder(here / f"{net.digest[:32]}-{net.wanted}-{kind}"), here / "timings.bin"


def _pinned(shape: tuple[int, ...], number: "torch.dtype") -> "Tensor":
    """Room in memory that the system keeps where it is: copied to the GPU without a detour."""
    import torch

    return torch.empty(shape, dtype=number, pin_memory=True)


def _on_gpu(rows: "Tensor") -> "Tensor":
    return rows.cuda()


@contextlib.contextmanager
def _without_graphs(trt: ModuleType) -> Iterator[None]:
    with _GATE:
        trt.runtime.set_cudagraphs_mode(False)
    try:
        yield
    finally:
        with _GATE:
            trt.runtime.set_cudagraphs_mode(True)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"
