import signal
import urllib.error

import pytest
import torch
from safetensors.torch import save_file
from small_nets import SmallNet, register, thin
from torch import nn
from torchvision import models

from trainer import fit as fit_module
from trainer import weights as weights_module
from trainer.errors import StoppedError, TrainError
from trainer.fit import fit
from trainer.losses import whole_loss
from trainer.nets import build_net
from trainer.nets.pretrained import (
    VGG16_CONVOLUTIONS,
    BlockNet,
    InceptionV3At299,
    ResNet50At224,
    VGG16At224,
)
from trainer.predict import load_run
from trainer.recipes import RECIPES
from trainer.runs import RunFolder
from trainer.weights import freeze_until, load_weights, start_from, train_mode

VGG_FILE = "vgg16-397923af.pth"
CLASSIFIER = ["net.classifier.6.weight", "net.classifier.6.bias"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small layers: threads that wait for each other on a busy machine cost more than all."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def vgg():
    return VGG16At224(size=48, dropout=0.5, inner=64)


@pytest.fixture
def small():
    torch.manual_seed(1)
    return SmallNet(size=48, dropout=0.0)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty torch.hub that reaches nothing."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))

    def refuse(*_args, **_options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    return tmp_path / "hub" / "checkpoints"


def published(name, **options):
    """The shapes of torchvision's weights for ImageNet."""
    with torch.device("meta"):
        return models.get_model(name, weights=None, num_classes=1000, **options).state_dict()


def alike(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def copied(net):
    return {key: value.clone() for key, value in net.state_dict().items()}


# Nets that look like torchvision's


def test_vgg16_gives_torchvision_s_logits_and_hidden_layers(vgg):
    x = torch.randn(2, 1, 48, 48)
    vgg.eval()
    with torch.inference_mode():
        large = vgg.enlarge(x)
        assert large.shape == (2, 3, 64, 64)
        assert torch.equal(large[:, 0], large[:, 2])
        torch.testing.assert_close(vgg(x), vgg.net(large))
        fc6, fc7 = vgg.features(x, "fc6"), vgg.features(x, "fc7")
        assert fc6.shape == fc7.shape == (2, 4096)
        assert not torch.allclose(fc6, fc7)
        torch.testing.assert_close(vgg.net.classifier[6](fc7), vgg(x))
    with pytest.raises(TrainError, match=r"no layer 'fc8'.*Did you mean fc7 or fc6"):
        vgg.features(x, "fc8")


@pytest.mark.parametrize(
    ("make", "inner", "first", "last"),
    [(ResNet50At224, 64, "conv1", "layer4"), (InceptionV3At299, 75, "Conv2d_1a_3x3", "Mixed_7c")],
)
def test_pooled_nets_give_torchvision_s_logits(make, inner, first, last):
    torch.manual_seed(0)
    net = make(size=48, dropout=0.5, inner=inner).eval()
    x = torch.randn(2, 1, 48, 48)
    with torch.inference_mode():
        features = net.features(x, "pool")
        assert features.shape == (2, 2048)
        torch.testing.assert_close(net.net.fc(features), net(x))
        torch.testing.assert_close(net.net(net.enlarge(x)), net(x))
    blocks = net.blocks()
    assert (next(iter(blocks)), next(reversed(blocks))) == (first, last)
    learnt = [p for modules in blocks.values() for m in modules for p in m.parameters()]
    assert len(learnt) == len(list(net.parameters())) - 2
    with pytest.raises(TrainError, match=r"no layer 'fc6'.*Known: pool"):
        net.features(x, "fc6")


def test_inception_gets_pictures_as_torchvision_turns_them_for_it():
    net = InceptionV3At299(size=48, dropout=0.5, inner=75)
    x = torch.randn(2, 1, 48, 48)
    usual = ResNet50At224.enlarge(net, x)
    net.net.transform_input = True
    torch.testing.assert_close(net.enlarge(x), net.net._transform_input(usual))
    assert not any("scale" in key or "shift" in key for key in net.state_dict())


@pytest.mark.parametrize("name", ["vgg16-224", "resnet50-224", "inceptionv3-299"])
def test_transfer_nets_refuse_a_size_that_is_none(name):
    with pytest.raises(TrainError, match=f"{name} takes any size from 1 on, not 0"):
        build_net(name, size=0, dropout=0.5)


# Weights from elsewhere


def test_imagenet_s_vgg16(vgg, hub):
    hub.mkdir(parents=True)
    state = thin(published("vgg16"))
    file = hub / VGG_FILE
    torch.save(state, file)
    assert file.stat().st_size < 100_000
    before = vgg.net.classifier[6].weight.clone()
    assert load_weights(vgg, "imagenet", "vgg16-224") == CLASSIFIER
    own = vgg.state_dict()
    for key in state.keys() - {"classifier.6.weight", "classifier.6.bias"}:
        assert torch.equal(own[f"net.{key}"], state[key]), key
    assert torch.equal(vgg.net.classifier[6].weight, before)


@pytest.mark.parametrize(
    ("make", "inner", "published_name", "options"),
    [
        (ResNet50At224, 64, "resnet50", {}),
        # the published file has the auxiliary classifier, which the net leaves out
        (InceptionV3At299, 75, "inception_v3", {"aux_logits": True, "init_weights": False}),
    ],
)
def test_published_weights_of_the_pooled_nets(tmp_path, make, inner, published_name, options):
    net = make(size=48, dropout=0.5, inner=inner)
    state = thin(published(published_name, **options))
    file = tmp_path / "published.pth"
    torch.save(state, file)
    assert load_weights(net, str(file), published_name) == ["net.fc.weight", "net.fc.bias"]
    for key, value in net.state_dict().items():
        if not key.startswith("net.fc."):
            assert torch.equal(value, state[key.removeprefix("net.")]), key


@pytest.mark.parametrize("spelling", ["conv{}_{}", "conv_{}_{}"])
def test_vgg_face_s_names(vgg, tmp_path, spelling):
    theirs = thin(published("vgg16"))
    state = {}
    for name, place in VGG16_CONVOLUTIONS.items():
        key = spelling.format(name[4], name[6])
        for kind in ("weight", "bias"):
            state[f"{key}.{kind}"] = theirs[f"features.{place}.{kind}"]
    for number, place in ((6, 0), (7, 3)):
        for kind in ("weight", "bias"):
            state[f"fc{number}.{kind}"] = theirs[f"classifier.{place}.{kind}"]
    state["fc8.weight"] = torch.ones(1, 1).expand(2622, 4096)
    state["fc8.bias"] = torch.ones(1).expand(2622)
    file = tmp_path / "vgg_face_dag.pth"
    torch.save(state, file)
    assert load_weights(vgg, str(file), "vgg16-224") == CLASSIFIER
    own = vgg.state_dict()
    for key in theirs.keys() - {"classifier.6.weight", "classifier.6.bias"}:
        # 57.63 grey levels are a spread of 1 in ImageNet's normalisation
        factor = 57.63 if key == "features.0.weight" else 1.0
        torch.testing.assert_close(own[f"net.{key}"], theirs[key] * factor), key


def test_vgg_face_is_another_net_than_resnet50(tmp_path):
    net = ResNet50At224(size=48, dropout=0.5)
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "face.pth")
    with pytest.raises(TrainError, match="another net than resnet50-224"):
        load_weights(net, str(tmp_path / "face.pth"), "resnet50-224")


def test_imagenet_that_cannot_be_reached(vgg, hub):
    with pytest.raises(
        TrainError, match=rf"{VGG_FILE} .*no route to host.*--weights FILE"
    ) as caught:
        load_weights(vgg, "imagenet", "vgg16-224")
    assert "\n" not in str(caught.value)
    assert "http" not in str(caught.value)


def test_imagenet_that_is_not_what_its_name_says(vgg, hub, monkeypatch):
    asked = {}

    def fetch(url, path, hash_prefix, **_options):
        asked.update(url=url, digest=hash_prefix)
        raise RuntimeError('invalid hash value (expected "397923af", got "00")')

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    with pytest.raises(TrainError, match="invalid hash value"):
        load_weights(vgg, "imagenet", "vgg16-224")
    assert asked["url"].endswith(f"/{VGG_FILE}")
    assert asked["digest"] == "397923af"


def test_imagenet_has_nothing_for_other_nets(small):
    with pytest.raises(TrainError, match=r"no ImageNet weights for khorrami2015: .*vgg16-224"):
        load_weights(small, "imagenet", "khorrami2015")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_plain_state_dict(small, tmp_path, suffix):
    other = SmallNet(size=48, dropout=0.0)
    state = {k: v for k, v in other.state_dict().items() if not k.endswith("num_batches_tracked")}
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pt":
        torch.save(state, path)
    else:
        save_file(state, path)
    assert load_weights(small, str(path), "small") == []
    assert alike(small.state_dict(), other.state_dict())


def test_half_precision_is_widened(small, tmp_path):
    state = {
        key: value.half() for key, value in SmallNet(size=48, dropout=0.0).state_dict().items()
    }
    state = {k: v for k, v in state.items() if "tracked" not in k}
    torch.save(state, tmp_path / "half.pt")
    assert load_weights(small, str(tmp_path / "half.pt"), "small") == []
    assert torch.equal(small.fc.weight, state["fc.weight"].float())
    assert small.fc.weight.dtype == torch.float32


def test_a_picture_with_colours_and_other_classes_leave_two_layers_fresh(small, tmp_path):
    other = SmallNet(size=48, dropout=0.0, channels=3, classes=5)
    torch.save(other.state_dict(), tmp_path / "other.pt")
    before = copied(small)
    fresh = load_weights(small, str(tmp_path / "other.pt"), "small")
    assert fresh == ["conv1.weight", "conv1.bias", "fc.weight", "fc.bias"]
    after = small.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in fresh)
    assert torch.equal(after["conv2.weight"], other.conv2.weight)


def broken(change):
    state = SmallNet(size=48, dropout=0.0).state_dict()
    change(state)
    return state


CASES = {
    "lacks": (lambda s: s.pop("conv2.bias"), "another net than small: it lacks conv2.bias"),
    "more": (lambda s: s.update(conv3=torch.zeros(1)), "conv3 is not in this net"),
    "shape": (
        lambda s: s.update({"conv2.weight": torch.zeros(8, 4, 5, 5)}),
        "conv2.weight is 8 x 4 x 5 x 5 there and 8 x 4 x 3 x 3 in this net",
    ),
    "fc": (
        lambda s: s.update({"fc.weight": torch.zeros(8, 9)}),
        "fc.weight is 8 x 9 there and 8 x 8 in this net",
    ),
    "nan": (
        lambda s: s["conv1.weight"].fill_(float("nan")),
        "conv1.weight holds values that are not finite",
    ),
    "whole numbers": (
        lambda s: s.update({"fc.bias": torch.zeros(8, dtype=torch.int64)}),
        r"fc.bias is strided int64, expected strided float32",
    ),
    "sparse": (
        lambda s: s.update({"fc.weight": torch.zeros(8, 8).to_sparse()}),
        r"fc.weight is sparse_coo float32, expected strided float32",
    ),
}


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
@pytest.mark.parametrize("case", CASES)
def test_weights_of_another_net_change_nothing(small, tmp_path, case):
    change, message = CASES[case]
    path = tmp_path / "other.pt"
    torch.save(broken(change), path)
    before = copied(small)
    with pytest.raises(TrainError, match=rf"other\.pt.*{message}") as caught:
        load_weights(small, str(path), "small")
    assert "\n" not in str(caught.value)
    assert alike(small.state_dict(), before)


def test_a_deeper_net_of_the_same_family_is_another_net(tmp_path):
    net = ResNet50At224(size=48, dropout=0.5)
    file = tmp_path / "resnet101.pth"
    torch.save(thin(published("resnet101")), file)
    with pytest.raises(
        TrainError, match=r"another net than resnet50-224: net\.layer3\.10\..* not in"
    ):
        load_weights(net, str(file), "resnet50-224")


@pytest.fixture
def shallow(tmp_path):
    """A Wide ResNet 10-4 that has learnt something, in a file."""
    net = build_net("wrn-10-4", size=48, dropout=0.0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    net(torch.randn(4, 1, 16, 16))  # statistics of its own
    torch.save(net.state_dict(), tmp_path / "shallow.pt")
    return net.eval(), tmp_path / "shallow.pt"


def test_a_deepened_wide_resnet_answers_as_the_shallow_one(shallow):
    before, path = shallow
    net = build_net("wrn-28-4", size=48, dropout=0.3)
    assert load_weights(net, str(path), "wrn-28-4") == []
    x = torch.randn(3, 1, 48, 48)
    with torch.no_grad():
        assert torch.allclose(net.eval()(x), before(x), atol=1e-5)


def test_what_was_added_to_a_wide_resnet_learns(shallow):
    net = build_net("wrn-28-4", size=48, dropout=0.0)
    load_weights(net, str(shallow[1]), "wrn-28-4")
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    start = copied(net)
    for _ in range(2):  # the first step frees the second convolution, the second the first one
        whole_loss("cross_entropy", net(torch.randn(4, 1, 16, 16)), torch.eye(8)[:4]).backward()
        optimiser.step()
    now = net.state_dict()
    assert not [k for k in start if "weight" in k and torch.equal(now[k], start[k])]


def test_a_shallow_wide_resnet_s_file_that_lacks_weights(shallow):
    found = torch.load(shallow[1], weights_only=True)
    del found["features.2.norm1.weight"]
    torch.save(found, shallow[1])
    with pytest.raises(TrainError, match=r"it lacks features\.5\.norm1\.weight"):
        load_weights(build_net("wrn-28-4", size=48, dropout=0.0), str(shallow[1]), "wrn-28-4")


def test_a_wide_resnet_is_not_made_shallower(shallow, tmp_path):
    torch.save(build_net("wrn-28-4", size=48, dropout=0.0).state_dict(), tmp_path / "deep.pt")
    with pytest.raises(TrainError, match="another net than wrn-10-4"):
        load_weights(
            build_net("wrn-10-4", size=48, dropout=0.0), str(tmp_path / "deep.pt"), "wrn-10-4"
        )


class Evil:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.pt", b"", "cannot be read as weights"),
        ("x.pt", b"junk" * 99, "cannot be read as weights"),
        ("x.safetensors", b"junk" * 99, "cannot be read as safetensors"),
        ("x.pt", {"conv1.weight": Evil()}, "cannot be read as weights"),
        ("x.pt", {"state_dict": {"a": torch.zeros(1)}}, "expected tensors by name.*'state_dict'"),
        ("x.pt", [torch.zeros(1)], "expected tensors by name, found a list"),
        ("x.pt", {3: torch.zeros(1)}, "expected tensors by name, found entries such as 3"),
    ],
)
def test_files_that_are_no_weights(small, tmp_path, capsys, name, content, message):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(TrainError, match=rf"{name}.*{message}") as caught:
        load_weights(small, str(path), "small")
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_files_that_are_not_there_or_too_large(small, tmp_path, monkeypatch):
    with pytest.raises(TrainError, match=r"no weights in .*x\.pt: no such file.*--weights FILE"):
        load_weights(small, str(tmp_path / "x.pt"), "small")
    with pytest.raises(TrainError, match=r"best\.pt: no such file"):
        load_weights(small, str(tmp_path), "small")
    torch.save(small.state_dict(), tmp_path / "x.pt")
    monkeypatch.setattr(weights_module, "_MAX_BYTES", 100)
    with pytest.raises(TrainError, match=r"x\.pt is larger than 100 bytes"):
        load_weights(small, str(tmp_path / "x.pt"), "small")


