"""What is computed about nets' insides, on nets and numbers small enough to check by hand."""

import math
import shutil

import numpy as np
import pytest
import torch
from dataset_trees import ckplus_tree, crop, own_table
from small_nets import SmallNet
from torch import nn

from ferdesk.bundles import find_bundle
from ferdesk.core.bundle import PROGRAM, REFERENCE, ModelBundle, read_bundle, write_bundle
from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets import faces as reading
from trainer.datasets.base import Faces
from trainer.errors import TrainError
from trainer.explain.filters import guided_patterns, show_filters
from trainer.explain.images import Coding, Gallery, Wish, load_gallery, unit_name
from trainer.explain.inside import Inside
from trainer.explain.maximise import Ascent, class_objective, maximise, neuron_objective
from trainer.explain.means import mean_images
from trainer.explain.neurons import TopLabels, edges, label_entropies, summarise, top_labels
from trainer.explain.responses import responses
from trainer.explain.subject import open_subject
from trainer.explain.units import (
    Counting,
    bins_of,
    count_units,
    divergences,
    filter_units,
    frequent,
    shown_filters,
)
from trainer.nets import build_net


def gallery(images, labels=None, units=None):
    labels = np.zeros(len(images), np.int64) if labels is None else np.array(labels)
    names = tuple(f"{number}.png" for number in range(len(images)))
    faces = Faces("drawn", "train", np.asarray(images, np.uint8), labels, names)
    return Gallery(faces, tuple(units or [None] * len(images)), whole=True)


def noise(count, side, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)


@pytest.fixture
def by_hand():
    """Two filters, x and -x; after the ReLU, 2 of the one less 3 of the other."""
    first, second = nn.Conv2d(1, 2, 1, bias=False), nn.Conv2d(2, 1, 1, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
        second.weight.copy_(torch.tensor([2.0, -3.0]).reshape(1, 2, 1, 1))
    return Inside(nn.Sequential(first, nn.ReLU(), second), 2)


CHECKS = np.array([[[0, 255], [255, 0]]], np.uint8)  # normalised, -1 and 1


def test_guided_backpropagation_by_hand(by_hand):
    images, layer = torch.from_numpy(CHECKS)[:, None], by_hand.layer("2")
    # Where x is 1 the way leads through +1 and +2; where it is -1 through -1 and -3, which no
    # guided ReLU lets pass, although the gradient there is 3.
    light = guided_patterns(by_hand, images, layer, 0, torch.tensor([1]))
    dark = guided_patterns(by_hand, images, layer, 0, torch.tensor([0]))
    assert light.tolist() == [[[0.0, 2.0], [0.0, 0.0]]]
    assert dark.tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    x = by_hand.prepare(images).requires_grad_()
    _, found = by_hand.look(x, ["2"])
    found["2"].sum().backward()
    assert x.grad.tolist() == [[[[3.0, 2.0], [2.0, 3.0]]]]


def test_a_relu_by_any_name_is_guided():
    class Functional(nn.Module):
        def __init__(self, how):
            super().__init__()
            self.how = how

        def forward(self, x):
            return -self.how(x)

    hows = (torch.relu, nn.functional.relu, lambda x: x.relu(), lambda x: x.clone().relu_())
    for how in hows:
        inside = Inside(Functional(how), 2)
        x = inside.prepare(torch.from_numpy(CHECKS)[:, None]).requires_grad_()
        inside.look(x, guided=True)[0].sum().backward()
        assert not x.grad.any()


def test_layers_answer_before_a_relu_overwrites_them():
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12, 8))
    inside = Inside(net, 4)
    assert [str(layer) for layer in inside.layers.values()] == [
        "0 (3 x 2 x 2)",
        "1 (3 x 2 x 2)",
        "2 (12)",
        "3 (8)",
    ]
    x = torch.randn(2, 1, 4, 4)
    logits, found = inside.look(x, ["0", "1"])
    assert found["0"].min() < 0
    assert torch.equal(found["1"], found["0"].relu())
    assert torch.equal(logits, net(x))


@pytest.mark.parametrize("name", ["compact", "khorrami2015", "resnet18", "custom-vgg13"])
def test_a_net_says_inside_what_it_says_outside(name):
    torch.manual_seed(0)
    net = build_net(name, size=32, dropout=0.3).eval()
    x = torch.randn(2, 1, 32, 32)
    inside = Inside(net, 32)
    logits, found = inside.look(x, list(inside.layers))
    assert torch.allclose(logits, net(x), atol=1e-5)
    assert set(found) == set(inside.layers)


