"""Annotations as a table that is edited in place."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.review.notes import MOST_TEXT, kind_of
from ferdesk.review.stamps import seconds_of, stamp
from ferdesk.sessions.readings import Annotation, AnnotationKind
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.review.rows_table import Index, RowsTable
from ferdesk.ui.review.words import one_line, plain_tip

COLUMNS: Final = (tr("Time"), tr("End"), tr("Text"), tr("Person"), tr("Kind"), tr("Author"))
_TIME, _END, TEXT, _PERSON, KIND, _AUTHOR = range(len(COLUMNS))

KINDS: Final[dict[AnnotationKind, str]] = {
    "marker": tr("marker"),
    "note": tr("note"),
    "label": tr("label"),
    "event": tr("event"),
}
"""What each is called in the table."""
_ALL: Final = tr("all")
_STORED: Final = {words.expression(label): label for label in EXPRESSIONS}
TEXT_CHOICES: Final = tuple(_STORED)
"""Offered wherever a text is typed; anything else can be."""

_LARGEST_ID: Final = 2**31


class NotesTable(RowsTable[tuple[int, Annotation]]):
    """The rows of a note book: each a key and its annotation.

    Its signals: `edited` gives a key and the annotation as the user wants it, `refused` says why a
    cell cannot hold what was typed.
    """

    edited = Signal(int, Annotation)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__(COLUMNS)
        self.editable = False

    def key_at(self, row: int) -> int:
        """The key of a row's annotation."""
        return self.row_at(row)[0]

    def note_at(self, row: int) -> Annotation:
        """A row's annotation."""
        return self.row_at(row)[1]

    def row_of(self, key: int) -> int | None:
        """The row of a key; None where it is gone."""
        return next((row for row, (other, _) in enumerate(self._rows) if other == key), None)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows, and what is edited."""
        text = _cells(self.note_at(index.row()))[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(text)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(text)
        return text if role == Qt.ItemDataRole.EditRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Whether a cell can be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if self.editable else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take in what was typed; `edited` or `refused` says what came of it."""
        if role != Qt.ItemDataRole.EditRole or not self.editable:
            return False
        key, note = self.row_at(index.row())
        try:
            changed = _changed(note, index.column(), str(value).strip())
        except ValueError as error:
            self.refused.emit(str(error))
            return False
        if changed != note:
            self.edited.emit(key, changed)
        return True


class ChoiceDelegate(QStyledItemDelegate):
    """Edits a cell with a list.

    Args:
        choices: what is in it.
        free: whether something else can be typed.
    """

    def __init__(self, choices: Sequence[str], free: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._choices = choices
        self._free = free

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> QComboBox:
        """The list."""
        box = QComboBox(parent)
        box.addItems(list(self._choices))
        box.setEditable(self._free)
        box.setAccessibleName(COLUMNS[index.column()])
        return box


def _cells(note: Annotation) -> tuple[str, ...]:
    return (
        stamp(note.start_s),
        "" if note.end_s is None else stamp(note.end_s),
        words.expression(note.text) if note.text in EXPRESSIONS else note.text,
        _ALL if note.face_id is None else str(note.face_id),
        KINDS[note.kind],
        note.author,
    )


def _changed(note: Annotation, column: int, text: str) -> Annotation:
    """An annotation with another cell.

    Raises:
        ValueError: the cell cannot hold that.
    """
    change: dict[int, Callable[[], Annotation]] = {
        _TIME: lambda: replace(note, start_s=seconds_of(text)),
        _END: lambda: replace(note, end_s=seconds_of(text) if text else None),
        KIND: lambda: replace(note, kind=_kind(text)),
        _PERSON: lambda: replace(note, face_id=_person(text)),
        TEXT: lambda: replace(note, text=stored_text(text)[:MOST_TEXT]),
        _AUTHOR: lambda: replace(note, author=text[:MOST_TEXT]),
    }
    changed = change[column]()
    if changed.end_s is not None and changed.end_s <= changed.start_s:
        raise ValueError(tr("An annotation ends after it begins."))
    if column != KIND and note.kind == kind_of(note.text, note.end_s):
        changed = replace(changed, kind=kind_of(changed.text, changed.end_s))
    return changed


def _kind(text: str) -> AnnotationKind:
    for kind, shown in KINDS.items():
        if shown == text:
            return kind
    known = tr("There is no kind {kind!r}. There are: {kinds}.")
    raise ValueError(known.format(kind=text[:20], kinds=", ".join(KINDS.values())))


def _person(text: str) -> int | None:
    if text.casefold() in ("", _ALL.casefold()):
        return None
    if not text.isdecimal() or int(text) >= _LARGEST_ID:
        wrong = tr("{text!r} is no person. Write a number, or {all}.")
        raise ValueError(wrong.format(text=text[:20], all=_ALL))
    return int(text)


def stored_text(text: str) -> str:
    """What is stored of a typed text: expressions have one name in files, whoever wrote them."""
    return _STORED.get(text, text)
