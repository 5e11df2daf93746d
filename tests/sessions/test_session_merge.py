"""Sessions that follow each other become one; others do not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from session_fakes import some_meta, some_result

from ferdesk.core.errors import OutputError, SessionError
from ferdesk.sessions.library import delete, new_name, sessions_in, with_ending
from ferdesk.sessions.merge import merge
from ferdesk.sessions.overview import overview
from ferdesk.sessions.readings import Annotation
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import verify
from ferdesk.sessions.writer import SessionWriter

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def recorded(folder: Path, frames: int = 20, faces: int = 2, **meta: object) -> Path:
    writer = SessionWriter(folder, some_meta(**meta))
    for index in range(frames):
        writer.write(some_result(index, faces=faces))
    writer.close()
    with Session(folder, write=True) as session:
        session.annotate(Annotation(0.5, "note", f"in {folder.stem}", face_id=1))
    return folder


def begun(folder: Path, when: datetime) -> None:
    """Let a recording have begun at another time."""
    with Session(folder, write=True) as session:
        meta = session.meta.model_copy(update={"started": when})
        session.db.execute("UPDATE meta SET value = ?", (meta.model_dump_json(),))


def test_two_recordings_of_a_file_follow_each_other(tmp_path: Path) -> None:
    first, second = recorded(tmp_path / "1.ferdesk"), recorded(tmp_path / "2.ferdesk")
    target = tmp_path / "both.ferdesk"
    merge([first, second], target)
    found = verify(target)
    assert found.whole, found
    assert found.frames == found.video_frames == 40
    with Session(target) as session:
        frames = list(session.frames())
        assert frames[20].time_s == pytest.approx(20 / 30, abs=1e-6)
        assert [face.face.track_id for face in frames[0].faces] == [1, 2]
        assert [face.face.track_id for face in frames[20].faces] == [3, 4]
        aus = frames[20].faces[0].aus
        assert aus is not None
        assert aus.time_s == pytest.approx(frames[20].time_s, abs=1e-6)
        assert [(note.kind, note.text, note.face_id) for note in session.annotations()] == [
            ("event", "1.ferdesk begins", None),
            ("note", "in 1", 1),
            ("event", "2.ferdesk begins", None),
            ("note", "in 2", 3),
        ]
    assert verify(first).whole


def test_recordings_of_a_camera_keep_the_time_between_them(tmp_path: Path) -> None:
    live = {"live": True, "source_kind": "camera", "video": "none"}
    first = recorded(tmp_path / "1.ferdesk", **live)
    second = recorded(tmp_path / "2.ferdesk", **live)
    begun(first, NOON)
    begun(second, NOON + timedelta(seconds=10))
    merge([second, first], tmp_path / "both.ferdesk")
    with Session(tmp_path / "both.ferdesk") as session:
        assert list(session.frames())[20].time_s == pytest.approx(10.0)
    begun(second, NOON)
    recorded_at_once = tmp_path / "no.ferdesk"
    begun(second, NOON + timedelta(microseconds=1))
    with Session(first, write=True) as session:
        session.db.execute("UPDATE frames SET time_s = time_s + 5")
    with pytest.raises(SessionError, match="overlap"):
        merge([first, second], recorded_at_once)
    assert not recorded_at_once.exists()


def test_what_was_made_in_another_way_is_refused(tmp_path: Path) -> None:
    first = recorded(tmp_path / "1.ferdesk")
    other = recorded(tmp_path / "2.ferdesk", bundle="other")
    with pytest.raises(SessionError, match="bundle"):
        merge([first, other], tmp_path / "both.ferdesk")
    with pytest.raises(SessionError, match="two sessions or more"):
        merge([first], tmp_path / "both.ferdesk")
    with pytest.raises(OutputError, match="is there already"):
        merge([first, first], tmp_path)
    assert not (tmp_path / "both.ferdesk").exists()


def test_a_folder_of_sessions(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "1.ferdesk")
    broken = tmp_path / "2.ferdesk"
    broken.mkdir()
    (broken / "session.db").write_bytes(b"x" * 5000)
    (tmp_path / "else").mkdir()
    whole, damaged = sessions_in(tmp_path)
    assert (whole.folder, whole.frames, whole.state) == (folder, 20, "whole")
    assert "damaged" in damaged.state
    seen = overview(folder)
    assert set(seen.labels) == {1, 2}
    assert sum(counts.total() for counts in seen.labels.values()) == 40
    assert any("person 1: 20 frames" in line for line in seen.lines())
    (folder / "my notes.txt").write_text("mine")
    delete(folder)
    assert [path.name for path in folder.iterdir()] == ["my notes.txt"]
    with pytest.raises(SessionError, match="is no session"):
        delete(tmp_path / "else")
    delete(broken)
    assert not broken.exists()


def test_names(tmp_path: Path) -> None:
    first = new_name(tmp_path, NOON)
    assert first.name == "2026-11-22_12-00-00.ferdesk"
    first.mkdir()
    assert new_name(tmp_path, NOON).name == "2026-11-22_12-00-00-2.ferdesk"
    assert with_ending(Path("a/talk")) == Path("a/talk.ferdesk")
    assert with_ending(Path("a/talk.v2")) == Path("a/talk.v2.ferdesk")
    assert with_ending(Path("a/talk.ferdesk")) == Path("a/talk.ferdesk")
