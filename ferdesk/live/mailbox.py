"""The slot that live threads meet at."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A slot for one item, where the newest wins and nobody waits to put one in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._poked = False

    def put(self, item: T) -> bool:
        """Leave an item; returns whether it replaced one that nobody had taken."""
        with self._changed:
            replaced = self._item is not None
            self._item = item
            self._changed.notify()
        return replaced

    def take(self) -> T | None:
        """The item, without waiting; None when the slot is empty."""
        with self._changed:
            item, self._item = self._item, None
        return item

    def wait(self) -> T | None:
        """Wait for an item or a `poke`; None for a poke."""
        with self._changed:
            self._changed.wait_for(lambda: self._poked or self._item is not None)
            if self._poked:
                self._poked = False
                return None
            item, self._item = self._item, None
        return item

    def poke(self) -> None:
        """Wake the waiting thread, or the next that waits, so that it looks around."""
        with self._changed:
            self._poked = True
            self._changed.notify()
