import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mapped_net import BIAS, PLACES, write_mapped_bundle

from ferdesk.bundles import find_bundle, installed_bundles
from ferdesk.core.bundle import MODEL, ModelBundle, read_bundle, sha256, write_bundle
from ferdesk.core.errors import BundleError, FerdeskError, ModelError
from ferdesk.core.preprocess import net_input
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from ferdesk.expression import ExpressionNet

BUNDLES = installed_bundles()


@pytest.fixture(scope="module")
def net() -> Iterator[ExpressionNet]:
    found = ExpressionNet(BUNDLES[0])
    yield found
    found.close()


def with_file(tmp_path: Path, net: ExpressionNet, name: str, data: bytes, **changes: Any) -> Path:
    """A copy of the bundle in which one file is another one, its hash right."""
    folder = Path(shutil.copytree(BUNDLES[0], tmp_path / "changed"))
    (folder / name).write_bytes(data)
    changes["files"] = {**net.bundle.files, name: sha256(folder / name)}
    write_bundle(folder, net.bundle.model_copy(update=changes))
    return folder


def npz(**arrays: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    return data.getvalue()


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
def test_every_bundle_gives_its_reference_output(folder: Path) -> None:
    bundle = read_bundle(folder, ModelBundle)
    engine = OpenVinoEngine(folder / "model.onnx")
    with np.load(folder / "reference.npz", allow_pickle=False) as stored:
        logits = engine.run(stored["x"])[bundle.outputs[0].name]
        np.testing.assert_allclose(logits, stored["logits"], atol=1e-4)
    engine.close()


def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch(net: ExpressionNet) -> None:
    patches = list(np.random.default_rng(0).integers(0, 256, (5, 48, 48)).astype(np.uint8))
    together = net.predict(patches)
    assert together.shape == (5, 8)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    alone = np.concatenate([net.predict([patch]) for patch in patches])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_no_patch_gives_no_row(net: ExpressionNet) -> None:
    assert net.predict([]).shape == (0, 8)


def test_temperature_flattens(tmp_path: Path, net: ExpressionNet) -> None:
    folder = Path(shutil.copytree(BUNDLES[0], tmp_path / "warm"))
    write_bundle(folder, net.bundle.model_copy(update={"temperature": net.bundle.temperature * 5}))
    warm = ExpressionNet(folder)
    patch = np.random.default_rng(1).integers(0, 256, (48, 48)).astype(np.uint8)
    assert warm.predict([patch]).max() < net.predict([patch]).max()
    assert warm.predict([patch]).argmax() == net.predict([patch]).argmax()
    warm.close()


def test_an_unknown_bundle_names_the_known_ones() -> None:
    with pytest.raises(BundleError, match="khorrami2015-ferplus"):
        find_bundle("nothing-like-this")


def test_a_net_that_is_no_net_is_refused(tmp_path: Path, net: ExpressionNet) -> None:
    folder = with_file(tmp_path, net, "model.onnx", b"this is not a net")
    with pytest.raises(FerdeskError, match="cannot be loaded"):
        ExpressionNet(folder)


@pytest.mark.parametrize(
    ("x", "logits", "said"),
    [
        (np.zeros((0, 1, 48, 48)), np.zeros((0, 8)), "does not fit"),
        (np.zeros((2, 1, 40, 40)), np.zeros((2, 8)), "does not fit"),
        (np.zeros((2, 1, 48, 48)), np.zeros((2, 7)), "does not fit"),
        (np.zeros((2, 1, 48, 48)), np.full((2, 8), np.nan), "own reference"),
        (np.zeros((2, 1, 48, 48)), np.eye(8)[:2] * 50, "own reference"),
    ],
)
def test_a_reference_that_the_net_does_not_give_is_refused(
    tmp_path: Path, net: ExpressionNet, x: np.ndarray, logits: np.ndarray, said: str
) -> None:
    folder = with_file(tmp_path, net, "reference.npz", npz(x=x, logits=logits))
    with pytest.raises(BundleError, match=said):
        ExpressionNet(folder, precision="auto")


def test_a_reference_that_is_no_archive_is_refused(tmp_path: Path, net: ExpressionNet) -> None:
    folder = with_file(tmp_path, net, "reference.npz", b"nothing")
    with pytest.raises(BundleError, match="holds no reference"):
        ExpressionNet(folder)


def test_a_net_of_another_size_is_refused(tmp_path: Path, net: ExpressionNet) -> None:
    reference = npz(x=np.zeros((1, 1, 40, 40)), logits=np.zeros((1, 8)))
    smaller = net.bundle.input.model_copy(update={"size": 40})
    folder = with_file(tmp_path, net, "reference.npz", reference, input=smaller)
    with pytest.raises(BundleError, match="does not take"):
        ExpressionNet(folder)


def some_patches(n: int) -> list[np.ndarray]:
    return list(np.random.default_rng(3).integers(0, 256, (n, 48, 48)).astype(np.uint8))


def test_maps_average_to_the_logits(tmp_path: Path) -> None:
    bundle = write_mapped_bundle(tmp_path / "mapped")
    net = ExpressionNet(tmp_path / "mapped")
    patches = some_patches(3)
    assert net.has_maps
    maps = net.maps(patches)
    assert maps.shape == (3, 8, PLACES, PLACES)
    assert maps.dtype == np.float32
    odds = np.exp((maps.mean(axis=(2, 3)) + BIAS) / bundle.temperature)
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(net.predict(patches), expected, atol=1e-5)
    assert net.maps([]).shape == (0, 8, PLACES, PLACES)
    net.close()


def test_maps_cost_nothing_until_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    class Counted(OpenVinoEngine):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            opened.append(options["outputs"])

        def run(self, batch: Any) -> Any:
            found = super().run(batch)
            assert set(found) == set(self._outputs) == set(opened[-1])
            return found

    write_mapped_bundle(tmp_path / "mapped")
    monkeypatch.setattr("ferdesk.expression.OpenVinoEngine", Counted)
    monkeypatch.setattr("ferdesk.engines.choice.OpenVinoEngine", Counted)
    net = ExpressionNet(tmp_path / "mapped")
    net.predict(some_patches(2))
    assert opened == [("logits",)]
    net.maps(some_patches(2))
    net.maps(some_patches(1))
    assert opened == [("logits",), ("cam",)]
    net.close()


def test_a_net_without_maps_says_so() -> None:
    net = ExpressionNet(find_bundle("khorrami2015-ferplus"))
    assert not net.has_maps
    with pytest.raises(BundleError, match="has no activation maps"):
        net.maps(some_patches(1))
    net.close()


def test_maps_that_are_not_as_stated_are_refused(tmp_path: Path) -> None:
    write_mapped_bundle(tmp_path / "a", map_shape=(8, 3, 3))
    net = ExpressionNet(tmp_path / "a")
    with pytest.raises(BundleError, match=r"maps of \(8, 6, 6\), not of \(8, 3, 3\)"):
        net.maps(some_patches(1))
    net.close()
    write_mapped_bundle(tmp_path / "b", map_name="heat")
    net = ExpressionNet(tmp_path / "b")
    with pytest.raises(ModelError, match=r"no such output \(cam\); it has heat, logits"):
        net.maps(some_patches(1))
    net.close()


def test_maps_of_a_net_that_was_exchanged_are_refused(tmp_path: Path) -> None:
    write_mapped_bundle(tmp_path / "mapped")
    net = ExpressionNet(tmp_path / "mapped")
    with (tmp_path / "mapped" / MODEL).open("ab") as file:
        file.write(b"more")
    with pytest.raises(BundleError, match="altered since it was loaded"):
        net.maps(some_patches(1))
    net.close()


def test_the_shipped_nets_take_patches_as_before(net: ExpressionNet) -> None:
    patches = some_patches(2)
    engine = OpenVinoEngine(BUNDLES[0] / MODEL)
    logits = engine.run(net_input(patches))["logits"] / net.bundle.temperature
    engine.close()
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_array_equal(net.predict(patches), odds / odds.sum(axis=1, keepdims=True))
