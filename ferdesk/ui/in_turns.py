"""Makes what takes long in the UI thread in pieces."""

from collections.abc import Generator
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, QTimer

T = TypeVar("T")


class InTurns(Generic[T]):
    """Something that is made in pieces, a turn of the event loop each.

    Args:
        pieces: does a piece of the work up to each `yield`, and returns what was made.
        owner: once it is gone, nothing more is done.
    """

    def __init__(self, pieces: Generator[None, None, T], owner: QObject) -> None:
        self._pieces = pieces
        self._owner = owner
        self._made: list[T] = []
        self._go_on()

    @property
    def ready(self) -> bool:
        """Whether all of it was made."""
        return bool(self._made)

    def get(self) -> T:
        """What was made; what is missing is made now."""
        while not self._made:
            self._step()
        return self._made[0]

    def _step(self) -> None:
        try:
            next(self._pieces)
        except StopIteration as end:
            self._made.append(end.value)

    def _turn(self) -> None:
        if not self._made:
            self._step()
            self._go_on()

    def _go_on(self) -> None:
        if not self._made:
            QTimer.singleShot(0, self._owner, self._turn)
