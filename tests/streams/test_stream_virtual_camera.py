"""The virtual camera, on a device of our own: no driver is needed."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from stream_fakes import a_live_result

from ferdesk.core.errors import OutputError
from ferdesk.core.types import Frame, FrameResult, ImageU8
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.streams.virtual_camera import VirtualCamera, fitted

pyvirtualcam = pytest.importorskip("pyvirtualcam")


class Device:
    """A device as pyvirtualcam's backends are, that keeps its pictures."""

    opened: list["Device"] = []  # noqa: RUF012
    broken = False

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None):
        self.size = (width, height)
        self.pictures: list[ImageU8] = []
        self.closed = False
        Device.opened.append(self)

    def send(self, frame: ImageU8) -> None:
        if Device.broken:
            raise RuntimeError("the device is gone")
        width, height = self.size
        self.pictures.append(frame.reshape(height, width, 3).copy())

    def device(self) -> str:
        return "/dev/video9"

    def native_fourcc(self) -> None:
        return None

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Device]]:
    """What is opened; pyvirtualcam's drivers are away."""
    from pyvirtualcam import camera

    monkeypatch.setattr(camera, "BACKENDS", {})
    pyvirtualcam.register_backend("ours", Device)
    monkeypatch.setattr(Device, "opened", [])
    monkeypatch.setattr(Device, "broken", False)
    yield Device.opened
    assert all(device.closed for device in Device.opened)


def with_image(result: FrameResult, height: int, width: int) -> FrameResult:
    frame = result.frame
    image = np.full((height, width, 3), 200, np.uint8)
    moved = Frame(image, frame.index, frame.captured_ns, None, frame.name)
    return FrameResult(moved, result.faces, result.stage_ms, result.done_ns)


def test_it_shows_the_annotated_picture_in_the_size_of_the_first(devices: list[Device]) -> None:
    camera = VirtualCamera()
    assert camera.status == "Virtual camera /dev/video9"
    result = a_live_result()
    camera.send(result)
    assert camera.status == "Virtual camera /dev/video9, 320x180"
    camera.send(with_image(result, 180, 160))
    camera.close()
    camera.close()
    shown = devices[-1].pictures
    np.testing.assert_array_equal(shown[0], draw(result, OverlayOptions()))
    assert shown[1].shape == (180, 320, 3)
    assert not shown[1][:, :80].any()
    assert shown[1][:, 80:240].any(axis=2).all()


def test_odd_sizes_become_even(devices: list[Device]) -> None:
    camera = VirtualCamera()
    camera.send(with_image(a_live_result(faces=0), 61, 81))
    assert devices[-1].size == (80, 60)
    camera.close()


def test_a_device_that_goes_away_is_told(devices: list[Device]) -> None:
    camera = VirtualCamera()
    camera.send(a_live_result(0))
    Device.broken = True
    with pytest.raises(OutputError, match="the device is gone"):
        camera.send(a_live_result(1))
    camera.close()


def test_a_missing_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, devices: list[Device]
) -> None:
    def refuse(**options: object) -> None:
        raise RuntimeError("No loopback device.\nSee the documentation.")

    pyvirtualcam.register_backend("ours", refuse)
    for platform, driver in (("linux", "v4l2loopback"), ("win32", "OBS"), ("darwin", "OBS")):
        monkeypatch.setattr(sys, "platform", platform)
        with pytest.raises(OutputError, match=f"Install {driver}") as told:
            VirtualCamera()
        assert "\n" not in str(told.value)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(OutputError, match=r"pip install 'ferdesk\[vcam\]'"):
        VirtualCamera()


@pytest.mark.parametrize(
    ("size", "bars"),
    [((60, 80), None), ((30, 40), None), ((120, 80), "sides"), ((10, 80), "above"), ((1, 900), "")],
)
def test_pictures_are_fitted_with_their_proportions(
    size: tuple[int, int], bars: str | None
) -> None:
    image = np.full((*size, 3), 255, np.uint8)
    shown = fitted(image, 80, 60)
    assert shown.shape == (60, 80, 3)
    if bars is None:
        assert (shown == 255).all()
    elif bars == "sides":
        assert not shown[:, :20].any()
        assert (shown[:, 20:60] == 255).all()
    elif bars == "above":
        assert not shown[:25].any()
        assert (shown[25:35] == 255).all()
    assert image is not shown or size == (60, 80)
