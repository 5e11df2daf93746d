"""What a preference says of itself besides its type, range and default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, StringConstraints

Effect = Literal["now", "start", "source", "pipeline"]
"""When a change is felt: at once, or with the next thing of its kind; when the program starts anew;
when the source is opened anew; when the pipeline is built anew."""

Widget = Literal["line", "lines", "folder"]

MOST_TEXT: Final = 10_000
"""Characters, as many as a recording's note on consent may have."""
_LONGEST_LINE: Final = 4096
"""Characters; no path or address is longer."""


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
    """

    effect: Effect = "now"
    texts: Mapping[str, str] | None = None
    suggestions: Callable[[], tuple[str, ...]] | None = None
    widget: Widget = "line"
    unit: str = ""
    empty: str = ""


def _printable(text: str) -> str:
    if any(character < " " or character == "\x7f" for character in text):
        raise ValueError("input should be one line of text, without control characters")
    return text


def _host(text: str) -> str:
    if not text or any(character.isspace() for character in text):
        raise ValueError("input should be a host's name or address")
    return text


Line = Annotated[str, StringConstraints(max_length=_LONGEST_LINE), AfterValidator(_printable)]
"""One line of text."""

Host = Annotated[str, StringConstraints(max_length=253), AfterValidator(_host)]
"""A host's name or address."""

Lines = Annotated[str, StringConstraints(max_length=MOST_TEXT)]
"""Text of several lines."""
