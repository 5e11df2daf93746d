import signal

import cv2
import numpy as np
import pytest
import torch
from gan_fakes import SIDE, gan_recipe, people, shrink

from ferdesk.core.errors import DataError
from trainer.checkpoint import read_checkpoint
from trainer.errors import StoppedError, TrainError
from trainer.gan import schedule
from trainer.gan import train as training
from trainer.gan.pictures import read_source, write_picture
from trainer.gan.state import load_gan
from trainer.gan.train import train_gan
from trainer.runs import GAN_METRICS, RunFolder, list_runs


@pytest.fixture(autouse=True)
def small(monkeypatch, request):
    shrink(monkeypatch)
    if request.function is not test_a_run_s_files:  # drawing takes longer than the rest
        monkeypatch.setattr(training, "draw_gan_curves", lambda *_arguments: None)


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def trained(run, faces=None, recipe=None, **options):
    recipe = gan_recipe() if recipe is None else recipe
    faces = people() if faces is None else faces
    return train_gan(recipe, faces, run, data=run.folder, **options)


def values(rows):
    timed = ("images_per_second", "seconds")
    return [{key: value for key, value in row.items() if key not in timed} for row in rows]


def tensors(path, kind):
    content = read_checkpoint(path, kind)
    nets = [content[key] for key in ("ema", "generator", "discriminator") if key in content]
    return {f"{i} {k}": v for i, net in enumerate(nets) for k, v in net.items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


class StopAfter:
    """Sends SIGTERM in the step of that number."""

    def __init__(self, monkeypatch, step):
        whole = training._step

        def counted(state, course):
            whole(state, course)
            if state.step == step:
                signal.raise_signal(signal.SIGTERM)

        monkeypatch.setattr(training, "_step", counted)


def test_a_run_s_files(run):
    rows = trained(run)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert tuple(rows[0]) == GAN_METRICS == tuple(run.read_metrics()[0])
    assert all(0 <= row[key] <= 1 for row in rows for key in GAN_METRICS[3:8])
    assert run.curves.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in sorted(run.samples.iterdir())] == [
        "epoch-0001.png",
        "epoch-0002.png",
    ]
    about = run.read_about()
    assert about["train_images"] == 24
    assert about["identities"] == [f"person {i}" for i in range(4)]
    gan = load_gan(run)
    assert (gan.names, gan.epoch) == (tuple(about["identities"]), 2)
    (entry,) = list_runs(run.folder.parent)
    assert (entry["state"], entry["epochs_done"]) == ("finished", 2)
    assert run.read_any_recipe() == gan.recipe == gan_recipe()
    with pytest.raises(TrainError, match="is a run of a GAN, not of expressions"):
        run.read_recipe()


@pytest.mark.parametrize("name", ["ali2020-gan-faces", "ali2020-gan-faces-steady"])
def test_resumed_bit_for_bit(tmp_path, monkeypatch, name):
    # So that steps with several of G are among them.
    recipe = gan_recipe(name, passes="2", near_optimum="0.5", g_steps="2")
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    rows = trained(whole, recipe=recipe)
    with monkeypatch.context() as patch:
        StopAfter(patch, 8)  # in the second epoch
        with pytest.raises(StoppedError, match=r"in epoch 2 \(33% of it done\)"):
            trained(cut, recipe=recipe)
    again = trained(cut, recipe=recipe, resume=True)
    assert values(again) == values(rows)
    assert rows[0]["g_steps"] > 1
    for path, kind in (("last", "gan-state"), ("best", "weights")):
        one, other = (tensors(getattr(run, path), kind) for run in (whole, cut))
        assert same(one, other)


def test_every_patch_of_every_picture_once_an_epoch(run, monkeypatch):
    seen = []
    whole = training.augment

    def spy(batch, recipe, u):
        numbers = (u[:, 0] * 110).long().tolist()
        seen.extend(zip([int(one.sum()) for one in batch], numbers, strict=True))
        return whole(batch, recipe, u)

    monkeypatch.setattr(training, "augment", spy)
    recipe = gan_recipe(passes="110", epochs="1", batch="60")
    trained(run, people(count=6, persons=2), recipe)
    assert len(seen) == 6 * 110 == len(set(seen))


def test_nan_stops_and_keeps_the_last_good_state(run, monkeypatch):
    whole = training.generator_loss

    def broken(said, expression, wanted):
        loss = whole(said, expression, wanted)
        return loss * float("nan") if broken.after == 0 else loss

    broken.after = -1
    trained(run, recipe=gan_recipe(epochs="1"))
    good = tensors(run.last, "gan-state")
    broken.after = 0
    monkeypatch.setattr(training, "generator_loss", broken)
    with pytest.raises(TrainError, match=r"no longer a number \(epoch 2, step 4\)") as caught:
        trained(run, resume=True)
    assert str(run.last) in str(caught.value)
    assert same(tensors(run.last, "gan-state"), good)


