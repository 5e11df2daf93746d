"""OpenVINO on the CPU, or on a GPU of Intel's: reads ONNX and TFLite, needs no torch."""

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Final, Literal
from xml.etree import ElementTree

import numpy as np

from ferdesk.core.errors import ModelError
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines import openvino_runtime
from ferdesk.engines.base import Pixels, Precision, check_rows

Device = Literal["CPU", "GPU"]
_FAST: Final = {"CPU": ("BF16", "bf16"), "GPU": ("FP16", "f16")}
"""What a device says that it is able to, and the precision that `auto` takes then."""


def devices() -> tuple[Device, ...]:
    """What it can run on here: the CPU, then a GPU where the runtime lists one."""
    listed = openvino_runtime.core().available_devices
    gpu = any(name.partition(".")[0] == "GPU" for name in listed)
    return ("CPU", "GPU") if gpu else ("CPU",)


class OpenVinoEngine:
    """A net of one input, run by OpenVINO.

    The net is compiled for one row and a batch is run row by row: a batch axis of open size makes
    one row slower and gains next to nothing for several, and so a face's numbers do not depend on
    who else is in the picture. See docs/decisions/0003-precision-and-batches.md, for the precision
    as well.
    """

    def __init__(
        self,
        path: Path,
        threads: int = 0,
        precision: Precision = "f32",
        pixels: Pixels | None = None,
        outputs: Collection[str] | None = None,
        device: Device = "CPU",
    ) -> None:
        """Load and compile.

        Args:
            path: an .onnx or .tflite file.
            threads: threads it may use on the CPU; 0 lets OpenVINO choose.
            precision: "auto" takes bf16 on processors that compute in it, f16 on such a GPU, f32 on
                others.
            pixels: given where the net is fed with pictures.
            outputs: names of those that are wanted; what only the others need is not computed.
                All of them unless given.
            device: what computes.

        Raises:
            ModelError: the file is no net that OpenVINO understands, or lacks such an output.
        """
        ov = openvino_runtime.load()
        core = openvino_runtime.core()
        try:
            able, fast = _FAST[device]
            able_to = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
            number = fast if able in able_to and precision == "auto" else "f32"
            self.name = f"openvino {device} {number}"
            model = core.read_model(path)
            if outputs is not None:
                _keep_only(model, frozenset(outputs), path)
            shape = model.inputs[0].partial_shape
            shape[0] = 1
            model.reshape(shape)
            if pixels is not None:
                model = _fed_with_pixels(ov, model, pixels)
            if number == "bf16":
                model = _exact_entry(ov, model)
            compiled = core.compile_model(model, device, _options(device, number, threads))
        except (RuntimeError, OSError, ElementTree.ParseError) as error:
            raise ModelError(f"{path} cannot be loaded as a net: {_first_line(error)}") from error
        self._request = compiled.create_infer_request()
        # The tensors are fetched once: looking them up and wrapping them anew for each row costs as
        # much as a tenth of a small net.
        self._input = self._request.get_input_tensor().data
        self._outputs = {
            port.any_name: _one_row(self._request.get_output_tensor(index).data)
            for index, port in enumerate(compiled.outputs)
        }

    def run(self, batch: FloatArray | ImageU8) -> dict[str, FloatArray]:
        """See `Engine.run`."""
        check_rows(batch, self._input.shape[1:])
        found = {
            name: np.empty((len(batch), *value.shape), np.float32)
            for name, value in self._outputs.items()
        }
        for index, row in enumerate(batch):
            self._input[0] = row
            self._request.infer()
            for name, value in self._outputs.items():
                found[name][index] = value
        return found

    def close(self) -> None:
        """See `Engine.close`."""
        del self._input, self._outputs, self._request


def _options(device: Device, number: str, threads: int) -> dict[str, str]:
    options = {
        "INFERENCE_PRECISION_HINT": number,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
    }
    if device == "CPU":
        options["ENABLE_CPU_PINNING"] = "NO"
        if threads:
            options["INFERENCE_NUM_THREADS"] = str(threads)
    return options


def _keep_only(model: Any, wanted: frozenset[str], path: Path) -> None:
    """Take the other outputs off; compiling then drops all that nothing asks for any more."""
    there = [(result, result.get_output_tensor(0).names) for result in model.get_results()]
    names = {name for _, found in there for name in found}
    if not wanted or not wanted <= names:
        missing = ", ".join(sorted(wanted - names)) or "none was asked for"
        raise ModelError(
            f"{path} has no such output ({missing}); it has {', '.join(sorted(names)) or 'none'}."
        )
    for result, found in there:
        if not wanted & found:
            model.remove_result(result)


def _fed_with_pixels(ov: ModuleType, model: Any, pixels: Pixels) -> Any:
    """Put the conversion from BGR bytes in front of the net, where it costs no copy of its own."""
    steps = ov.preprocess.PrePostProcessor(model)
    entry = steps.input()
    entry.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(
        ov.preprocess.ColorFormat.BGR
    )
    entry.model().set_layout(ov.Layout("NHWC"))
    entry.preprocess().convert_color(ov.preprocess.ColorFormat.RGB).convert_element_type(
        ov.Type.f32
    ).mean(pixels.mean).scale(pixels.scale)
    return steps.build()


def _exact_entry(ov: ModuleType, model: Any) -> Any:
    """Keep the first convolution in f32.

    It sees the picture itself, whose finest differences bf16's eight bits drop; most of what bf16
    changes in the answers comes from there (docs/decisions/0003-precision-and-batches.md). Python
    cannot set the mark that OpenVINO knows for this, but its file format can.
    """
    with TemporaryDirectory(prefix="ferdesk-") as folder:
        graph, weights = Path(folder) / "net.xml", Path(folder) / "net.bin"
        ov.serialize(model, graph, weights)
        tree = ElementTree.parse(graph)  # noqa: S314 - OpenVINO wrote it a moment ago
        first = tree.find("./layers/layer[@type='Convolution']")
        if first is None:
            return model
        marks = first.find("rt_info")
        if marks is None:
            marks = ElementTree.SubElement(first, "rt_info")
        ElementTree.SubElement(marks, "attribute", name="precise", version="0")
        tree.write(graph)
        return openvino_runtime.core().read_model(graph.read_bytes(), weights.read_bytes())


def _one_row(value: FloatArray) -> FloatArray:
    """A view of an output without its batch axis; some nets have none, since they take one row."""
    return value.reshape(value.shape[1:]) if value.shape[:1] == (1,) else value


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
