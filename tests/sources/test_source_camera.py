"""Cameras, played by OpenCV's own capture on real video files."""

import time
from pathlib import Path
from typing import Any

import cv2
import pytest

from ferdesk.core.errors import SourceError
from ferdesk.sources import camera, open_source
from ferdesk.sources.base import Reopenable
from ferdesk.sources.camera import Camera, CameraInfo, list_cameras, matching, numbered

THREE = numbered(
    [(4, "Logi Brio", "/dev/video4"), (0, "HD Webcam", "/dev/video0"), (2, "HD Webcam", "usb-2")]
)


class Plugged:
    """Cameras by number, each a video file; a missing number does not open."""

    def __init__(self, clips: dict[int, Path], found: tuple[CameraInfo, ...] = THREE) -> None:
        self.clips = clips
        self.found = found
        self.opened: list[int] = []
        self.settings: list[tuple[int, float]] = []

    def open(self, index: int) -> "Capture":
        self.opened.append(index)
        return Capture(str(self.clips.get(index, "/nowhere")), self.settings)

    def find(self) -> tuple[CameraInfo, ...]:
        return self.found

    def camera(self, wanted: int | str) -> Camera:
        return Camera(wanted, open_capture=self.open, find=self.find)


class Capture:
    """OpenCV's own, which does not stand being inherited from; notes what is set."""

    def __init__(self, path: str, settings: list[tuple[int, float]]) -> None:
        self._real = cv2.VideoCapture(path)
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def set(self, prop: int, value: float) -> bool:
        self._settings.append((prop, value))
        return self._real.set(prop, value)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(camera, "FIRST_PICTURE_S", 0.1)
    monkeypatch.setattr(camera, "NEXT_PICTURE_S", 0.1)


def test_twins_get_numbers():
    assert [one.name for one in THREE] == ["HD Webcam", "HD Webcam (2)", "Logi Brio"]
    assert [one.index for one in THREE] == [0, 2, 4]
    assert THREE[1].spec == "camera:HD Webcam (2)"


def test_matching():
    assert matching("hd webcam", THREE) == (THREE[0],)
    assert matching("BRIO", THREE) == (THREE[2],)
    assert matching("webcam", THREE) == THREE[:2]
    assert matching("usb-2", THREE) == (THREE[1],)
    assert matching("", THREE) == ()


def test_pictures_and_the_order_of_settings(make_clip):
    plugged = Plugged({4: make_clip()})
    with plugged.camera("brio") as source:
        info = source.info
        frames = [source.read() for _ in range(5)]
    assert (info.name, info.kind, info.live) == ("Logi Brio", "camera", True)
    assert (info.width, info.height, info.frames) == (96, 64, None)
    assert info.fps == pytest.approx(25)
    assert [frame.index for frame in frames if frame is not None] == [0, 1, 2, 3, 4]
    first = frames[0]
    assert first is not None
    assert first.source_time_s is None
    assert not first.image.flags.writeable
    assert first.image.shape == (64, 96, 3)
    props = [prop for prop, _ in plugged.settings]
    assert props == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
    ]
    assert isinstance(source, Reopenable)
    assert source.read() is None


def test_unplugged_is_noticed_soon_and_the_camera_can_come_back(make_clip):
    plugged = Plugged({0: make_clip(times=[0.0, 0.04])}, THREE[:1])
    source = plugged.camera(0)
    assert source.read() is not None
    assert source.read() is not None
    started = time.monotonic()
    with pytest.raises(SourceError, match="HD Webcam gives no more pictures"):
        source.read()
    assert time.monotonic() - started < 2
    plugged.found = ()
    with pytest.raises(SourceError, match="HD Webcam is not connected"):
        source.reopen()
    # Plugged in again, it has another number.
    plugged.found = numbered([(6, "HD Webcam", "/dev/video6")])
    plugged.clips[6] = plugged.clips[0]
    source.reopen()
    frame = source.read()
    assert frame is not None
    assert frame.index == 2
    assert plugged.opened == [0, 6]
    source.close()


def test_reopen_never_takes_the_twin(make_clip):
    plugged = Plugged({0: make_clip()})
    with plugged.camera("HD Webcam") as source:
        plugged.found = numbered([(2, "HD Webcam", "usb-2")])
        with pytest.raises(SourceError, match="not connected"):
            source.reopen()


def test_reopen_follows_the_camera_not_the_number(make_clip):
    plugged = Plugged({0: make_clip(), 4: make_clip(name="other.mp4")})
    with plugged.camera(4) as source:
        plugged.found = numbered([(0, "Logi Brio", "/dev/video4"), (4, "HD Webcam", "usb-2")])
        source.reopen()
        assert plugged.opened == [4, 0]


def test_busy_camera(make_clip, tmp_path):
    with pytest.raises(SourceError, match="Logi Brio gives no picture") as caught:
        Plugged({}).camera(4)
    assert "Close other programs" in str(caught.value)


def test_absent_and_ambiguous_cameras():
    plugged = Plugged({})
    with pytest.raises(SourceError, match=r"no camera number 7\. Connected: 0 \(HD Webcam\), 2"):
        plugged.camera(7)
    with pytest.raises(SourceError, match="no camera called Kinect"):
        plugged.camera("Kinect")
    with pytest.raises(SourceError, match="Several cameras"):
        plugged.camera("webcam")
    assert plugged.opened == []


@pytest.mark.parametrize("spec", ["97", "camera:97", "camera:No Such Camera", "no such file.mp4"])
def test_specs_that_nothing_answers_to(spec):
    with pytest.raises(SourceError, match=r"no camera|No such file, and no camera") as caught:
        open_source(spec)
    assert "\n" not in str(caught.value)


def test_a_name_opens_a_camera_where_there_is_no_such_file(monkeypatch, make_clip, tmp_path):
    plugged = Plugged({4: make_clip()})
    monkeypatch.setattr(camera, "_open_capture", plugged.open)
    monkeypatch.setattr("ferdesk.sources.list_cameras", plugged.find)
    monkeypatch.setattr(camera, "list_cameras", plugged.find)
    monkeypatch.chdir(tmp_path)
    with open_source("logi brio") as source:
        assert source.info.name == "Logi Brio"
    with open_source("camera:4") as source:
        assert source.info.name == "Logi Brio"
    (tmp_path / "logi brio").write_text("a file of that name goes first")
    with pytest.raises(SourceError, match="is not a video"):
        open_source("logi brio")


@pytest.mark.parametrize("spec", ["", "  ", "ftp://host/x.mp4", "file:///etc/passwd"])
def test_specs_that_are_refused(spec):
    with pytest.raises(SourceError, match=r"No source was named|are not read"):
        open_source(spec)


def test_listing_opens_nothing(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a camera was opened")

    monkeypatch.setattr(cv2, "VideoCapture", refuse)
    cameras = list_cameras()
    assert [one.index for one in cameras] == sorted(one.index for one in cameras)


@pytest.mark.camera
def test_a_real_camera():
    cameras = list_cameras()
    if not cameras:
        pytest.skip("no camera is connected")
    with open_source(cameras[0].spec) as source:
        frame = source.read()
    assert frame is not None
    assert frame.image.ndim == 3
