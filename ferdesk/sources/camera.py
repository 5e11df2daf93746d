"""Cameras, by number or by name."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import cv2
import cv2_enumerate_cameras
import numpy as np

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame, ImageU8
from ferdesk.sources.base import BaseSource, SourceInfo
from ferdesk.sources.holders import holders_of
from ferdesk.sources.quiet import hush

FIRST_PICTURE_S: Final = 5.0
"""Some cameras take seconds to wake up."""

NEXT_PICTURE_S: Final = 1.0
"""A camera that gives no picture for so long is called lost."""

_RETRY_S: Final = 0.01
_V4L_WAIT: Final = "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """One connected camera.

    Attributes:
        index: its number for now; it may change when cameras are plugged in or out.
        name: what it calls itself, with " (2)" and so on behind it for others of the same model.
        path: the operating system's address of it, empty where there is none.
        model: what it calls itself.
    """

    index: int
    name: str
    path: str
    model: str

    @property
    def spec(self) -> str:
        """What opens this camera."""
        return f"camera:{self.name}"


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used here."""

    def isOpened(self) -> bool: ...  # noqa: D102

    def read(self) -> tuple[bool, Any]: ...  # noqa: D102

    def set(self, prop: int, value: float, /) -> bool: ...  # noqa: D102

    def get(self, prop: int, /) -> float: ...  # noqa: D102

    def release(self) -> None: ...  # noqa: D102


OpenCapture = Callable[[int], Capture]
ListCameras = Callable[[], tuple[CameraInfo, ...]]


def list_cameras() -> tuple[CameraInfo, ...]:
    """The connected cameras, in the order of their numbers; opens none of them."""
    backend = _backend()
    if backend not in cv2_enumerate_cameras.supported_backends:
        return ()
    found = cv2_enumerate_cameras.enumerate_cameras(backend)
    return numbered([(int(c.index), c.name or "camera", c.path or "") for c in found])


def numbered(found: Sequence[tuple[int, str, str]]) -> tuple[CameraInfo, ...]:
    """Tell cameras of the same model apart, in the order of their numbers.

    Args:
        found: (number, model, path) of each.
    """
    seen = Counter[str]()
    cameras = []
    for index, model, path in sorted(found):
        seen[model] += 1
        name = model if seen[model] == 1 else f"{model} ({seen[model]})"
        cameras.append(CameraInfo(index, name, path, model))
    return tuple(cameras)


def matching(wanted: str, cameras: tuple[CameraInfo, ...]) -> tuple[CameraInfo, ...]:
    """Cameras that a name means, in any case: those called so, else those with it in their name."""
    text = wanted.casefold().strip()
    same = tuple(c for c in cameras if text and text in (c.name.casefold(), c.path.casefold()))
    return same or tuple(c for c in cameras if text and text in c.name.casefold())


class Camera(BaseSource):
    """A camera, newest picture first come.

    Args:
        wanted: its number, or its name or a part of it that no other camera's name has.
        size: wished width and height in pixels; the camera may give another.
        fps: wished rate.
        open_capture: opens a camera by number.
        find: lists the connected cameras.

    Raises:
        SourceError: there is no such camera, or it gives no picture.
    """

    def __init__(
        self,
        wanted: int | str,
        *,
        size: tuple[int, int] = (1280, 720),
        fps: float = 30.0,
        open_capture: OpenCapture | None = None,
        find: ListCameras | None = None,
    ) -> None:
        super().__init__()
        hush()
        # Read by OpenCV when it first waits for a V4L2 camera; its own ten seconds look frozen.
        os.environ.setdefault(_V4L_WAIT, "2")
        self._size = size
        self._fps = fps
        self._open_capture = open_capture or _open_capture
        self._find = find or list_cameras
        self._capture: Capture | None = None
        self._ahead: ImageU8 | None = None
        cameras = self._find()
        self._at_first = frozenset(camera.path for camera in cameras)
        self._camera = _choose(wanted, cameras)
        self._info = self._start()

    @property
    def info(self) -> SourceInfo:
        """What is known about the camera."""
        return self._info

    def read(self) -> Frame | None:
        """The next picture; None after `close`.

        Raises:
            SourceError: the camera was unplugged or stopped; `reopen` may bring it back.
        """
        if self._capture is None:
            return None
        image = self._ahead if self._ahead is not None else _grab(self._capture, NEXT_PICTURE_S)
        self._ahead = None
        if image is None:
            self.close()
            raise SourceError(
                f"The camera {self._camera.name} gives no more pictures. Is it still plugged in?"
            )
        return self._frame(image, name=self._info.name)

    def reopen(self) -> None:
        """Open the same camera again, whatever its number is by now; frame numbers go on.

        Raises:
            SourceError: it is not back yet.
        """
        self.close()
        self._camera = _again(self._camera, self._find(), self._at_first)
        self._info = self._start()

    def close(self) -> None:
        """Let go of the camera."""
        self._ahead = None
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _start(self) -> SourceInfo:
        capture = self._open_capture(self._camera.index)
        first: ImageU8 | None = None
        if capture.isOpened():
            # In this order: a size is refused while the raw format is too slow for it.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
            capture.set(cv2.CAP_PROP_FPS, self._fps)
            # A camera that another program holds opens well and then gives nothing.
            first = _grab(capture, FIRST_PICTURE_S)
        if first is None:
            capture.release()
            advice = _what_to_do(holders_of(self._camera.path))
            raise SourceError(f"The camera {self._camera.name} gives no picture. {advice}")
        self._capture, self._ahead = capture, first
        fps = capture.get(cv2.CAP_PROP_FPS)
        return SourceInfo(
            name=self._camera.name,
            kind="camera",
            live=True,
            width=first.shape[1],
            height=first.shape[0],
            fps=fps if 0 < fps < 1000 else None,
            frames=None,
        )


