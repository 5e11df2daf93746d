"""What is written into a session's database is what is read from it, and strangers' are refused."""

import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest
from session_fakes import some_meta, some_result

from ferdesk.core.errors import SessionError
from ferdesk.core.types import FaceReading
from ferdesk.sessions import schema
from ferdesk.sessions.describe import write_readme
from ferdesk.sessions.readings import Annotation, FrameReading
from ferdesk.sessions.session import Session
from ferdesk.sessions.store import SessionStore
from ferdesk.settings import Settings


def a_reading(number: int, faces: int = 2) -> FrameReading:
    result = some_result(number, faces=faces)
    return FrameReading(
        number, number, number / 30, number / 30, number, number + 5, None, True, result.faces
    )


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    with SessionStore(tmp_path / schema.DATABASE, some_meta()) as store:
        for number in range(5):
            store.add(a_reading(number))
    return tmp_path


def same(then: FaceReading, now: FaceReading) -> None:
    assert now.face.box == then.face.box
    assert now.face.pose == then.face.pose
    assert now.face.track_id == then.face.track_id
    assert np.abs(now.face.landmarks - then.face.landmarks).max() < 160 / 32_767
    assert np.array_equal(now.raw, then.raw)
    assert np.array_equal(now.probabilities, then.probabilities)
    assert now.aus is not None
    assert then.aus is not None
    for name in ("raw", "activation", "left", "right"):
        assert np.array_equal(getattr(now.aus, name), getattr(then.aus, name), equal_nan=True), name
    assert now.aus.reliable == then.aus.reliable
    assert now.verdict is not None
    assert now.verdict.to_dict() == then.verdict.to_dict()  # type: ignore[union-attr]


def test_what_is_written_is_read(stored: Path) -> None:
    with Session(stored) as session:
        assert session.meta == some_meta()
        frames = list(session.frames())
        assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
        for number, frame in enumerate(frames):
            before = a_reading(number)
            assert frame.time_s == before.time_s
            assert frame.captured_ns == before.captured_ns
            for then, now in zip(before.faces, frame.faces, strict=True):
                same(then, now)
        assert [frame.number for frame in session.frames(1, 3)] == [1, 2, 3]


def test_its_files_are_for_the_user_alone(stored: Path) -> None:
    for path in stored.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_an_open_recording_can_be_read_and_a_killed_one_loses_only_what_was_not_committed(
    tmp_path: Path,
) -> None:
    store = SessionStore(tmp_path / schema.DATABASE, some_meta())
    store.add(a_reading(0))
    with Session(tmp_path) as session:
        assert session.count("frames") == 0
        store.commit()
        assert session.count("frames") == 1
    store.close()


def test_annotations_are_added_changed_and_removed(stored: Path) -> None:
    with Session(stored, write=True) as session:
        first = session.annotate(Annotation(1.0, "note", "laughs", end_s=2.0, face_id=1))
        second = session.annotate(Annotation(0.5, "marker", "", author="Eva"))
        assert session.annotations() == (second, first)
        changed = Annotation(1.0, "label", "happiness", face_id=1, id=first.id)
        session.annotate(changed)
        session.remove(second)
    with Session(stored) as session:
        assert session.annotations() == (changed,)


def test_reading_changes_nothing(stored: Path) -> None:
    with Session(stored) as session, pytest.raises(SessionError):
        session.annotate(Annotation(1.0, "note", "no"))


def broken_by(stored: Path, statement: str) -> Path:
    with sqlite3.connect(stored / schema.DATABASE) as db:
        db.executescript(statement)
    db.close()
    return stored


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("PRAGMA application_id = 1", "no database of a session"),
        ("PRAGMA user_version = 9", "newer ferdesk"),
        ("DROP TABLE faces", "no database of a session"),
        ("CREATE VIEW v AS SELECT 1", "no database of a session"),
        (
            "CREATE TRIGGER t AFTER INSERT ON frames BEGIN SELECT 1; END",
            "no database of a session",
        ),
        ("DELETE FROM meta", "does not say what it is"),
        ("UPDATE meta SET value = '{}'", "Field required"),
        ("UPDATE meta SET value = zeroblob(200000)", "does not say what it is"),
    ],
)
def test_other_databases_are_refused(stored: Path, statement: str, said: str) -> None:
    with pytest.raises(SessionError, match=said):
        Session(broken_by(stored, statement))


@pytest.mark.parametrize(
    "assignment",
    [
        "p_fear = 7",
        "p_fear = 'much'",
        "box_x = 9e999",
        "landmarks = zeroblob(12)",
        "landmarks = 'text'",
        "landmarks_unit = -1",
        "au12 = 9e999",
        "chosen = 'boredom'",
        "reasons = '[[1]]'",
        "reasons = 'no json'",
        "face_id = 'x'",
    ],
)
def test_values_that_no_face_can_have_are_refused(stored: Path, assignment: str) -> None:
    broken_by(stored, f"UPDATE faces SET {assignment} WHERE frame = 3")  # noqa: S608
    with Session(stored) as session, pytest.raises(SessionError, match="frame 3"):
        list(session.frames())


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="is no session"):
        Session(tmp_path)
    (tmp_path / schema.DATABASE).write_bytes(b"hello" * 1000)
    with pytest.raises(SessionError, match="repair"):
        Session(tmp_path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(), "by: au-svm-native. Neutral"),
        (Settings(t2=0.3, t3=0), "by: au-svm-native, t2 = 0.3, t3 = 0. Neutral"),
    ],
)
def test_thresholds_of_the_user_s_own_are_told(
    tmp_path: Path, settings: Settings, said: str
) -> None:
    write_readme(tmp_path, some_meta(disambiguator="au-svm-native", settings=settings))
    assert said in (tmp_path / "README.txt").read_text()
