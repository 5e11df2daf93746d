"""Annotations by the review's real widgets: keys, cells, and what reaches the database."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from review_fakes import SLOW_S, a_talk, numbers_only, open_and_wait, press, workspace
from ui_fakes import spin, wait_until

from ferdesk.review import opening
from ferdesk.sessions import schema
from ferdesk.sessions.readings import Annotation
from ferdesk.sessions.session import Session
from ferdesk.ui.review.notes_table import COLUMNS
from ferdesk.ui.review.workspace import ReviewWorkspace

pytestmark = pytest.mark.usefixtures("app")

SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier
Key = Qt.Key


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return a_talk(tmp_path)


def stored(folder: Path) -> list[Annotation]:
    with Session(folder) as session:
        return list(session.annotations())


def edit(review: ReviewWorkspace, row: int, column: str, text: str) -> bool:
    model = review.page.notes.model
    return model.setData(model.index(row, COLUMNS.index(column)), text)


def test_annotating_by_keys_reaches_the_database(talk: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(review, talk)
        notes = review.page.notes
        review.page.go(3)
        press(review, Key.Key_I)
        review.page.go(8)
        press(review, Key.Key_O)
        notes.text.setCurrentText("surprise")
        notes.about.setCurrentIndex(2)
        notes.author.setText("Anna")
        press(review, Key.Key_A)
        wait_until(lambda: len(stored(talk)) == 3, SLOW_S)
        made = next(note for note in stored(talk) if note.author == "Anna")
        assert (made.start_s, made.end_s) == (pytest.approx(0.3), pytest.approx(0.8))
        assert (made.kind, made.text, made.face_id) == ("label", "surprise", 2)
        review.page.go(15)
        press(review, Key.Key_A)  # a moment
        wait_until(lambda: len(stored(talk)) == 4, SLOW_S)
        assert [note.kind for note in stored(talk) if note.start_s == 1.5] == ["marker"]
        press(review, Key.Key_Z, CTRL)
        press(review, Key.Key_Z, CTRL)
        wait_until(lambda: len(stored(talk)) == 2, SLOW_S)
        assert not notes.buttons["undo"].isEnabled()
        press(review, Key.Key_Z, CTRL | SHIFT)
        wait_until(lambda: [note.author for note in stored(talk)].count("Anna") == 1, SLOW_S)
        notes.choose(0)
        press(review, Key.Key_Delete)
        wait_until(lambda: len(stored(talk)) == 2, SLOW_S)
        assert "Anna" not in [note.author for note in stored(talk)]


def test_cells_are_edited_in_place(talk: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with workspace(tmp_path, said) as review:
        open_and_wait(review, talk)
        assert edit(review, 1, "Text", "fear")
        assert edit(review, 1, "Person", "1")
        assert edit(review, 1, "End", "0:02.75")
        assert edit(review, 1, "Author", "Ben")
        wait_until(lambda: stored(talk)[1].author == "Ben", SLOW_S)
        made = stored(talk)[1]
        assert (made.text, made.kind, made.face_id, made.end_s) == ("fear", "label", 1, 2.75)
        for column, text in (
            ("Time", "soon"),
            ("End", "1.0"),
            ("Person", "Anna"),
            ("Kind", "thought"),
        ):
            before = len(said)
            assert not edit(review, 1, column, text)
            assert len(said) == before + 1
        assert edit(review, 1, "End", "")
        wait_until(lambda: stored(talk)[1].end_s is None, SLOW_S)


def test_a_strangers_text_is_shown_as_it_is(tmp_path: Path) -> None:
    text = "<img src='file:///etc/passwd'>\n<b>bold</b>" + "x" * 100_000
    folder = numbers_only(tmp_path / "a.ferdesk", ["fear"], notes=[Annotation(0.0, "note", text)])
    with workspace(tmp_path) as review:
        open_and_wait(review, folder)
        model = review.page.notes.model
        cell = model.index(0, COLUMNS.index("Text"))
        shown = model.data(cell)
        assert shown.startswith("<img src='file:///etc/passwd'> <b>bold</b>xxx")
        assert len(shown) < 300
        assert "<b>" not in model.data(cell, Qt.ItemDataRole.ToolTipRole)
        assert model.data(cell, Qt.ItemDataRole.EditRole) == text


def test_choosing_an_annotation_goes_there(talk: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(review, talk)
        review.page.notes.table.setFocus()
        review.page.notes.choose(1)
        head = review.page.playhead
        assert head is not None
        assert head.index == 20


def test_a_session_that_may_only_be_read_says_so(
    talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "writable", lambda _: False)
    with workspace(tmp_path) as review:
        open_and_wait(review, talk)
        assert review.page.notes.read_only.isVisible()
        for button in review.page.notes.buttons.values():
            assert not button.isEnabled()
        press(review, Key.Key_A)
        assert not edit(review, 1, "Text", "fear")
        spin(0.05)
    assert len(stored(talk)) == 2


def test_a_change_that_cannot_be_stored_is_said_and_taken_back(talk: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(review, talk)
        with closing(sqlite3.connect(talk / schema.DATABASE)) as db, db:
            db.execute("ALTER TABLE annotations RENAME COLUMN author TO writer")
        press(review, Key.Key_A)
        wait_until(lambda: review.banners.message("notes"), SLOW_S)
        assert "not stored" in (review.banners.message("notes") or "")
        assert review.page.opened is not None
