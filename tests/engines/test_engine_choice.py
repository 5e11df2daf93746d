"""Which engine is taken, and what is said where it cannot be."""

import datetime
import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_material import SIZE, FakeEngine, softmax

from ferdesk.core.bundle import PROGRAM, REFERENCE
from ferdesk.core.errors import BundleError, EngineError
from ferdesk.engines import choice, remembered
from ferdesk.engines.base import Engine
from ferdesk.engines.choice import open_net, plans, require
from ferdesk.engines.machine import this_machine
from ferdesk.engines.net import Net
from ferdesk.engines.remembered import Plan, Remembered
from ferdesk.engines.swap import SwappingEngine

CPU = Plan(engine="openvino", device="CPU")


@pytest.fixture(autouse=True)
def nothing_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERDESK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def net(tmp_path: Path) -> Net:
    """A bundle whose stored answer is 1 for every label."""
    x = np.zeros((2, 1, SIZE, SIZE), np.float32)
    np.savez(tmp_path / REFERENCE, allow_pickle=False, x=x, logits=np.ones((2, 8), np.float32))
    return Net(tmp_path, "made-up", {PROGRAM: "0" * 64}, ("logits",), "logits", 8, SIZE)


class Engines:
    """Opens fakes; `values` says what each answers, by engine, device and precision."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str, str], float | Exception] = {}
        self.opened: list[tuple[Plan, FakeEngine]] = []

    def open_plan(self, net: Net, plan: Plan, report: Any = None) -> Engine:
        value = self.values.get((plan.engine, plan.device, plan.precision), 1.0)
        if isinstance(value, Exception):
            raise value
        name = f"{plan.engine} {plan.device} {plan.precision}"
        self.opened.append((plan, FakeEngine(name, value)))
        return self.opened[-1][1]

    @property
    def left_open(self) -> list[str]:
        return [engine.name for _, engine in self.opened if not engine.closed]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    found = Engines()
    monkeypatch.setattr(choice, "open_plan", found.open_plan)
    devices = {
        "openvino": lambda: ("CPU", "GPU"),
        "onnxruntime": lambda: ("CPU",),
        "torch": lambda: ("CUDA", "CPU"),
        "tensorrt": lambda: ("CUDA",),
    }
    monkeypatch.setattr(choice, "_DEVICES", devices)
    monkeypatch.setattr(choice, "require", lambda engine: None)
    return found


def measured(net: Net, plan: Plan, machine: str | None = None) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat()
    key = machine or this_machine().key
    one = Remembered(
        bundle=net.name,
        digest=net.digest,
        machine=key,
        plan=plan,
        median_ms=1,
        difference=0,
        measured=now,
    )
    remembered.remember([one])


@pytest.mark.parametrize("precision", ["auto", "f32"])
def test_auto_is_openvino_where_nothing_was_measured(
    net: Net, engines: Engines, precision: Any
) -> None:
    engine = open_net(net, "auto", 3, precision)
    assert [plan for plan, _ in engines.opened] == [
        Plan(engine="openvino", device="CPU", precision=precision, threads=3)
    ]
    assert engine.name == f"openvino CPU {precision}"


def test_auto_takes_what_was_found_fastest(net: Net, engines: Engines) -> None:
    fastest = Plan(engine="torch", device="CUDA", precision="auto", threads=0)
    measured(net, fastest)
    assert open_net(net, "auto", 0, "auto").name == "torch CUDA auto"
    assert open_net(net, "auto", 4, "auto").name == "torch CUDA auto"
    assert [plan.threads for plan, _ in engines.opened] == [0, 4]


def test_f32_is_the_same_on_every_machine(net: Net, engines: Engines) -> None:
    measured(net, Plan(engine="onnxruntime", device="CPU"))
    assert open_net(net, "auto", 0, "f32").name == "openvino CPU f32"
    assert open_net(net, "onnxruntime", 0, "f32").name == "onnxruntime CPU f32"


def test_what_was_measured_elsewhere_does_not_count(net: Net, engines: Engines) -> None:
    measured(net, Plan(engine="torch", device="CUDA"), machine="0" * 64)
    assert open_net(net, "auto", 0, "auto").name == "openvino CPU auto"


@pytest.mark.parametrize("value", [EngineError("torch has gone.\nReally."), 2.0])
def test_auto_falls_back_and_says_why(
    net: Net, engines: Engines, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    measured(net, Plan(engine="torch", device="CPU"))
    engines.values["torch", "CPU", "f32"] = value
    engine = open_net(net, "auto", 0, "auto")
    assert engine.name.startswith("openvino CPU auto (no torch: torch ")
    assert "torch CPU is not used" in caplog.text
    assert engine.run(np.zeros((2, 1, SIZE, SIZE), np.float32))["logits"].shape == (2, 8)
    engine.close()
    assert not engines.left_open


def test_an_engine_by_name_runs_on_its_best_device(net: Net, engines: Engines) -> None:
    assert open_net(net, "torch", 0, "auto").name == "torch CUDA auto"
    assert open_net(net, "openvino", 0, "auto").name == "openvino CPU auto"


def test_an_engine_by_name_runs_as_it_was_fastest(net: Net, engines: Engines) -> None:
    measured(net, Plan(engine="openvino", device="GPU", precision="f32"))
    assert open_net(net, "openvino", 0, "auto").name == "openvino GPU f32"
    assert open_net(net, "torch", 0, "auto").name == "torch CUDA auto"


def test_a_faster_precision_that_gives_other_answers_is_not_taken(
    net: Net, engines: Engines
) -> None:
    engines.values["openvino", "CPU", "auto"] = 1.02
    assert open_net(net, "auto", 0, "auto").name == "openvino CPU f32"
    assert engines.left_open == ["openvino CPU f32"]


def test_openvino_that_gives_other_answers_means_a_broken_bundle(
    net: Net, engines: Engines
) -> None:
    engines.values["openvino", "CPU", "f32"] = 1.02
    with pytest.raises(BundleError, match="does not give the bundle's own reference"):
        open_net(net, "auto", 0, "f32")
    assert not engines.left_open


def test_a_named_engine_that_gives_other_answers_is_refused(net: Net, engines: Engines) -> None:
    engines.values["onnxruntime", "CPU", "auto"] = 1.5
    engines.values["onnxruntime", "CPU", "f32"] = 1.5
    said = (
        r"onnxruntime on CPU does not give the answers that are stored with made-up: they are "
        r"0\.5 off, and 0\.01 is allowed\. Choose another engine: --engine openvino\."
    )
    with pytest.raises(EngineError, match=said):
        open_net(net, "onnxruntime", 0, "auto")
    assert not engines.left_open


def test_answers_are_compared_as_what_they_mean(tmp_path: Path, engines: Engines, net: Net) -> None:
    """Logits that are all higher by the same are the same probabilities."""
    engines.values["onnxruntime", "CPU", "f32"] = 1.5
    meaning = Net(net.folder, net.name, net.files, net.outputs, "logits", 8, SIZE, softmax)
    assert open_net(meaning, "onnxruntime", 0, "f32").name == "onnxruntime CPU f32"


def test_tensorrt_is_built_while_openvino_runs(net: Net, engines: Engines) -> None:
    engine = open_net(net, "tensorrt", 0, "auto", wait=False)
    assert isinstance(engine, SwappingEngine)
    assert engine.wait(60)
    engine.run(np.zeros((1, 1, SIZE, SIZE), np.float32))
    assert engine.name == "tensorrt CUDA auto"
    assert engines.left_open == ["tensorrt CUDA auto"]
    engine.close()
    assert not engines.left_open


def test_tensorrt_that_fails_leaves_openvino_running(net: Net, engines: Engines) -> None:
    engines.values["tensorrt", "CUDA", "auto"] = EngineError("TensorRT does not compile made-up: x")
    engine = open_net(net, "tensorrt", 0, "auto", wait=False)
    assert isinstance(engine, SwappingEngine)
    assert engine.wait(60)
    assert engine.name == "openvino CPU auto (no tensorrt: TensorRT does not compile made-up: x)"
    engine.close()
    assert not engines.left_open


def test_files_wait_for_tensorrt(net: Net, engines: Engines) -> None:
    assert open_net(net, "tensorrt", 0, "auto").name == "tensorrt CUDA auto"
    engines.values["tensorrt", "CUDA", "auto"] = EngineError("no")
    with pytest.raises(EngineError, match="no"):
        open_net(net, "tensorrt", 0, "auto")


@pytest.mark.parametrize("wanted", ["torch", "tensorrt"])
@pytest.mark.parametrize("wait", [True, False])
def test_a_net_without_a_program_runs_on_openvino_and_says_so(
    net: Net, engines: Engines, wanted: Any, wait: bool, caplog: pytest.LogCaptureFixture
) -> None:
    without = Net(net.folder, net.name, {}, net.outputs, "logits", 8, SIZE)
    engine = open_net(without, wanted, 0, "auto", wait)
    assert engine.name == f"openvino CPU auto (no {wanted}: made-up has no torch program)"
    assert f"{wanted} is not used: made-up has no torch program" in caplog.text
    engine.close()
    assert not engines.left_open


@pytest.mark.parametrize(
    ("engine", "extra"), [("onnxruntime", "ort"), ("torch", "torch"), ("tensorrt", "tensorrt")]
)
def test_what_is_not_installed_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, engine: Any, extra: str
) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    said = rf'{engine} is not installed\. Install it with: pip install "ferdesk\[{extra}\]"'
    with pytest.raises(EngineError, match=said):
        plans(engine)
    require("openvino")


def test_openvino_is_the_only_engine_of_the_base_install() -> None:
    packages = {package for package, _ in choice._PACKAGES.values()}
    base = [one for one in requires("ferdesk") or [] if "extra ==" not in one]
    named = {re.split(r"[^\w-]", one)[0].replace("-", "_") for one in base}
    assert "openvino" in named
    assert not packages & named
    assert choice._PACKAGES.keys() == set(choice.ENGINES) - {"openvino"}