def test_collapse_stops_and_keeps_the_last_good_generator(run, monkeypatch):
    recipe = gan_recipe(epochs="9", patience="3")
    trained(run, recipe=gan_recipe(epochs="2", patience="3"))
    good = tensors(run.best, "weights")
    monkeypatch.setattr(training, "told_apart", lambda _real, _fake: torch.tensor(1.0))
    with pytest.raises(TrainError, match="The generator is lost: for 3 epochs") as caught:
        trained(run, recipe=recipe, resume=True)
    assert "of epoch 2, is in" in str(caught.value)
    assert len(run.read_metrics()) == 5
    assert same(tensors(run.best, "weights"), good)
    assert load_gan(run).epoch == 2


def test_going_on_with_other_people(tmp_path):
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    trained(first, people(dataset="bu4dfe"), gan_recipe("ali2020-gan-bu4dfe"))
    other = gan_recipe(net="ali2020", weights=str(first.folder), epochs="1", lr="1e-12")
    trained(second, people(persons=3), other)
    theirs, ours = tensors(first.best, "weights"), tensors(second.best, "weights")
    key = "0 decoder.source.0.weight"
    assert theirs[key].shape[1] == 350 + 4 + 50
    assert ours[key].shape[1] == 350 + 3 + 50
    for columns in (slice(350), slice(-50, None)):
        assert torch.allclose(ours[key][:, columns], theirs[key][:, columns], atol=1e-5)
    assert torch.allclose(ours["0 encoder.code.weight"], theirs["0 encoder.code.weight"], atol=1e-5)
    assert torch.allclose(ours["1 expression.weight"], theirs["1 expression.weight"], atol=1e-5)
    assert ours["1 identity.weight"].shape[0] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": "7"}, "is a GAN of another kind: noise=50 there"),
        ({"spectral_norm": "true"}, "another kind: spectral_norm=False there"),
    ],
)
def test_going_on_from_another_kind(tmp_path, changes, message):
    first = RunFolder(tmp_path / "first")
    trained(first, people(dataset="bu4dfe"), gan_recipe("ali2020-gan-bu4dfe", epochs="1"))
    recipe = gan_recipe(net="ali2020", weights=str(first.folder), **changes)
    with pytest.raises(TrainError, match=message):
        trained(RunFolder(tmp_path / "second"), recipe=recipe)


def test_going_on_from_the_same_set(tmp_path):
    first = RunFolder(tmp_path / "first")
    trained(first, recipe=gan_recipe(epochs="1"))
    with pytest.raises(TrainError, match="was trained on faces too, perhaps on people"):
        trained(RunFolder(tmp_path / "second"), recipe=gan_recipe(weights=str(first.folder)))


def test_resuming_with_other_people(run):
    trained(run, recipe=gan_recipe(epochs="1"))
    with pytest.raises(TrainError, match="is of other people than the data has"):
        trained(run, people(persons=3), resume=True)


def test_there_is_a_run_already(run):
    trained(run, recipe=gan_recipe(epochs="1"))
    with pytest.raises(TrainError, match="There is a run in"):
        trained(run)
    trained(run, recipe=gan_recipe(epochs="1", samples_every="5"), fresh=True)
    assert [path.name for path in run.samples.iterdir()] == ["epoch-0001.png"]


def test_g_steps_follow_the_measure(run, monkeypatch):
    monkeypatch.setattr(training, "told_apart", lambda _real, _fake: torch.tensor(0.95))
    monkeypatch.setattr(schedule, "_KEEP", 0.0)
    rows = trained(run, recipe=gan_recipe(g_steps="3", epochs="1"))
    assert rows[0]["g_steps"] == pytest.approx((1 + 3 + 3) / 3)


def test_reading_a_source(tmp_path):
    path = tmp_path / "me.png"
    assert cv2.imwrite(str(path), np.zeros((20, 30, 3), np.uint8))
    found = read_source(path, lambda picture: picture[:SIDE, :SIDE, 0])
    assert found.shape == (1, SIDE, SIDE)
    with pytest.raises(DataError, match=r"me\.png: no face found in it"):
        read_source(path, lambda _picture: None)
    with pytest.raises(DataError, match=r"Cannot read .*: No such file"):
        read_source(tmp_path / "you.png", lambda picture: picture)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"text\.png"):
        read_source(tmp_path / "text.png", lambda picture: picture)


def test_writing_in_a_format_that_there_is_not(tmp_path):
    with pytest.raises(TrainError, match=r"\.png or \.jpg"):
        write_picture(tmp_path / "x.face", np.zeros((4, 4), np.uint8))
