"""Recording without a window, and analysing the recording again, with the real nets."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ferdesk.core.errors import OutputError, SessionError, SourceError
from ferdesk.core.types import Frame, FrameResult
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.record import record
from ferdesk.replay import replay
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import verify
from ferdesk.settings import Settings
from ferdesk.sources.base import BaseSource, SourceInfo
from ferdesk.sources.video import VideoFile

FERDESK = (sys.executable, "-m", "ferdesk")


class Webcam(BaseSource):
    """A camera of a hundred pictures a second that fails after so many, for good."""

    def __init__(self, frames: int | None = None) -> None:
        super().__init__()
        self._frames = frames

    @property
    def info(self) -> SourceInfo:
        return SourceInfo("fake", "camera", True, 64, 48, 100.0, None)

    def read(self) -> Frame | None:
        time.sleep(0.01)
        if self._next_index == self._frames:
            return None
        return self._frame(np.zeros((48, 64, 3), np.uint8), name="fake")

    def close(self) -> None:
        pass


class NoFaces:
    """A pipeline that finds nothing."""

    faces_backend = engine = bundle = au_estimator = disambiguator = neutral = ""
    units: tuple[int, ...] = ()

    def process(self, frame: Frame) -> FrameResult:
        return FrameResult(frame, (), {}, time.monotonic_ns())

    def close(self) -> None:
        pass


def test_a_lossless_recording_analysed_again_gives_the_same_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    done = record("demo", folder, Settings(), lossless=True, seconds=2.0)
    assert done.frames == 50
    assert done.dropped == done.missed == 0
    assert verify(folder).whole
    again = replay(folder)
    assert again.equal, again
    assert again.faces == again.same_labels >= 45
    assert again.probability_max <= 1e-5


def test_h264_stays_within_its_bound(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    record("demo", folder, Settings(), seconds=4.0)
    again = replay(folder)
    assert again.within_bound, again


def test_a_recording_that_was_changed_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    record("demo", folder, Settings(), lossless=True, seconds=1.0)
    with Session(folder, write=True) as session:
        session.db.execute("UPDATE faces SET p_fear = 1.0 WHERE frame = 5")
        session.db.execute("DELETE FROM faces WHERE frame = 6")
    again = replay(folder)
    assert not again.equal
    assert not again.within_bound
    assert again.other_faces == 1
    assert again.probability_max > 0.5
    with Session(folder, write=True) as session:
        changed = session.meta.model_copy(update={"bundle_sha256": "0" * 64})
        session.db.execute("UPDATE meta SET value = ?", (changed.model_dump_json(),))
    with pytest.raises(SessionError, match="recorded with other net"):
        replay(folder)


@pytest.mark.parametrize("video", ["none", "blurred", "annotated"])
def test_what_was_not_kept_cannot_be_analysed_again(tmp_path: Path, video: str) -> None:
    folder = tmp_path / "a.ferdesk"
    record("demo", folder, Settings(), video=video, seconds=0.2)  # type: ignore[arg-type]
    assert (folder / "video.mp4").exists() == (video != "none")
    with pytest.raises(SessionError, match="no video of what the camera saw"):
        replay(folder)


def test_a_camera_is_recorded_for_so_long(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    done = record(
        "camera:0",
        folder,
        Settings(),
        seconds=0.5,
        opener=lambda spec, loop: Webcam(),
        build=lambda settings: NoFaces(),
    )
    assert 0.2 < done.seconds < 0.51
    with Session(folder) as session:
        frames = list(session.frames())
        assert session.meta.live
        for frame in frames:
            since_s = (frame.captured_ns - session.meta.started_ns) / 1e9
            assert frame.time_s == pytest.approx(since_s, abs=1e-3)
            assert frame.done_ns >= frame.captured_ns


def test_a_camera_that_ends_ends_the_recording(tmp_path: Path) -> None:
    folder = tmp_path / "a.ferdesk"
    done = record(
        "camera:0",
        folder,
        Settings(),
        opener=lambda spec, loop: Webcam(20),
        build=lambda settings: NoFaces(),
    )
    assert 1 <= done.frames <= 20
    assert verify(folder).finished


def test_memory_stays_flat_and_rows_are_frames(tmp_path: Path) -> None:
    """A long recording of a fast source: nothing is dropped, nothing piles up."""

    class Endless(BaseSource):
        info = SourceInfo("fake", "video", False, 320, 240, 30.0, None)

        def read(self) -> Frame | None:
            if self._next_index == 3000:
                return None
            image = np.full((240, 320, 3), self._next_index % 251, np.uint8)
            time_s = self._next_index / 30
            return self._frame(image, name="fake", source_time_s=time_s)

        def close(self) -> None:
            pass

    used: list[int] = []

    def look(result: FrameResult) -> None:
        if result.frame.index % 500 == 499:
            with Path("/proc/self/statm").open() as file:
                used.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    if not Path("/proc/self/statm").exists():
        pytest.skip("reads the memory in use from /proc")
    folder = tmp_path / "a.ferdesk"
    done = record(
        "clip",
        folder,
        Settings(),
        advance=look,
        opener=lambda spec, loop: Endless(),
        build=lambda settings: NoFaces(),
    )
    assert done.frames == 3000
    assert done.dropped == 0
    with Session(folder) as session:
        assert session.count("frames") == 3000
    assert used[-1] - used[1] < 20e6


def test_pictures_and_folders_that_are_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is there already"):
        record("demo", tmp_path, Settings(), build=lambda settings: NoFaces())
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((50, 50, 3), np.uint8))
    with pytest.raises(SourceError, match="ferdesk analyze"):
        record(str(tmp_path), tmp_path / "a.ferdesk", Settings())


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FERDESK, *args], capture_output=True, text=True, timeout=120, cwd=cwd, check=False
    )


def test_the_commands(tmp_path: Path) -> None:
    ran = run("record", "-s", "demo", "--seconds", "1", "-o", "a", "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["frames"] == 25
    folder = tmp_path / "a.ferdesk"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    verified = run("sessions", "verify", "a.ferdesk", "--json", cwd=tmp_path)
    assert verified.returncode == 0
    assert json.loads(verified.stdout)["whole"]
    shown = run("sessions", "show", "a.ferdesk", cwd=tmp_path)
    assert "person 1: 25 frames" in shown.stdout
    rows = json.loads(run("sessions", "list", ".", "--json", cwd=tmp_path).stdout)
    assert [row["state"] for row in rows] == ["whole"]
    again = run("record", "-s", "demo", "-o", "a", cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
    assert "is there already" in again.stderr
    merged = run("sessions", "merge", "a.ferdesk", "a.ferdesk", "-o", "b", "--json", cwd=tmp_path)
    assert json.loads(merged.stdout)["folder"] == "b.ferdesk"
    both = json.loads(run("sessions", "show", "b.ferdesk", "--json", cwd=tmp_path).stdout)
    assert both["frames"] == 50
    (folder / "video.mp4").unlink()
    assert run("sessions", "verify", "a.ferdesk", cwd=tmp_path).returncode == 1
    gone = run("sessions", "delete", "--yes", "--json", "a.ferdesk", cwd=tmp_path)
    assert json.loads(gone.stdout) == [{"deleted": "a.ferdesk"}]
    assert not folder.exists()


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_ends_a_recording_with_all_files_whole(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*FERDESK, "record", "-s", "demo", "--loop", "-o", "a"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as child:
        database = tmp_path / "a.ferdesk" / "session.db"
        until = time.monotonic() + 60
        while not database.exists() and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.5)
        threading.Timer(0.0, child.send_signal, (signal.SIGINT,)).start()
        out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "Recorded" in out
    found = verify(tmp_path / "a.ferdesk")
    assert found.whole
    assert found.finished


def test_a_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    """As a screen recorder or a phone writes it: no two frames lie equally far apart."""
    times = np.cumsum(np.random.default_rng(1).uniform(0.004, 0.3, 80))
    times -= times[0]
    clip = Mp4File(tmp_path / "clip.mp4", fps=20)
    for index, time_s in enumerate(times):
        clip.write(np.full((48, 64, 3), index, np.uint8), float(time_s))
    clip.close()
    with VideoFile(tmp_path / "clip.mp4") as source:
        given = [frame.source_time_s for frame in iter(source.read, None) if frame is not None]
    folder = tmp_path / "a.ferdesk"
    record(str(tmp_path / "clip.mp4"), folder, Settings(), build=lambda settings: NoFaces())
    with Session(folder) as session:
        stored = [frame.time_s for frame in session.frames()]
        sources = [frame.source_time_s for frame in session.frames()]
    with VideoFile(folder / "video.mp4") as video:
        shown = [frame.source_time_s for frame in iter(video.read, None) if frame is not None]
    assert sources == given
    assert len(stored) == len(shown) == len(given) == 80
    assert np.abs(np.array(stored) - np.array(given)).max() < 1e-3
    assert np.abs(np.array(shown, float) - np.array(given, float)).max() < 1e-3
