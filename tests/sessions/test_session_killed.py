"""A recording that is killed at any moment loses a second at most, and nothing is damaged."""

import os
import random
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ferdesk.sessions.repair import repair
from ferdesk.sessions.verify import verify

CHILD = Path(__file__).with_name("recording_child.py")
KILLS = 30
AT_ONCE = 6
LOST_AT_MOST_S = 1.0


@pytest.mark.skipif(os.name != "posix", reason="forks, and kills as POSIX does")
@pytest.mark.timeout(180)
def test_thirty_kills_at_random_moments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(7)
    lost: list[tuple[float, float]] = []
    for start in range(0, KILLS, AT_ONCE):
        folders = [tmp_path / f"{number}.ferdesk" for number in range(start, start + AT_ONCE)]
        handed = _record_and_kill(folders, rng)
        for folder, seconds in zip(folders, handed, strict=True):
            found = verify(folder)
            assert found.whole, found
            assert not found.finished
            assert found.frames > 0
            assert found.video_seconds is not None
            lost.append((seconds - found.seconds, seconds - found.video_seconds))
    rows, pictures = (sorted(column) for column in zip(*lost, strict=True))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{KILLS} kills: rows lost median {rows[KILLS // 2]:.2f} s, most {rows[-1]:.2f} s; "
            f"video lost median {pictures[KILLS // 2]:.2f} s, most {pictures[-1]:.2f} s\n"
        )
    assert rows[-1] <= LOST_AT_MOST_S
    assert pictures[-1] <= LOST_AT_MOST_S
    mended, done = repair(folders[0])
    assert mended.finished
    assert mended.whole
    assert done


def _record_and_kill(folders: list[Path], rng: random.Random) -> list[float]:
    """How far each recording was when it was killed, in seconds."""
    with subprocess.Popen(
        [sys.executable, str(CHILD), *map(str, folders)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in folders]
        ends = sorted((rng.uniform(1.0, 3.0), pid) for pid in pids)
        begin = time.monotonic()
        for end_s, pid in ends:
            time.sleep(max(0.0, begin + end_s - time.monotonic()))
            os.kill(pid, signal.SIGKILL)
    return [
        struct.unpack("d", folder.with_suffix(".progress").read_bytes())[0] for folder in folders
    ]
