"""A small action-unit net, written down by hand, and a bundle of it."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ferdesk.core.au_bundle import ACTIVATIONS, AuBundle, AuOutput
from ferdesk.core.bundle import MODEL, REFERENCE, InputSpec, OutputSpec, sha256, write_bundle
from ferdesk.engines.openvino_cpu import OpenVinoEngine

SIZE: Final = 48
LABELS: Final = (
    AuOutput(au=12, side="left"),
    AuOutput(au=25),
    AuOutput(au=12, side="right"),
)
"""Not in the order of sides, so that a mix-up shows."""


def write_au_net(path: Path, outputs: int = len(LABELS)) -> None:
    """One linear layer and a sigmoid; its weights are seeded noise."""
    weights = np.random.default_rng(5).normal(0, 0.03, (SIZE * SIZE, outputs)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["odds"]),
            helper.make_node("Sigmoid", ["odds"], [ACTIVATIONS]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info(ACTIVATIONS, TensorProto.FLOAT, ["n", outputs])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def write_au_bundle(folder: Path, **changes: Any) -> AuBundle:
    """A sound bundle of that net, unless something of it is changed."""
    folder.mkdir(parents=True)
    write_au_net(folder / MODEL)
    x = np.random.default_rng(1).normal(size=(2, 1, SIZE, SIZE)).astype(np.float32)
    engine = OpenVinoEngine(folder / MODEL)
    np.savez(folder / REFERENCE, allow_pickle=False, x=x, activations=engine.run(x)[ACTIVATIONS])
    engine.close()
    bundle = AuBundle(
        name="small",
        title="A net of one layer",
        task="action_units",
        labels=LABELS,
        input=InputSpec(size=SIZE),
        outputs=(OutputSpec(name=ACTIVATIONS, shape=(len(LABELS),)),),
        files={name: sha256(folder / name) for name in (MODEL, REFERENCE)},
        recipe={},
        paper="",
        training_data=(),
        licence="",
        metrics=(),
    ).model_copy(update=changes)
    write_bundle(folder, bundle)
    return bundle
