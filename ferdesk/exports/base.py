"""What every export format is made of."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from ferdesk.sessions.readings import Readings

Datatype = Literal["string", "integer", "number", "boolean"]


class Column(NamedTuple):
    """A column of a table, as its description declares it.

    Attributes:
        name: in the header.
        datatype: of its values; cells may be empty.
        meaning: for people, with unit and range.
    """

    name: str
    datatype: Datatype
    meaning: str


class Place(NamedTuple):
    """Where an export lies, for formats that name other files.

    Attributes:
        path: the file's final path.
        video: the session's video; None where it has none.
        least_s: expressions shown for less time join the one before; for formats of spans.
    """

    path: Path
    video: Path | None
    least_s: float


class Format(NamedTuple):
    """A format that sessions are exported to.

    Attributes:
        title: what it is, for people.
        ending: of its files' names.
        write: writes a session to an open file, front to back.
        left_out: what of this session has no home in the format.
        columns: for tables, their columns, which the file beside the table describes.
    """

    title: str
    ending: str
    write: Callable[[Readings, BinaryIO, Place], None]
    left_out: Callable[[Readings], tuple[str, ...]]
    columns: Callable[[Readings], Sequence[Column]] | None = None
