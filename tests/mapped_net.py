"""A small net with activation maps, written down by hand, and a bundle of it."""

from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ferdesk.core.bundle import (
    CAM,
    LOGITS,
    MODEL,
    REFERENCE,
    InputSpec,
    ModelBundle,
    OutputSpec,
    sha256,
    write_bundle,
)
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.engines.openvino_cpu import OpenVinoEngine

SIZE: Final = 48
PLACES: Final = 6
BIAS: Final = np.linspace(-1, 1, 8).astype(np.float32)


def write_net(path: Path, map_name: str = CAM) -> None:
    """Maps by one convolution with 8 x 8 kernels; logits are their means, plus the bias."""
    weights = np.random.default_rng(0).normal(0, 0.1, (8, 1, 8, 8)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "weights"], [map_name], strides=[8, 8]),
            helper.make_node("ReduceMean", [map_name, "axes"], ["mean"], keepdims=0),
            helper.make_node("Add", ["mean", "bias"], [LOGITS]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, SIZE, SIZE])],
        [
            helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["n", 8]),
            helper.make_tensor_value_info(map_name, TensorProto.FLOAT, ["n", 8, PLACES, PLACES]),
        ],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(BIAS, "bias"),
            numpy_helper.from_array(np.array([2, 3], np.int64), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def write_mapped_bundle(
    folder: Path, map_name: str = CAM, map_shape: tuple[int, ...] = (8, PLACES, PLACES)
) -> ModelBundle:
    """A sound bundle of that net; the names and shapes may be told otherwise than they are."""
    folder.mkdir()
    write_net(folder / MODEL, map_name)
    x = np.random.default_rng(1).normal(size=(2, 1, SIZE, SIZE)).astype(np.float32)
    engine = OpenVinoEngine(folder / MODEL)
    np.savez(folder / REFERENCE, allow_pickle=False, x=x, logits=engine.run(x)[LOGITS])
    engine.close()
    bundle = ModelBundle(
        name="mapped",
        title="A net of one convolution",
        task="expression",
        labels=EXPRESSIONS,
        input=InputSpec(size=SIZE),
        outputs=(OutputSpec(name=LOGITS, shape=(8,)), OutputSpec(name=CAM, shape=map_shape)),
        files={name: sha256(folder / name) for name in (MODEL, REFERENCE)},
        temperature=2.0,
        recipe={},
        paper="",
        training_data=(),
        licence="",
        metrics=(),
    )
    write_bundle(folder, bundle)
    return bundle
