"""`ferdesk-train export`."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.commands.common import Data, Json, SkipBad, load_both, need_extra, print_json
from trainer.commands.evaluate import print_evaluation
from trainer.runs import RunFolder


def export(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle's folder.")],
    name: Annotated[
        str | None, typer.Option("--name", help="The bundle's name; its folder's unless given.")
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Make a bundle of a run, for example: ferdesk-train export RUN -d ferplus/ -o FOLDER."""
    need_extra()
    from trainer.export import export as make

    folder = RunFolder(run)
    recipe = folder.read_recipe()
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
