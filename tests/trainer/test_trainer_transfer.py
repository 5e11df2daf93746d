import json
import signal

import numpy as np
import pytest
import torch
from small_nets import SmallNet, register, thin
from torchvision import models
from trainer_tree import COUNTS

from trainer import transfer as transfer_module
from trainer.datasets.base import Faces
from trainer.errors import StoppedError, TrainError
from trainer.nets import build_net
from trainer.recipes import RECIPES
from trainer.recipes.kyritsis_transfer import FEATURE_RECIPES, FeatureRecipe
from trainer.signals import Stop
from trainer.transfer import (
    C_VALUES,
    choose_c,
    decisions,
    feature_net,
    fit_svm,
    part_features,
    run_features,
    scores,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small layers: threads that wait for each other on a busy machine cost more than all."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A feature recipe of a small net with weights in a file."""
    register(monkeypatch, "small")
    torch.manual_seed(2)
    path = tmp_path / "weights.pt"
    torch.save(SmallNet(size=48, dropout=0.0, classes=5).state_dict(), path)
    return FeatureRecipe("svm-small-pool", "Small", "small", "pool", str(path))


@pytest.fixture
def counted(monkeypatch):
    """How many faces a net was asked about."""
    asked = []
    compute = transfer_module._compute

    def watched(net, layer, images):
        asked.append(len(images))
        yield from compute(net, layer, images)

    monkeypatch.setattr(transfer_module, "_compute", watched)
    return asked


def clusters(n, rng, classes=(1, 3, 6), spread=0.3):
    """Features that tell some classes apart."""
    labels = np.array([classes[i % len(classes)] for i in range(n)])
    centres = np.eye(12)[labels]
    return (5 + 100 * (centres + rng.normal(0, spread, (n, 12)))).astype(np.float32), labels


# The SVM


def test_a_linear_svm_tells_clusters_apart():
    rng = np.random.default_rng(0)
    x, labels = clusters(240, rng)
    c, accuracy = choose_c(x[:180], labels[:180], 0)
    assert c in C_VALUES
    assert accuracy > 0.9
    assert choose_c(x[:180], labels[:180], 0) == (c, accuracy)
    svm, converged = fit_svm(x[:180], labels[:180], c, 0)
    assert converged
    values = decisions(svm, x[180:])
    assert (values.argmax(1) == labels[180:]).mean() > 0.9
    assert np.isneginf(values[:, [0, 2, 4, 5, 7]]).all()
    assert np.isfinite(values[:, [1, 3, 6]]).all()


def test_of_two_classes_each_has_its_side():
    x, labels = clusters(60, np.random.default_rng(0), classes=(2, 7), spread=0.05)
    values = decisions(fit_svm(x, labels, 0.01, 0)[0], x)
    assert (values.argmax(1) == labels).all()
    assert np.array_equal(values[:, 2], -values[:, 7])


def test_a_solver_that_stops_early_is_known(monkeypatch):
    monkeypatch.setattr(transfer_module, "_ITERATIONS", 1)
    x, labels = clusters(90, np.random.default_rng(0), spread=2.0)
    assert not fit_svm(x, labels, 1e-2, 0)[1]


def test_scores_under_both_protocols(parts):
    valid = parts[1]
    values = np.full((len(valid), 8), -3.0, np.float32)
    values[np.arange(len(valid)), valid.labels] = 1.0
    values[0], values[0, 4] = 0.0, 1.0
    found = {score.protocol: score for score in scores(values, valid)}
    assert found.keys() == {"plurality", "majority"}
    plurality = found["plurality"]
    assert plurality.n == COUNTS["valid"]
    assert plurality.accuracy == pytest.approx(1 - 1 / plurality.n)
    low, high = plurality.accuracy_ci95
    assert low < plurality.accuracy <= high
    assert plurality.accuracy <= plurality.top2 <= plurality.top3


# Features


def test_features_are_kept_and_used_again(small, parts, tmp_path, monkeypatch, counted):
    monkeypatch.setattr(transfer_module, "_CHUNK", 16)
    net, fresh = feature_net(small)
    assert fresh == ["fc.weight", "fc.bias"]
    found = part_features(net, "pool", parts[0], tmp_path, Stop())
    assert (found.shape, found.dtype) == ((40, 8), np.float32)
    assert counted == [16, 16, 8]
    assert np.array_equal(found, part_features(net, "pool", parts[0], tmp_path, Stop()))
    assert counted == [16, 16, 8]
    (tmp_path / "pool-train-0001.npz").unlink()
    assert np.array_equal(found, part_features(net, "pool", parts[0], tmp_path, Stop()))
    assert counted == [16, 16, 8, 16]
    with torch.no_grad():
        net.conv1.weight.mul_(2)
    part_features(net, "pool", parts[0], tmp_path, Stop())
    assert counted[4:] == [16, 16, 8]
    part_features(net, "pool", parts[0].pick(np.arange(39, -1, -1)), tmp_path, Stop())
    assert counted[7:] == [16, 16, 8]


def test_features_do_not_depend_on_the_batch(small, parts, tmp_path, monkeypatch):
    net, _ = feature_net(small)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = part_features(net, "pool", parts[0], tmp_path / "a", Stop())
    monkeypatch.setattr(transfer_module, "_BATCH", 7)
    other = part_features(net, "pool", parts[0], tmp_path / "b", Stop())
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"junk", "is damaged"),
        ({"features": np.zeros((2, 8), np.float32)}, "is damaged"),
        ({"key": np.array("other")}, None),
    ],
)
def test_a_damaged_file_is_named(small, parts, tmp_path, content, message):
    net, _ = feature_net(small)
    path = tmp_path / "pool-valid-0000.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)
    if message is None:
        assert len(part_features(net, "pool", parts[1], tmp_path, Stop())) == COUNTS["valid"]
        return
    with pytest.raises(TrainError, match=rf"pool-valid-0000\.npz {message}.*delete it"):
        part_features(net, "pool", parts[1], tmp_path, Stop())


