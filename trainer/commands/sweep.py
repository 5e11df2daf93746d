"""`ferdesk-train sweep`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.commands.cluster import Cpus, Fresh, Gpus, Ray, place_of
from trainer.commands.common import Data, Json, SkipBad, need_extra, print_json, print_table
from trainer.errors import TrainError
from trainer.recipes import RECIPES
from trainer.runs import RUNS

if TYPE_CHECKING:
    from trainer.sweep import Combination, Trial

_SHOWN = 10


def sweep(
    recipe: Annotated[str, typer.Argument(help="A recipe's name; see the command `list`.")],
    data: Data,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", help="Values to try: key=value,value. The thesis's unless given."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Epochs of each run; the recipe's else.")
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", min=0, help="Try so many at random; 0 tries all.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the random choice.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the combinations and train nothing.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="For runs and tables; runs/sweep-<recipe> else."),
    ] = None,
    ray: Ray = None,
    cpus: Cpus = 1,
    gpus: Gpus = 0.0,
    fresh: Fresh = False,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Try a grid of values, for example: ferdesk-train sweep RECIPE -d PATH --grid lr=0.1,0.01."""
    base = RECIPES.get(recipe).override({} if epochs is None else {"epochs": f"{epochs}"})
    need_extra()
    from trainer import sweep as sweeping

    wanted = sweeping.parse_grid(grid) if grid else sweeping.GRID
    points = sweeping.combinations(base, wanted, sample=sample, seed=seed)
    if dry_run:
        _list(points, as_json=as_json)
        return
    typer.echo(f"{len(points)} combinations, {_epochs(points)} epochs in all", err=True)
    folder = output or RUNS / f"sweep-{recipe}"
    trials = sweeping.sweep(
        points, folder, data, place_of(ray, cpus, gpus), skip_bad=skip_bad, fresh=fresh
    )
    if as_json:
        print_json([trial.cells() for trial in trials])
    else:
        _print(trials[:_SHOWN])
        typer.echo(f"{folder / 'sweep.md'}: {len(trials)} combinations, chosen on valid")
    failed = sum(trial.state == "failed" for trial in trials)
    if failed == len(trials):
        raise TrainError(f"All combinations failed; {folder / 'sweep.md'} says why.")


def _epochs(points: "list[Combination]") -> int:
    return sum(point.recipe.epochs for point in points)


def _list(points: "list[Combination]", *, as_json: bool) -> None:
    if as_json:
        print_json([{"name": point.name, **point.values} for point in points])
        return
    for point in points:
        typer.echo(point.name)
    typer.echo(f"{len(points)} combinations, {_epochs(points)} epochs in all")


def _print(trials: "list[Trial]") -> None:
    rows = [
        (
            trial.combination.name,
            trial.state,
            "-" if trial.accuracy is None else f"{trial.accuracy:.2%}",
            "-" if trial.majority is None else f"{trial.majority:.2%}",
        )
        for trial in trials
    ]
    print_table(("combination", "state", "valid, plurality", "valid, majority"), rows)
