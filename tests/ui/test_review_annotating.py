"""Annotations by the review's real widgets: keys, cells, and what reaches the database."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from review_fakes import SLOW_MS, a_talk, numbers_only, open_and_wait, press, workspace

from ferdesk.review import opening
from ferdesk.sessions import schema
from ferdesk.sessions.readings import Annotation
from ferdesk.sessions.session import Session
from ferdesk.ui.review.notes_table import COLUMNS
from ferdesk.ui.review.workspace import ReviewWorkspace

pytestmark = pytest.mark.usefixtures("qapp")

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


def test_annotating_by_keys_reaches_the_database(qtbot: QtBot, talk: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        notes = review.page.notes
        review.page.go(3)
        press(qtbot, review, Key.Key_I)
        review.page.go(8)
        press(qtbot, review, Key.Key_O)
        notes.text.setCurrentText("surprise")
        notes.about.setCurrentIndex(2)
        notes.author.setText("Anna")
        press(qtbot, review, Key.Key_A)
        qtbot.waitUntil(lambda: len(stored(talk)) == 3, timeout=SLOW_MS)
        made = next(note for note in stored(talk) if note.author == "Anna")
        assert (made.start_s, made.end_s) == (pytest.approx(0.3), pytest.approx(0.8))
        assert (made.kind, made.text, made.face_id) == ("label", "surprise", 2)
        review.page.go(15)
        press(qtbot, review, Key.Key_A)  # a moment
        qtbot.waitUntil(lambda: len(stored(talk)) == 4, timeout=SLOW_MS)
        assert [note.kind for note in stored(talk) if note.start_s == 1.5] == ["marker"]
        press(qtbot, review, Key.Key_Z, CTRL)
        press(qtbot, review, Key.Key_Z, CTRL)
        qtbot.waitUntil(lambda: len(stored(talk)) == 2, timeout=SLOW_MS)
        assert not notes.buttons["undo"].isEnabled()
        press(qtbot, review, Key.Key_Z, CTRL | SHIFT)
        qtbot.waitUntil(
            lambda: [note.author for note in stored(talk)].count("Anna") == 1, timeout=SLOW_MS
        )
        notes.choose(0)
        press(qtbot, review, Key.Key_Delete)
        qtbot.waitUntil(lambda: len(stored(talk)) == 2, timeout=SLOW_MS)
        assert "Anna" not in [note.author for note in stored(talk)]


def test_cells_are_edited_in_place(qtbot: QtBot, talk: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with workspace(tmp_path, said) as review:
        open_and_wait(qtbot, review, talk)
        assert edit(review, 1, "Text", "fear")
        assert edit(review, 1, "Person", "1")
        assert edit(review, 1, "End", "0:02.75")
        assert edit(review, 1, "Author", "Ben")
        qtbot.waitUntil(lambda: stored(talk)[1].author == "Ben", timeout=SLOW_MS)
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
        qtbot.waitUntil(lambda: stored(talk)[1].end_s is None, timeout=SLOW_MS)


def test_a_strangers_text_is_shown_as_it_is(qtbot: QtBot, tmp_path: Path) -> None:
    text = "<img src='file:///etc/passwd'>\n<b>bold</b>" + "x" * 100_000
    folder = numbers_only(tmp_path / "a.ferdesk", ["fear"], notes=[Annotation(0.0, "note", text)])
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, folder)
        model = review.page.notes.model
        cell = model.index(0, COLUMNS.index("Text"))
        shown = model.data(cell)
        assert shown.startswith("<img src='file:///etc/passwd'> <b>bold</b>xxx")
        assert len(shown) < 300
        assert "<b>" not in model.data(cell, Qt.ItemDataRole.ToolTipRole)
        assert model.data(cell, Qt.ItemDataRole.EditRole) == text


def test_choosing_an_annotation_goes_there(qtbot: QtBot, talk: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        review.page.notes.table.setFocus()
        review.page.notes.choose(1)
        head = review.page.playhead
        assert head is not None
        assert head.index == 20


def test_a_session_that_may_only_be_read_says_so(
    qtbot: QtBot, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "writable", lambda _: False)
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        assert review.page.notes.read_only.isVisible()
        for button in review.page.notes.buttons.values():
            assert not button.isEnabled()
        press(qtbot, review, Key.Key_A)
        assert not edit(review, 1, "Text", "fear")
        qtbot.wait(50)
    assert len(stored(talk)) == 2


def test_a_change_that_cannot_be_stored_is_said_and_taken_back(
    qtbot: QtBot, talk: Path, tmp_path: Path
) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        with closing(sqlite3.connect(talk / schema.DATABASE)) as db, db:
            db.execute("ALTER TABLE annotations RENAME COLUMN author TO writer")
        press(qtbot, review, Key.Key_A)
        qtbot.waitUntil(lambda: bool(review.banners.message("notes")), timeout=SLOW_MS)
        assert "not stored" in (review.banners.message("notes") or "")
        assert review.page.opened is not None
