"""Two processes on one machine, as torchrun starts them, with gloo."""

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
import torch

from trainer.parallel import Team, team
from trainer.runs import RunFolder

# Each process writes what it holds after every epoch, so that they can be compared.
SCRIPT = """
import hashlib, json, os, sys
import torch
from trainer import fit as fit_module
from trainer import precision
from trainer.cli import main

torch.set_num_threads(1)
precision.low_precision = lambda device: None  # bfloat16 would blur the comparison
finish = fit_module._finish_epoch

def digest(net):
    content = b"".join(t.detach().numpy().tobytes() for t in net.state_dict().values())
    return hashlib.sha256(content).hexdigest()

def recorded(state, *args):
    row = finish(state, *args)
    with open(os.environ["NOTES"] + os.environ.get("RANK", "0"), "a") as file:
        file.write(json.dumps([digest(state.net), digest(state.ema)]) + chr(10))
    return row

fit_module._finish_epoch = recorded
main()
"""


def train(tree, folder, processes, *options, recipe="khorrami2015-ferplus"):
    folder.mkdir(exist_ok=True)
    script = folder / "script.py"
    script.write_text(SCRIPT)
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
        start += ["--standalone", "--"]  # else torchrun takes --run for one of its own
    start += [str(script), "train", recipe, "--data", str(tree), "--run", str(folder / "run")]
    start += ["--set", "batch=8", "--set", "epochs=2", "--set", "dropout=0", *options]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        start,
        env={**os.environ, "NOTES": str(folder / "notes"), "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return RunFolder(folder / "run"), done


def notes(folder, rank):
    return [json.loads(line) for line in (folder / f"notes{rank}").read_text().splitlines()]


@pytest.fixture(scope="module")
def one(tree, tmp_path_factory):
    return train(tree, tmp_path_factory.mktemp("one"), 1)[0]


def test_two_processes_hold_the_same_weights_and_learn_what_one_learns(one, tree, tmp_path):
    run, done = train(tree, tmp_path, 2)
    first, second = (notes(tmp_path, rank) for rank in (0, 1))
    assert len(first) == 2
    assert first == second
    assert done.stdout.count("best epoch") == 1  # one speaks for both
    assert run.read_about()["processes"] == 2
    # This net has no batch normalisation and drops nothing, so all that differs is rounding.
    for ours, theirs in zip(run.read_metrics(), one.read_metrics(), strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-3)
        assert ours["valid_loss"] == pytest.approx(theirs["valid_loss"], rel=1e-3)


def test_batch_normalisation_is_the_same_on_both_and_a_run_is_resumed(tree, tmp_path):
    few = ("--set", "epochs=1")
    train(tree, tmp_path, 2, *few, recipe="compact-votes")
    run, _ = train(tree, tmp_path, 2, "--resume", recipe="compact-votes")
    first, second = (notes(tmp_path, rank) for rank in (0, 1))
    assert len(first) == 2
    assert first == second
    assert len(run.read_metrics()) == 2


def test_alone_nothing_is_shared():
    with team() as us:
        assert us == Team(0, 1)
        rows = torch.arange(5)
        assert us.share(rows) is not None
        assert us.share(rows).tolist() == [0, 1, 2, 3, 4]
        net = torch.nn.Linear(1, 1)
        assert us.wrap(net) is net
        assert us.agree(3.0) == 3.0


def test_a_batch_is_shared_without_gap_or_overlap():
    rows = torch.arange(7)
    shares = [Team(rank, 3).share(rows).tolist() for rank in range(3)]
    assert sorted(chain.from_iterable(shares)) == rows.tolist()
