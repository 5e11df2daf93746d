import shutil

import numpy as np
import pytest

from trainer.fit import fit
from trainer.predict import run_probabilities
from trainer.recipes import RECIPES
from trainer.runs import RunFolder

THESIS = {  # sections 7.2 to 7.7 and 7.9: optimiser, rate, batch, dropout, decay; table 7.1
    "vgg13": ("sgd", 0.01, 128, 0.0, 1e-6, 0.8445),
    "vgg16": ("sgd", 0.01, 128, 0.0, 1e-6, 0.8443),
    "vgg19": ("sgd", 0.01, 128, 0.0, 1e-6, 0.842),
    "resnet18": ("adam", 0.001, 128, 0.0, 0.0, 0.8257),
    "resnet34": ("adam", 0.001, 128, 0.0, 0.0, 0.8282),
    "resnet50": ("sgd", 0.001, 128, 0.0, 0.0, 0.8237),
    # its decay of 0 is not of the weights, that belongs to the net; its batch of 128 is halved,
    # which gives the few epochs here twice the steps
    "wrn-28-4": ("sgd", 0.1, 64, 0.3, 5e-4, 0.863),
}
STARTS_FROM = ("auxiliary", "weights", "freeze", "face", "teachers")
FRESH = [
    name
    for name, recipe in ((name, RECIPES.get(name)) for name in RECIPES.names())
    if recipe.dataset == "ferplus" and not any(getattr(recipe, other) for other in STARTS_FROM)
]


def rows(table):
    return [r for r in map(RECIPES.get, RECIPES.names()) if r.table == table]


def test_the_table_is_complete():
    assert {recipe.net for recipe in rows("kyritsis/table7.1")} == {
        "custom-vgg13",
        "googlenet",
        "densenet121",
        *THESIS,
    }
    assert all(recipe.name == f"kyritsis-{recipe.net}" for recipe in rows("kyritsis/table7.1"))


@pytest.mark.parametrize("net", THESIS)
def test_values_are_the_thesis_s(net):
    recipe = RECIPES.get(f"kyritsis-{net}")
    stated = (recipe.optimiser, recipe.lr, recipe.batch, recipe.dropout, recipe.weight_decay)
    assert (*stated, recipe.published) == THESIS[net]


def test_augmentation_is_affine():
    for recipe in rows("kyritsis/table7.1") + rows("barsoum2016/table1"):
        assert recipe.brightness == recipe.contrast == recipe.gamma == recipe.cutout == 0
        assert min(recipe.scale, recipe.rotation_deg, recipe.translation, recipe.flip) > 0


def test_figures_that_no_table_has_are_not_made_up():
    assert RECIPES.get("kyritsis-densenet121").published is None
    found = {recipe.loss: recipe.published for recipe in rows("barsoum2016/table1")}
    assert found.pop("cross_entropy") == 0.8499
    assert found == {"majority": None, "multi_target": None, "probability": None}


@pytest.fixture(scope="module")
def few(parts):
    """8 faces to learn from in one step, 4 to choose on: some of these nets are large."""
    train, valid = parts
    return train.pick(np.arange(8)), valid.pick(np.arange(4))


@pytest.mark.parametrize("name", FRESH)
def test_every_recipe_trains_from_end_to_end(name, few, tmp_path):
    recipe = RECIPES.get(name).override({"epochs": "1", "batch": "8"})
    run = RunFolder(tmp_path / name)
    (row,) = fit(recipe, *few, run, data=tmp_path)
    assert 0 <= row["valid_accuracy"] <= 1
    probabilities = run_probabilities(run, few[1].images)
    assert probabilities.shape == (4, 8)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    shutil.rmtree(run.folder)  # half a gigabyte of some nets