def _choose(wanted: int | str, cameras: tuple[CameraInfo, ...]) -> CameraInfo:
    if isinstance(wanted, int):
        found = tuple(camera for camera in cameras if camera.index == wanted)
        if not found and not cameras and not _enumerable():
            return CameraInfo(wanted, f"camera {wanted}", "", "camera")
    else:
        found = matching(wanted, cameras)
    if len(found) > 1:
        raise SourceError(f"Several cameras are called like {wanted}: {_names(found)}.")
    if not found:
        called = f"number {wanted}" if isinstance(wanted, int) else f"called {wanted}"
        raise SourceError(f"There is no camera {called}. Connected: {_names(cameras)}.")
    return found[0]


def _again(
    camera: CameraInfo, cameras: tuple[CameraInfo, ...], at_first: frozenset[str]
) -> CameraInfo:
    """Find a camera once more, where it was or plugged in anew, but never its twin instead.

    Args:
        camera: as it was when it was opened.
        cameras: those connected now.
        at_first: paths of all that were connected when it was opened.
    """
    if not cameras and not _enumerable():
        return camera
    twins = [other for other in cameras if other.model == camera.model]
    for other in twins:
        if other.path == camera.path:
            return other
    for other in twins:
        if other.path not in at_first:
            return other
    raise SourceError(f"The camera {camera.name} is not connected.")


def _names(cameras: tuple[CameraInfo, ...]) -> str:
    return ", ".join(f"{camera.index} ({camera.name})" for camera in cameras) or "none"


def _backend() -> int:
    # MSMF, the default on Windows, can take a minute to open a camera.
    by_platform = {"win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
    return by_platform.get(sys.platform, cv2.CAP_V4L2)


def _enumerable() -> bool:
    return _backend() in cv2_enumerate_cameras.supported_backends


def _open_capture(index: int) -> Capture:
    return cv2.VideoCapture(index, _backend())


def _grab(capture: Capture, patience_s: float) -> ImageU8 | None:
    """Read one picture, BGR; None when none comes in time."""
    until = time.monotonic() + patience_s
    while True:
        try:
            good, image = capture.read()
        except cv2.error:
            return None
        if good and image is not None and image.size:
            if image.ndim == 2 or image.shape[2] == 1:  # infra-red cameras
                image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            return np.asarray(image, np.uint8)
        if time.monotonic() > until:
            return None
        time.sleep(_RETRY_S)


def _what_to_do(holders: tuple[str, ...]) -> str:
    if holders:
        return f"It is in use by {', '.join(holders)}: close that first."
    advice = (
        "Close other programs that use it, other windows of ferdesk too, or unplug it and plug it "
        "in again."
    )
    if sys.platform == "darwin":
        return advice + " Allow the camera in System Settings > Privacy & Security."
    if sys.platform == "win32":
        return advice + " Allow desktop apps in Settings > Privacy & security > Camera."
    return advice + " Your user must be in the group `video`."
