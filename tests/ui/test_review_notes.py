"""Annotations: what can be undone, and what reaches the database in which order."""

import random
import threading
from pathlib import Path

import pytest
from review_fakes import numbers_only

from ferdesk.core.errors import SessionError
from ferdesk.review.notes import Edit, NoteBook, NoteStore, kind_of
from ferdesk.sessions import schema
from ferdesk.sessions.readings import Annotation
from ferdesk.sessions.session import Session

FIRST = Annotation(1.0, "note", "first", 2.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return numbers_only(tmp_path / "a.ferdesk", ["fear"] * 40, notes=[FIRST])


def stored(folder: Path) -> list[tuple[float, str]]:
    with Session(folder) as session:
        return [(note.start_s, note.text) for note in session.annotations()]


def read(folder: Path) -> NoteBook:
    with Session(folder) as session:
        return NoteBook(session.annotations())


def write(store: NoteStore, edit: Edit | None) -> None:
    assert edit is not None
    if store.put(edit):
        store.write()


def shown(book: NoteBook) -> list[tuple[float, str]]:
    return [(note.start_s, note.text) for _, note in book.rows()]


def test_adding_changing_deleting_and_all_of_it_back(folder: Path) -> None:
    book, store = read(folder), NoteStore(folder)
    assert not book.can_undo
    write(store, book.add(Annotation(3.0, "label", "fear")))
    (first, _), (added, _) = book.rows()
    write(store, book.change(added, Annotation(0.5, "label", "anger")))
    write(store, book.remove(first))
    states = [shown(book)]
    assert states[0] == stored(folder) == [(0.5, "anger")]
    while book.can_undo:
        write(store, book.undo())
        states.append(shown(book))
        assert stored(folder) == shown(book)
    assert states[-1] == [(1.0, "first")]
    while book.can_redo:
        write(store, book.redo())
        states.pop()
        assert stored(folder) == shown(book) == states[-1]


def test_a_new_change_forgets_what_was_undone(folder: Path) -> None:
    book = read(folder)
    book.add(Annotation(3.0, "marker", ""))
    book.undo()
    book.add(Annotation(4.0, "marker", ""))
    assert not book.can_redo
    assert book.redo() is None
    assert len(book) == 2


def test_changes_that_change_nothing_are_none(folder: Path) -> None:
    book = read(folder)
    key, note = book.rows()[0]
    assert book.change(key, note) is None
    assert book.change(99, note) is None
    assert book.remove(99) is None
    assert book.undo() is None


def test_many_changes_from_two_threads_keep_their_order(folder: Path) -> None:
    book, store = read(folder), NoteStore(folder)
    rng = random.Random(3)
    threads: list[threading.Thread] = []
    for _ in range(60):
        keys = [key for key, _ in book.rows()]
        act = rng.choice(["add", "change", "remove", "undo", "redo"])
        note = Annotation(rng.randrange(40) / 10, "note", str(rng.random()))
        edit = {
            "add": lambda note=note: book.add(note),
            "change": lambda keys=keys, note=note: (
                book.change(rng.choice(keys), note) if keys else None
            ),
            "remove": lambda keys=keys: book.remove(rng.choice(keys)) if keys else None,
            "undo": book.undo,
            "redo": book.redo,
        }[act]()
        if edit is not None and store.put(edit):
            threads.append(threading.Thread(target=store.write))
            threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(stored(folder)) == sorted(shown(book))


def test_after_a_failure_nothing_more_is_stored(folder: Path) -> None:
    store = NoteStore(folder)
    database = folder / schema.DATABASE
    database.rename(folder / "away.db")
    for second in (3, 4):
        store.put(Edit(-second, None, Annotation(float(second), "marker", "")))
    with pytest.raises(SessionError, match="is no session"):
        store.write()
    (folder / "away.db").rename(database)
    write(store, Edit(-9, None, Annotation(9.0, "marker", "")))
    assert [start for start, _ in stored(folder)] == [1.0, 9.0]


def test_the_kind_follows_from_what_is_said() -> None:
    assert kind_of("fear", None) == "label"
    assert kind_of("spoke of work", None) == "note"
    assert kind_of("", 3.0) == "note"
    assert kind_of("", None) == "marker"
