"""Trainings that go on from a bundle."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from ferdesk.core.bundle import PROGRAM, REFERENCE
from ferdesk.core.preprocess import normalise
from trainer.bundle_weights import bundle_tensors, named_bundle
from trainer.errors import TrainError
from trainer.export import export
from trainer.fit import fit
from trainer.nets import build_net
from trainer.norms import measure_norms, stand_ins
from trainer.predict import load_run
from trainer.provenance import notes, training_data
from trainer.recipes import RECIPES
from trainer.runs import RunFolder
from trainer.weights import load_weights

SIZE = 16
FIRST = "compact-votes"


@pytest.fixture(scope="module")
def small(parts):
    def scaled(faces):
        images = np.stack([cv2.resize(image, (SIZE, SIZE)) for image in faces.images])
        return replace(faces, images=images)

    return tuple(map(scaled, parts))


def trained(folder, parts, recipe, **changes):
    run = RunFolder(folder)
    changes = {"epochs": "1", "batch": "16", "size": str(SIZE), "small_size": "0"} | changes
    fit(RECIPES.get(recipe).override(changes), *parts, run, data=folder)
    return run


@pytest.fixture(scope="module", params=[FIRST, "kyritsis-wrn-28-4"])
def bundle(request, small, tmp_path_factory):
    """The net's name and the bundle of one that has its normalisation after, or before, layers."""
    folder = tmp_path_factory.mktemp("first")
    run = trained(folder / "run", small, request.param)
    made = export(run, *small, folder / "made", "made").folder
    return RECIPES.get(request.param).net, made


def answers(net, images):
    with torch.no_grad():
        return net(normalise(torch.from_numpy(images)[:, None].float()))


def test_what_was_folded_is_unfolded(bundle, small):
    name, folder = bundle
    net = build_net(name, size=SIZE, dropout=0.0).eval()
    assert load_weights(net, str(folder), name) == []
    reference = np.load(folder / REFERENCE)
    with torch.no_grad():
        given = net(torch.from_numpy(reference["x"]))
    np.testing.assert_allclose(given, reference["logits"], atol=1e-4)

    images = small[0].images
    before = answers(net, images)
    measure_norms(net, torch.from_numpy(images)[:, None])
    torch.testing.assert_close(answers(net, images), before, atol=1e-4, rtol=0)
    assert not net.training
    assert not stand_ins(net)
    if name == "compact":  # all of its normalisations were folded: each has what it expects
        net.train()
        torch.testing.assert_close(answers(net, images), before, atol=1e-3, rtol=0)


def test_a_bundle_s_net_is_trained_further(bundle, small, tmp_path):
    name, folder = bundle
    first = build_net(name, size=SIZE, dropout=0.0).eval()
    load_weights(first, str(folder), name)
    gone = shutil.copytree(folder, tmp_path / "gone")
    changes = {"net": name, "weights": str(gone), "lr": "1e-8", "dropout": "0"}
    run = trained(tmp_path / "further", small, FIRST, **changes)
    net, recipe, _ = load_run(run)
    images = small[1].images
    torch.testing.assert_close(answers(net, images), answers(first, images), atol=0.3, rtol=0)
    assert training_data(recipe, small[0])
    assert "It started from the weights of gone." in notes(recipe, small[1])

    shutil.rmtree(gone)
    assert named_bundle(str(gone)) is None
    fit(recipe, *small, run, data=tmp_path, resume=True)  # the checkpoint has the weights
    with pytest.raises(TrainError, match="gone: no such file or bundle"):
        fit(recipe, *small, run, data=tmp_path, fresh=True)


def test_a_shipped_bundle_by_its_name():
    net = build_net("compact", size=48, dropout=0.0)
    assert load_weights(net, "compact-ferplus", "compact") == []


def test_a_bundle_of_another_net(bundle, tmp_path):
    name, folder = bundle
    with pytest.raises(TrainError, match="made is a bundle of another net"):
        bundle_tensors(build_net("khorrami2015", size=SIZE, dropout=0.0), folder)
    other = build_net(name, size=SIZE, dropout=0.0)
    other.extra = torch.nn.Linear(2, 2)
    with pytest.raises(TrainError, match=r"bundle of another net: it lacks extra\.weight"):
        bundle_tensors(other, folder)


def test_a_bundle_that_was_altered(bundle, tmp_path):
    name, folder = bundle
    copy = shutil.copytree(folder, tmp_path / "copy")
    program = bytearray((copy / PROGRAM).read_bytes())
    program[len(program) // 2] ^= 1
    (copy / PROGRAM).write_bytes(program)
    with pytest.raises(TrainError, match=r"Cannot start from the bundle copy: .*altered"):
        load_weights(build_net(name, size=SIZE, dropout=0.0), str(copy), name)