def test_steps_without_a_module_have_names():
    inside = Inside(SmallNet(size=32, dropout=0.1), 32)
    assert {"conv1", "bn2", "fc", "relu", "relu_1", "mean"} <= set(inside.layers)
    with pytest.raises(TrainError, match=r"no layer 'conv3'\. Layers: conv1 \(4 x 8 x 8\), bn1"):
        inside.layer("conv3")


def test_a_bundle_s_program_can_be_looked_into(tmp_path):
    subject = open_subject("compact-ferplus")
    with np.load(find_bundle("compact-ferplus") / REFERENCE) as reference:
        x, expected = torch.from_numpy(reference["x"]), reference["logits"]
    logits, found = subject.inside.look(x, ["conv2d"])
    np.testing.assert_allclose(logits.numpy(), expected, atol=2e-3)
    assert found["conv2d"].shape[0] == len(x)
    assert subject.dataset == "ferplus"
    old = shutil.copytree(find_bundle("compact-ferplus"), tmp_path / "old")
    bundle = read_bundle(old, ModelBundle)
    files = {name: digest for name, digest in bundle.files.items() if name != PROGRAM}
    write_bundle(old, bundle.model_copy(update={"name": "old", "files": files}))
    with pytest.raises(TrainError, match="old has no torch program"):
        open_subject(str(old))


def test_filters_find_their_faces():
    torch.manual_seed(1)
    inside = Inside(nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU()), 8)
    faces = gallery(noise(20, 8), labels=[-1] + [1] * 19)
    rows, patterns, shown = show_filters(inside, faces, inside.layer("1"), 4, [2, 0], 10)
    found = responses(inside, faces.images, inside.layer("1"))
    assert [row.filter for row in rows] == [2, 0]
    for row in rows:
        order = np.argsort(-found.strongest[:, row.filter].numpy(), kind="stable")[:4]
        assert [image.image for image in row.images] == [f"{n}.png" for n in order]
        for image, face in zip(row.images, order, strict=True):
            _, one = inside.look(inside.prepare(faces.images[face : face + 1]), ["1"])
            assert one["1"][0, row.filter][image.place] == pytest.approx(image.response)
            assert image.label == ("" if face == 0 else EXPRESSIONS[1])
    assert patterns.shape == shown.shape == (2, 4, 8, 8)
    # A neuron of a 3 x 3 convolution sees nine pixels and nothing else.
    y, x = rows[0].images[0].place
    seen = patterns[0, 0].clone()
    seen[y : y + 3, x : x + 3] = 0
    assert not seen.any()
    assert patterns[0, 0].any()
    with pytest.raises(TrainError, match=r"only 20 faces, fewer than the 21 wanted"):
        show_filters(inside, faces, inside.layer("1"), 21, [], 1)
    with pytest.raises(TrainError, match=r"has filters 0 to 2, no filter 3"):
        show_filters(inside, faces, inside.layer("1"), 2, [3], 1)


def test_divergence_is_what_the_formula_says():
    rng = np.random.default_rng(3)
    answers, shows = rng.random((60, 4)), rng.random(60) < 0.4
    placed = bins_of(answers, 5)
    assert placed.min() == 0
    assert placed.max() == 4
    found = divergences(placed, shows, 5)
    for column in range(4):
        low, high = answers[:, column].min(), answers[:, column].max()
        q, r = (
            np.histogram(answers[group, column], 5, (low, high))[0] + 0.5
            for group in (shows, ~shows)
        )
        q, r = q / q.sum(), r / r.sum()
        expected = sum(a * math.log(a / b) for a, b in zip(q, r, strict=True))
        assert found[column] == pytest.approx(expected)


def test_a_filter_that_answers_to_a_unit_is_found():
    rng = np.random.default_rng(4)
    present = rng.random((400, 2)) < 0.3
    noisy = rng.normal(0, 0.3, (400, 4))
    answers = (
        noisy + np.array([0, 2, 0, 0]) * present[:, :1] + np.array([0, 0, 2, 0]) * present[:, 1:]
    )
    answers[:, 3] = 7.0  # silent
    coding = Coding("drawn", (12, 54), present, np.ones_like(present))
    found = filter_units(answers, coding, Counting(bins=10, seed=1))
    assert [one.filter for one in found] == [0, 1, 2]
    assert (found[1].best, found[2].best) == ("AU12: Lip Corner Puller", "AU54")
    assert found[1].divergence["AU54"] < 3 * found[1].chance["AU54"]
    assert found[1].divergence[found[1].best] > 20 * found[1].chance[found[1].best]
    assert filter_units(answers, coding, Counting(bins=10, seed=1)) == found


