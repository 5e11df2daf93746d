"""`ferdesk-train export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.commands.common import (
    Data,
    Json,
    SkipBad,
    Tables,
    load_both,
    need_extra,
    print_json,
    print_table,
)
from trainer.commands.evaluate import print_evaluation
from trainer.errors import TrainError
from trainer.recipes.ali2020 import GanRecipe
from trainer.recipes.au import AuRecipe
from trainer.runs import TABLES, RunFolder

if TYPE_CHECKING:
    from trainer.au_data import AuSets


def export(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle's folder.")],
    name: Annotated[
        str | None, typer.Option("--name", help="The bundle's name; its folder's unless given.")
    ] = None,
    skip_bad: SkipBad = False,
    tables: Tables = TABLES,
    as_json: Json = False,
) -> None:
    """Make a bundle of a run, for example: ferdesk-train export RUN -d ferplus/ -o FOLDER."""
    need_extra()
    from trainer.export import export as make

    folder = RunFolder(run)
    recipe = folder.read_any_recipe()
    if isinstance(recipe, GanRecipe):
        raise TrainError(f"{run} is a GAN, which the app does not run; export stage 2's run of it.")
    if isinstance(recipe, AuRecipe):
        from trainer.au_data import load_sets

        sets = load_sets(recipe, data, tables, skip_bad=skip_bad)
        _export_aus(folder, sets, output, name or output.resolve().name, as_json=as_json)
        return
    parts = load_both(recipe, data, skip_bad=skip_bad)
    made = make(folder, *parts, output, name or output.resolve().name)
    if as_json:
        print_json({"folder": str(made.folder), "parity": made.parity, **made.manifest()})
        return
    typer.echo(
        f"{made.folder}: temperature {made.bundle.temperature:.3f}, "
        f"largest difference to torch {made.parity:.2g}"
    )
    for result in made.evaluations:
        print_evaluation(result)


def _export_aus(run: RunFolder, sets: "AuSets", output: Path, name: str, *, as_json: bool) -> None:
    from ferdesk.core.aus import unit
    from trainer.au_export import export_aus

    made = export_aus(run, sets, output, name)
    if as_json:
        manifest = made.bundle.model_dump(mode="json")
        print_json({"folder": str(made.folder), "parity": made.parity, **manifest})
        return
    typer.echo(f"{made.folder}: largest difference to torch {made.parity:.2g}")
    rows = [
        (unit(m.au).code, m.dataset, m.part, f"{m.n}", f"{m.r:.3f}", f"{m.mae:.3f}", str(m.shipped))
        for m in made.bundle.metrics
    ]
    print_table(("unit", "data", "part", "n", "r", "error", "shipped"), rows)
