import math

import pytest
import torch

from trainer.optimise import build_optimiser, rate, set_rate
from trainer.recipes import RECIPES

STEPS = 10  # an epoch


@pytest.fixture
def base():
    return RECIPES.get("khorrami2015-ferplus").override({"lr": "0.5", "epochs": "20"})


def rates(recipe):
    return [rate(recipe, step, STEPS) for step in range(recipe.epochs * STEPS)]


def test_constant(base):
    assert set(rates(base)) == {0.5}


def test_warm_up_rises_in_a_line(base):
    found = rates(base.override({"warmup_epochs": "1"}))
    assert found[:3] == pytest.approx([0.5 / 11, 1.0 / 11, 1.5 / 11])
    assert found[10:] == [0.5] * 190


def test_cosine_falls_to_nearly_nothing(base):
    found = rates(base.override({"schedule": "cosine"}))
    assert found[0] == 0.5
    assert found[100] == pytest.approx(0.25)
    assert 0 < found[-1] < 1e-3
    assert found == sorted(found, reverse=True)


def test_step(base):
    found = rates(base.override({"schedule": "step", "step_epochs": "8", "step_factor": "0.1"}))
    assert found[79] == 0.5
    assert found[80] == pytest.approx(0.05)
    assert found[-1] == pytest.approx(0.005)


def test_one_cycle_rises_and_falls(base):
    found = rates(base.override({"schedule": "one_cycle"}))
    assert found.index(max(found)) in {59, 60}
    assert max(found) == pytest.approx(0.5)
    assert found[0] < 0.01
    assert found[-1] < 0.01


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_only_weights_of_layers_are_decayed(base, name):
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    net[1].weight.requires_grad_(False)
    optimiser = build_optimiser(
        net, base.override({"optimiser": name, "weight_decay": "0.1", "momentum": "0.8"})
    )
    decayed, kept = optimiser.param_groups
    assert [p.ndim for p in decayed["params"]] == [4]
    assert [p.ndim for p in kept["params"]] == [1, 1]  # the frozen one is not among them
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.1, 0.0)
    set_rate(optimiser, 0.25)
    assert {group["lr"] for group in optimiser.param_groups} == {0.25}
    assert math.isclose(decayed.get("momentum") or decayed["betas"][0], 0.8)
