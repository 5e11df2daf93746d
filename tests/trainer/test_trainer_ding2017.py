import json
import signal

import numpy as np
import pytest
import scipy.io
import torch
from dataset_trees_b import sfew_parts
from many_runs import complaint, set_options
from small_nets import SmallNet, register
from test_trainer_fit import content, same

from ferdesk.core.errors import DataError
from ferdesk.core.preprocess import normalise
from trainer import fit as fit_module
from trainer import matconvnet, runs
from trainer.before import resolved, run_before
from trainer.datasets.base import Sample, Table
from trainer.datasets.folds import FOLD_PROTOCOLS, folds
from trainer.errors import StoppedError, TrainError
from trainer.fit import fit
from trainer.guide import Guide, learner_of
from trainer.nets import build_net, ding2017
from trainer.nets.ding2017 import places
from trainer.nets.face_resnet import CLOSE, FaceResNet
from trainer.norms import measure_norms, stand_ins
from trainer.recipes import RECIPES
from trainer.runs import RunFolder
from trainer.weights import load_weights

FACE, LAYER, NET = "small-face", "bn2", "fn2en/8x5"  # 48 pixels leave SmallNet 5 x 5 places of 8
STAGE1 = {
    "dataset": "ferplus",
    "protocol": "",
    "net": NET,
    "face_net": FACE,
    "face_layer": LAYER,
    "epochs": "2",
    "batch": "8",
    "ema_decay": "0.5",
}


