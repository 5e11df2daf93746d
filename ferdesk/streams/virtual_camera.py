"""The annotated picture as a virtual camera, for programs that show a webcam."""

import sys
from functools import partial
from typing import Any, Final

import cv2
import numpy as np

from ferdesk.core.errors import OutputError
from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_verdict import VerdictMemory

_FPS: Final = 30.0
"""What is announced; pictures come as they are done."""
_PROBE: Final = (640, 480)

_DRIVERS: Final = {
    "linux": "v4l2loopback: apt install v4l2loopback-dkms, then modprobe v4l2loopback",
    "darwin": "OBS, and start its virtual camera once",
    "win32": "OBS, which brings one",
}


class VirtualCamera:
    """Shows what the window would show. The first picture's size is kept: later ones are fitted.

    Args:
        overlay: what is drawn into the picture.
        device: the virtual camera's name or device file; by default the first there is.

    Raises:
        OutputError: pyvirtualcam or the driver is missing.
    """

    name: Final = "virtual camera"
    capacity: Final = 1  # only the newest picture counts

    def __init__(self, overlay: OverlayOptions | None = None, device: str | None = None) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise OutputError(
                "A virtual camera needs pyvirtualcam: pip install 'ferdesk[vcam]'."
            ) from error
        self._library = pyvirtualcam
        self._device = device
        self._draw = partial(draw, options=overlay or OverlayOptions(), memory=VerdictMemory())
        # A driver that is missing is told now, not when the first picture comes.
        with self._open(*_PROBE) as probe:
            self._shown: str = probe.device
        self._camera: Any = None

    @property
    def status(self) -> str:
        """Which device shows what size."""
        camera = self._camera
        size = f", {camera.width}x{camera.height}" if camera is not None else ""
        return f"Virtual camera {self._shown}{size}"

    @property
    def address(self) -> str:
        """The camera that other programs choose."""
        return f"camera {self._shown}"

    def send(self, result: FrameResult) -> None:
        """Draw a result and show it.

        Args:
            result: what the frame gave.

        Raises:
            OutputError: the device is gone, or another program has it.
        """
        picture = self._draw(result)
        if self._camera is None:
            height, width = picture.shape[:2]
            self._camera = self._open(max(2, width // 2 * 2), max(2, height // 2 * 2))
        try:
            self._camera.send(fitted(picture, self._camera.width, self._camera.height))
        except RuntimeError as error:
            raise OutputError(f"The virtual camera takes no more pictures: {error}.") from error

    def close(self) -> None:
        """Give the device back."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _open(self, width: int, height: int) -> Any:
        try:
            return self._library.Camera(
                width, height, _FPS, fmt=self._library.PixelFormat.BGR, device=self._device
            )
        except RuntimeError as error:
            driver = _DRIVERS.get(sys.platform, "a virtual camera driver")
            reason = " ".join(str(error).split())
            raise OutputError(
                f"There is no virtual camera to show pictures on ({reason}). Install {driver}."
            ) from error


def fitted(image: ImageU8, width: int, height: int) -> ImageU8:
    """Scale a picture into a frame with its proportions kept, in the middle of black.

    Args:
        image: (any height, any width, 3) uint8, BGR.
        width: of the frame in pixels.
        height: of the frame in pixels.

    Returns:
        (height, width, 3) uint8, BGR.
    """
    rows, columns = image.shape[:2]
    if (rows, columns) == (height, width):
        return image
    scale = min(width / columns, height / rows)
    w, h = max(1, round(columns * scale)), max(1, round(rows * scale))
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - h) // 2, (width - w) // 2
    whole[top : top + h, left : left + w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    return whole
