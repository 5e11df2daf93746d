"""OpenVINO on the CPU: reads ONNX and TFLite, needs no torch."""

from pathlib import Path

import numpy as np

from ferdesk.core.errors import ModelError
from ferdesk.core.types import FloatArray
from ferdesk.engines import openvino_runtime


class OpenVinoEngine:
    """A net of one input, run by OpenVINO with a batch of any size.

    Precision is fixed to f32: on CPUs with AMX or AVX-512 BF16 OpenVINO would round to bf16 by
    itself, and the same video would give other numbers on another machine.
    """

    name = "openvino CPU f32"

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Load and compile.

        Args:
            path: an .onnx or .tflite file.
            threads: threads it may use; 0 lets OpenVINO choose.

        Raises:
            ModelError: the file is no net that OpenVINO understands.
        """
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = str(threads)
        ov = openvino_runtime.load()
        core = ov.Core()
        try:
            model = core.read_model(path)
            shape = model.inputs[0].partial_shape
            shape[0] = ov.Dimension(-1)
            model.reshape(shape)
            compiled = core.compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise ModelError(f"{path} cannot be loaded as a net: {_first_line(error)}") from error
        self._outputs = [(port.any_name, port) for port in compiled.outputs]
        self._request = compiled.create_infer_request()

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """See `Engine.run`."""
        found = self._request.infer([batch], share_inputs=True)
        return {name: np.array(found[port], np.float32) for name, port in self._outputs}

    def close(self) -> None:
        """See `Engine.close`."""
        del self._request, self._outputs


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
