"""ONNX Runtime on the CPU, or on Apple's Core ML: an extra, `ort`.

The only place that imports onnxruntime, because it reports home unless it is told not to:
docs/decisions/0013-engines.md.
"""

import os
from functools import cache
from types import ModuleType
from typing import Any, Final

import numpy as np

from ferdesk.core.errors import EngineError, ModelError
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines.base import check_rows
from ferdesk.engines.net import Net

_PROVIDERS: Final = {"CPU": "CPUExecutionProvider", "CoreML": "CoreMLExecutionProvider"}
_ERRORS_ONLY: Final = 3


@cache
def load() -> ModuleType:
    """The onnxruntime package, silenced.

    Raises:
        EngineError: it is not installed, or does not load.
    """
    # Before the import: from 1.29 on the official builds make an identifier of this machine and
    # send events to Microsoft from the start. The call below only stops what would come later.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"onnxruntime does not load: {error}.") from error
    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    found: ModuleType = onnxruntime
    return found


def devices() -> tuple[str, ...]:
    """What it can run on here: the CPU, then Core ML where its build has that.

    Raises:
        EngineError: as `load`.
    """
    there = load().get_available_providers()
    return tuple(device for device, provider in _PROVIDERS.items() if provider in there)


class OnnxRuntimeEngine:
    """A net of one input, run row by row, like OpenVINO's: docs/decisions/0003."""

    def __init__(self, net: Net, device: str, threads: int = 0) -> None:
        """Load the net. It computes in f32; Core ML decides for itself.

        Args:
            net: what to run.
            device: one of `devices()`.
            threads: threads it may use on the CPU; 0 lets it choose.

        Raises:
            EngineError: onnxruntime does not load.
            ModelError: the file is no net that it understands, or lacks the wanted output.
        """
        ort = load()
        options = ort.SessionOptions()
        # Threads that wait in a loop make two of them slower than one.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.intra_op_num_threads = threads
        # Nets here have the batch as their one open size, which trainer.onnx_file names so.
        options.add_free_dimension_override_by_name("batch", 1)
        try:
            self._session: Any = ort.InferenceSession(
                net.model, options, providers=[_PROVIDERS[device]]
            )
        except Exception as error:  # its errors have no common class of their own
            raise ModelError(f"{net.model} cannot be loaded as a net: {_first(error)}") from error
        if net.wanted not in {one.name for one in self._session.get_outputs()}:
            raise ModelError(f"{net.model} has no such output ({net.wanted}).")
        (entry,) = self._session.get_inputs()
        self._entry, self._wanted = entry.name, net.wanted
        self._row = tuple(entry.shape[1:])
        self.name = f"onnxruntime {device} f32" if device == "CPU" else f"onnxruntime {device}"

    def run(self, batch: FloatArray | ImageU8) -> dict[str, FloatArray]:
        """See `Engine.run`."""
        check_rows(batch, self._row)
        rows = [
            self._session.run([self._wanted], {self._entry: np.ascontiguousarray(row[None])})[0]
            for row in batch
        ]
        return {self._wanted: np.concatenate(rows)}

    def close(self) -> None:
        """See `Engine.close`."""
        del self._session


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
