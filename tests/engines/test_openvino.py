import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from mapped_net import BIAS, write_net
from onnx import TensorProto, helper, numpy_helper

from ferdesk.bundles import find_bundle
from ferdesk.core.errors import ModelError
from ferdesk.engines import openvino_cpu, openvino_runtime
from ferdesk.engines.base import Pixels
from ferdesk.engines.openvino_cpu import OpenVinoEngine

NET = find_bundle("khorrami2015-ferplus") / "model.onnx"

INTERRUPTED = """
import faulthandler, signal, sys
from pathlib import Path
faulthandler.enable()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
from ferdesk.engines.openvino_cpu import OpenVinoEngine
first = OpenVinoEngine(Path(sys.argv[1]))
second = OpenVinoEngine(Path(sys.argv[1]))
first.close()
del first
second.close()
del second
for _ in range(3):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_a_batch_is_what_its_rows_are() -> None:
    engine = OpenVinoEngine(NET)
    batch = np.random.default_rng(0).normal(size=(3, 1, 48, 48)).astype(np.float32)
    (together,) = engine.run(batch).values()
    alone = [next(iter(engine.run(row[None]).values()))[0] for row in batch]
    np.testing.assert_array_equal(together, np.stack(alone))
    kept = together.copy()
    engine.run(batch[::-1].copy())
    np.testing.assert_array_equal(together, kept, err_msg="the arrays are the caller's")
    engine.close()


def test_an_output_without_a_batch_axis_gets_one(tmp_path: Path) -> None:
    """MediaPipe's blendshape net takes one row and gives 52 numbers, not 1 x 52."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "x"], ["square"]),
            helper.make_node("Reshape", ["square", "shape"], ["flat"]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 2])],
        [
            helper.make_tensor_value_info("square", TensorProto.FLOAT, [1, 3, 2]),
            helper.make_tensor_value_info("flat", TensorProto.FLOAT, [6]),
        ],
        [numpy_helper.from_array(np.array([6], np.int64), "shape")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    engine = OpenVinoEngine(tmp_path / "net.onnx")
    batch = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    found = engine.run(batch)
    np.testing.assert_array_equal(found["square"], batch**2)
    np.testing.assert_array_equal(found["flat"], (batch**2).reshape(4, 6))
    engine.close()


def test_auto_names_its_precision_and_stays_close() -> None:
    batch = np.random.default_rng(1).normal(size=(2, 1, 48, 48)).astype(np.float32)
    exact, fast = OpenVinoEngine(NET), OpenVinoEngine(NET, precision="auto")
    assert exact.name == "openvino CPU f32"
    assert fast.name in ("openvino CPU f32", "openvino CPU bf16")
    (first,), (second,) = exact.run(batch).values(), fast.run(batch).values()
    np.testing.assert_allclose(first, second, atol=0.1)
    exact.close()
    fast.close()


def test_the_first_convolution_stays_exact() -> None:
    if "BF16" not in openvino_runtime.core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor does not compute in bf16")
    engine = OpenVinoEngine(NET, precision="auto")
    computed = [
        node.get_rt_info()["runtimePrecision"].astype(str)
        for node in engine._request.get_compiled_model().get_runtime_model().get_ordered_ops()
        if node.get_rt_info()["layerType"].astype(str) == "Convolution"
    ]
    assert computed[0] == "f32"
    assert len(computed) > 1
    assert set(computed[1:]) == {"bf16"}
    engine.close()


def test_names_that_xml_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    write_net(path)
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = f"\x01<{node.name}"
    path.write_bytes(model.SerializeToString())
    batch = np.zeros((1, 1, 48, 48), np.float32)
    try:
        engine = OpenVinoEngine(path, precision="auto")
    except ModelError as error:
        assert "cannot be loaded as a net" in str(error)
        assert "\n" not in str(error)
    else:
        assert np.isfinite(engine.run(batch)["logits"]).all()
        engine.close()


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    if "BF16" not in openvino_runtime.core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor does not compute in bf16")

    def full(prefix: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(openvino_cpu, "TemporaryDirectory", full)
    with pytest.raises(ModelError, match="No space left on device"):
        OpenVinoEngine(NET, precision="auto")


def test_a_file_that_is_no_net(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"TFL3 or not")
    with pytest.raises(ModelError, match=r"net\.tflite cannot be loaded"):
        OpenVinoEngine(path, pixels=Pixels(0, 255))


def test_outputs_that_nobody_wants_are_not_computed(tmp_path: Path) -> None:
    write_net(tmp_path / "net.onnx")
    batch = np.random.default_rng(2).normal(size=(2, 1, 48, 48)).astype(np.float32)
    both = OpenVinoEngine(tmp_path / "net.onnx")
    found = both.run(batch)
    assert sorted(found) == ["cam", "logits"]
    np.testing.assert_allclose(found["cam"].mean(axis=(2, 3)) + BIAS, found["logits"], atol=1e-5)
    for name in ("logits", "cam"):
        one = OpenVinoEngine(tmp_path / "net.onnx", outputs=(name,))
        assert len(one._request.get_compiled_model().outputs) == 1
        alone = one.run(batch)
        assert list(alone) == [name]
        np.testing.assert_allclose(alone[name], found[name], atol=1e-5)
        one.close()
    both.close()


@pytest.mark.parametrize("names", [("logits", "heat"), ("heat",), ()])
def test_an_output_that_is_not_there(tmp_path: Path, names: tuple[str, ...]) -> None:
    write_net(tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=r"net\.onnx has no such output \(.*it has cam, logits"):
        OpenVinoEngine(tmp_path / "net.onnx", outputs=names)


def test_there_is_one_core() -> None:
    assert openvino_runtime.core() is openvino_runtime.core()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal stacks")
def test_ctrl_c_is_survived_after_engines_have_come_and_gone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(NET)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["interrupted"] * 3


COMPILED = """
import sys
from pathlib import Path
import numpy as np
from ferdesk.engines.openvino_cpu import OpenVinoEngine
engine = OpenVinoEngine(Path(sys.argv[1]))
(answer,) = engine.run(np.ones((1, 1, 48, 48), np.float32)).values()
print(float(np.abs(answer).sum()))
"""


def compiled(cache: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", COMPILED, str(NET)],
        env=os.environ | {"FERDESK_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_what_was_compiled_is_kept_for_the_user_alone(tmp_path: Path) -> None:
    first = compiled(tmp_path / "cache")
    folder = tmp_path / "cache" / "openvino"
    (blob,) = folder.glob("*.blob")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    written = blob.stat().st_mtime_ns
    assert compiled(tmp_path / "cache") == first
    assert blob.stat().st_mtime_ns == written, "the second run took it from there"
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:1000])
    assert compiled(tmp_path / "cache") == first, "half a file is not used"


def test_a_folder_that_others_can_write_keeps_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "openvino"
    folder.mkdir()
    folder.chmod(0o777)
    assert compiled(tmp_path)
    assert not list(folder.iterdir())


def test_few_compiled_nets_are_kept(tmp_path: Path) -> None:
    compiled(tmp_path)
    folder = tmp_path / "openvino"
    (blob,) = folder.glob("*.blob")
    for index in range(40):
        old = folder / f"{index}.blob"
        old.write_bytes(b"old")
        os.utime(old, (index, index))
    compiled(tmp_path)
    left = sorted(folder.glob("*.blob"))
    assert len(left) == 32
    assert blob in left
    assert folder / "0.blob" not in left
