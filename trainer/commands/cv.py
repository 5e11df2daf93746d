"""`ferdesk-train cv`."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.commands.cluster import Cpus, Fresh, Gpus, Ray, place_of
from trainer.commands.common import (
    Change,
    Data,
    Json,
    SkipBad,
    changes,
    need_extra,
    print_json,
    print_table,
    split_changes,
)
from trainer.errors import TrainError
from trainer.recipes import RECIPES
from trainer.runs import RUNS


def cv(
    recipe: Annotated[str, typer.Argument(help="A recipe with folds; see the command `list`.")],
    data: Data,
    folds: Annotated[
        str | None, typer.Option("--folds", help="Which folds, e.g. 0,1,2; all unless given.")
    ] = None,
    change: Change = None,
    runs: Annotated[Path, typer.Option("--runs", help="The folder that holds the runs.")] = RUNS,
    ray: Ray = None,
    cpus: Cpus = 1,
    gpus: Gpus = 0.0,
    fresh: Fresh = False,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Cross-validate a recipe, for example: ferdesk-train cv khorrami2015-ckplus8 -d CK+/."""
    registered = RECIPES.get(recipe)
    own, before = split_changes(changes(change), [registered])
    resolved = registered.override({**own, **before.get(registered.name, {})})
    numbers = None if folds is None else _numbers(folds)
    need_extra()
    from trainer.crossval import CvFolder, cross_validate, figures_of

    folder = CvFolder(runs / recipe)
    result = cross_validate(
        resolved,
        folder,
        data,
        place_of(ray, cpus, gpus),
        numbers=numbers,
        skip_bad=skip_bad,
        fresh=fresh,
        changes=before,
    )
    if as_json:
        print_json(result.model_dump(mode="json", exclude={"figures"}))
    elif result.folds:
        rows = [
            (f"{f.fold}", f.part, f"{f.n}", f"{f.accuracy:.2%}", f"{f.best_epoch}/{f.epochs}")
            for f in result.folds
        ]
        print_table(("fold", "part", "n", "accuracy", "best epoch"), rows)
        figures = figures_of(result.folds)
        spread = "" if figures.deviation is None else f", deviation {figures.deviation:.2%}"
        typer.echo(
            f"{folder.text}: {len(result.folds)} of {result.count} folds, mean accuracy "
            f"{figures.mean:.2%}{spread}, balanced {figures.balanced:.2%}"
        )
    if result.failed:
        some = ", ".join(map(str, sorted(result.failed)))
        raise TrainError(f"Not all folds could be done: {some}; {folder.text} says why.")


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise TrainError(f"--folds {text}: write numbers with commas between them.") from error