def test_units_of_too_few_faces_do_not_count():
    present = np.zeros((30, 3), np.bool_)
    present[:12, 0] = True
    present[:3, 1] = True
    known = np.ones_like(present)
    known[15:, 0] = False
    coding = Coding("drawn", (1, 2, 4), present, known)
    assert [(one.present, one.absent) for one in count_units(coding)] == [(12, 3), (3, 27), (0, 30)]
    assert frequent(coding, 3).tolist() == [True, True, False]
    assert coding.pick(frequent(coding, 3)).units == (1, 2)
    with pytest.raises(
        TrainError, match=r"No action unit has 5 faces with it and 5 without \(AU01"
    ):
        frequent(coding, 5)


def test_entropy_is_what_the_formula_says():
    labels = np.array([[1, 0], [1, 1], [1, 2], [1, 1]])
    shares = (0.25, 0.5, 0.25)
    assert label_entropies(labels).tolist() == pytest.approx(
        [0.0, -sum(p * math.log(p) for p in shares)]
    )
    assert edges()[-1] == pytest.approx(math.log(8))


def test_the_best_faces_are_kept_while_faces_go_by():
    generator = torch.Generator().manual_seed(2)
    answers = torch.randn(90, 5, generator=generator)
    labels = torch.randint(0, 8, (90,), generator=generator)
    kept = TopLabels(7)
    for start in range(0, 90, 4):
        kept.add(answers[start : start + 4], labels[start : start + 4])
    best = answers.argsort(dim=0, descending=True)[:7]
    assert torch.equal(kept.labels, labels[best].to(torch.uint8))
    expected = label_entropies(labels[best].numpy())
    np.testing.assert_allclose(kept.entropies(), expected)


def test_silent_neurons_are_counted_and_left_out():
    kept = TopLabels(2)
    kept.add(torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]), torch.tensor([0, 1, 1]))
    values = kept.entropies()
    assert values[0] == 0
    assert np.isnan(values[1])
    after = np.array([0.2, 0.4, 1.4, np.nan])
    threshold, nets = summarise(
        [("before", {"a": np.array([0.9, 1.1, 0.5])}), ("after", {"a": after})]
    )
    assert threshold == pytest.approx(2 / 3)
    assert [net.layers[0].low for net in nets] == [1, 2]
    assert [net.layers[0].silent for net in nets] == [0, 1]
    assert sum(nets[1].layers[0].counts) == nets[1].layers[0].neurons == 3
    with pytest.raises(TrainError, match="No neuron of a in after tells"):
        summarise([("after", {"a": np.array([np.nan])})])


def test_neurons_are_ranked_alike_whatever_the_order_of_the_set():
    torch.manual_seed(5)
    inside = Inside(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 8)), 8)
    images = torch.from_numpy(noise(30, 8))[:, None]
    labels = np.arange(30) % 8
    layers = list(inside.layers.values())
    one = top_labels(inside, images, labels, layers, 6, seed=0)
    turned = top_labels(inside, images.flip(0), labels[::-1].copy(), layers, 6, seed=9)
    for name in inside.layers:
        assert torch.equal(one[name].labels, turned[name].labels)
    assert one["0"].labels.shape == (6, 72)
    with pytest.raises(TrainError, match=r"only 30 faces with a label.*than the 30 that"):
        top_labels(inside, images, labels, layers, 30, seed=0)


def test_mean_images_by_hand():
    linear = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 0, 0, -1], [0, 1, -1, 0]]))
    inside = Inside(nn.Sequential(nn.Flatten(), linear), 2)
    images = np.array(
        [[[200, 0], [0, 0]], [[240, 20], [20, 20]], [[0, 200], [0, 0]], [[0, 0], [200, 0]]]
    )
    found, means = mean_images(inside, gallery(images, [1, 1, 2, 3]), inside.layer("1"), 2, [0], 5)
    assert means.tolist() == [[[220.0, 10.0], [10.0, 10.0]]]
    assert (found[0].label, found[0].share, found[0].entropy) == ("happiness", 1.0, 0.0)
    ranked, _ = mean_images(inside, gallery(images, [1, 1, 2, 3]), inside.layer("1"), 2, [], 5)
    assert [one.neuron for one in ranked] == [0, 1]
    assert ranked[1].entropy == pytest.approx(math.log(2))


