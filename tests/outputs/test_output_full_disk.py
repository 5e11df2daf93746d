"""A disk that fills, tried for real: the system lets a child process write so much and no more."""

import csv
import itertools
import subprocess
import sys
from pathlib import Path

import av
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no RLIMIT_FSIZE")

PRELUDE = """
import resource, sys
from pathlib import Path
import numpy as np
from ferdesk.core.errors import OutputError
from ferdesk.core.types import Box, Crop, Face, FaceResult, Frame, FrameResult, Pose
limit, path = int(sys.argv[1]), Path(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

def result(index):
    image = np.random.default_rng(index).integers(0, 256, (240, 320, 3), np.uint8)
    odds = np.full(8, 0.125, np.float32)
    face = Face(Box(1, 2, 3, 4), np.zeros((478, 3), np.float32), Pose(0, 0, 0), 1.0, 1)
    results = (FaceResult(face, odds, odds, crop=Crop(image[:48, :48, 0], np.eye(2, 3))),)
    return FrameResult(Frame(image, index, 0, index / 25, "x.mp4"), results, {}, 0)
"""

TABLE = """
from ferdesk.outputs.table import Table
try:
    with Table(path) as table:
        for index in range(100_000):
            table.write(result(index))
except OutputError as error:
    print(error)
"""

VIDEO = """
from ferdesk.outputs.video import VideoWriter
try:
    with VideoWriter(path, fps=25, draw=lambda result: result.frame.image) as video:
        for index in range(400):
            video.write(result(index), index / 25)
except OutputError as error:
    print(error)
"""

PICTURE = """
from ferdesk.outputs.picture import write_picture
try:
    write_picture(path, result(0).frame.image)
except OutputError as error:
    print(error)
"""


def child(code: str, limit: int, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code, str(limit), str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1, done.stdout
    assert f"{path} cannot be written" in done.stdout
    return done.stdout


def test_table_stays_whole(tmp_path):
    path = tmp_path / "out.csv"
    child(TABLE, 10_000, path)
    text = path.read_text()
    assert text.endswith("\n")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) > 50
    assert all(None not in row.values() for row in rows)
    assert 9_800 < len(text) <= 10_000


def test_video_can_be_played_up_to_there(tmp_path):
    path = tmp_path / "out.mp4"
    child(VIDEO, 1_500_000, path)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) >= 15
    times = [frame.time for frame in frames]
    assert times == pytest.approx([index / 25 for index in range(len(frames))], abs=1e-4)
    assert all(a < b for a, b in itertools.pairwise(times))


def test_half_a_picture_is_not_left(tmp_path):
    path = tmp_path / "out.png"
    child(PICTURE, 5_000, path)
    assert not path.exists()
