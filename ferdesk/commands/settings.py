"""`ferdesk settings`: the preferences on the command line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from ferdesk.commands.options import JsonOption, loaded_preferences, print_json

if TYPE_CHECKING:
    from ferdesk.preferences.table import Value

settings_app = typer.Typer(
    help="Your settings, as in the window: see and change.",
    epilog="Example: ferdesk settings set display.theme dark",
    no_args_is_help=True,
)

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Such as display.theme.")]


@settings_app.command("list")
def settings_list(as_json: JsonOption = False) -> None:
    """List every setting with its value; * marks those that differ from the default.

    What watches people live follows them: the window, record, stream, calibrate. Options given to
    a command win. analyze does not follow them.
    """
    from ferdesk.preferences.table import TABLE

    loaded = loaded_preferences()
    for line in loaded.unknown:
        typer.echo(f"ferdesk: not known to this version, kept: {line}", err=True)
    rows = [
        {
            "key": row.key,
            "value": row.value(loaded.preferences),
            "default": row.default,
            "changed": row.value(loaded.preferences) != row.default,
            "title": row.title,
        }
        for row in TABLE.values()
    ]
    if as_json:
        print_json(rows)
        return
    for one in rows:
        mark = "*" if one["changed"] else " "
        usual = f"  (default: {_written(one['default'])})" if one["changed"] else ""
        typer.echo(f"{mark} {one['key']:24} {_written(one['value'])}{usual}")


@settings_app.command("get")
def settings_get(key: KeyArgument) -> None:
    """Print the value of one setting."""
    from ferdesk.preferences.table import by_key

    typer.echo(_written(by_key(key).value(loaded_preferences().preferences)))


@settings_app.command("set")
def settings_set(
    key: KeyArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What it is to be.")],
) -> None:
    """Change a setting.

    Example: ferdesk settings set faces.max_faces 2
    """
    from ferdesk.preferences.table import by_key

    row = by_key(key)
    wanted = row.parsed(value)
    _write({key: wanted})
    typer.echo(f"{key} = {_written(wanted)}")


@settings_app.command("reset")
def settings_reset(
    key: Annotated[
        str | None, typer.Argument(metavar="[KEY]", help="Such as display.theme; all without.")
    ] = None,
) -> None:
    """Take a setting, or all of them, back to the default."""
    from ferdesk.preferences.table import TABLE, by_key

    rows = list(TABLE.values()) if key is None else [by_key(key)]
    _write({row.key: None for row in rows})
    if key is not None:
        typer.echo(f"{key} = {_written(rows[0].default)}")
    else:
        typer.echo("All settings are the defaults.")


@settings_app.command("path")
def settings_path() -> None:
    """Print where the settings are stored; FERDESK_CONFIG names another file."""
    from ferdesk.preferences.file import config_path

    typer.echo(config_path())


def _write(changes: Mapping[str, "Value | None"]) -> None:
    from ferdesk.preferences.file import write

    kept = write(changes)
    if kept is not None:
        typer.echo(f"ferdesk: the file could not be read; it is kept as {kept}", err=True)


def _written(value: object) -> str:
    """A value as the file and `set` take it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
