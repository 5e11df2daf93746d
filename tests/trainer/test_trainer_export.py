import numpy as np
import onnx
import pytest
import torch

from ferdesk.core.bundle import read_bundle, sha256
from ferdesk.core.errors import OutputError
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from trainer import export as export_module
from trainer.calibrate import fit_temperature
from trainer.errors import TrainError
from trainer.evaluate import bundle_probabilities, measure, truth
from trainer.export import PARITY, export, reference_input, write_model
from trainer.fit import fit
from trainer.nets import build_net
from trainer.recipes import RECIPES
from trainer.runs import RunFolder


@pytest.fixture(scope="module")
def run(parts, tmp_path_factory):
    recipe = RECIPES.get("khorrami2015-ferplus").override({"epochs": "1", "batch": "8"})
    made = RunFolder(tmp_path_factory.mktemp("run"))
    fit(recipe, *parts, made, data=made.folder)
    return made


@pytest.fixture(scope="module")
def made(run, parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    return export(run, *parts, folder, "tiny")


def test_bundle_is_readable_and_complete(made, parts):
    bundle = read_bundle(made.folder)
    assert bundle == made.bundle
    assert bundle.name == "tiny"
    assert set(bundle.files) == {"model.onnx", "reference.npz"}
    assert {path.name for path in made.folder.iterdir()} == {*bundle.files, "bundle.json"}
    assert {path.stat().st_mode & 0o777 for path in made.folder.iterdir()} == {0o644}
    assert bundle.recipe["lr"] == 0.01
    assert bundle.recipe["best_epoch"] == 1
    assert "research" in bundle.training_data[0].terms
    assert bundle.training_data[0].images == len(parts[0].names)
    assert [metric.protocol for metric in bundle.metrics] == ["plurality", "majority"]
    assert list(made.folder.parent.iterdir()) == [made.folder]


def test_engine_gives_the_reference_for_batches_of_any_size(made):
    engine = OpenVinoEngine(made.folder / "model.onnx")
    with np.load(made.folder / "reference.npz", allow_pickle=False) as reference:
        x, logits = reference["x"], reference["logits"]
    assert x.shape == (4, 1, 48, 48)
    assert x.dtype == logits.dtype == np.float32
    for n in (1, 3, 4):
        outputs = engine.run(x[:n])
        assert list(outputs) == ["logits"]
        np.testing.assert_allclose(outputs["logits"], logits[:n], atol=PARITY)
    assert engine.run(np.concatenate([x] * 5))["logits"].shape == (20, 8)
    engine.close()
    assert made.parity <= PARITY


def test_weights_are_stored_as_halves_without_paths_of_this_machine(made):
    model = onnx.load(made.folder / "model.onnx")
    assert [value.name for value in model.graph.input] == ["x"]
    assert [value.name for value in model.graph.output] == ["logits"]
    types = {t.name: t.data_type for t in model.graph.initializer if t.name.endswith(".half")}
    assert len(types) == 7
    assert set(types.values()) == {onnx.TensorProto.FLOAT16}
    data = (made.folder / "model.onnx").read_bytes()
    assert b"site-packages" not in data
    assert b"/trainer/" not in data
    assert not any(node.metadata_props for node in model.graph.node)


def test_stated_figures_are_the_app_s_own(made, parts):
    for stated in made.bundle.metrics:
        keep, labels = truth(parts[1], stated.protocol)
        probabilities = bundle_probabilities(made.folder, parts[1].images[keep])
        again = measure(probabilities, labels, part="valid", protocol=stated.protocol)
        assert again.metric.accuracy == stated.accuracy
        assert again.metric.ece == pytest.approx(stated.ece, abs=1e-5)


def test_temperature_is_fitted_to_valid(made, parts):
    assert made.bundle.temperature > 0
    keep, labels = truth(parts[1], "plurality")
    calibrated = bundle_probabilities(made.folder, parts[1].images[keep])
    # The engine's probabilities are calibrated already, so nothing is left to scale.
    assert fit_temperature(np.log(calibrated), labels) == pytest.approx(1.0, abs=0.01)


def test_export_repeats_itself_and_replaces_a_bundle(made, run, parts):
    before = {name: sha256(made.folder / name) for name in made.bundle.files}
    again = export(run, *parts, made.folder, "tiny")
    assert again.bundle.files == before
    assert again.bundle == made.bundle


def test_a_folder_of_other_things_is_left_alone(run, parts, tmp_path):
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(OutputError, match="exists and is no bundle"):
        export(run, *parts, tmp_path, "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_no_parity_no_export(run, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "PARITY", -1.0)
    with pytest.raises(TrainError, match="Not exported: OpenVINO's logits differ"):
        export(run, *parts, tmp_path / "tiny", "tiny")
    assert list(tmp_path.iterdir()) == []


def test_weights_too_large_for_halves_stay_single(tmp_path):
    torch.manual_seed(0)
    net = build_net("khorrami2015", size=48, dropout=0.5).eval()
    with torch.no_grad():
        net.features[0].weight[0, 0, 0, 0] = 1e5
        net.features[3].weight[:, 0] = 0
    assert write_model(net, 48, tmp_path) <= PARITY
    types = {t.data_type for t in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in types


def test_reference_input_is_seeded_and_normalised():
    x = reference_input(48)
    assert np.array_equal(x, reference_input(48))
    assert x.mean(axis=(1, 2, 3)) == pytest.approx(0, abs=1e-5)
    assert x.std(axis=(1, 2, 3)) == pytest.approx(1, abs=1e-4)