def test_maximisation_draws_what_a_class_looks_for():
    torch.manual_seed(6)
    net = nn.Sequential(nn.Flatten(), nn.Linear(256, 8, bias=False))
    pattern = torch.zeros(16, 16)
    pattern[4:12, 2:7], pattern[4:12, 9:14] = 1.0, -1.0
    with torch.no_grad():
        net[1].weight[3] = pattern.flatten()
    inside = Inside(net, 16)
    still = Ascent(steps=20, jitter=0.0)
    pictures, before, after = maximise(inside, class_objective(inside, [3]), 1, still)
    assert after[0] > before[0] + 10
    assert np.corrcoef(pictures[0].flatten(), pattern.flatten())[0, 1] > 0.8
    assert 0 <= pictures.min() < pictures.max() <= 255
    objective = neuron_objective(inside, inside.layer("1"), [3])
    again, _, _ = maximise(inside, objective, 1, still)
    assert torch.equal(again, pictures)
    moved, _, _ = maximise(inside, objective, 1, Ascent(steps=20, jitter=0.2, seed=1))
    assert not torch.equal(moved, pictures)
    with pytest.raises(TrainError, match="has neurons 0 to 7, no neuron 8"):
        neuron_objective(inside, inside.layer("1"), [8])


@pytest.fixture
def cut(monkeypatch):
    monkeypatch.setattr(reading, "app_crop", lambda size: crop)


def test_ckplus_frames_have_the_units_of_their_sequence(tmp_path, cut):
    root = ckplus_tree(tmp_path / "ck")
    wish = Wish(root, "ckplus", "train", "ckplus-8", 0)
    coding = load_gallery(wish, 16).coded(None)
    neutral = 8 * 7  # subjects in eight groups, a first frame a sequence
    assert coding.units == (1, 25)
    assert coding.known.all()
    assert (~coding.present).all(axis=1).sum() == neutral
    assert coding.present.all(axis=1).sum() == 3 * neutral
    whole = load_gallery(Wish(root, "ckplus", "all"), 16).coded(None)
    assert len(whole.known) == 10 * 8 * 5
    assert (~whole.known).all(axis=1).sum() == 10 * 8  # the second of five frames: who knows
    weak = load_gallery(wish, 16).coded(0.7)
    assert not weak.present[:, 1].any()  # coded C, 0.6


def test_a_table_s_units_are_unknown_where_it_says_nothing(tmp_path):
    path = own_table(
        tmp_path,
        "path,label,cropped,AU12,AU4",
        "sub/a0.png,happiness,1,0.9,",
        "sub/a1.png,anger,1,0,0.4",
        "sub/a2.png,anger,1,,",
    )
    coding = load_gallery(Wish(path, "csv", "all"), 16).coded(0.5)
    assert coding.units == (4, 12)
    assert coding.known.tolist() == [[False, True], [True, True], [False, False]]
    assert coding.present.tolist() == [[False, True], [False, False], [False, False]]


def test_what_is_not_there_is_named(tmp_path, cut):
    root = ckplus_tree(tmp_path / "ck")
    with pytest.raises(
        DataError, match=r"has no train part of ckplus .*--part all, or .*--protocol"
    ):
        load_gallery(Wish(root, "ckplus", "train"), 16)
    with pytest.raises(TrainError, match=r"has folds 0 to 9, no fold 10"):
        load_gallery(Wish(root, "ckplus", "train", "ckplus-8", 10), 16)
    with pytest.raises(TrainError, match="tfd is for tfd, not for ckplus"):
        load_gallery(Wish(root, "ckplus", "train", "tfd"), 16)
    with pytest.raises(DataError, match=r"says nothing about the action units .*au extract"):
        gallery(noise(2, 8)).coded(None)
    with pytest.raises(DataError, match="No face of drawn has a label"):
        _ = gallery(noise(2, 8), [-1, -1]).labelled


def test_units_by_name():
    assert unit_name(12) == "AU12: Lip Corner Puller"
    assert unit_name(54) == "AU54"


def test_shown_filters_must_exist():
    present = np.arange(40)[:, None] % 2 == 0
    coding = Coding("drawn", (12,), present, np.ones_like(present))
    answers = np.stack([np.arange(40.0), np.arange(40) % 2 + 0.01 * np.arange(40)], axis=1)
    found = filter_units(answers, coding, Counting())
    layer = Inside(nn.Sequential(nn.Conv2d(1, 2, 1)), 2).layer("0")
    assert shown_filters(found, layer, [], 5) == (1, 0)
    assert shown_filters(found, layer, [0], 5) == (0,)
    with pytest.raises(TrainError, match="no filter 2 that tells one face from another"):
        shown_filters(found, layer, [2], 5)