def test_a_kept_file_of_another_shape_is_named(small, parts, tmp_path):
    net, _ = feature_net(small)
    part_features(net, "pool", parts[1], tmp_path, Stop())
    path = tmp_path / "pool-valid-0000.npz"
    with np.load(path, allow_pickle=False) as content:
        key = content["key"]
    np.savez(path, features=np.zeros((3, 8), np.float32), key=key)
    with pytest.raises(TrainError, match=r"expected 24 rows of float32, found \(3, 8\) float32"):
        part_features(net, "pool", parts[1], tmp_path, Stop())


def test_a_signal_stops_between_batches(small, parts, tmp_path, monkeypatch):
    compute = transfer_module._compute
    monkeypatch.setattr(transfer_module, "_CHUNK", 16)

    def interrupted(net, layer, images):
        if len(list((tmp_path / "run").iterdir())) == 2:
            signal.raise_signal(signal.SIGTERM)
        yield from compute(net, layer, images)

    monkeypatch.setattr(transfer_module, "_compute", interrupted)
    with pytest.raises(StoppedError, match="Go on with the same command") as caught:
        run_features(small, *parts, tmp_path / "run")
    assert caught.value.signum == signal.SIGTERM
    assert len(list((tmp_path / "run").iterdir())) == 2


def test_weights_that_explode_are_noticed(small, parts, tmp_path):
    net, _ = feature_net(small)
    with torch.no_grad():
        net.bn2.weight.fill_(1e38)
        net.bn2.running_var.fill_(1e-30)
    with pytest.raises(TrainError, match="pool gives values that are not finite"):
        part_features(net, "pool", parts[1], tmp_path, Stop())


# Recipes


