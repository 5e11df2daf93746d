"""What a preference says of itself besides its type, range and default."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, StringConstraints

from ferdesk.core.aus import AU_NUMBERS

Effect = Literal["now", "start", "source", "pipeline"]
"""When a change is felt: at once, or with the next thing of its kind; when the program starts anew;
when the source is opened anew; when the pipeline is built anew."""

Widget = Literal["line", "lines", "folder", "colour", "units"]

MOST_TEXT: Final = 10_000
"""Characters, as many as a recording's note on consent may have."""
_LONGEST_LINE: Final = 4096
"""Characters; no path or address is longer."""

ALL_UNITS: Final = "all"
NO_UNITS: Final = "none"
"""Choices of action units that are no list of numbers."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a preference is offered.

    Attributes:
        effect: when a change is felt.
        texts: for each choice, how people read it.
        suggestions: gives values of a text to pick from; others are allowed, too.
        widget: how a text is typed in.
        unit: of a number, behind it.
        empty: what an empty text means.
        auto: of a number that may be "auto", what that means.
    """

    effect: Effect = "now"
    texts: Mapping[str, str] | None = None
    suggestions: Callable[[], tuple[str, ...]] | None = None
    widget: Widget = "line"
    unit: str = ""
    empty: str = ""
    auto: str = ""


def _printable(text: str) -> str:
    if any(character < " " or character == "\x7f" for character in text):
        raise ValueError("input should be one line of text, without control characters")
    return text


def _host(text: str) -> str:
    if not text or any(character.isspace() for character in text):
        raise ValueError("input should be a host's name or address")
    return text


def _units(text: str) -> str:
    return units_text(units_of(text))


def units_of(text: str) -> frozenset[int]:
    """The action units that a text means: all, none, or numbers such as "1, 2, 12".

    Raises:
        ValueError: it means none of this, or there is no such unit.
    """
    if text in (ALL_UNITS, NO_UNITS):
        return frozenset(AU_NUMBERS if text == ALL_UNITS else ())
    try:
        found = frozenset(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        found = frozenset()
    if not found or not found <= frozenset(AU_NUMBERS):
        known = ", ".join(map(str, AU_NUMBERS))
        raise ValueError(f"input should be {ALL_UNITS}, {NO_UNITS}, or numbers of {known}")
    return found


def units_text(units: Iterable[int]) -> str:
    """How such a choice is stored; the opposite of `units_of`."""
    chosen = set(units)
    if chosen == set(AU_NUMBERS):
        return ALL_UNITS
    return ", ".join(map(str, sorted(chosen))) or NO_UNITS


Line = Annotated[str, StringConstraints(max_length=_LONGEST_LINE), AfterValidator(_printable)]
"""One line of text."""

Host = Annotated[str, StringConstraints(max_length=253), AfterValidator(_host)]
"""A host's name or address."""

Lines = Annotated[str, StringConstraints(max_length=MOST_TEXT)]
"""Text of several lines."""

Colour = Annotated[str, StringConstraints(pattern=r"^(#[0-9a-fA-F]{6})?$", to_lower=True)]
"""Such as #ffcc00; or empty."""

Units = Annotated[str, StringConstraints(max_length=_LONGEST_LINE), AfterValidator(_units)]
"""A choice of action units."""
