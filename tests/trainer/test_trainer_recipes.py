import pytest
from pydantic import ValidationError

from trainer.errors import TrainError
from trainer.nets import build_net, parameter_count
from trainer.recipes import RECIPES, Recipe
from trainer.recipes.base import add_recipe


def test_every_recipe_has_its_name():
    for name in RECIPES.names():
        assert RECIPES.get(name).name == name


@pytest.mark.parametrize(
    ("net", "size"), sorted({(r.net, r.size) for r in map(RECIPES.get, RECIPES.names())})
)
def test_every_recipe_s_net_is_built(net, size):
    assert parameter_count(build_net(net, size=size, dropout=0.5)) > 0


def test_every_recipe_that_others_start_from_is_there():
    for name in RECIPES.names():
        for before in RECIPES.get(name).after:
            assert RECIPES.get(before).name == before


def test_khorrami2015_keeps_the_paper_s_numbers():
    recipe = RECIPES.get("khorrami2015-ferplus")
    assert (recipe.lr, recipe.momentum, recipe.batch) == (0.01, 0.9, 64)
    assert (recipe.weight_decay, recipe.dropout) == (1e-5, 0.5)


def test_recipes_are_frozen():
    with pytest.raises(ValidationError):
        RECIPES.get("khorrami2015-ferplus").lr = 1.0


def test_override_converts_by_type():
    recipe = RECIPES.get("khorrami2015-ferplus").override({"lr": "0.1", "epochs": "3"})
    assert (recipe.lr, recipe.epochs) == (0.1, 3)
    assert recipe.batch == 64


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epoch", "3", "no value 'epoch' to set. Did you mean epochs"),
        ("name", "x", "no value 'name' to set"),
        ("epochs", "many", "--set epochs=many: .*integer"),
        ("lr", "-1", "--set lr=-1: .*greater than 0"),
        ("votes", "none", "--set votes=none"),
    ],
)
def test_override_refuses(key, value, message):
    with pytest.raises(TrainError, match=message) as caught:
        RECIPES.get("khorrami2015-ferplus").override({key: value})
    assert "\n" not in str(caught.value)


def test_unknown_recipe_names_the_nearest():
    with pytest.raises(TrainError, match="Did you mean khorrami2015-ferplus"):
        RECIPES.get("khorrami-ferplus")


def test_a_name_is_given_once():
    recipe = RECIPES.get("khorrami2015-ferplus")
    with pytest.raises(TrainError, match="recipe 'khorrami2015-ferplus' already"):
        add_recipe(recipe)


def test_a_recipe_file_may_not_invent_values():
    with pytest.raises(ValidationError):
        Recipe(name="x", title="x", paper="x", net="khorrami2015", learning_rate=0.1)
