"""Recipes, one file a paper, each only its differences from `base.Recipe`'s defaults."""

from trainer.recipes import khorrami2015  # noqa: F401  (registers its recipes)
from trainer.recipes.base import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe"]
