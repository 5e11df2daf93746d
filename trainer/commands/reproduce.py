"""`ferdesk-train reproduce`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trainer.commands.cluster import Cpus, Fresh, Gpus, Ray, place_of
from trainer.commands.common import (
    Change,
    Json,
    SkipBad,
    changes,
    need_extra,
    print_json,
    print_table,
    split_changes,
)
from trainer.errors import TrainError
from trainer.registry import nearest
from trainer.runs import RUNS, RunFolder, list_runs

if TYPE_CHECKING:
    from trainer.table_report import TableResult
    from trainer.tables import AnyRecipe

RESULTS: Final = Path("docs/results")


def reproduce(
    table: Annotated[
        str | None, typer.Argument(help="A paper's table, e.g. kyritsis/table7.1; see --list.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", "-d", help="The data set in one of its layouts.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Some rows only, by recipe: name,name.")
    ] = None,
    change: Change = None,
    weights: Annotated[
        str | None, typer.Option("--weights", help="Short for --set weights=FILE.")
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="The folder that holds the runs.")] = RUNS,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the table is written.")
    ] = RESULTS,
    auxiliary: Annotated[
        Path | None, typer.Option("--auxiliary", help="The second set of multi-task rows.")
    ] = None,
    results_only: Annotated[
        bool, typer.Option("--results-only", help="Train nothing, fill in what is there.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the tables and train nothing.")] = (
        False
    ),
    ray: Ray = None,
    cpus: Cpus = 1,
    gpus: Gpus = 0.0,
    fresh: Fresh = False,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Reproduce a table, for example: ferdesk-train reproduce kyritsis/table7.1 -d ferplus/.

    What is set holds for every row, but for what is set for one, as recipe:key=value.
    """
    if listing:
        _list(table, runs, output, as_json=as_json)
        return
    if table is None or data is None:
        raise TrainError("Say which table and where the data lies: reproduce TABLE --data PATH.")
    wanted = changes(change, weights=weights)
    if results_only and (wanted or fresh):
        raise TrainError(
            "--results-only trains nothing, so leave --set, --weights and --fresh out."
        )
    chosen = _chosen(table, only)
    own, before = split_changes(wanted, chosen)
    recipes = tuple(_with(recipe, {**own, **before.get(recipe.name, {})}) for recipe in chosen)
    need_extra()
    from trainer import reproduce as reproducing

    request = reproducing.Request(
        table,
        recipes,
        data,
        runs,
        output,
        place_of(ray, cpus, gpus),
        train=not results_only,
        skip_bad=skip_bad,
        fresh=fresh,
        auxiliary=auxiliary,
        changes=before,
    )
    _say(reproducing.reproduce(request), recipes, output, as_json=as_json)


def _chosen(table: str, only: str | None) -> "tuple[AnyRecipe, ...]":
    """The rows that are wanted."""
    from trainer.table_report import table_rows

    known = {recipe.name: recipe for recipe in table_rows(table)}
    names = list(known) if only is None else [name.strip() for name in only.split(",")]
    for name in names:
        if name not in known:
            raise TrainError(f"{table} has no row {name!r}. {nearest(name, known)}")
    return tuple(known[name] for name in known if name in names)


def _with(recipe: "AnyRecipe", wanted: dict[str, str]) -> "AnyRecipe":
    try:
        return recipe.override(wanted)
    except TrainError as error:
        raise TrainError(f"{recipe.name}: {error}") from error


def _say(
    result: "TableResult", recipes: "tuple[AnyRecipe, ...]", output: Path, *, as_json: bool
) -> None:
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        _print(result, output)
    failed = [recipe.name for recipe in recipes if recipe.name in result.failed]
    if failed:
        raise TrainError(f"Not all rows could be done: {', '.join(failed)}; the table says why.")


def _print(result: "TableResult", output: Path) -> None:
    from trainer.table_report import figure_kinds, file_of, table_rows

    kinds = figure_kinds(result)
    rows = []
    for recipe in table_rows(result.table):
        row = result.rows.get(recipe.name)
        figures = {} if row is None else {(f.protocol, f.part): f.accuracy for f in row.figures}
        cells = [_percent(figures.get(kind)) for kind in kinds]
        rows.append((recipe.name, _percent(recipe.published), *cells))
    print_table(("recipe", "paper", *(f"{part}, {protocol}" for protocol, part in kinds)), rows)
    typer.echo(f"{file_of(output, result.table, '.md')}")


def _list(table: str | None, runs: Path, output: Path, *, as_json: bool) -> None:
    """All tables, or one, with what is there of ours."""
    from trainer.table_report import TableResult, file_of, table_rows, tables
    from trainer.tables import read_result

    wanted = tables() if table is None else {table: table_rows(table)}
    states = {entry["name"]: entry for entry in list_runs(runs)}
    found: list[dict[str, Any]] = []
    for name, recipes in wanted.items():
        result = read_result(file_of(output, name, ".json"), TableResult)
        for recipe in recipes:
            row = None if result is None else result.rows.get(recipe.name)
            run = states.get(recipe.name)
            entry = {
                "table": name,
                "recipe": recipe.name,
                "net": recipe.net,
                "published": recipe.published,
                "ours": [] if row is None else [f.model_dump(mode="json") for f in row.figures],
                "run": _features_state(runs / recipe.name) if run is None else _state(run),
            }
            found.append(entry)
    if as_json:
        print_json(found)
        return
    for name in wanted:
        typer.echo(name)
        rows = [
            (e["recipe"], e["net"], _percent(e["published"]), _ours(e), e["run"] or "-")
            for e in found
            if e["table"] == name
        ]
        print_table(("recipe", "net", "paper", "ours", "run"), rows)


def _state(run: dict[str, Any]) -> str:
    done = f" {run['epochs_done']}/{run['epochs']}" if "epochs" in run else ""
    return f"{run['state']}{done}"


def _features_state(folder: Path) -> str | None:
    return "finished" if RunFolder(folder).features.is_file() else None


def _ours(entry: dict[str, Any]) -> str:
    said = (f"{_percent(f['accuracy'])} {f['part']}, {f['protocol']}" for f in entry["ours"])
    return "\n".join(said) or "-"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
