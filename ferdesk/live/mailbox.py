"""Where live threads meet."""

import threading
from collections import deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")

STEADY: Final = 30
"""A reader that lost an item keeps pace again once so many in a row did not have to wait."""


class Mailbox(Generic[T]):
    """Items wait here for a reader, in their order; nobody waits to put one in.

    With room for more than one, a reader that is late once loses nothing. One that is too slow for
    what comes would find ever older items: so as soon as it has lost any, only the newest waits,
    until the reader keeps pace again.

    Args:
        room: how many items may wait, at least 1.
    """

    def __init__(self, room: int = 1) -> None:
        self._changed = threading.Condition()
        self._items: deque[T] = deque()
        self._room = room
        self._open = room
        self._in_time = 0
        self._poked = False

    def put(self, item: T) -> int:
        """Leave an item; returns how many that nobody had taken are lost for it."""
        with self._changed:
            lost = 0
            self._in_time = 0 if self._items else self._in_time + 1
            if len(self._items) >= self._open:
                # At first only the oldest goes: the reader may find the others before the next one.
                kept = self._room - 1 if self._open == self._room else 0
                while len(self._items) > kept:
                    self._items.popleft()
                    lost += 1
                self._open = 1
            elif self._in_time >= STEADY:
                self._open = self._room
            self._items.append(item)
            self._changed.notify()
        return lost

    def replace(self, item: T) -> None:
        """Leave an item in the place of all that wait, which are no loss."""
        with self._changed:
            self._items.clear()
            self._items.append(item)
            self._changed.notify()

    def clear(self) -> None:
        """Let nothing wait."""
        with self._changed:
            self._items.clear()

    def take(self) -> T | None:
        """The oldest item, without waiting; None when there is none."""
        with self._changed:
            return self._items.popleft() if self._items else None

    def wait(self) -> T | None:
        """Wait for an item or a `poke`; None for a poke."""
        with self._changed:
            self._changed.wait_for(lambda: self._poked or bool(self._items))
            if self._poked:
                self._poked = False
                return None
            return self._items.popleft()

    def poke(self) -> None:
        """Wake the waiting thread, or the next that waits, so that it looks around."""
        with self._changed:
            self._poked = True
            self._changed.notify()
