"""The commands that bring sessions to other programs, and other programs' tables to us."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ferdesk.exports.spans import LEAST_S

# The same names as ferdesk.exports.formats.FORMATS, without loading the formats for every command.
FormatName = Literal["ferdesk", "parquet", "pyfeat", "openface", "vtt", "elan", "report"]
DialectName = Literal["pyfeat", "openface"]


def export_command(
    session: Annotated[
        Path, typer.Argument(metavar="SESSION", help="A recorded session's folder.")
    ],
    to: Annotated[FormatName, typer.Option("--to", "-t", help="The format.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The file; one of an earlier run is replaced.")
    ],
    min_span: Annotated[
        float,
        typer.Option(
            "--min-span",
            min=0.0,
            max=60.0,
            help="vtt, elan: an expression shown for fewer seconds joins the one before.",
        ),
    ] = LEAST_S,
) -> None:
    """Write a recorded session for another program.

    What has no home in the format is said on standard error.

    Example: ferdesk export talk.ferdesk --to openface -o talk.csv
    """
    from ferdesk.exports.formats import export
    from ferdesk.sessions.session import Session

    with Session(session) as opened:
        missing = export(opened, to, out, min_span)
    typer.echo(f"Left out, for {to} has no place for it: {'; '.join(missing)}.", err=True)
    typer.echo(f"Exported to {out}")


def import_command(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A CSV by py-feat or OpenFace 2.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new session, NAME.ferdesk.")],
    dialect: Annotated[
        DialectName | None,
        typer.Option("--from", help="The program that wrote it; else its columns tell."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            "--fps", min=0.001, max=100_000.0, help="Frames a second, for a table without times."
        ),
    ] = None,
) -> None:
    """Make a session of another program's table.

    Example: ferdesk import talk.csv -o talk.ferdesk
    """
    from ferdesk.exports.imports import import_table

    made = import_table(table, out, dialect, fps)
    if made.left_out:
        typer.echo(f"Not read: {', '.join(made.left_out)}.", err=True)
    typer.echo(f"Imported {made.frames} frames with {made.faces} faces by {made.title} to {out}")