# Blocks that keep their weights


def test_vgg16_frozen_up_to_the_thesis_s_layers():
    with torch.device("meta"):
        net = VGG16At224(size=48, dropout=0.5)
    assert isinstance(net, BlockNet)
    assert list(net.blocks()) == [*VGG16_CONVOLUTIONS, "fc6", "fc7"]
    for block, count in (("conv3_3", 7), ("conv4_3", 10)):
        net.requires_grad_(True)
        freeze_until(net, block)
        convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        frozen = [not m.weight.requires_grad for m in convolutions]
        assert frozen == [True] * count + [False] * (13 - count)
        assert all(p.requires_grad for p in net.net.classifier.parameters())


def test_freezing_what_is_not_there(small):
    with pytest.raises(TrainError, match=r"no such block\. Did you mean conv2 or conv1"):
        freeze_until(small, "conv3")
    with pytest.raises(TrainError, match="names no blocks"):
        freeze_until(nn.Linear(2, 2), "conv1")


def test_fresh_weights_are_not_frozen(small):
    recipe = RECIPES.get("khorrami2015-ferplus").override({"freeze": "conv1"})
    with pytest.raises(TrainError, match="freeze=conv1 would keep fresh weights"):
        start_from(small, recipe)


def test_frozen_normalisation_does_not_move(small):
    freeze_until(small, "conv1")
    train_mode(small)
    assert small.training
    assert not small.bn1.training
    assert small.bn2.training
    before = copied(small)
    small(torch.randn(4, 1, 48, 48))
    assert torch.equal(small.bn1.running_mean, before["bn1.running_mean"])
    assert not torch.equal(small.bn2.running_mean, before["bn2.running_mean"])