def test_a_feature_recipe_from_end_to_end(small, parts, tmp_path, counted):
    result = run_features(small, *parts, tmp_path / "run")
    assert (result.dimension, result.train, result.part) == (8, COUNTS["train"], "valid")
    assert result.fresh == ("fc.weight", "fc.bias")
    assert [score.protocol for score in result.scores] == ["plurality", "majority"]
    assert [score.n for score in result.scores] == [24, 24]
    written = json.loads((tmp_path / "run" / "features.json").read_text())
    assert written == json.loads(json.dumps(result.to_dict()))
    assert run_features(small, *parts, tmp_path / "run") == result
    assert counted == [40, 24]
    few = run_features(small, *parts, tmp_path / "run", limit=20)
    assert (few.train, few.scores[0].n) == (20, 20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"net": "khorrami2015"}, "khorrami2015 names no layers .*vgg16-224"),
        ({"layer": "fc6"}, r"small has no layer 'fc6'\. Known: pool"),
        ({"weights": ""}, "fresh weights say nothing"),
        ({"weights": "nowhere.pt"}, r"nowhere\.pt: no such file"),
        ({"size": 64}, "takes patches of 64 pixels, but the images of ferplus are 48 wide"),
    ],
)
def test_recipes_that_cannot_be_run(small, parts, tmp_path, changes, message):
    values = {key: getattr(small, key) for key in FeatureRecipe.__slots__}
    with pytest.raises(TrainError, match=message) as caught:
        run_features(FeatureRecipe(**{**values, **changes}), *parts, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_too_few_faces(small, parts, tmp_path):
    with pytest.raises(TrainError, match="Too few faces to learn from: two expressions with 3"):
        run_features(small, *parts, tmp_path, limit=3)
    nobody = Faces("jaffe", "valid", parts[1].images, np.full(24, -1), parts[1].names)
    with pytest.raises(TrainError, match="No face of the valid part of jaffe has a label"):
        run_features(small, parts[0], nobody, tmp_path)


TABLE = {
    "kyritsis-finetune-imagenet-conv3-3": 0.4639,
    "kyritsis-finetune-imagenet-conv4-3": 0.4221,
    "kyritsis-finetune-face-conv3-3": 0.5352,
    "kyritsis-finetune-face-conv4-3": 0.4567,
    "kyritsis-svm-imagenet-fc6": 0.3422,
    "kyritsis-svm-imagenet-fc7": 0.2925,
    "kyritsis-svm-face-fc6": 0.272,
    "kyritsis-svm-face-fc7": 0.231,
    "kyritsis-svm-resnet50": 0.2113,
    "kyritsis-svm-inceptionv3": 0.1914,
}


def test_table_7_2_is_complete():
    recipes = [RECIPES.get(name) for name in RECIPES.names()]
    recipes += [FEATURE_RECIPES.get(name) for name in FEATURE_RECIPES.names()]
    assert {r.name: r.published for r in recipes if r.table == "kyritsis/table7.2"} == TABLE


@pytest.mark.parametrize("name", [name for name in TABLE if "finetune" in name])
def test_fine_tuning_freezes_a_block_of_its_net(name):
    recipe = RECIPES.get(name)
    with torch.device("meta"):
        net = build_net(recipe.net, size=recipe.size, dropout=recipe.dropout)
    assert recipe.freeze in net.blocks()
    assert recipe.weights


@pytest.mark.parametrize("name", FEATURE_RECIPES.names())
def test_feature_recipes_name_a_layer_of_their_net(name):
    recipe = FEATURE_RECIPES.get(name)
    with torch.device("meta"):
        net = build_net(recipe.net, size=recipe.size, dropout=0.0)
    assert recipe.layer in net.layers


# The command line


def test_features_of_resnet50_at_its_size(command, tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with torch.device("meta"):
        state = models.get_model("resnet50", weights=None, num_classes=1000).state_dict()
    torch.save(thin(state), tmp_path / "resnet50.pth")
    start = ["transfer", "features", "kyritsis-svm-resnet50", "-d", tree, "--limit", "12"]
    start += ["--weights", "resnet50.pth"]
    code, out, err = command(*start, "--json")
    assert code == 0, err
    result = json.loads(out)
    assert (result["dimension"], result["train"]) == (2048, 12)
    assert result["recipe"]["published"] == 0.2113
    assert result["fresh"] == ["net.fc.weight", "net.fc.bias"]
    assert (tmp_path / "runs" / "kyritsis-svm-resnet50" / "pool-valid-0000.npz").is_file()
    code, out, err = command(*start)
    assert code == 0
    assert "published, on test: 21.13%" in out
    assert "since of another size: net.fc.weight, net.fc.bias" in err


def test_features_of_a_net_by_name(command, tree, tmp_path, small):
    start = ["transfer", "features", "small", "-d", tree, "--run", tmp_path / "run"]
    code, out, _ = command(*start, "--layer", "pool", "--weights", small.weights, "--seed", "3")
    assert code == 0
    assert "valid, plurality, n = 24: accuracy" in out
    code, _, err = command(*start, "--layer", "pool")
    assert code == 2
    assert "say --layer and --weights too" in err


def test_unknown_recipes_name_the_nearest(command, tree):
    code, _, err = command("transfer", "features", "kyritsis-svm-resnet", "-d", tree)
    assert code == 2
    assert "Did you mean kyritsis-svm-resnet50" in err


def test_list(command):
    recipes = json.loads(command("transfer", "list", "--json")[1])
    assert {recipe["name"] for recipe in recipes} == set(FEATURE_RECIPES.names())
    assert command("transfer", "list")[0] == 0