@pytest.fixture(scope="module", autouse=True)
def quick():
    """One thread, and an expression net of few channels: what is tested depends on neither."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ding2017, "CHANNELS", (4, 4, 8, 8, 8))
        patch.setattr(ding2017, "HIDDEN", 16)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    """The weights of a face net that is quick."""
    with pytest.MonkeyPatch.context() as patch:
        register(patch, FACE)
        torch.manual_seed(3)
        path = tmp_path_factory.mktemp("face") / "face.pt"
        torch.save(SmallNet(size=48, dropout=0.0).state_dict(), path)
        yield path


@pytest.fixture(scope="module")
def stage1(face):
    recipe = RECIPES.get("ding2017-few-features")
    return recipe.override({**STAGE1, "face": str(face)})


@pytest.fixture(scope="module")
def stage2(stage1, features):
    changes = {**STAGE1, "face_net": "", "face_layer": "", "weights": str(features[0].folder)}
    return RECIPES.get("ding2017-few-fn2en").override(changes)


def train(recipe, parts, folder, **options):
    run = RunFolder(folder)
    return run, fit(recipe, *parts, run, data=folder, **options)


@pytest.fixture(scope="module")
def features(stage1, parts, tmp_path_factory):
    """Stage 1, without a break."""
    return train(stage1, parts, tmp_path_factory.mktemp("stage1"))


@pytest.fixture(scope="module")
def expressions(stage2, parts, tmp_path_factory):
    """Stage 2, without a break."""
    return train(stage2, parts, tmp_path_factory.mktemp("stage2"))


# The nets


@pytest.mark.parametrize(
    ("member", "size", "left"),
    [("512x7", 224, 7), ("8x7", 48, 2), ("8x2", 48, 2), ("8x12", 48, 2), ("16x5", 70, 3)],
)
@pytest.mark.parametrize("family", ["fn2en", "fn2en-norm"])
def test_transposed_convolution_makes_the_face_net_s_places(family, member, size, left):
    assert places(size) == left
    net = build_net(f"{family}/{member}", size=size, dropout=0.5).eval()
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == (6 if family == "fn2en-norm" else 0)
    channels, side = map(int, member.split("x"))
    with torch.inference_mode():
        x = torch.randn(1, 1, size, size)
        maps = net.learner()(x)
        assert maps.shape[1:] == net.shape() == (channels, side, side)
        assert net(x).shape == (1, 8)
    enlarging = [m for m in net.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert len(enlarging) == (side > left)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("fn2en/7x512x7", 224, "write the channels and the side .* such as fn2en/512x7"),
        ("fn2en-norm/512", 224, "write the channels and the side .* such as fn2en-norm/512x7"),
        ("fn2en/512x7", 31, "32 pixels or more, not 31"),
        ("fn2en/512x6", 224, "7 x 7 places are left, more than the 6 x 6"),
        ("fn3en/512x7", 224, "no family of nets 'fn3en'. Did you mean fn2en"),
        ("torchvision/alexnot", 48, "no net 'alexnot'. Did you mean alexnet"),
        ("face-resnet", 8, "16 pixels or more"),
    ],
)
def test_nets_that_there_are_not(name, size, message):
    with pytest.raises(TrainError, match=message):
        build_net(name, size=size, dropout=0.5)


def test_any_net_of_torchvision_s():
    net = build_net("torchvision/squeezenet1_1", size=48, dropout=0.0).eval()
    assert net(torch.zeros(1, 1, 48, 48)).shape == (1, 8)
    assert net.published == "squeezenet1_1"


def test_dlib_s_face_net_answers_as_it_should(shared):
    from safetensors.torch import load_file

    path = shared("models/face_resnet.safetensors")
    net = FaceResNet(size=48, dropout=0.0).eval()
    fresh = load_weights(net, str(path), "face-resnet")
    assert fresh == ["expressions.weight", "expressions.bias"]
    x = (torch.arange(150 * 150 * 3).reshape(1, 3, 150, 150) % 256).float()
    mean = torch.tensor([122.782, 117.001, 104.298])[:, None, None]
    with torch.inference_mode():
        embedding = net.pooled((x - mean) / 256) @ load_file(path)["fc.weight"].float().T
    start = torch.tensor([-0.0542, 0.1031, 0.0893, 0.0064, -0.0817, -0.0681])
    torch.testing.assert_close(embedding[0, :6], start, atol=2e-4, rtol=0)
    assert set(net.blocks()) >= {"conv32_down", "conv64_1", "conv256_down_out"}


def test_dlib_s_face_net_gets_its_normalisation_back(tmp_path):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    plain = FaceResNet(size=48, dropout=0.0, inner=CLOSE).eval()
    published = {
        key: torch.rand_like(value) + 0.5 if "scale" in key else value
        for key, value in plain.state_dict().items()
    }
    published = {k: v for k, v in published.items() if not k.startswith("expressions")}
    save_file({**published, "fc.weight": torch.zeros(128, 256)}, tmp_path / "face.safetensors")
    load_weights(plain, str(tmp_path / "face.safetensors"), "face-resnet")

    net = build_net("face-resnet-112", size=48, dropout=0.0).eval()
    fresh = load_weights(net, str(tmp_path / "face.safetensors"), "face-resnet-112")
    assert fresh == ["expressions.weight", "expressions.bias"]
    images = torch.randint(0, 256, (16, 1, 48, 48), dtype=torch.uint8)
    x = normalise(images.float())
    with torch.inference_mode():
        expected = plain.pooled(plain.picture(x))
        torch.testing.assert_close(net.pooled(net.picture(x)), expected)
    assert len(stand_ins(net)) == 29
    measure_norms(net, images)
    assert not stand_ins(net)
    with torch.inference_mode():
        torch.testing.assert_close(net.pooled(net.picture(x)), expected)
        net.train()  # its own statistics are now those of the pictures
        torch.testing.assert_close(net.pooled(net.picture(x)), expected, atol=1e-3, rtol=1e-3)


# Stage 1


def test_gradients_do_not_reach_the_face_net(stage1):
    net = build_net(NET, size=48, dropout=0.5)
    guide = Guide(stage1, net)
    x = torch.randn(4, 1, 48, 48)
    before = guide.features(x)
    guide.loss(guide.learner, x).backward()
    assert not before.requires_grad
    assert all(p.grad is None for p in guide._inside._net.parameters())
    assert all(p.grad is None and not p.requires_grad for p in net.rest().parameters())
    assert all(p.grad is not None for p in learner_of(net).parameters())
    assert torch.equal(before, guide.features(x))


@pytest.mark.parametrize("norm", [1.0, 2.0])
def test_the_loss_is_the_sum_of_the_p_th_powers(stage1, norm):
    net = build_net(NET, size=48, dropout=0.5).eval()
    guide = Guide(stage1.model_copy(update={"norm": norm}), net)
    images = torch.randint(0, 256, (3, 1, 48, 48), dtype=torch.uint8)
    loss, relative = guide.judge(guide.learner, images)
    x = images.float()
    x = (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True, correction=0)
    with torch.inference_mode():
        theirs = guide.features(x)
        wanted = (net.learner()(x) - theirs).abs() ** norm
        assert loss == pytest.approx(float(wanted.sum() / 3), rel=0.02)
        assert relative == pytest.approx(
            float(wanted.sum() / (theirs.abs() ** norm).sum()), rel=0.02
        )


def test_stage_1_comes_nearer_and_leaves_the_rest_alone(features, stage1):
    run, rows = features
    assert tuple(rows[0]) == runs.GUIDE_METRICS
    assert rows[1]["valid_loss"] < rows[0]["valid_loss"]
    assert rows[1]["valid_relative"] < rows[0]["valid_relative"]
    assert run.read_metrics()[1]["valid_relative"] == pytest.approx(rows[1]["valid_relative"], 1e-4)
    torch.manual_seed(stage1.seed)
    fresh = build_net(NET, size=48, dropout=0.5).state_dict()
    learnt = torch.load(run.best, weights_only=True)["ema"]
    same_parts = {key for key in fresh if torch.equal(fresh[key], learnt[key])}
    assert same_parts == {key for key in fresh if key.startswith("classifier.")}
    assert run.curves.is_file()


def test_stage_2_starts_from_stage_1(expressions, stage2, features):
    run, rows = expressions
    assert rows[0]["valid_accuracy"] >= 0
    torch.manual_seed(stage2.seed)
    net = build_net(NET, size=48, dropout=0.5)
    assert load_weights(net, stage2.weights, NET) == []
    started = torch.load(features[0].best, weights_only=True)["ema"]
    assert all(torch.equal(value, started[key]) for key, value in net.state_dict().items())
    moved = torch.load(run.last, weights_only=True)["net"]
    assert not torch.equal(moved["classifier.1.weight"], started["classifier.1.weight"])


@pytest.mark.parametrize("which", ["stage1", "stage2"])
def test_both_stages_resume_bit_for_bit(which, request, parts, tmp_path, monkeypatch):
    straight = request.getfixturevalue("features" if which == "stage1" else "expressions")[0]
    recipe = request.getfixturevalue(which)
    step, taken = fit_module.train_step, []

    def interrupted(*arguments):
        taken.append(1)
        if len(taken) == 7:  # the second of the second epoch's five
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "train_step", interrupted)
        with pytest.raises(StoppedError):
            train(recipe, parts, tmp_path / which)
    run, _ = train(recipe, parts, tmp_path / which, resume=True)
    assert same(content(straight), content(run))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"face_layer": "bn3"},
            r"no layer 'bn3'. Layers: .*conv1 \(4 x 12 x 12\).*bn2 \(8 x 5 x 5\)",
        ),
        ({"face_layer": "conv1"}, r"conv1 \(4 x 12 x 12\) .*--set net=fn2en/4x12"),
        ({"face_layer": "fc"}, "as many places in height as in width"),
        ({"net": "compact"}, "compact has no convolutions that could learn"),
        ({"face_net": ""}, "is not a run's folder: of a weights file, say --set face_net="),
        ({"face_net": "compact"}, "another net than compact"),
        ({"face": "nowhere.pt"}, "no weights in nowhere.pt"),
    ],
)
def test_face_nets_that_do_not_fit(stage1, parts, tmp_path, changes, message):
    recipe = stage1.override(changes)
    with pytest.raises(TrainError, match=message) as caught:
        train(recipe, parts, tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_run_as_the_face_net(stage1, expressions, parts, tmp_path):
    changes = {"face": str(expressions[0].folder), "face_net": "", "face_layer": "convolutions.0"}
    with pytest.raises(TrainError, match="--set net=fn2en/4x48"):
        train(stage1.override(changes), parts, tmp_path)
    with pytest.raises(TrainError, match=r"takes patches of 48 pixels, .* --set size=48"):
        Guide(stage1.override({**changes, "size": "64"}), build_net(NET, size=64, dropout=0.5))


def test_a_face_net_with_pickled_objects(stage1, parts, tmp_path):
    bad = tmp_path / "face.pth"
    torch.save({"conv1.weight": Table("", (), cropped=True)}, bad)
    with pytest.raises(TrainError, match="damaged or holds more than tensors"):
        train(stage1.override({"face": str(bad)}), parts, tmp_path / "run")


# MatConvNet's files


def layer(name, **content):
    return {"name": name, "type": "conv", **content}


def save_layers(path, layers, **options):
    cell = np.empty((1, len(layers)), object)
    for place, one in enumerate(layers):
        cell[0, place] = one
    scipy.io.savemat(path, {"layers": cell}, **options)
    return path


def pair(*arrays):
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = arrays
    return cell


def test_matconvnet_s_weights(tmp_path):
    rng = np.random.default_rng(0)
    filters = rng.normal(size=(3, 5, 2, 4)).astype(np.float32)  # height, width, inputs, outputs
    hidden = rng.normal(size=(2, 2, 4, 6)).astype(np.float32)
    bias = np.arange(4, dtype=np.float32)[None]
    path = save_layers(
        tmp_path / "face.mat",
        [
            layer("conv1_1", weights=pair(filters, bias)),
            {"name": "relu1_1", "type": "relu"},
            layer("fc6", filters=hidden, biases=np.zeros((1, 6), np.float32)),
        ],
    )
    found = matconvnet.read_matconvnet(path)
    assert list(found) == ["conv1_1.weight", "conv1_1.bias", "fc6.weight", "fc6.bias"]
    assert found["conv1_1.weight"][3, 1, 2, 4] == filters[2, 4, 1, 3]
    assert found["conv1_1.bias"].tolist() == [0, 1, 2, 3]
    assert found["fc6.weight"].shape == (6, 16)
    assert found["fc6.weight"][5].reshape(4, 2, 2)[3, 1, 0] == hidden[1, 0, 3, 5]


def test_mat_files_that_are_no_net_or_a_bomb(tmp_path, monkeypatch):
    other = tmp_path / "other.mat"
    scipy.io.savemat(other, {"images": np.zeros(3)})
    with pytest.raises(TrainError, match="holds no net of MatConvNet"):
        load_weights(SmallNet(size=48, dropout=0.0), str(other), "small")
    monkeypatch.setattr(matconvnet, "_LIMIT", 100_000)
    zeros = pair(np.zeros((64, 64, 64), np.float32), np.zeros((1, 1), np.float32))
    bomb = save_layers(tmp_path / "b.mat", [layer("conv1_1", weights=zeros)], do_compression=True)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(DataError, match=r"b\.mat cannot be used") as caught:
        load_weights(SmallNet(size=48, dropout=0.0), str(bomb), "small")
    assert "\n" not in str(caught.value)


# Chains of runs


def test_where_the_run_before_lies(tmp_path):
    with_folds, without = "ding2017-oulu-face", "ng2015-near-fer28"
    assert run_before(with_folds, tmp_path / "a" / "fold-3") == tmp_path / with_folds / "fold-3"
    assert run_before(without, tmp_path / "a" / "fold-3") == tmp_path / without
    assert run_before(with_folds, tmp_path / "a") == tmp_path / with_folds
    recipe = RECIPES.get("ding2017-oulu-features")
    assert recipe.after == (with_folds,)
    with pytest.raises(TrainError, match="starts from the run of ding2017-oulu-face, which is not"):
        resolved(recipe, tmp_path / recipe.name / "fold-0")


SFEW = tuple(f"ding2017-sfew-{kind}" for kind in ("face", "features"))
TINY = (
    "size=32",
    "epochs=1",
    "batch=7",
    "net=fn2en/8x3",
    f"{SFEW[0]}:net={FACE}",
    f"{SFEW[0]}:weights=",
    f"{SFEW[0]}:size=32",
    f"{SFEW[0]}:epochs=1",
    f"{SFEW[1]}:net=fn2en/8x3",
    f"{SFEW[1]}:face_layer={LAYER}",
    f"{SFEW[1]}:lr=1e-5",
    f"{SFEW[1]}:size=32",
    f"{SFEW[1]}:epochs=1",
)


def test_a_row_trains_all_that_comes_before_it(face, tmp_path, command):
    data = sfew_parts(tmp_path / "sfew", ("Train_Aligned_Faces", "Val_Aligned_Faces"))
    where = ("--runs", tmp_path / "runs", "--output", tmp_path / "results")
    start = ("reproduce", "ding2017/table6", "--data", data, *where)
    row = "ding2017-sfew-fn2en"
    code, out, err = command(*start, "--only", row, *set_options(TINY))
    assert code == 0, err
    assert "48.19%" in out
    for name in (*SFEW, row):
        assert (tmp_path / "runs" / name / "fold-0" / "best.pt").is_file()
    found = json.loads((tmp_path / "results" / "ding2017-table6.json").read_text())
    (figure,) = found["rows"][row]["figures"]
    assert (figure["protocol"], figure["part"], figure["n"]) == ("sfew", "valid", 14)
    assert [one["name"] for one in found["rows"][row]["before"]] == list(SFEW)
    text = (tmp_path / "results" / "ding2017-table6.md").read_text()
    assert f"- {row}, in the run of {SFEW[1]}: " in text
    assert f"ding2017-table6-{row}.png" in text
    assert (tmp_path / "results" / f"ding2017-table6-{row}.png").is_file()

    again = command(*start, "--only", row, *set_options(TINY))  # nothing is left to do
    assert again[0] == 0
    assert "epoch" not in again[2]
    face_s = [text for text in TINY if text.startswith(f"{SFEW[0]}:")]
    code, out, err = command(*start, "--only", SFEW[0], *set_options(face_s))  # which is a row too
    assert (code, "epoch" in err) == (0, False)
    assert "41.23%" in out
    for name in SFEW:  # other face nets: what was made with the first is not taken
        for path in (tmp_path / "runs" / name / "fold-0").iterdir():
            path.unlink()
    code, _, err = command(*start, "--only", row, *set_options((*TINY, f"{SFEW[0]}:seed=5")))
    assert code == 2
    table = json.loads((tmp_path / "results" / "ding2017-table6.json").read_text())
    assert "the run of ding2017-sfew-features=" in table["failed"][row]


def test_values_for_runs_that_do_not_come_before(tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("reproduce", "ding2017/table6", "-d", "x", "--set", "ding2017-sfew-faces:lr=1")
    code, _, err = command(*words)
    assert code == 2
    assert "starts from a run of 'ding2017-sfew-faces'. Did you mean ding2017-sfew-" in complaint(
        err
    )


def test_stage_1_alone_is_neither_exported_nor_evaluated(features, tree, tmp_path, command):
    run = features[0].folder
    code, _, err = command("export", run, "-d", tree, "-o", tmp_path / "bundle")
    assert code == 2
    assert "has learnt features and no expressions yet" in complaint(err)
    assert command("evaluate", "--run", run, "-d", tree)[0] == 2


def test_stage_2_becomes_a_bundle(expressions, tree, tmp_path, command):
    code, _, err = command("export", expressions[0].folder, "-d", tree, "-o", tmp_path / "fn2en")
    assert code == 0, err
    manifest = json.loads((tmp_path / "fn2en" / "bundle.json").read_text())
    assert manifest["input"]["size"] == 48
    assert manifest["recipe"]["net"] == NET


# Draws of ours


def no_picture():
    raise AssertionError("nothing is decoded when folds are cut")


def test_few_faces_of_ferplus():
    samples = [
        Sample(f"{part}{i}", no_picture, label=0 if i % 10 else 1 + i // 10 % 7, part=part)
        for part, count in (("train", 4000), ("valid", 70))
        for i in range(count)
    ]
    protocol = FOLD_PROTOCOLS.get("ferplus-1308")
    cut = folds(protocol, Table("drawn", tuple(samples), cropped=True))
    assert len(cut) == 3
    names = [{s.name for s in fold.train} for fold in cut]
    assert names[0] != names[1]
    for fold in cut:
        assert abs(len(fold.train) - 1308) <= 8
        assert abs(len(fold.valid) - 1308) <= 8
        assert not {s.name for s in fold.train} & {s.name for s in fold.valid}
        assert {s.part for s in fold.test} == {"valid"}
        assert len(fold.test) == 70
    again = folds(protocol, Table("drawn", tuple(samples), cropped=True))
    assert [{s.name for s in fold.train} for fold in again] == names


def test_people_of_a_small_target_do_not_mix():
    samples = [
        Sample(f"{i}", no_picture, label=i % 8, subject=f"person {i // 3}") for i in range(2400)
    ]
    cut = folds(FOLD_PROTOCOLS.get("faces-7"), Table("drawn", tuple(samples), cropped=False))
    for fold in cut:
        people = [{s.subject for s in part} for part in (fold.train, fold.valid, fold.test)]
        assert not people[0] & people[1] and not people[0] & people[2] and not people[1] & people[2]
        whole = [s.label for part in (fold.train, fold.valid, fold.test) for s in part]
        assert {whole.count(label) for label in range(7)} == {150}
        assert 7 not in whole
    assert cut[0].test != cut[1].test
