"""model.onnx: the net for the app's engine."""

import warnings
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from ferdesk.core.types import FloatArray
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from trainer import files
from trainer.deploy import BATCHES, Deployed
from trainer.errors import TrainError

OPSET: Final = 18


def write_onnx(deployed: Deployed, path: Path) -> None:
    """Write the net, its weights in half precision where that holds them exactly.

    Raises:
        TrainError: torch cannot express the net in ONNX.
    """
    model = _to_onnx(deployed)
    _store_halves(model)
    onnx.checker.check_model(model, full_check=True)
    files.write_bytes(path, model.SerializeToString(deterministic=True))


def run_onnx(path: Path, x: FloatArray) -> list[dict[str, FloatArray]]:
    """What the app's engine gives for x (n, 1, size, size), as one batch and one by one."""
    engine = OpenVinoEngine(path)
    try:
        alone = [engine.run(x[i : i + 1]) for i in range(len(x))]
        return [engine.run(x), {n: np.concatenate([row[n] for row in alone]) for n in alone[0]}]
    finally:
        engine.close()


def _to_onnx(deployed: Deployed) -> onnx.ModelProto:
    example = torch.zeros(2, 1, deployed.size, deployed.size)
    batch = torch.export.Dim("batch", min=BATCHES[0], max=BATCHES[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes are on its own inner workings
        program = torch.onnx.export(
            deployed.net,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["x"],
            output_names=list(deployed.names),
            dynamic_shapes=({0: batch},),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise TrainError("Not exported: torch gave no ONNX program.")
    model = program.model_proto
    _strip(model)
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Take out the notes that the exporter leaves: they hold paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*graph.input, *graph.output):
        del value.metadata_props[:]
        value.doc_string = ""


def _store_halves(model: onnx.ModelProto) -> None:
    """Keep float weights as float16 and cast them when the net is loaded: half the file."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        value = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = value.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), value):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half))
        tensor.name = f"{name}.half"
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
