import shutil
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
import torch

from ferdesk.core.bundle import CAM, LOGITS, MODEL, PROGRAM, ModelBundle, read_bundle, sha256
from ferdesk.core.errors import BundleError, OutputError
from ferdesk.core.preprocess import net_input
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from ferdesk.expression import ExpressionNet
from trainer import export as export_module
from trainer.calibrate import fit_temperature
from trainer.datasets import DATASETS
from trainer.datasets.base import DROPPED
from trainer.deploy import deploy, fold, is_half
from trainer.errors import TrainError
from trainer.evaluate import bundle_probabilities, measure, truth
from trainer.export import PARITY, export, reference_input, write_model
from trainer.fit import fit
from trainer.nets import build_net, net_names
from trainer.nets.maps import MapNet
from trainer.nets.ng2015 import ChannelNorm
from trainer.program import run_program
from trainer.recipes import RECIPES
from trainer.runs import RunFolder

QUICK = ("compact", "custom-vgg13", "khorrami2015")
TEACHER = "khorrami2015-ferplus"


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
    bundle = read_bundle(made.folder, ModelBundle)
    assert bundle == made.bundle
    assert bundle.name == "tiny"
    assert set(bundle.files) == {"model.onnx", "model.pt2", "reference.npz"}
    assert {path.name for path in made.folder.iterdir()} == {*bundle.files, "bundle.json"}
    assert {path.stat().st_mode & 0o777 for path in made.folder.iterdir()} == {0o644}
    assert bundle.recipe["lr"] == 0.01
    assert bundle.recipe["best_epoch"] == 1
    (data,) = bundle.training_data
    assert (data.name, data.part) == (DATASETS.get("ferplus").title, "train")
    assert data.images == (parts[0].labels != DROPPED).sum() == len(parts[0].names)
    assert "research" in data.terms
    assert data.terms in bundle.licence
    assert "FER2013's own 48 x 48 crops." in bundle.notes
    assert [(output.name, output.shape) for output in bundle.outputs] == [("logits", (8,))]
    assert {metric.dataset for metric in bundle.metrics} == {"ferplus"}
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
        again = measure(
            probabilities, labels, dataset="ferplus", part="valid", protocol=stated.protocol
        )
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
    with pytest.raises(TrainError, match="Not exported: logits of OpenVINO differ"):
        export(run, *parts, tmp_path / "tiny", "tiny")
    assert list(tmp_path.iterdir()) == []


def test_weights_too_large_for_halves_stay_single(tmp_path):
    torch.manual_seed(0)
    net = build_net("khorrami2015", size=48, dropout=0.5).eval()
    with torch.no_grad():
        net.features[0].weight[0, 0, 0, 0] = 1e5
        net.features[3].weight[:, 0] = 0
    assert write_model(deploy(net, 48), tmp_path) <= PARITY
    stored = onnx.load(tmp_path / MODEL).graph.initializer
    single = [list(t.dims) for t in stored if t.data_type == onnx.TensorProto.FLOAT]
    assert single == [[64, 1, 5, 5]]
    kept = torch.export.load(tmp_path / PROGRAM).state_dict
    assert [list(t.shape) for t in kept.values() if t.dtype == torch.float32] == single


