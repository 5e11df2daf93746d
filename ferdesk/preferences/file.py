"""The file of preferences: TOML, with no more in it than what differs from the defaults.

Comments, and keys of a newer version, stay as they are. A file that cannot be read as a whole is
never overwritten: it is kept under another name.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import platformdirs
import tomlkit
from tomlkit.container import OutOfOrderTableProxy
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from ferdesk.core.errors import PreferencesError
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.private import read_limited, replace_private
from ferdesk.preferences.table import TABLE, Value, by_key, nearest

VARIABLE: Final = "FERDESK_CONFIG"
"""The environment's variable that names another file."""

_MOST_BYTES: Final = 262_144
_NEWLINE: Final = "\n"
_MARK: Final = "ferdesk-looks-for-this-line"
_HEAD: Final = "What differs from ferdesk's defaults. All there is: ferdesk settings list"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file of preferences gave.

    Attributes:
        preferences: all of them; the default where the file says nothing, or nothing sound.
        warnings: what is not sound, for people: each names the file, the key and the line.
        unknown: keys that this version does not know, with the nearest that it does; they stay.
    """

    preferences: Preferences
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def config_path() -> Path:
    """The user's file of preferences, or the one that FERDESK_CONFIG names; it need not exist."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    return platformdirs.user_config_path("ferdesk", appauthor=False) / "config.toml"


def load(path: Path | None = None) -> Loaded:
    """Read the preferences; whatever is wrong with the file is a warning, never an error.

    Args:
        path: the file; by default `config_path()`.
    """
    where = path if path is not None else config_path()
    try:
        text = read_limited(where, _MOST_BYTES)
        found = _parsed(where, text)
    except FileNotFoundError:
        return Loaded(Preferences())
    except PreferencesError as error:
        return Loaded(Preferences(), (f"{error} The defaults are used.",))
    preferences, warnings, unknown = Preferences(), [], []
    for section, name, value in _entries(found):
        key = f"{section}.{name}" if name else section
        if key not in TABLE:
            unknown.append(f"{where}: {_place(text, section, name)}{key}. {nearest(key)}")
            continue
        try:
            preferences = TABLE[key].changed(preferences, value)
        except PreferencesError as error:
            said = f"{where}: {_place(text, section, name)}{error}"
            warnings.append(f"{said} The default is used: {TABLE[key].default!r}.")
    return Loaded(preferences, tuple(warnings), tuple(unknown))


def write(changes: Mapping[str, Value | None], path: Path | None = None) -> Path | None:
    """Store some preferences; the rest of the file stays as it is.

    Of two programs that write at once the last one wins, and the file is always whole.

    Args:
        changes: new values by key; None, like the default's value, takes the entry away.
        path: the file; by default `config_path()`.

    Returns:
        Where the file went that was there and could not be read; None where it could.

    Raises:
        PreferencesError: a key is unknown or a value out of range, or the file cannot be written.
    """
    where = path if path is not None else config_path()
    wanted = {
        key: None if value is None else by_key(key).checked(value) for key, value in changes.items()
    }
    document, kept = _document(where)
    for key, value in wanted.items():
        row = by_key(key)
        if value is None or value == row.default:
            _remove(document, row.section, row.name)
        else:
            document.setdefault(row.section, tomlkit.table())[row.name] = value
    replace_private(where, tomlkit.dumps(document))
    return kept


def _parsed(path: Path, text: str) -> dict[str, Any]:
    """What a TOML text says; sections are tables for certain."""
    try:
        found = tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits is no TOMLDecodeError
        raise PreferencesError(f"{path} is not sound TOML: {error}.") from error
    except RecursionError as error:
        raise PreferencesError(f"{path} is not sound TOML: nested too deeply.") from error
    for section in Preferences.model_fields:
        if not isinstance(found.get(section, {}), dict):
            at = _place(text, section, "")
            raise PreferencesError(f"{path}: {at}{section} has to be a table: [{section}].")
    return found


def _entries(found: Mapping[str, Any]) -> Iterator[tuple[str, str, object]]:
    """Section, name and value of each entry; the name is empty where there is no section."""
    for section, entries in found.items():
        if section in Preferences.model_fields:
            for name, value in entries.items():
                yield section, name, value
        else:
            yield section, "", entries


def _document(path: Path) -> tuple[tomlkit.TOMLDocument, Path | None]:
    """The file for changing, and where it went if that is not possible."""
    try:
        text = read_limited(path, _MOST_BYTES)
        _parsed(path, text)
        return tomlkit.parse(text), None
    except FileNotFoundError:
        return _new_document(), None
    except (PreferencesError, TOMLKitError):
        return _new_document(), _put_aside(path)


def _new_document() -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    document.add(tomlkit.comment(_HEAD))
    return document


def _put_aside(path: Path) -> Path:
    """Give a file that cannot be read a free name beside its own."""
    aside = next(
        name
        for name in (path.with_name(f"{path.name}.broken-{number}") for number in count(1))
        if not name.exists()
    )
    try:
        path.rename(aside)
    except OSError as error:
        raise PreferencesError(
            f"{path} cannot be read, nor renamed: {error.strerror or error}."
        ) from error
    return aside


def _remove(document: MutableMapping[str, Any], section: str, name: str) -> None:
    entries = document.get(section, {})
    if name not in entries:
        return
    del entries[name]
    # An empty table goes, unless there is a comment in it.
    if isinstance(entries, Table) and not entries.as_string().strip():
        del document[section]


def _place(text: str, section: str, name: str) -> str:
    """Where an entry stands, "line 3: ": as much as comes before a mark in a copy that has one.

    Empty where that cannot be told: of a table, which has many lines.
    """
    try:
        document = tomlkit.parse(text)
        table: MutableMapping[str, Any] = document[section] if name else document
        key = name or section
        if isinstance(table[key], Table | AoT | OutOfOrderTableProxy):
            return ""
        table[key] = _MARK
        before, found, _ = tomlkit.dumps(document).partition(_MARK)
    except TOMLKitError:
        return ""
    return f"line {before.count(_NEWLINE) + 1}: " if found else ""
