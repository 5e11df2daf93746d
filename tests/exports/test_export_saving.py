"""An export is there whole, or not at all."""

import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from ferdesk.core.errors import OutputError, SessionError
from ferdesk.exports.formats import FORMATS, export
from ferdesk.exports.landmarks68 import POINTS, landmarks68
from ferdesk.sessions.readings import Annotation

FULL = """
import resource, sys
from pathlib import Path
from ferdesk.core.errors import OutputError, SessionError
from ferdesk.exports.formats import FORMATS, export
from ferdesk.sessions.session import Session
out = Path(sys.argv[2])
with Session(Path(sys.argv[1])) as session:
    list(session.frames())
    try:
        import matplotlib.font_manager, pyarrow
    except ImportError:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    for name in FORMATS:
        try:
            export(session, name, out / name)
        except OutputError as error:
            print(name, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no RLIMIT_FSIZE")
def test_a_full_disk_is_one_line_and_leaves_nothing(make_session, tmp_path):
    session = make_session(["fear"] * 20)
    out = tmp_path / "out"
    out.mkdir()
    (out / "ferdesk").write_text("of an earlier run")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(session.folder), str(out)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(FORMATS)
    assert all("cannot be written" in line or "not installed" in line for line in lines), lines
    assert [path.name for path in out.iterdir()] == ["ferdesk"]
    assert (out / "ferdesk").read_text() == "of an earlier run"


def test_an_earlier_run_is_replaced(make_session, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(0o644)
    export(make_session(), "ferdesk", path)
    assert path.read_text().startswith("file,frame,")
    assert sys.platform == "win32" or path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["session.db", "session.db-wal", "video.mp4", "README.txt"])
def test_a_recording_is_never_replaced(make_session, name):
    session = make_session()
    with pytest.raises(OutputError, match="belongs to a recorded session"):
        export(session, "ferdesk", session.folder / name)
    export(session, "ferdesk", session.folder / "talk.csv")
    assert sum(1 for _ in session.frames()) == 4


def test_places_that_are_none(make_session, tmp_path):
    session = make_session()
    with pytest.raises(OutputError, match="is a folder"):
        export(session, "vtt", tmp_path)
    with pytest.raises(OutputError, match=r"missing.a\.vtt cannot be written"):
        export(session, "vtt", tmp_path / "missing" / "a.vtt")
    with pytest.raises(OutputError, match="no format 'xls'"):
        export(session, "xls", tmp_path / "a.xls")


def test_what_has_no_home_is_said_by_every_format(make_session):
    session = make_session()
    for name, chosen in FORMATS.items():
        assert chosen.left_out(session), name


def test_68_landmarks_mirror_each_other(meshes):
    """The two halves of the numbering are left and right of a face that looks ahead."""
    assert len(set(POINTS)) == 68
    mirrored = [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
        *(64, 63, 62, 61, 60, 67, 66, 65),
    ]
    for mesh in meshes[::8]:
        points = landmarks68(np.c_[mesh, np.zeros(len(mesh))].astype(np.float32))
        assert points is not None
        # Pairs lie on lines that are parallel in space, and so in the picture.
        pairs = (points[mirrored] - points)[:8]
        across = pairs.mean(0) / np.linalg.norm(pairs.mean(0))
        width = np.linalg.norm(points[16] - points[0])
        down = np.array([-across[1], across[0]])
        heights = points @ down
        assert np.abs(heights - heights[mirrored]).max() < 0.06 * width
        assert heights[8] > heights[57] > heights[51] > heights[33] > heights[30] > heights[27]
        assert heights[19] < heights[37]
        assert points[0] @ across < points[36] @ across < points[39] @ across < points[27] @ across


def test_68_landmarks_of_less():
    assert landmarks68(np.zeros((0, 3), np.float32)) is None
    own = np.arange(68 * 3, dtype=np.float32).reshape(68, 3)
    assert landmarks68(own).tolist() == own[:, :2].tolist()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE frames SET time_s = 9e999 WHERE frame = 2", "frame 2: a time of inf s"),
        ("UPDATE annotations SET start_s = -9e999", "annotation 1: a time of -inf s"),
        ("UPDATE annotations SET kind = 'Person 1'", "annotation 1: there is no kind 'Person 1'"),
        ("UPDATE annotations SET kind = ''", "annotation 1: there is no kind ''"),
        ("UPDATE faces SET p_fear = 7", "frame 0: a probability"),
        ("UPDATE faces SET p_fear = NULL", "frame 0: a probability"),
        ("UPDATE faces SET yaw = -9e999", "frame 0: a number of a face"),
    ],
)
def test_a_session_of_a_stranger(make_session, tmp_path, statement, says):
    session = make_session(notes=[Annotation(0.1, "note", "fine")])
    db = sqlite3.connect(session.folder / "session.db")
    db.execute(statement)
    db.commit()
    db.close()
    for name in ("elan", "vtt", "ferdesk"):
        if name == "ferdesk" and "annotations" in statement:
            continue
        with pytest.raises(SessionError, match=says):
            export(session, name, tmp_path / name)
        assert not (tmp_path / name).exists()