def fitted(net):
    """The net with statistics of the reference input, so that its outputs are of usual size."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
    with torch.no_grad():
        net.train()(torch.from_numpy(reference_input(48)))
    return net.eval()


@pytest.mark.parametrize("name", QUICK)
def test_a_net_s_files_give_its_outputs(name, tmp_path):
    torch.manual_seed(1)
    net = fitted(build_net(name, size=48, dropout=0.5))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    deployed = deploy(net, 48)
    assert write_model(deployed, tmp_path) <= PARITY
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())

    x = reference_input(48)
    with torch.inference_mode():
        own = net(torch.from_numpy(x)).numpy()
        outputs = [value.numpy() for value in deployed.net(torch.from_numpy(x))]
    np.testing.assert_allclose(outputs[0], own, atol=0.02 * np.abs(own).max())  # halves
    if isinstance(net, MapNet):
        assert deployed.names == (LOGITS, CAM)
        bias = net.classifier.bias.detach().numpy()
        np.testing.assert_allclose(outputs[1].mean(axis=(2, 3)) + bias, outputs[0], atol=1e-3)
    else:
        assert deployed.names == (LOGITS,)
    for n in (1, 3):
        for found, expected in zip(run_program(tmp_path / PROGRAM, x[:n]), outputs, strict=True):
            np.testing.assert_allclose(found, expected[:n], atol=PARITY)
    weights = 2 * sum(p.numel() for p in net.parameters())
    for file in (MODEL, PROGRAM):
        data = (tmp_path / file).read_bytes()
        assert len(data) < 1.1 * weights + 100_000
        assert b"/trainer/" not in data
        assert b"site-packages" not in data


class Mixed(torch.nn.Module):
    """A small net with every kind of step that a registered net has."""

    def __init__(self):
        super().__init__()
        conv, norm = torch.nn.Conv2d, torch.nn.BatchNorm2d
        self.first = torch.nn.Sequential(
            conv(3, 4, 3, bias=False), norm(4), torch.nn.ReLU(inplace=True)
        )
        self.second = torch.nn.Sequential(
            norm(4), torch.nn.ReLU(), torch.nn.LeakyReLU(0.2), conv(4, 4, 1)
        )
        self.pools = torch.nn.ModuleList(
            [torch.nn.AvgPool2d(2, 2), torch.nn.MaxPool2d(2, 2, ceil_mode=True)]
        )
        self.end = torch.nn.Sequential(
            torch.nn.AdaptiveAvgPool2d((2, 2)), torch.nn.Flatten(), torch.nn.Dropout(0.5)
        )
        self.linear = torch.nn.Linear(64, 8)
        self.more = torch.nn.ConvTranspose2d(4, 4, 1)
        self.kernel = torch.nn.Parameter(torch.rand(4, 4, 1, 1) - 0.5)
        self.norm = ChannelNorm()
        self.register_buffer("scale", torch.rand(3, 1, 1), persistent=False)

    def forward(self, x):
        functional = torch.nn.functional
        x = functional.interpolate(x, (26, 26), mode="bilinear", align_corners=False)
        x = self.first(x.expand(-1, 3, -1, -1) * self.scale + self.scale)
        x = functional.conv2d(functional.pad(self.more(x), (1, 1, 1, 1)), self.kernel)
        x = torch.relu(functional.relu6(x)) * self.more.bias[:, None, None]
        x = self.norm(torch.cat([x, self.second(x)], 1))
        x = torch.cat([pool(x) for pool in self.pools], 1)
        x = functional.relu(functional.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        x = functional.dropout(functional.max_pool2d(x, 3, 2, padding=1), 0.5, self.training)
        return self.linear(torch.flatten(self.end(x), 1))


def test_every_kind_of_step_can_be_exported(tmp_path):
    torch.manual_seed(2)
    deployed = deploy(fitted(Mixed()), 48)
    assert write_model(deployed, tmp_path) <= PARITY
    assert [output.name for output in deployed.outputs] == [LOGITS]


def kinds(net):
    """The kinds of modules and functions that a net is made of."""
    traced = torch.fx.symbolic_trace(net.eval())
    modules = {n.target for n in traced.graph.nodes if n.op == "call_module"}
    calls = {n.target for n in traced.graph.nodes if n.op in ("call_function", "call_method")}
    return {type(traced.get_submodule(name)) for name in modules} | {
        getattr(target, "__name__", target) for target in calls
    }


def test_every_other_net_is_made_of_the_same_steps():
    """Writing and compiling all nets takes minutes; so the others must have nothing new in them."""
    known = set().union(*(kinds(build_net(n, size=48, dropout=0.5)) for n in QUICK))
    known |= kinds(Mixed())
    for name in sorted(set(net_names()) - set(QUICK)):
        with torch.device("meta"):  # their weights do not matter here
            new = kinds(build_net(name, size=48, dropout=0.5)) - known
        assert not new, f"{name} has {new}: add it to QUICK, or these to Mixed"


@pytest.mark.parametrize("name", ["googlenet", "wrn-28-4"])
def test_folding_changes_nothing(name):
    torch.manual_seed(3)
    net = fitted(build_net(name, size=48, dropout=0.5))
    folded = fold(net)
    left, all_of_them = (
        sum(isinstance(m, torch.nn.BatchNorm2d) for m in n.modules()) for n in (folded, net)
    )
    assert left < all_of_them
    x = torch.from_numpy(reference_input(48))
    with torch.inference_mode():
        torch.testing.assert_close(folded(x), net(x), rtol=1e-3, atol=1e-4)


def test_normalisation_of_a_convolution_that_others_use_too_is_left():
    class Shared(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)

        def forward(self, x):
            x = self.conv(x)
            return x + self.norm(x)

    net = fitted(Shared())
    folded = fold(net)
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    x = torch.from_numpy(reference_input(48))
    torch.testing.assert_close(folded(x), net(x))


def test_halves():
    assert is_half(torch.tensor([0.5, -0.0, 65504.0]))
    assert not is_half(torch.tensor([1e5]))
    assert not is_half(torch.tensor([0.1]))
    assert not is_half(torch.tensor([float("nan")]))


@pytest.fixture(scope="module")
def mapped_run(parts, tmp_path_factory):
    """A run of a net with activation maps, at another size, with a teacher."""
    folder = tmp_path_factory.mktemp("runs")
    changes = {"epochs": "1", "batch": "40", "size": "32"}
    resized = tuple(at_size(part, 32) for part in parts)
    teacher = RunFolder(folder / TEACHER)
    fit(RECIPES.get(TEACHER).override(changes), *resized, teacher, data=folder)
    pupil = RunFolder(folder / "pupil")
    changes |= {"teachers": f"@{TEACHER}", "teachers_share": "0.25"}
    fit(RECIPES.get("compact-taught").override(changes), *resized, pupil, data=folder)
    return pupil, resized


def at_size(faces, size):
    images = np.stack([cv2.resize(image, (size, size)) for image in faces.images])
    return replace(faces, images=images)


@pytest.fixture(scope="module")
def mapped(mapped_run, tmp_path_factory):
    pupil, resized = mapped_run
    return export(pupil, *resized, tmp_path_factory.mktemp("bundles") / "mapped", "mapped")


def test_the_app_gets_the_maps(mapped, mapped_run):
    images = list(mapped_run[1][1].images[:3])
    net = ExpressionNet(mapped.folder)
    assert net.has_maps
    maps = net.maps(images)
    assert maps.shape == (3, *mapped.bundle.outputs[1].shape) == (3, 8, 4, 4)
    outputs = run_program(mapped.folder / PROGRAM, net_input(images))
    np.testing.assert_allclose(maps, outputs[1], atol=PARITY)
    odds = np.exp(outputs[0] / mapped.bundle.temperature)
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(net.predict(images), expected, atol=PARITY)
    net.close()


def test_a_bundle_names_its_teachers_and_their_data(mapped):
    bundle = mapped.bundle
    assert f"distilled from {TEACHER}: their mean answer is 25%" in bundle.notes
    assert "48 x 48 crops, scaled to 32 x 32." in bundle.notes
    assert bundle.recipe["teachers"] == TEACHER  # not where on this machine it lies
    assert len(bundle.training_data) == 1  # the same part of the same set
    assert str(mapped.folder.parent) not in (mapped.folder / "bundle.json").read_text()


def test_a_tampered_program_is_refused(mapped, tmp_path):
    folder = shutil.copytree(mapped.folder, tmp_path / "tampered")
    program = bytearray((folder / PROGRAM).read_bytes())
    program[len(program) // 2] ^= 1
    (folder / PROGRAM).write_bytes(program)
    with pytest.raises(BundleError, match=r"model\.pt2 was altered or cut short"):
        ExpressionNet(folder)


def test_a_set_of_labels_and_a_fold_are_named(parts, tmp_path):
    train, valid = (
        replace(part, dataset="ckplus", votes=None, images=part.images[:16], labels=labels)
        for part in parts
        for labels in [part.labels[:16]]
    )
    recipe = RECIPES.get("khorrami2015-ferplus").override(
        {"epochs": "1", "batch": "8", "dataset": "ckplus", "protocol": "ckplus-8", "fold": "3"}
    )
    run = RunFolder(tmp_path / "run")
    fit(recipe, train, valid, run, data=tmp_path)
    bundle = export(run, train, valid, tmp_path / "bundle", "folded").bundle
    (metric,) = bundle.metrics
    assert (metric.dataset, metric.protocol) == ("ckplus", "label")
    assert metric.part == "ckplus-8, fold 3, valid"
    (data,) = bundle.training_data
    assert data.part == "ckplus-8, fold 3, train"
    assert data.name == DATASETS.get("ckplus").title
    assert data.terms == DATASETS.get("ckplus").terms
    assert "FER2013" not in bundle.notes
    assert "plurality" not in bundle.notes
    assert "cropped as the app crops them" in bundle.notes


def test_reference_input_is_seeded_and_normalised():
    x = reference_input(48)
    assert np.array_equal(x, reference_input(48))
    assert x.mean(axis=(1, 2, 3)) == pytest.approx(0, abs=1e-5)
    assert x.std(axis=(1, 2, 3)) == pytest.approx(1, abs=1e-4)
