"""A session's annotations while they are edited: what can be undone, and how it is stored."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.sessions.readings import Annotation, AnnotationKind
from ferdesk.sessions.session import Session

MOST_TEXT: Final = 10_000
"""Characters of an annotation."""


class Edit(NamedTuple):
    """One change of one annotation.

    Attributes:
        key: the annotation's, which it keeps when it is deleted and comes back.
        before: None where it was not there.
        after: None where it is gone.
    """

    key: int
    before: Annotation | None
    after: Annotation | None

    def reversed(self) -> "Edit":
        """What takes it back."""
        return Edit(self.key, self.after, self.before)


class NoteBook:
    """The annotations, with all changes since they were read.

    Each change is returned as an `Edit`, to be stored by a `NoteStore`.

    Args:
        notes: as they were read.
    """

    def __init__(self, notes: Iterable[Annotation] = ()) -> None:
        self._notes = {note.id: note for note in notes}
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._next = -1  # numbers of the database are positive

    def __len__(self) -> int:
        return len(self._notes)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to make again."""
        return bool(self._undone)

    def rows(self) -> list[tuple[int, Annotation]]:
        """Keys and annotations by time."""
        return sorted(self._notes.items(), key=lambda row: (row[1].start_s, abs(row[0])))

    def add(self, note: Annotation) -> Edit:
        """Add an annotation."""
        key, self._next = self._next, self._next - 1
        return self._make(Edit(key, None, replace(note, id=0)))

    def change(self, key: int, note: Annotation) -> Edit | None:
        """Put an annotation in the place of another; None where that is the same or gone."""
        before = self._notes.get(key)
        if before is None or before == replace(note, id=before.id):
            return None
        return self._make(Edit(key, before, note))

    def remove(self, key: int) -> Edit | None:
        """Delete an annotation; None where it is gone already."""
        before = self._notes.get(key)
        return None if before is None else self._make(Edit(key, before, None))

    def undo(self) -> Edit | None:
        """Take the last change back; None where there is none."""
        if not self._done:
            return None
        edit = self._done.pop()
        self._undone.append(edit)
        return self._apply(edit.reversed())

    def redo(self) -> Edit | None:
        """Make the change again that was taken back last; None where there is none."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        self._done.append(edit)
        return self._apply(edit)

    def _make(self, edit: Edit) -> Edit:
        self._done.append(edit)
        self._undone.clear()
        return self._apply(edit)

    def _apply(self, edit: Edit) -> Edit:
        if edit.after is None:
            del self._notes[edit.key]
        else:
            self._notes[edit.key] = edit.after
        return edit


class NoteStore:
    """Stores edits in a session's database, in their order, in any thread.

    Args:
        folder: the session's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers: dict[int, int] = {}
        self._lock = threading.Lock()
        self._waiting = deque[Edit]()
        self._writing = False

    def put(self, edit: Edit) -> bool:
        """Take an edit in; returns whether somebody has to call `write` for it."""
        with self._lock:
            self._waiting.append(edit)
            idle, self._writing = not self._writing, True
        return idle

    def write(self) -> None:
        """Store what waits, and what comes meanwhile.

        Raises:
            SessionError: an edit cannot be stored; those after it are given up.
        """
        while (edit := self._next()) is not None:
            try:
                self._store(edit)
            except BaseException:
                with self._lock:
                    self._waiting.clear()
                    self._writing = False
                raise

    def _next(self) -> Edit | None:
        with self._lock:
            self._writing = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None

    def _store(self, edit: Edit) -> None:
        number = self._numbers.get(edit.key, max(edit.key, 0))
        with Session(self._folder, write=True) as session:
            if edit.after is None:
                if edit.before is not None:
                    session.remove(replace(edit.before, id=number))
            else:
                # One that was deleted gets a number of its own when it comes back.
                known = number if edit.before is not None else 0
                self._numbers[edit.key] = session.annotate(replace(edit.after, id=known)).id


def kind_of(text: str, end_s: float | None) -> AnnotationKind:
    """The kind that an annotation by hand has: an expression's name is a label."""
    if text in EXPRESSIONS:
        return "label"
    return "note" if text or end_s is not None else "marker"