# Fine-tuning


@pytest.fixture
def tuned(monkeypatch, tmp_path):
    """A recipe that starts from a file and keeps the first block."""
    register(monkeypatch, "small")
    torch.manual_seed(9)
    start = SmallNet(size=48, dropout=0.0, classes=5)
    path = tmp_path / "start.pt"
    torch.save(start.state_dict(), path)
    changes = {"net": "small", "weights": str(path), "freeze": "conv1", "epochs": "2", "batch": "8"}
    return RECIPES.get("khorrami2015-ferplus").override(changes), start.state_dict(), path


def frozen(state):
    return {k: v for k, v in state.items() if k.startswith(("conv1.", "bn1."))}


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        keys = one.keys() - {"images_per_second", "seconds", "recipe"}
        return all(same(one[key], other[key]) for key in keys)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def last(folder):
    return torch.load(folder / "last.pt", weights_only=True)


def test_fine_tuning_keeps_frozen_blocks_bit_for_bit(tuned, parts, tmp_path, monkeypatch, capsys):
    recipe, start, path = tuned
    fit(recipe, *parts, RunFolder(tmp_path / "whole"), data=tmp_path)
    assert "start.pt, since of another size: fc.weight, fc.bias" in capsys.readouterr().err
    whole = last(tmp_path / "whole")
    for weights in (
        whole["net"],
        whole["ema"],
        load_run(RunFolder(tmp_path / "whole"))[0].state_dict(),
    ):
        assert alike(frozen(weights), frozen(start))
    assert not torch.equal(whole["net"]["conv2.weight"], start["conv2.weight"])

    step, taken = fit_module.train_step, []

    def interrupted(*args):
        taken.append(1)
        if len(taken) == 7:
            signal.raise_signal(signal.SIGINT)
        return step(*args)

    monkeypatch.setattr(fit_module, "train_step", interrupted)
    with pytest.raises(StoppedError):
        fit(recipe, *parts, RunFolder(tmp_path / "broken"), data=tmp_path)
    path.unlink()  # the checkpoint has the weights
    fit(recipe, *parts, RunFolder(tmp_path / "broken"), data=tmp_path, resume=True)
    assert same(whole, last(tmp_path / "broken"))
    assert RunFolder(tmp_path / "broken").read_recipe().weights == str(path)


def test_a_run_as_the_start_of_another(tuned, parts, tmp_path):
    recipe, _, _ = tuned
    run = RunFolder(tmp_path / "first")
    fit(recipe.override({"epochs": "1"}), *parts, run, data=tmp_path)
    best = load_run(run)[0]
    for start in (run.folder, run.best, run.last):
        net = SmallNet(size=48, dropout=0.0)
        assert load_weights(net, str(start), "small") == []
        assert alike(net.state_dict(), best.state_dict())


def test_fine_tuning_without_its_weights_starts_nothing(tuned, parts, tmp_path):
    recipe, _, path = tuned
    path.unlink()
    with pytest.raises(TrainError, match=r"start\.pt: no such file"):
        fit(recipe, *parts, RunFolder(tmp_path / "run"), data=tmp_path)
    assert not (tmp_path / "run").exists()
