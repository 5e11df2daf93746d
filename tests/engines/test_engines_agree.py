"""Every engine gives what openvino gives, and what is stored in the bundle."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_material import SIZE, batch_of, shipped_net

from ferdesk.bundles import installed_bundles
from ferdesk.core.bundle import PROGRAM
from ferdesk.core.errors import EngineError, ModelError
from ferdesk.engines.choice import open_plan
from ferdesk.engines.net import Net
from ferdesk.engines.reference import Reference
from ferdesk.engines.remembered import Plan

SHIPPED = [
    (folder, task) for task in ("expression", "action_units") for folder in installed_bundles(task)
]
OTHERS = ("onnxruntime", "torch")
CLOSE = 1e-4


def opened(net: Net, engine: str):  # type: ignore[no-untyped-def]
    pytest.importorskip(engine)
    return open_plan(net, Plan(engine=engine, device="CPU", threads=1))


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize(("folder", "task"), SHIPPED, ids=[path.name for path, _ in SHIPPED])
def test_shipped_bundles_give_the_same_on_every_engine(
    folder: Path, task: str, engine: str
) -> None:
    net = shipped_net(folder, task)
    usual, other = opened(net, "openvino"), opened(net, engine)
    batch = batch_of(3)
    np.testing.assert_allclose(
        other.run(batch)[net.wanted], usual.run(batch)[net.wanted], atol=CLOSE
    )
    assert Reference.read(net).difference(other) <= CLOSE
    assert other.name == f"{engine} CPU f32"
    usual.close()
    other.close()


def test_without_a_program_torch_has_nothing_to_run(small: Net) -> None:
    pytest.importorskip("torch")
    files = {name: digest for name, digest in small.files.items() if name != PROGRAM}
    with pytest.raises(EngineError, match=r"has no torch program \(model\.pt2\)"):
        opened(replace(small, files=files), "torch")


@pytest.mark.parametrize("engine", ("openvino", *OTHERS))
def test_batches_of_any_size(small: Net, engine: str) -> None:
    found = opened(small, engine)
    rows = batch_of(17)
    together = found.run(rows)
    assert list(together) == [small.wanted]
    assert together[small.wanted].shape == (17, 8)
    assert together[small.wanted].dtype == np.float32
    for n in (1, 3):
        part = found.run(rows[:n])[small.wanted]
        # On a CPU a face's numbers do not depend on who else is in the picture.
        np.testing.assert_array_equal(part, together[small.wanted][:n])
    kept = together[small.wanted].copy()
    found.run(-rows)
    np.testing.assert_array_equal(together[small.wanted], kept, "the arrays are the caller's")
    assert Reference.read(small).difference(found) <= CLOSE
    found.close()


@pytest.mark.parametrize("engine", ("openvino", *OTHERS))
@pytest.mark.parametrize("shape", [(1, 1, 40, 40), (2, SIZE, SIZE), (1, 3, SIZE, SIZE)])
def test_rows_of_another_shape_are_refused(small: Net, engine: str, shape: tuple[int, ...]) -> None:
    found = opened(small, engine)
    with pytest.raises(ValueError, match="rows of"):
        found.run(np.zeros(shape, np.float32))
    found.close()


@pytest.mark.parametrize("engine", OTHERS)
def test_a_file_that_is_no_net(tmp_path: Path, engine: str) -> None:
    for name in ("model.onnx", PROGRAM):
        (tmp_path / name).write_bytes(b"nothing")
    net = Net(tmp_path, "odd", {PROGRAM: "0" * 64}, ("logits",), "logits", 8, SIZE)
    with pytest.raises(ModelError, match="cannot be"):
        opened(net, engine)


def test_a_program_of_another_size_is_refused(small: Net) -> None:
    other = Net(small.folder, "odd", small.files, small.outputs, "logits", 8, 40)
    with pytest.raises(ModelError, match="does not take and give what odd says"):
        opened(other, "torch")


def test_an_output_that_is_not_there(small: Net) -> None:
    pytest.importorskip("onnxruntime")
    other = Net(small.folder, "odd", small.files, ("heat",), "heat", 8, SIZE)
    with pytest.raises(ModelError, match=r"no such output \(heat\)"):
        opened(other, "onnxruntime")
