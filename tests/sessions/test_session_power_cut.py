"""Files whose last pages are gone: what is left is read, and what is damaged is saved."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from session_fakes import some_meta, some_result

from ferdesk.core.errors import SessionError
from ferdesk.sessions import schema
from ferdesk.sessions.describe import write_readme
from ferdesk.sessions.repair import repair
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import verify
from ferdesk.sessions.writer import SessionWriter

FRAMES = 900
PAGE = 4096


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a session's files in the midst of its recording, half a minute in."""
    folder = tmp_path_factory.mktemp("running") / "a.ferdesk"
    writer = SessionWriter(folder, some_meta(fps=30.0))
    for index in range(FRAMES):
        writer.write(some_result(index))
    copy = folder.with_name("copy.ferdesk")
    shutil.copytree(folder, copy)
    writer.close()
    return copy


def cut(folder: Path, name: str, size: int) -> None:
    path = folder / name
    with path.open("r+b") as file:
        file.truncate(max(0, path.stat().st_size - size))


def a_copy(running: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(running, tmp_path / "b.ferdesk"))


def test_the_recording_lies_in_its_log_and_its_database(running: Path) -> None:
    assert (running / "session.db-wal").stat().st_size > 10 * PAGE
    assert (running / "session.db").stat().st_size > 10 * PAGE


@pytest.mark.parametrize("seed", range(3))
def test_a_log_that_is_cut_off_loses_its_end_alone(
    running: Path, tmp_path: Path, seed: int
) -> None:
    folder = a_copy(running, tmp_path)
    size = random.Random(seed).randrange(1, 20 * PAGE)
    cut(folder, "session.db-wal", size)
    found = verify(folder)
    assert found.whole, found
    # What was committed last is a commit of half a second; a cut takes as many as it is long.
    assert FRAMES - found.frames <= 15 * (2 + size // PAGE)
    mended, _ = repair(folder)
    assert mended.whole
    assert mended.finished
    assert mended.frames == found.frames


@pytest.mark.parametrize("pages", [1, 10])
def test_a_database_that_is_cut_off_is_saved_row_by_row(
    running: Path, tmp_path: Path, pages: int
) -> None:
    folder = a_copy(running, tmp_path)
    repair(folder)  # all is in the database itself now
    with Session(folder) as session:
        before = session.count("faces")
    cut(folder, "session.db", pages * PAGE + 100)
    found = verify(folder)
    assert not found.whole
    assert "sessions repair" in found.faults[0]
    mended, done = repair(folder)
    assert mended.whole, mended
    assert "rows were saved" in done[0]
    assert (folder / "session.db.damaged").is_file()
    assert 0 < before - mended.faces <= 4 * (pages + 2)
    with Session(folder) as session:
        assert session.meta.bundle == "net"
        assert "faces of" in session.meta.lost


@pytest.mark.parametrize("seed", range(3))
def test_a_video_that_is_cut_off_plays_up_to_there(
    running: Path, tmp_path: Path, seed: int
) -> None:
    folder = a_copy(running, tmp_path)
    size = (folder / schema.VIDEO).stat().st_size
    cut(folder, schema.VIDEO, random.Random(seed).randrange(1, size // 2))
    found = verify(folder)
    assert found.whole, found
    assert found.video_frames is not None
    assert 0 < found.video_frames < found.frames
    mended, done = repair(folder)
    assert mended.whole, mended
    assert mended.video_frames is not None
    assert mended.video_frames >= found.video_frames - 12  # a fragment that was cut in two
    assert "the video has its index" in done


def test_damaged_pages_in_the_midst_cost_what_was_on_them(running: Path, tmp_path: Path) -> None:
    folder = a_copy(running, tmp_path)
    repair(folder)
    path = folder / schema.DATABASE
    data = bytearray(path.read_bytes())
    begin = len(data) // PAGE // 2 * PAGE
    data[begin : begin + 2 * PAGE] = b"\xff" * (2 * PAGE)
    path.write_bytes(data)
    assert not verify(folder).whole
    mended, _ = repair(folder)
    assert mended.whole, mended
    assert mended.frames > 0


def test_what_cannot_be_read_at_all_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    folder.mkdir()
    write_readme(folder, some_meta())
    (folder / schema.DATABASE).write_bytes(b"\0" * 5000)
    with pytest.raises(SessionError, match="Nothing can be read"):
        repair(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["README.txt", "session.db"]


def test_a_recording_that_goes_on_is_not_repaired(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    writer = SessionWriter(folder, some_meta(video="none"))
    for index in range(40):
        writer.write(some_result(index))
    with pytest.raises(SessionError, match="open in another program"):
        repair(folder)
    writer.close()
    found, done = repair(folder)
    assert found.frames == 40
    assert done == []


def test_a_video_that_lost_its_end_after_the_recording_was_ended_is_a_fault(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a.ferdesk"
    writer = SessionWriter(folder, some_meta())
    for index in range(40):
        writer.write(some_result(index))
    writer.close()
    assert verify(folder).whole
    with sqlite3.connect(folder / schema.DATABASE) as db:
        db.execute("DELETE FROM frames WHERE frame = 10")
    db.close()
    assert verify(folder).faults[0] == "frame 10 is missing before frame 11"
    (folder / schema.VIDEO).unlink()
    assert not verify(folder).whole
