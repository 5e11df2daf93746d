"""Annotations: their table, and what adds, changes and takes them back."""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.errors import FerdeskError
from ferdesk.review.columns import PersonColumns
from ferdesk.review.notes import MOST_TEXT, Edit, NoteBook, NoteStore, kind_of
from ferdesk.review.opening import Opened, notes_of
from ferdesk.review.stamps import stamp
from ferdesk.sessions.readings import Annotation
from ferdesk.texts import tr
from ferdesk.ui.review.keys import KeyName, key_button
from ferdesk.ui.review.notes_table import (
    KIND,
    KINDS,
    TEXT,
    TEXT_CHOICES,
    ChoiceDelegate,
    NotesTable,
    stored_text,
)
from ferdesk.ui.theme import GAP, named
from ferdesk.ui.worker import Jobs

_WIDTHS: Final = (76, 76, 110, 54, 62, 80)
_ROW: Final = 24
_READ_ONLY: Final = tr("You may only read this session: its annotations cannot be changed.")
_EDITING: Final[tuple[KeyName, ...]] = (
    "set_in",
    "set_out",
    "annotate",
    "delete",
    "undo",
    "redo",
)


class NotesPanel(QWidget):
    """The annotations of the open session.

    Its signals: `time_wanted` gives seconds, `changed` the note book after each change.

    Args:
        jobs: stores changes.
        say: says something for a moment.
        report: shows an error until it is dismissed.
    """

    time_wanted = Signal(float)
    changed = Signal(NoteBook)

    def __init__(
        self,
        jobs: Jobs,
        say: Callable[[str], None],
        report: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Annotations"))
        self._jobs = jobs
        self._say = say
        self._report = report
        self._opened: Opened | None = None
        self._store: NoteStore | None = None
        self._refreshing = False
        self._time_s = 0.0
        self._in_s: float | None = None
        self._out_s: float | None = None
        self.notes = NoteBook()
        self.model = NotesTable()
        self.model.edited.connect(self._change)
        self.model.refused.connect(say)
        self.table = self._make_table()
        self.text = QComboBox()
        self.text.setEditable(True)
        self.text.addItems(list(TEXT_CHOICES))
        self.text.setCurrentText("")
        self.text.setAccessibleName(tr("What is said: an expression or any words"))
        self.text.setMinimumWidth(80)
        self.about = QComboBox()
        self.about.setAccessibleName(tr("Who it is about"))
        self.author = QLineEdit()
        self.author.setAccessibleName(tr("Who says it"))
        self.author.setPlaceholderText(tr("Your name"))
        self.author.setMaxLength(200)
        line = self.text.lineEdit()
        if line is not None:
            line.setPlaceholderText(tr("Expression or words"))
            line.setMaxLength(MOST_TEXT)
            line.returnPressed.connect(self.annotate)
        self.span = named(QLabel(), "muted")
        self.read_only = named(QLabel(_READ_ONLY), "muted")
        self.read_only.setWordWrap(True)
        slots = self.slots()
        texts = (tr("In"), tr("Out"), tr("Annotate"), tr("Delete"), tr("Undo"), tr("Redo"))
        self.buttons = {
            name: key_button(name, text, slots[name])
            for name, text in zip(_EDITING, texts, strict=True)
        }
        self._lay_out()
        self._refresh()

    def slots(self) -> dict[KeyName, Callable[[], None]]:
        """What its keys do."""
        return {
            "set_in": self.set_in,
            "set_out": self.set_out,
            "annotate": self.annotate,
            "delete": self.delete,
            "undo": lambda: self._edit(self.notes.undo()),
            "redo": lambda: self._edit(self.notes.redo()),
        }

    @property
    def editable(self) -> bool:
        """Whether annotations can be changed."""
        return self._opened is not None and self._opened.writable

    def begin(self, opened: Opened | None) -> None:
        """Show a session's annotations; None for no session."""
        self._opened = opened
        self._store = NoteStore(opened.folder) if opened is not None else None
        self.notes = NoteBook(opened.notes if opened is not None else ())
        self._time_s = 0.0
        self._in_s = self._out_s = None
        self.show_people(())
        self._refresh()

    def show_people(self, people: tuple[PersonColumns, ...]) -> None:
        """Let annotations be about these."""
        self.about.clear()
        self.about.addItem(tr("Everybody"), None)
        for person in people:
            self.about.addItem(tr("Person {number}").format(number=person.face_id), person.face_id)

    def show_place(self, time_s: float) -> None:
        """Follow the review: that is the time that is annotated."""
        self._time_s = time_s

    def choose(self, row: int) -> None:
        """Choose one annotation, whatever keys are held down."""
        flag = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().setCurrentIndex(
            self.model.index(row, 0), flag.ClearAndSelect | flag.Rows
        )

    def set_in(self) -> None:
        """Begin a span here."""
        if self.editable:
            self._in_s = self._time_s
            if self._out_s is not None and self._out_s <= self._in_s:
                self._out_s = None
            self._show_span()

    def set_out(self) -> None:
        """End the span here."""
        if not self.editable:
            return
        if self._in_s is None or self._time_s <= self._in_s:
            self._say(tr("Begin the span before its end: go back and press I."))
            return
        self._out_s = self._time_s
        self._show_span()

    def annotate(self) -> None:
        """Add an annotation of the span, or of this moment where there is none."""
        if not self.editable:
            return
        text = stored_text(self.text.currentText().strip())
        whole = self._in_s is not None and self._out_s is not None
        start_s = self._in_s if whole and self._in_s is not None else self._time_s
        end_s = self._out_s if whole else None
        kind = kind_of(text, end_s)
        person: int | None = self.about.currentData()
        author = self.author.text().strip()
        self._in_s = self._out_s = None
        self.text.setCurrentText("")
        self._edit(self.notes.add(Annotation(start_s, kind, text, end_s, person, author)))

    def delete(self) -> None:
        """Delete the chosen annotations."""
        if not self.editable:
            return
        rows = {index.row() for index in self.table.selectionModel().selectedRows()}
        for key in [self.model.key_at(row) for row in sorted(rows)]:
            self._edit(self.notes.remove(key))

    def _change(self, key: int, note: Annotation) -> None:
        self._edit(self.notes.change(key, note))

    def _edit(self, edit: Edit | None) -> None:
        """Show a change and have it stored."""
        store = self._store
        if edit is None or store is None or not self.editable:
            return
        self._refresh(edit.key)
        if store.put(edit):
            self._jobs.submit(store.write, lambda _: None, lambda error: self._lost(store, error))

    def _lost(self, store: NoteStore, error: Exception) -> None:
        """A change could not be stored: show what is."""
        lost = tr("The annotation was not stored.")
        self._report(f"{lost} {error}")
        opened = self._opened
        if opened is None or store is not self._store:
            return

        def show(notes: tuple[Annotation, ...]) -> None:
            if store is self._store:
                self._store = NoteStore(opened.folder)
                self.notes = NoteBook(notes)
                self._refresh()

        def failed(again: Exception) -> None:
            known = isinstance(again, FerdeskError)
            unknown = tr("Annotations cannot be read: {error}").format(error=again)
            self._report(f"{lost} {again if known else unknown}")

        self._jobs.submit(lambda: notes_of(opened.folder), show, failed)

    def _refresh(self, key: int | None = None) -> None:
        """Show the note book; the annotation of `key` is chosen, where it is there."""
        self._refreshing = True
        self.model.editable = self.editable
        self.model.show_rows(self.notes.rows())
        row = self.model.row_of(key) if key is not None else None
        if row is not None:
            self.choose(row)
        self._refreshing = False
        self.read_only.setVisible(self._opened is not None and not self.editable)
        for widget in (self.text, self.about, self.author, *self.buttons.values()):
            widget.setEnabled(self.editable)
        self.buttons["undo"].setEnabled(self.editable and self.notes.can_undo)
        self.buttons["redo"].setEnabled(self.editable and self.notes.can_redo)
        self._show_span()
        self.changed.emit(self.notes)

    def _show_span(self) -> None:
        if self._in_s is None:
            self.span.setText(tr("This moment; I and O choose a span"))
        else:
            end = "…" if self._out_s is None else stamp(self._out_s)
            self.span.setText(tr("{start} to {end}").format(start=stamp(self._in_s), end=end))

    def _row_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        if not self._refreshing and current.isValid():
            self.time_wanted.emit(self.model.note_at(current.row()).start_s)

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setAccessibleName(tr("Annotations"))
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(_ROW)
        for column, width in enumerate(_WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        table.setItemDelegateForColumn(KIND, ChoiceDelegate(tuple(KINDS.values()), False, table))
        table.setItemDelegateForColumn(TEXT, ChoiceDelegate(TEXT_CHOICES, True, table))
        table.selectionModel().currentRowChanged.connect(self._row_changed)
        table.setMinimumHeight(60)
        table.setToolTip(tr("Double-click or F2 edits a cell"))
        return table

    def _lay_out(self) -> None:
        words = QGridLayout()
        words.setSpacing(GAP // 3)
        words.addWidget(self.text, 0, 0, 1, 2)
        words.addWidget(self.about, 1, 0)
        words.addWidget(self.author, 1, 1)
        words.setColumnStretch(0, 1)
        words.setColumnStretch(1, 1)
        row = QHBoxLayout()
        row.setSpacing(GAP // 3)
        for button in self.buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GAP // 3, 0, 0)
        column.setSpacing(GAP // 3)
        column.addWidget(self.read_only)
        column.addWidget(self.table, 1)
        column.addWidget(self.span)
        column.addLayout(words)
        column.addLayout(row)
