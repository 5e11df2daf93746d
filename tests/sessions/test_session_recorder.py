"""The recorder: never in the way, counts what it drops, ends whole whatever happens."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from session_fakes import some_meta, some_result

from ferdesk.core.errors import OutputError
from ferdesk.sessions import recorder as recorder_module
from ferdesk.sessions import schema
from ferdesk.sessions.recorder import QUEUE, Recorder
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import verify
from ferdesk.sources.video import VideoFile


def texts(folder: Path) -> list[str]:
    with Session(folder) as session:
        return [f"{note.kind}: {note.text}" for note in session.annotations()]


def test_every_frame_of_a_file_is_stored_at_its_time(tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.005, 0.2, 60))  # a variable rate
    times -= times[0]
    folder = tmp_path / "a.ferdesk"
    with Recorder(folder, some_meta()) as recorder:
        for index, time_s in enumerate(times):
            assert recorder.write(some_result(index, time_s=float(time_s)), wait=True)
    assert recorder.state.frames == 60
    assert recorder.state.dropped == 0
    found = verify(folder)
    assert found.whole, found
    assert found.finished
    with Session(folder) as session:
        frames = list(session.frames())
        assert [frame.source_time_s for frame in frames] == list(map(float, times))
        assert all(abs(f.time_s - t) < 1e-3 for f, t in zip(frames, times, strict=True))
        units = [frame.faces[0].aus for frame in frames]
        assert all(
            aus is not None and abs(aus.time_s - frame.time_s) < 1e-6
            for aus, frame in zip(units, frames, strict=True)
        )
    with VideoFile(folder / schema.VIDEO) as video:
        shown = [video.read() for _ in times]
    for picture, time_s in zip(shown, times, strict=True):
        assert picture is not None
        assert picture.source_time_s is not None
        assert abs(picture.source_time_s - time_s) < 1e-3


def test_a_clip_that_begins_again_goes_on_in_time(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    with Recorder(folder, some_meta(video="none")) as recorder:
        for index in range(30):
            recorder.write(some_result(index, time_s=(index % 10) / 30), wait=True)
    with Session(folder) as session:
        times = np.array([frame.time_s for frame in session.frames()])
    assert np.allclose(np.diff(times), 1 / 30)


def test_a_slow_disk_drops_frames_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    write = recorder_module.SessionWriter.write

    def slow(self: recorder_module.SessionWriter, result: object) -> None:
        go_on.wait(10)
        write(self, result)  # type: ignore[arg-type]

    monkeypatch.setattr(recorder_module.SessionWriter, "write", slow)
    folder = tmp_path / "a.ferdesk"
    recorder = Recorder(folder, some_meta(video="none"))
    begin = time.monotonic()
    taken = [recorder.write(some_result(index)) for index in range(QUEUE + 10)]
    assert time.monotonic() - begin < 5  # it never waited for the disk
    assert taken.count(False) == 10
    go_on.set()
    while recorder.state.frames < QUEUE:
        time.sleep(0.01)
    assert recorder.write(some_result(99))
    state = recorder.close()
    assert state.dropped == 10
    assert state.frames == QUEUE + 1
    assert texts(folder) == ["event: 10 frames dropped: the disk was too slow"]


def test_pause_marks_and_what_was_shown(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    begin = time.monotonic_ns()
    with Recorder(folder, some_meta(live=True, source_kind="camera")) as recorder:
        for index in range(5):
            recorder.write(some_result(index, captured_ns=begin + index * 10**8), wait=True)
        recorder.shown(3, begin + 4 * 10**8)
        recorder.mark("look", author="Eva", at_ns=begin + 45 * 10**7)
        recorder.set_paused(True)
        assert not recorder.write(some_result(5, captured_ns=begin + 5 * 10**8))
        recorder.set_paused(False)
        recorder.write(some_result(20, captured_ns=begin + 20 * 10**8), wait=True)
    with Session(folder) as session:
        frames = list(session.frames())
        assert [frame.source_index for frame in frames] == [0, 1, 2, 3, 4, 20]
        assert frames[-1].time_s == pytest.approx(2.0)
        assert [frame.shown_ns for frame in frames][2:5] == [None, begin + 4 * 10**8, None]
        notes = session.annotations()
        marker = next(note for note in notes if note.kind == "marker")
        assert (marker.text, marker.author) == ("look", "Eva")
        assert marker.start_s == pytest.approx(0.45)
        assert [note.text for note in notes if note.kind == "event"] == ["paused", "resumed"]


def test_it_ends_before_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "LEAST_FREE_BYTES", 10**18)
    monkeypatch.setattr(recorder_module, "_LOOK_EVERY_S", 0.0)
    folder = tmp_path / "a.ferdesk"
    recorder = Recorder(folder, some_meta())
    for index in range(50):
        recorder.write(some_result(index), wait=True)
    state = recorder.close()
    assert "MB are left on the disk" in state.trouble
    assert state.frames >= 1
    found = verify(folder)
    assert found.whole, found
    assert found.finished
    assert texts(folder)[-1].startswith("event: ended: Recording ended")


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is there already"):
        Recorder(tmp_path, some_meta())


FULL_DISK = """
import resource, sys
from pathlib import Path
from session_fakes import some_meta, some_result
from ferdesk.sessions.recorder import Recorder
limit, folder = int(sys.argv[1]), Path(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
recorder = Recorder(folder, some_meta())
for index in range(3000):
    if not recorder.write(some_result(index), wait=True):
        break
state = recorder.close()
print(state.frames)
print(state.trouble)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no RLIMIT_FSIZE")
@pytest.mark.parametrize("limit", [60_000, 300_000, 1_200_000])
def test_a_full_disk_loses_nothing_that_was_committed(tmp_path: Path, limit: int) -> None:
    folder = tmp_path / "a.ferdesk"
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(limit), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parent), "PATH": ""},
    )
    frames, trouble = ran.stdout.splitlines()
    assert "cannot be written" in trouble
    found = verify(folder)
    assert found.whole, found
    assert int(frames) - found.frames <= 30
