"""Things found by name: nets and recipes."""

import difflib
from collections.abc import Iterable
from typing import Generic, TypeVar

from trainer.errors import TrainError

T = TypeVar("T")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest known ones, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known: {', '.join(names) or 'none'}."


class Registry(Generic[T]):
    """A table of named things that refuses a name twice.

    Args:
        kind: what the things are, for messages: "net", "recipe".
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> None:
        """Enter `entry` under `name`.

        Raises:
            TrainError: the name is taken.
        """
        if name in self._entries:
            raise TrainError(
                f"There is a {self._kind} {name!r} already; choose another name. "
                f"Taken: {', '.join(sorted(self._entries))}."
            )
        self._entries[name] = entry

    def get(self, name: str) -> T:
        """The entry called `name`.

        Raises:
            TrainError: no such entry; the message names the nearest.
        """
        try:
            return self._entries[name]
        except KeyError:
            hint = nearest(name, self._entries)
            raise TrainError(f"There is no {self._kind} {name!r}. {hint}") from None

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._entries))
