"""torch and TensorRT on a real GPU: the answers, the speed, the cache. `make gpu` runs these."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_material import batch_of, shipped_net

from ferdesk.bundles import find_bundle
from ferdesk.engines.choice import open_net, open_plan
from ferdesk.engines.measure import timed
from ferdesk.engines.net import Net
from ferdesk.engines.reference import PARITY, Reference
from ferdesk.engines.remembered import Plan
from ferdesk.engines.swap import SwappingEngine

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
    pytest.mark.timeout(900),
]
CLOSE = 1e-3
"""Of logits in float32, where a GPU adds in another order."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERDESK_CACHE", str(folder))
        yield folder


@pytest.fixture(params=["small", "compact-ferplus"])
def net(request: pytest.FixtureRequest, small: Net, cache: Path) -> Net:
    if request.param == "small":
        return small
    return shipped_net(find_bundle("compact-ferplus"), "expression")


def plan(engine: str, precision: str) -> Plan:
    return Plan.model_validate({"engine": engine, "device": "CUDA", "precision": precision})


def needs(engine: str) -> None:
    if engine == "tensorrt":
        pytest.importorskip("torch_tensorrt")


@pytest.mark.parametrize("engine", ["torch", "tensorrt"])
def test_single_precision_is_openvinos(net: Net, engine: str) -> None:
    needs(engine)
    usual = open_plan(net, Plan(engine="openvino", device="CPU"))
    found = open_plan(net, plan(engine, "f32"))
    assert found.name == f"{engine} CUDA f32"
    for n in (1, 3, 16, 17, 70):
        rows = batch_of(n)
        expected = usual.run(rows)[net.wanted]
        np.testing.assert_allclose(found.run(rows)[net.wanted], expected, atol=CLOSE)
    usual.close()
    found.close()


@pytest.mark.parametrize("engine", ["torch", "tensorrt"])
def test_the_fast_precision_says_the_same(net: Net, engine: str) -> None:
    needs(engine)
    found = open_plan(net, plan(engine, "auto"))
    reference = Reference.read(net)
    if net.name == "small":
        assert reference.difference(found) <= PARITY
    else:  # its raw logits are compared here, which are larger than probabilities
        np.testing.assert_allclose(
            found.run(reference.batch)[net.wanted], reference.answers, atol=0.05
        )
    assert found.name in ("torch CUDA tf32", "tensorrt CUDA f16")
    found.close()


def test_a_batch_of_sixteen_costs_less_than_sixteen_rows(net: Net) -> None:
    needs("tensorrt")
    found = open_plan(net, plan("tensorrt", "auto"))
    one, many = batch_of(1), batch_of(16)
    assert timed(lambda: found.run(many)).median_ms < 16 * timed(lambda: found.run(one)).median_ms
    found.close()


def test_tensorrt_is_faster_than_torch(cache: Path) -> None:
    needs("tensorrt")
    net = shipped_net(find_bundle("compact-ferplus"), "expression")
    row = batch_of(1)
    medians = {}
    for engine in ("torch", "tensorrt"):
        found = open_plan(net, plan(engine, "auto"))
        medians[engine] = timed(lambda found=found: found.run(row)).median_ms
        found.close()
    assert medians["tensorrt"] < medians["torch"]


def test_the_second_build_finds_the_first_ones_engine(cache: Path) -> None:
    needs("tensorrt")
    net = shipped_net(find_bundle("compact-ferplus"), "expression")
    open_plan(net, plan("tensorrt", "auto")).close()
    built = {path: path.stat().st_mtime_ns for path in cache.rglob("blob.bin")}
    assert built
    assert list(cache.rglob("timings.bin"))
    started = time.perf_counter()
    open_plan(net, plan("tensorrt", "auto")).close()
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("blob.bin")} == built
    assert time.perf_counter() - started < 60


def test_it_takes_over_while_faces_are_judged(small: Net, cache: Path) -> None:
    needs("tensorrt")
    engine = open_net(small, "tensorrt", 0, "auto", wait=False)
    assert isinstance(engine, SwappingEngine)
    row = batch_of(1)
    before = engine.run(row)[small.wanted]
    assert engine.name.startswith("openvino CPU")
    while not engine.wait(0.05):
        engine.run(row)
    after = engine.run(row)[small.wanted]
    assert engine.name == "tensorrt CUDA f16"
    np.testing.assert_allclose(small.said(after), small.said(before), atol=PARITY)
    engine.close()
