"""`ferdesk-train datasets` and `datasets check`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trainer.commands.common import Json, SkipBad, print_json, print_table

datasets_app = typer.Typer(help="The data sets: what there is, and what lies in a folder.")


@datasets_app.callback(invoke_without_command=True)
def list_datasets(context: typer.Context, as_json: Json = False) -> None:
    """List the data sets with their terms, for example: ferdesk-train datasets --json."""
    if context.invoked_subcommand is not None:
        return
    from trainer.datasets.check import overview

    entries = overview()
    if as_json:
        print_json(entries)
        return
    rows = [(e["name"], e["title"], e["where"], e["terms"]) for e in entries]
    print_table(("name", "what", "from", "terms"), rows)
    typer.echo("Layouts:")
    for entry in entries:
        for layout in entry["layout"]:  # not in the table, whose narrow columns would cut paths
            typer.echo(f"  {entry['name']}: {layout}")


@datasets_app.command("check")
def check_dataset(
    name: Annotated[str, typer.Argument(help="A data set's name; see `datasets`.")],
    path: Annotated[Path, typer.Argument(help="Where it lies, in one of its layouts.")],
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="Decode every picture too, and look for duplicates."),
    ] = False,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Count what a data set holds, for example: ferdesk-train datasets check ferplus ferplus/."""
    from trainer.datasets.check import check

    found = check(name, path, skip_bad=skip_bad, pixels=pixels)
    if as_json:
        print_json(found)
        return
    _print_report(found)


def _print_report(found: dict[str, Any]) -> None:
    typer.echo(f"{found['title']}\n{found['path']}: {found['layout']}")
    typer.echo(
        f"{found['samples']:,} samples, {found['labelled']:,} labelled, {found['subjects']:,} "
        f"subjects, {found['sequences']:,} sequences, {found['with_aus']:,} with action units"
    )
    rows = [(part, f"{count:,}") for part, count in found["parts"].items()]
    rows += [(name, f"{count:,}") for name, count in found["expressions"].items()]
    print_table(("part or expression", "samples"), rows)
    if found["published"]:
        source = found["source"] + (f"; as {found['counted_as']}" if found["counted_as"] else "")
        typer.echo(f"Published ({source}):")
        rows_beside = [
            (
                line["what"],
                f"{line['published']:,}",
                f"{line['found']:,}",
                "differs" if line["differs"] else "",
            )
            for line in found["published"]
        ]
        print_table(("count", "published", "found", ""), rows_beside)
    for protocol, verdict in found["protocols"].items():
        typer.echo(f"{protocol}: {verdict}")
    if found["empty"]:
        typer.echo(f"empty: {', '.join(found['empty'])}")
    if found["repeated_pixels"] is not None:
        typer.echo(f"{found['repeated_pixels']:,} samples repeat the pixels of an earlier one")
    for line in found["skipped"]:
        typer.echo(f"skipped: {line}", err=True)
    if found["skipped_count"]:
        typer.echo(f"{found['skipped_count']:,} skipped", err=True)
