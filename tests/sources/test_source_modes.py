"""What cameras offer is asked, and who holds one is told."""

import errno
import os
import struct
import sys
from pathlib import Path

import pytest

from ferdesk.core.errors import SourceError
from ferdesk.sources import camera, holders, modes
from ferdesk.sources.camera import Camera, numbered
from ferdesk.sources.holders import holders_of
from ferdesk.sources.modes import Mode, camera_modes

TWO = numbered([(0, "HD Webcam", "/dev/video0"), (2, "Brio", "/dev/video2")])

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


MJPG, YUYV = 0x47504A4D, 0x56595559
SIZES = {MJPG: [(1, 1280, 720)], YUYV: [(1, 640, 480), (3, 16, 1920, 16, 16, 1080, 16)]}
INTERVALS = {
    (MJPG, 1280, 720): [(1, 1, 60), (1, 1, 30)],
    (YUYV, 640, 480): [(1, 2, 15)],
    (YUYV, 1920, 1080): [(3, 1, 30, 1, 5, 0, 0)],  # the shortest, the longest, the step
}


def driver(device: int, request: int, words: bytearray) -> None:
    """As a driver answers: by the kernel's numbers, and in its structures."""
    index, *wanted = struct.unpack_from("=4I", words)
    if request == 0xC0405602:  # VIDIOC_ENUM_FMT
        assert wanted[0] == 1  # pictures that are captured
        found = [(44, form) for form in SIZES]
    elif request == 0xC02C564A:  # VIDIOC_ENUM_FRAMESIZES
        found = [(8, *one) for one in SIZES[wanted[0]]]
    else:
        assert request == 0xC034564B  # VIDIOC_ENUM_FRAMEINTERVALS
        found = [(16, *one) for one in INTERVALS[tuple(wanted)]]
    if index >= len(found):
        raise OSError(errno.EINVAL, "Invalid argument")
    place, *answer = found[index]
    struct.pack_into(f"={len(answer)}I", words, place, *answer)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes, "holders_of", lambda _: ())


@pytest.mark.usefixtures("free")
def test_the_greatest_rate_of_each_size_the_largest_first() -> None:
    def ask(path: str) -> list[Mode]:
        assert path in ("/dev/video0", "/dev/video2")
        slow, fast = Mode(1280, 720, 10.0), Mode(1280, 720, 30.00003)
        return [Mode(640, 480, 30), slow, fast, slow] if path == "/dev/video0" else []

    assert camera_modes(TWO, ask) == {
        "camera:HD Webcam": (Mode(1280, 720, 30.0), Mode(640, 480, 30.0))
    }
    assert Mode(1280, 720, 30.0).text == "1280×720, 30 fps"
    assert Mode(1280, 720, 7.5).text == "1280×720, 7.5 fps"


@pytest.mark.usefixtures("free")
def test_one_that_does_not_answer_hides_no_other() -> None:
    def ask(path: str) -> list[Mode]:
        if path == "/dev/video0":
            raise OSError(5, "Input/output error")
        return [Mode(640, 480, 30)]

    assert list(camera_modes(TWO, ask)) == ["camera:Brio"]


def test_a_camera_that_is_in_use_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = {"/dev/video0": ("zoom (process 3)",)}
    monkeypatch.setattr(modes, "holders_of", lambda path: busy.get(path, ()))
    asked: list[str] = []

    def ask(path: str) -> list[Mode]:
        asked.append(path)
        return [Mode(640, 480, 30)]

    assert list(camera_modes(TWO, ask)) == ["camera:Brio"]
    assert asked == ["/dev/video2"]


@linux
@pytest.mark.usefixtures("free")
def test_the_driver_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ferdesk.sources import v4l2

    device = tmp_path / "video0"
    device.touch()
    webcam = numbered([(0, "HD Webcam", str(device))])
    monkeypatch.setattr(v4l2.fcntl, "ioctl", driver)
    assert camera_modes(webcam) == {
        "camera:HD Webcam": (Mode(1920, 1080, 30.0), Mode(1280, 720, 60.0), Mode(640, 480, 7.5))
    }

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(v4l2.fcntl, "ioctl", broken)
    assert camera_modes(webcam) == {}
    monkeypatch.undo()
    monkeypatch.setattr(modes, "holders_of", lambda _: ())
    nowhere = numbered([(0, "HD Webcam", "/dev/no-such-camera")])
    assert camera_modes(nowhere) == {}


@linux
def test_who_holds_a_device_is_told(tmp_path: Path) -> None:
    device = tmp_path / "video0"
    device.touch()
    for number, name, held in ((41, "ferdesk", device), (42, "other", tmp_path / "x")):
        (tmp_path / str(number) / "fd").mkdir(parents=True)
        (tmp_path / str(number) / "comm").write_text(f"{name}\n")
        (tmp_path / str(number) / "fd" / "7").symlink_to(held)
    (tmp_path / str(os.getpid()) / "fd").mkdir(parents=True)
    (tmp_path / str(os.getpid()) / "fd" / "7").symlink_to(device)
    (tmp_path / "43").mkdir()  # another user's, or gone
    assert holders_of(str(device), tmp_path) == ("ferdesk (process 41)",)
    assert holders_of(str(tmp_path / "video9"), tmp_path) == ()
    assert holders_of("", tmp_path) == ()


@linux
def test_it_works_on_this_very_system(tmp_path: Path) -> None:
    held = tmp_path / "held"
    with held.open("w"):
        assert holders_of(str(held)) == (), "by nobody else"
    assert holders._name(Path("/proc/self"))


def test_a_second_window_on_the_same_camera_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        """V4L2 opens a camera that is in use, and it then gives nothing."""

        def isOpened(self) -> bool:
            return True

        def read(self) -> tuple[bool, None]:
            return False, None

        def set(self, prop: int, value: float, /) -> bool:
            return False

        def get(self, prop: int, /) -> float:
            return 0.0

        def release(self) -> None:
            pass

    monkeypatch.setattr(camera, "FIRST_PICTURE_S", 0.05)
    for found, said in (
        (("ferdesk (process 41)",), r"It is in use by ferdesk \(process 41\): close that first"),
        ((), "Close other programs that use it, other windows of ferdesk too"),
    ):
        monkeypatch.setattr(camera, "holders_of", lambda _, found=found: found)
        with pytest.raises(SourceError, match=said):
            Camera("HD Webcam", open_capture=lambda _: Busy(), find=lambda: TWO)
