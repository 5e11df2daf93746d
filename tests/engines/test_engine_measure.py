"""Measuring engines, and the command for it."""

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from engine_material import FakeEngine
from typer.testing import CliRunner

from ferdesk import bench
from ferdesk.bundles import find_bundle
from ferdesk.cli import app
from ferdesk.core.errors import EngineError
from ferdesk.engines import choice, measure, remembered
from ferdesk.engines.measure import Measured, Timing, pick, summary, thread_counts, timed
from ferdesk.engines.net import Net
from ferdesk.engines.remembered import Plan
from ferdesk.expression import ExpressionNet


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERDESK_CACHE", str(tmp_path / "cache"))


def row(engine: Any, median_ms: float | None, trouble: str = "", threads: int = 1) -> Measured:
    timing = None if median_ms is None else Timing(median_ms=median_ms, p95_ms=9, n=20)
    plan = Plan(engine=engine, device="CPU", threads=threads)
    return Measured(net="small", plan=plan, name=engine, timing=timing, trouble=trouble)


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        ([row("openvino", 1.0), row("torch", 0.95)], 0),  # a tenth is not worth it
        ([row("openvino", 1.0), row("torch", 0.85)], 1),
        ([row("openvino", 1.0), row("torch", 0.1, "0.5 off")], 0),
        ([row("openvino", None, "no"), row("torch", 3)], 1),
        ([row("openvino", 2.0), row("openvino", 1.0, threads=2), row("torch", 0.95)], 1),
        ([row("openvino", None, "no")], None),
        ([], None),
    ],
)
def test_which_is_picked(rows: list[Measured], index: int | None) -> None:
    assert pick(rows) is (None if index is None else rows[index])


def test_threads_to_try() -> None:
    assert [thread_counts(n) for n in (0, 1, 2, 3, 6, 16)] == [
        (1,),
        (1,),
        (1, 2),
        (1, 2),
        (1, 2, 4),
        (1, 2, 4, 8, 16),
    ]


def test_figures() -> None:
    assert summary([float(n) for n in range(101)]) == Timing(median_ms=50, p95_ms=95, n=101)
    done: list[int] = []
    found = timed(lambda: done.append(1), 0)
    assert (found.n, len(done)) == (20, 25)
    assert 0 <= found.median_ms <= found.p95_ms


def test_every_way_is_measured_and_trouble_is_kept(
    small: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    def devices() -> tuple[str, ...]:
        raise EngineError("nothing here")

    def opened(net: Net, plan: Plan, report: Any) -> FakeEngine:
        if plan.engine == "torch":
            raise EngineError("no program")
        return FakeEngine(f"{plan.engine} f32", 1.0)

    monkeypatch.setattr(measure, "open_plan", opened)
    monkeypatch.setattr(choice, "require", lambda engine: None)
    known = {
        "openvino": lambda: ("CPU",),
        "onnxruntime": lambda: ("CPU",),
        "torch": lambda: ("CPU",),
        "tensorrt": devices,
    }
    monkeypatch.setattr(choice, "_DEVICES", known)
    said: list[str] = []
    found = measure.measure(small, 2, said.append, 0)
    ways = [(one.plan.engine, one.plan.precision, one.plan.threads) for one in found]
    # The faster precision turned out to be f32 here, so f32 is not measured again.
    assert ways == [
        ("openvino", "auto", 1),
        ("openvino", "auto", 2),
        ("onnxruntime", "f32", 1),
        ("onnxruntime", "f32", 2),
        ("torch", "f32", 1),
    ]
    assert [one.trouble for one in found][-1] == "no program"
    assert all(one.timing is not None and one.timing.n >= 20 for one in found[:-1])
    assert said[0] == "small: openvino CPU"
    assert measure.availability()["tensorrt"] == ((), "nothing here")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, landmarker_folder: Path) -> None:
    """openvino alone, a few frames and a few runs each."""
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    monkeypatch.setattr(measure, "ENGINES", ("openvino",))
    monkeypatch.setattr(measure, "_FEWEST", 3)
    monkeypatch.setattr(bench, "_WARM_UP", 1)
    monkeypatch.setattr(bench, "_MOST_FRAMES", 4)
    monkeypatch.setattr(bench, "measure", functools.partial(measure.measure, seconds=0))
    monkeypatch.setattr(bench, "timed", functools.partial(timed, seconds=0))
    monkeypatch.setattr(bench, "usable_cores", lambda: 1)


def test_the_command_measures_and_remembers(quick: None) -> None:
    done = CliRunner().invoke(app, ["bench", "--bundle", "compact-ferplus", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    stages = {one["stage"]: one["timing"] for one in report["stages"]}
    assert {"faces", "track", "crop", "expression", "aus", "smooth", "all"} <= stages.keys()
    assert all(timing["n"] == 4 for timing in stages.values())
    assert stages["all"]["median_ms"] >= stages["faces"]["median_ms"] > 0
    nets = {one["net"] for one in report["nets"]}
    assert nets == {"compact-ferplus", "au-native"}
    for one in report["nets"]:
        assert one["difference"] <= 0.01
        assert one["timing"]["n"] == 3
        assert one["timing"]["p95_ms"] >= one["timing"]["median_ms"] > 0
    assert {one["net"] for one in report["face_nets"]} == {
        "detector",
        "478 landmarks",
        "blendshapes",
    }
    assert report["missing"] == {}
    assert [one["bundle"] for one in report["chosen"]] == ["compact-ferplus", "au-native"]
    assert remembered.load() == tuple(
        remembered.Remembered.model_validate(one) for one in report["chosen"]
    )


def test_the_table_for_people(quick: None) -> None:
    done = CliRunner().invoke(app, ["bench"], env={"COLUMNS": "120"})
    assert done.exit_code == 0, done.output
    for words in ("Stages of a frame of demo", "openvino CPU", "taken", "--engine auto runs"):
        assert words in done.stdout


def test_a_source_that_is_not_there(quick: None) -> None:
    done = CliRunner().invoke(app, ["bench", "--source", "nothing.mp4"])
    assert isinstance(done.exception, Exception)
    assert "nothing.mp4" in str(done.exception)


def test_what_is_remembered_is_what_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("onnxruntime")
    net = ExpressionNet(find_bundle("compact-ferplus"))
    net.close()
    found = Measured(
        net="compact-ferplus",
        plan=Plan(engine="onnxruntime", device="CPU", threads=1),
        timing=Timing(median_ms=1, p95_ms=1, n=20),
        difference=0,
    )
    remembered.remember([bench._remembered(net.net, found)])
    chosen = ExpressionNet(find_bundle("compact-ferplus"), precision="auto")
    assert chosen.engine == "onnxruntime CPU f32"
    chosen.close()
    same = ExpressionNet(find_bundle("compact-ferplus"), precision="f32")
    assert same.engine == "openvino CPU f32"
    same.close()
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    without = ExpressionNet(find_bundle("compact-ferplus"), precision="auto")
    assert "(no onnxruntime: onnxruntime is not installed." in without.engine
    assert "is not used" in caplog.text
    without.close()
