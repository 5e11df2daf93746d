"""The table of preferences as rows, for whoever lists, asks for or changes them."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from ferdesk.core.errors import PreferencesError
from ferdesk.preferences.annotations import Shown
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.sections import Section
from ferdesk.texts import tr

Kind = Literal["switch", "integer", "number", "choice", "text"]
Value = bool | int | float | str

AUTO: Final = "auto"
"""Of a number whose row says so: whoever knows better decides."""

_KINDS: Final[Mapping[object, Kind]] = MappingProxyType(
    {bool: "switch", int: "integer", float: "number", str: "text"}
)


@dataclass(frozen=True, slots=True)
class Preference:
    """One row.

    Attributes:
        section: the section's name, as in the file.
        name: its own name within it.
        title: what people call it.
        help: what it is for.
        kind: of its value.
        default: what holds unless the user says otherwise.
        choices: the values that a choice has; empty for all else.
        minimum: of a number; None where there is none.
        maximum: the same.
        shown: how it is offered, and when a change is felt.
    """

    section: str
    name: str
    title: str
    help: str
    kind: Kind
    default: Value
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    shown: Shown

    @property
    def key(self) -> str:
        """Its name for the file and the command: display.theme."""
        return f"{self.section}.{self.name}"

    def value(self, preferences: Preferences) -> Value:
        """What a snapshot has for it."""
        found: Value = getattr(getattr(preferences, self.section), self.name)
        return found

    def changed(self, preferences: Preferences, value: object) -> Preferences:
        """The snapshot with another value for it.

        Raises:
            PreferencesError: the value is of another kind, or out of range.
        """
        part: Section = getattr(preferences, self.section)
        whole = part.model_copy(update={self.name: self.checked(value)})
        return preferences.model_copy(update={self.section: whole})

    def checked(self, value: object) -> Value:
        """The value, if it is one for this preference.

        Raises:
            PreferencesError: it is of another kind, or out of range.
        """
        return self._validated(lambda kind: kind.model_validate({self.name: value}, strict=True))

    def parsed(self, text: str) -> Value:
        """The value that a text means: true, on and yes for a switch, and so on.

        Raises:
            PreferencesError: it means none.
        """
        return self._validated(lambda kind: kind.model_validate_strings({self.name: text}))

    def text_of(self, value: Value) -> str:
        """How people read a value of it."""
        if self.kind == "switch":
            return "on" if value else "off"
        if self.kind == "choice" and self.shown.texts is not None:
            return self.shown.texts[str(value)]
        if value == AUTO and self.shown.auto:
            return self.shown.auto
        return f"{value:g}" if self.kind == "number" else str(value)

    def translated(self, translate: Callable[[str], str] = tr) -> "Preference":
        """The row as the window shows it; the file and the command line are in English.

        Args:
            translate: gives a text in the user's language.
        """
        shown = replace(
            self.shown,
            texts={choice: translate(text) for choice, text in self.shown.texts.items()}
            if self.shown.texts is not None
            else None,
            unit=translate(self.shown.unit),
            empty=translate(self.shown.empty),
            auto=translate(self.shown.auto),
        )
        return replace(self, title=translate(self.title), help=translate(self.help), shown=shown)

    def _validated(self, validate: Callable[[type[Section]], Section]) -> Value:
        try:
            made = validate(_section(self.section))
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise PreferencesError(f"{self.key}: {said[:1].lower()}{said[1:]}.") from error
        value: Value = getattr(made, self.name)
        return value


def by_key(key: str) -> Preference:
    """The row of a key.

    Raises:
        PreferencesError: there is none; the message names the nearest.
    """
    try:
        return TABLE[key]
    except KeyError:
        raise PreferencesError(f"There is no preference {key!r}. {nearest(key)}") from None


def nearest(key: str) -> str:
    """A hint for an unknown key."""
    close = difflib.get_close_matches(key, TABLE, n=3, cutoff=0.5)
    # A name without its section is the commonest mistake.
    close += [one for one in TABLE if one.endswith(f".{key}") and one not in close]
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return "List them: ferdesk settings list"


def section_title(name: str) -> str:
    """What people call a section."""
    return Preferences.model_fields[name].title or name


def differing(before: Preferences, after: Preferences) -> tuple[Preference, ...]:
    """The rows that two snapshots differ in."""
    return tuple(row for row in TABLE.values() if row.value(before) != row.value(after))


def _rows() -> Iterator[Preference]:
    for section in Preferences.model_fields:
        for name, field in _section(section).model_fields.items():
            yield _row(section, name, field)


def _row(section: str, name: str, field: FieldInfo) -> Preference:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    shown = next(one for one in field.metadata if isinstance(one, Shown))
    return Preference(
        section=section,
        name=name,
        title=field.title or name,
        help=field.description or "",
        kind="choice" if choices else _KINDS[_bounded(field.annotation)[0]],
        default=field.default,
        choices=choices,
        minimum=_limit(field, "ge"),
        maximum=_limit(field, "le"),
        shown=shown,
    )


def _limit(field: FieldInfo, which: str) -> float | None:
    bounds = [*field.metadata, *_bounded(field.annotation)[1]]
    found: list[Any] = [getattr(one, which) for one in bounds if hasattr(one, which)]
    return found[0] if found else None


def _bounded(annotation: Any) -> tuple[object, list[Any]]:
    """Of a union with "auto" the type of the other values and their bounds; else as it is."""
    first = get_args(annotation)[0] if get_origin(annotation) in (Union, UnionType) else annotation
    if get_origin(first) is not Annotated:
        return first, []
    kind, *notes = get_args(first)
    return kind, [bound for note in notes for bound in note.metadata]


def _section(name: str) -> type[Section]:
    kind = Preferences.model_fields[name].annotation
    if not (isinstance(kind, type) and issubclass(kind, Section)):
        raise TypeError(f"{name} is no section")
    return kind


TABLE: Final[Mapping[str, Preference]] = MappingProxyType({row.key: row for row in _rows()})
"""All rows by key, section by section."""
