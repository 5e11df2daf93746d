"""`ferdesk-train transfer`."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.commands.common import (
    Data,
    Json,
    SkipBad,
    load_part,
    need_extra,
    print_json,
    print_table,
)
from trainer.errors import TrainError
from trainer.recipes.kyritsis_transfer import FEATURE_RECIPES, FeatureRecipe
from trainer.registry import nearest
from trainer.runs import RUNS

if TYPE_CHECKING:
    from trainer.transfer import TransferResult

transfer_app = typer.Typer(
    help="Use what a net learnt from other pictures, without training it.", no_args_is_help=True
)


@transfer_app.command("list")
def list_features(as_json: Json = False) -> None:
    """List the feature recipes, for example: ferdesk-train transfer list --json."""
    recipes = [FEATURE_RECIPES.get(name) for name in FEATURE_RECIPES.names()]
    if as_json:
        print_json([asdict(recipe) for recipe in recipes])
        return
    rows = [
        (r.name, r.net, r.layer, r.weights, "-" if r.published is None else f"{r.published:.2%}")
        for r in recipes
    ]
    print_table(("recipe", "net", "layer", "weights", "published"), rows)


@transfer_app.command()
def features(
    what: Annotated[
        str, typer.Argument(metavar="RECIPE|NET", help="A feature recipe's or a net's name.")
    ],
    data: Data,
    layer: Annotated[
        str | None, typer.Option("--layer", help="The layer, such as fc6, fc7 or pool.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", help="A file, a run's folder, or imagenet (fetches it)."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Use so many faces of each part.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="The run's folder; runs/<recipe> unless given.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="The recipe's unless given.")
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Train a linear SVM on a layer of a frozen net, and judge it on valid.

    For example: ferdesk-train transfer features kyritsis-svm-imagenet-fc6 -d ferplus/
    """
    need_extra()
    recipe = _recipe(what, layer, weights, seed)
    from trainer.transfer import run_features

    train = load_part(recipe.dataset, data, "train", recipe.size, skip_bad=skip_bad)
    valid = load_part(recipe.dataset, data, "valid", recipe.size, skip_bad=skip_bad)
    result = run_features(recipe, train, valid, run or RUNS / recipe.name, limit=limit)
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)


def _recipe(what: str, layer: str | None, weights: str | None, seed: int | None) -> FeatureRecipe:
    """The recipe of that name, or one made up for the net of that name."""
    from trainer.nets import net_names

    if what in FEATURE_RECIPES.names():
        recipe = FEATURE_RECIPES.get(what)
    elif what in net_names():
        if layer is None or weights is None:
            raise TrainError(f"Of a net such as {what}, say --layer and --weights too.")
        title = f"Linear SVM on {layer} of {what}"
        recipe = FeatureRecipe(f"svm-{what}-{layer}", title, what, layer, weights)
    else:
        known = (*FEATURE_RECIPES.names(), *net_names())
        raise TrainError(f"There is no feature recipe or net {what!r}. {nearest(what, known)}")
    return replace(
        recipe,
        layer=recipe.layer if layer is None else layer,
        weights=recipe.weights if weights is None else weights,
        seed=recipe.seed if seed is None else seed,
    )


def _print(result: "TransferResult") -> None:
    recipe = result.recipe
    if result.fresh:
        typer.echo(
            f"not taken from {recipe.weights}, since of another size: {', '.join(result.fresh)}",
            err=True,
        )
    typer.echo(
        f"{recipe.layer} of {recipe.net}: {result.dimension} features of {result.train} faces, "
        f"C = {result.c:g} (cross-validated accuracy {result.cross_validated:.2%})"
    )
    if not result.converged:
        typer.echo("the SVM's solver stopped before it had converged", err=True)
    for score in result.scores:
        low, high = score.accuracy_ci95
        typer.echo(
            f"{result.part}, {score.protocol}, n = {score.n}: accuracy {score.accuracy:.2%} "
            f"(95 %: {low:.2%} to {high:.2%}), top 2 {score.top2:.2%}, top 3 {score.top3:.2%}"
        )
    if recipe.published is not None:
        typer.echo(f"published, on test: {recipe.published:.2%}")
