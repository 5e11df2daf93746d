"""Recipes, one file a paper, each only its differences from `base.Recipe`'s defaults."""

from trainer.recipes import (  # each enters its recipes
    ali2020,  # noqa: F401
    app,  # noqa: F401
    barsoum2016,  # noqa: F401
    ding2017,  # noqa: F401
    khorrami2015,  # noqa: F401
    kyritsis,  # noqa: F401
    kyritsis_transfer,  # noqa: F401
    ng2015,  # noqa: F401
)
from trainer.recipes.base import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe"]
