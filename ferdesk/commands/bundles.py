"""The commands about bundles: the nets and SVMs that are installed."""

from pathlib import Path
from typing import Annotated

import typer

from ferdesk.bundle_store import Installed, add, find_installed, list_bundles, remove, verify
from ferdesk.commands.options import JsonOption, print_json
from ferdesk.core.bundle import ModelBundle
from ferdesk.core.errors import FerdeskError

bundles_app = typer.Typer(
    help="The bundles, nets and what is known of them: list, add, remove, check.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="The bundle's name.")]


@bundles_app.command("list")
def bundles_list(as_json: JsonOption = False) -> None:
    """List the installed bundles with what they are for; as JSON with all they say."""
    found = list_bundles()
    if as_json:
        print_json([_row(one) for one in found])
        return
    for one in found:
        whose = "added" if one.own else "shipped"
        task = one.bundle.task if one.bundle else "?"
        typer.echo(f"{one.name:26} {task:13} {whose:8} {_about(one)}")


@bundles_app.command("add")
def bundles_add(
    folder: Annotated[Path, typer.Argument(help="The bundle's folder, with its bundle.json.")],
) -> None:
    """Copy a bundle into your data folder, after it was checked.

    Example: ferdesk bundles add runs/my-net/bundle
    """
    added = add(folder)
    typer.echo(f"Added {added.name} in {added.folder}")


@bundles_app.command("remove")
def bundles_remove(name: NameArgument) -> None:
    """Delete a bundle that you have added."""
    remove(name)


@bundles_app.command("verify")
def bundles_verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; all by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check descriptions, hashes, and that each net answers as it did where it was made."""
    found = [find_installed(name) for name in names] if names else list(list_bundles())
    rows = [
        {"name": one.name, "folder": str(one.folder), "trouble": _trouble(one)} for one in found
    ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            typer.echo(f"{row['name']:26} {row['trouble'] or 'whole'}")
    if any(row["trouble"] for row in rows):
        raise typer.Exit(1)


def _trouble(one: Installed) -> str:
    try:
        verify(one.folder)
    except FerdeskError as error:
        return str(error)
    return ""


def _row(one: Installed) -> dict[str, object]:
    return {
        "name": one.name,
        "folder": str(one.folder),
        "own": one.own,
        "trouble": one.trouble,
        "bundle": one.bundle.model_dump(mode="json") if one.bundle else None,
    }


def _about(one: Installed) -> str:
    """One line: the first measured figure of an expression net, else the title."""
    if one.bundle is None:
        return one.trouble
    if isinstance(one.bundle, ModelBundle) and one.bundle.metrics:
        best = one.bundle.metrics[0]
        return (
            f"{best.accuracy:.1%} on {best.dataset} {best.part} ({best.protocol}, n = {best.n:,})"
        )
    return one.bundle.title
