import json
import math
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from trainer_tree import COUNTS

from ferdesk.core.errors import OutputError
from trainer import fit as fit_module
from trainer.checkpoint import load_best
from trainer.errors import StoppedError, TrainError
from trainer.fit import fit, update_average
from trainer.nets import build_net
from trainer.predict import load_run, predict_logits, run_probabilities
from trainer.recipes import RECIPES
from trainer.runs import METRICS, RunFolder, list_runs
from trainer.split import split_of

TIMES = {"images_per_second", "seconds"}


def train(recipe, parts, folder, **options):
    run = RunFolder(folder)
    rows = fit(recipe, *parts, run, data=folder, **options)
    return run, rows


def content(run):
    return torch.load(run.last, weights_only=True)


def same(one, other):
    """Whether two nested checkpoints hold the same bits, times aside."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        keys = one.keys() - TIMES - {"recipe"}
        return keys == other.keys() - TIMES - {"recipe"} and all(
            same(one[key], other[key]) for key in keys
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.fixture(scope="module")
def straight(parts, tmp_path_factory):
    """Two epochs without a break."""
    recipe = RECIPES.get("khorrami2015-ferplus").override(
        {"epochs": "2", "batch": "8", "ema_decay": "0.9"}
    )
    return train(recipe, parts, tmp_path_factory.mktemp("straight"))


def test_a_run_s_folder(straight, recipe):
    run, rows = straight
    assert len(rows) == 2
    assert run.read_recipe() == recipe
    about = run.read_about()
    assert about["train_images"] == COUNTS["train"]
    assert about["seed"] == 0
    assert about["versions"]["torch"] == torch.__version__
    header, *lines = run.metrics.read_text().splitlines()
    assert header == ",".join(METRICS)
    assert len(lines) == 2
    assert run.curves.read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in run.folder.iterdir()} == {
        "recipe.json",
        "run.json",
        "metrics.csv",
        "curves.png",
        "last.pt",
        "best.pt",
    }
    state = list_runs(run.folder.parent)
    entry = next(e for e in state if e["folder"] == str(run.folder))
    assert (entry["state"], entry["epochs_done"], entry["epochs"]) == ("finished", 2, 2)
    assert entry["best_valid_accuracy"] == pytest.approx(
        max(row["valid_accuracy"] for row in rows), abs=1e-5
    )


def test_the_best_weights_are_the_averaged_ones_of_the_best_epoch(straight, parts, recipe):
    run, rows = straight
    net, read, epoch = load_run(run)
    best = max(row["valid_accuracy"] for row in rows)
    assert rows[epoch - 1]["valid_accuracy"] == best
    assert read == recipe
    valid = split_of(parts[1], recipe, torch.device("cpu"))
    hits = predict_logits(net, valid.images).argmax(1) == valid.plurality
    assert float(hits.double().mean()) == pytest.approx(best)
    probabilities = run_probabilities(run, parts[1].images)
    assert probabilities.shape == (COUNTS["valid"], 8)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_resume_after_an_epoch_is_bit_for_bit(straight, recipe, parts, tmp_path):
    train(recipe.override({"epochs": "1"}), parts, tmp_path)
    torch.rand(3)  # what happens between is of no account
    run, _ = train(recipe, parts, tmp_path, resume=True)
    assert same(content(straight[0]), content(run))


def test_resume_in_the_middle_of_an_epoch_is_bit_for_bit(
    straight, recipe, parts, tmp_path, monkeypatch
):
    step, taken = fit_module.train_step, []

    def interrupted(*args):
        taken.append(1)
        if len(taken) == 7:  # the second of the second epoch's five
            signal.raise_signal(signal.SIGINT)
        return step(*args)

    monkeypatch.setattr(fit_module, "train_step", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(StoppedError, match=r"SIGINT in epoch 2 \(40% .*--resume") as caught:
        train(recipe, parts, tmp_path)
    assert caught.value.signum == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is before
    run, _ = train(recipe, parts, tmp_path, resume=True)
    assert same(content(straight[0]), content(run))


ALL_THAT_IS_DRAWN = {
    "epochs": "2",
    "batch": "8",
    "loss": "probability",
    "mixup": "0.3",
    "cutout": "0.3",
    "dropout": "0.3",
    "small_size": "32",
    "small_epochs": "1",
    "schedule": "one_cycle",
    "optimiser": "adamw",
    "lr": "0.001",
}


def test_whatever_is_drawn_is_drawn_again_after_a_break(parts, tmp_path, monkeypatch):
    recipe = RECIPES.get("compact-votes").override(ALL_THAT_IS_DRAWN)
    whole, rows = train(recipe, parts, tmp_path / "whole")
    assert all(math.isfinite(row["train_loss"]) for row in rows)
    step, taken = fit_module.train_step, []

    def interrupted(*args):
        taken.append(1)
        if len(taken) in (3, 8):
            signal.raise_signal(signal.SIGTERM)
        return step(*args)

    monkeypatch.setattr(fit_module, "train_step", interrupted)
    for resume in (False, True):
        with pytest.raises(StoppedError, match="SIGTERM"):
            train(recipe, parts, tmp_path / "broken", resume=resume)
    broken, _ = train(recipe, parts, tmp_path / "broken", resume=True)
    assert same(content(whole), content(broken))


def test_a_small_size_makes_small_patches_in_the_first_epochs(parts, tmp_path, monkeypatch):
    sizes = []
    augment = fit_module.augment

    def watched(*args):
        out = augment(*args)
        sizes.append(out.shape[-1])
        return out

    monkeypatch.setattr(fit_module, "augment", watched)
    changes = {"epochs": "2", "batch": "20", "small_size": "32", "small_epochs": "1"}
    train(RECIPES.get("compact-votes").override(changes), parts, tmp_path)
    assert sizes == [32, 32, 48, 48]


def test_a_long_epoch_is_saved_now_and_then(recipe, parts, tmp_path, monkeypatch):
    positions = []
    save = fit_module.save_state
    monkeypatch.setattr(fit_module, "_SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(fit_module, "_CHECK_EVERY", 1)
    monkeypatch.setattr(
        fit_module, "save_state", lambda p, s, r: (positions.append(s.position), save(p, s, r))
    )
    train(recipe.override({"epochs": "1"}), parts, tmp_path)
    assert positions == [0, 8, 16, 24, 32, 0]


def test_a_last_image_joins_the_others(recipe, parts, tmp_path):
    odd = parts[0].pick(np.arange(33))
    run, _ = train(recipe.override({"epochs": "1"}), (odd, parts[1]), tmp_path)
    assert content(run)["step"] == 4


def test_another_seed_gives_another_net(straight, recipe, parts, tmp_path):
    run, _ = train(recipe.override({"seed": "1"}), parts, tmp_path)
    assert not same(content(straight[0])["net"], content(run)["net"])


def test_nan_stops_and_keeps_the_last_good_state(recipe, parts, tmp_path):
    train(recipe.override({"epochs": "1"}), parts, tmp_path)
    good = content(RunFolder(tmp_path))
    step = fit_module.train_step

    def broken(*args):
        return step(*args) * float("nan")

    fit_module.train_step = broken
    try:
        with pytest.raises(TrainError, match=r"no longer a number \(epoch 2.*smaller --set lr"):
            train(recipe, parts, tmp_path, resume=True)
    finally:
        fit_module.train_step = step
    assert same(good, content(RunFolder(tmp_path)))
    assert len(train(recipe, parts, tmp_path, resume=True)[1]) == 2


def test_a_rate_that_explodes_is_noticed(recipe, parts, tmp_path):
    wild = recipe.override({"lr": "1e20", "epochs": "1"})
    with pytest.raises(TrainError, match="no longer a number"):
        train(wild, parts, tmp_path)
    state = content(RunFolder(tmp_path))
    assert all(torch.isfinite(value).all() for value in state["net"].values())


def test_an_existing_run_is_not_overwritten_unasked(recipe, parts, tmp_path):
    one = recipe.override({"epochs": "1"})
    train(one, parts, tmp_path)
    with pytest.raises(TrainError, match="--resume, start over with --fresh"):
        train(one, parts, tmp_path)
    assert len(train(one, parts, tmp_path, fresh=True)[1]) == 1


def test_nothing_to_resume(recipe, parts, tmp_path):
    with pytest.raises(TrainError, match="no run to resume"):
        train(recipe, parts, tmp_path / "new", resume=True)


def test_resume_with_other_values_says_which(straight, recipe, parts):
    with pytest.raises(TrainError, match=r"lr=0\.01 there, 0\.5 here"):
        train(recipe.override({"lr": "0.5"}), parts, straight[0].folder, resume=True)


def test_checkpoint_of_another_net(straight, recipe):
    other = recipe.model_copy(update={"net": "another"})
    net = build_net(recipe.net, size=48, dropout=0.5)
    with pytest.raises(TrainError, match=r"is of net 'khorrami2015', not of 'another'"):
        load_best(straight[0].best, net, other)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be read as a checkpoint"),
        (b"junk" * 100, "cannot be read as a checkpoint"),
    ],
)
def test_damaged_checkpoint(recipe, tmp_path, data, message):
    path = tmp_path / "best.pt"
    path.write_bytes(data)
    with pytest.raises(TrainError, match=message) as caught:
        load_best(path, build_net(recipe.net, size=48, dropout=0.5), recipe)
    assert "\n" not in str(caught.value)


def test_checkpoint_that_would_run_code(recipe, tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    path = tmp_path / "best.pt"
    torch.save({"kind": "weights", "ema": Evil()}, path)
    with pytest.raises(TrainError, match="holds more than weights"):
        load_best(path, build_net(recipe.net, size=48, dropout=0.5), recipe)


def test_full_disk_is_one_line(recipe, parts, tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"Cannot write .*last\.pt") as caught:
            train(recipe, parts, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_size_the_data_does_not_have(recipe, parts, tmp_path):
    with pytest.raises(TrainError, match="size is 96, but the images of ferplus are 48 wide"):
        train(recipe.override({"size": "96"}), parts, tmp_path)


def test_average_follows_the_net():
    torch.manual_seed(0)
    net = torch.nn.Linear(2, 1)
    mean = torch.nn.Linear(2, 1)
    start = mean.weight.detach().clone()
    update_average(mean, net, decay=0.75, step=1_000)
    torch.testing.assert_close(mean.weight, 0.75 * start + 0.25 * net.weight)
    update_average(mean, net, decay=0.0, step=1)
    torch.testing.assert_close(mean.weight, net.weight)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_saves_and_says_how_to_go_on(tree, tmp_path, signum, code):
    folder = tmp_path / "run"
    start = [sys.executable, "-c", "from trainer.cli import main; main()", "train"]
    start += ["khorrami2015-ferplus", "--data", str(tree), "--run", str(folder)]
    start += ["--set", "batch=8", "--set", "epochs=100000"]
    process = subprocess.Popen(start, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not (folder / "metrics.csv").is_file():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signum)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("ferdesk-train: Stopped by SIG")
    assert "--resume" in said.splitlines()[-1]
    state = torch.load(folder / "last.pt", weights_only=True)
    assert state["step"] > 0
    assert 0 < state["position"] < COUNTS["train"]
    assert json.loads((folder / "recipe.json").read_text())["epochs"] == 100_000
