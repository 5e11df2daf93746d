"""`ferdesk-train train`, `list` and `runs`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainer.commands.common import (
    Change,
    Data,
    Json,
    SkipBad,
    Tables,
    changes,
    load_both,
    need_extra,
    print_json,
    print_table,
    say_skipped,
)
from trainer.errors import TrainError
from trainer.recipes import RECIPES, Recipe
from trainer.recipes.ali2020 import GAN_RECIPES
from trainer.recipes.au import AU_RECIPES, AuRecipe
from trainer.runs import RUNS, TABLES, Row, RunFolder, list_runs

if TYPE_CHECKING:
    from trainer.multitask import Auxiliary


def list_recipes(as_json: Json = False) -> None:
    """List the recipes, for example: ferdesk-train list --json."""
    recipes = [RECIPES.get(name) for name in RECIPES.names()]
    of_units = [AU_RECIPES.get(name) for name in AU_RECIPES.names()]
    gans = [GAN_RECIPES.get(name) for name in GAN_RECIPES.names()]
    if as_json:
        print_json([recipe.model_dump() for recipe in (*recipes, *of_units, *gans)])
        return
    rows = [(r.name, r.net, r.dataset, f"{r.size}", f"{r.epochs}", r.title) for r in recipes]
    rows += [
        (r.name, r.net, "ferplus, faces", f"{r.size}", f"{r.epochs}", r.title) for r in of_units
    ]
    rows += [(r.name, r.net, r.dataset, f"{r.size}", f"{r.epochs}", r.title) for r in gans]
    print_table(("recipe", "net", "data", "size", "epochs", "what"), rows)


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name; see the command `list`.")],
    data: Data,
    change: Change = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="The run's folder; runs/<recipe> unless given.")
    ] = None,
    auxiliary: Annotated[
        Path | None, typer.Option("--auxiliary", help="IMDB-WIKI, for multi-task recipes.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", help="Short for --set weights=FILE.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a run that is there.")] = False,
    skip_bad: SkipBad = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Short for --set seed=...")] = None,
    tables: Tables = TABLES,
) -> None:
    """Train a recipe, for example: ferdesk-train train khorrami2015-ferplus -d ferplus/."""
    if resume and fresh:
        raise TrainError("Choose either --resume or --fresh.")
    if recipe in AU_RECIPES.names():
        if auxiliary is not None or weights is not None:
            raise TrainError(f"{recipe} takes neither --auxiliary nor --weights.")
        units = AU_RECIPES.get(recipe).override(changes(change, seed=seed))
        folder = RunFolder(run or RUNS / recipe)
        _train_aus(units, data, tables, folder, skip_bad=skip_bad, resume=resume, fresh=fresh)
        return
    resolved = RECIPES.get(recipe).override(changes(change, seed=seed, weights=weights))
    need_extra()
    from trainer.fit import fit
    from trainer.multitask import check_wish
    from trainer.parallel import is_leader

    check_wish(resolved, auxiliary)
    folder = RunFolder(run or RUNS / recipe)
    parts = load_both(resolved, data, skip_bad=skip_bad)
    second = _second_set(resolved, auxiliary, skip_bad)
    rows = fit(resolved, *parts, folder, data=data, auxiliary=second, resume=resume, fresh=fresh)
    if not is_leader():
        return
    typer.echo(f"{folder.folder}: {_came_of(rows)}")
    if second is not None:
        _say_figures(folder, second)


def _came_of(rows: list[Row]) -> str:
    """What a training reached, in words."""
    if not rows:
        return "nothing was trained, and the weights it starts from are kept"
    if "valid_relative" in rows[0]:
        best = min(rows, key=lambda row: row["valid_loss"])
        reached = f"{best['valid_relative']:.1%} of the face net's features are not reproduced"
    else:
        best = max(rows, key=lambda row: row["valid_accuracy"])
        reached = f"valid accuracy {best['valid_accuracy']:.2%}"
    return f"best epoch {best['epoch']:.0f} of {len(rows)}, {reached}"


def _train_aus(
    recipe: AuRecipe,
    data: Path,
    tables: Path,
    folder: RunFolder,
    *,
    skip_bad: bool,
    resume: bool,
    fresh: bool,
) -> None:
    """Train an action-unit net."""
    need_extra()
    from trainer.au_data import load_sets
    from trainer.au_distill import distill

    sets = load_sets(recipe, data, tables, skip_bad=skip_bad)
    rows = distill(recipe, sets, folder, data=data, resume=resume, fresh=fresh)
    best = max(rows, key=lambda row: row["valid_r"])
    typer.echo(
        f"{folder.folder}: best epoch {best['epoch']:.0f} of {len(rows)}, "
        f"mean correlation on valid {best['valid_r']:.3f}"
    )


def _second_set(recipe: Recipe, path: Path | None, skip_bad: bool) -> "Auxiliary | None":
    """The second set of a multi-task recipe on its device; the pictures in memory are let go."""
    from trainer.multitask import Auxiliary, load_auxiliary

    faces = load_auxiliary(recipe, path, skip_bad=skip_bad)
    if faces is None:
        return None
    say_skipped(faces)
    return Auxiliary(faces, recipe)


def _say_figures(run: RunFolder, auxiliary: "Auxiliary") -> None:
    """What the best epoch's net knows of people of the second set that it has not seen."""
    from trainer.predict import load_run

    figures = auxiliary.figures(load_run(run)[0])
    typer.echo(
        f"people held out of the second set, n = {figures.faces}: gender right "
        f"{figures.gender_accuracy:.2%} (of {figures.genders}), age off by "
        f"{figures.age_error:.1f} years on average (of {figures.ages})"
    )


def runs(
    parent: Annotated[Path, typer.Option("--in", help="The folder that holds the runs.")] = RUNS,
    as_json: Json = False,
) -> None:
    """List the runs with their state, for example: ferdesk-train runs --json."""
    found = list_runs(parent)
    if as_json:
        print_json(found)
        return
    rows = []
    for entry in found:
        epochs = f"{entry.get('epochs_done', '?')}/{entry.get('epochs', '?')}"
        rows.append((entry["name"], epochs, _best(entry), entry["state"]))
    print_table(("run", "epochs", "best on valid", "state"), rows)


def _best(entry: dict[str, Any]) -> str:
    accuracy, r = entry.get("best_valid_accuracy"), entry.get("best_valid_r")
    if accuracy is not None:
        return f"{accuracy:.2%}"
    return "-" if r is None else f"r {r:.3f}"
