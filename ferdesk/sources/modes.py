"""Which sizes and rates a camera offers. Asks its driver; takes no picture."""

import logging
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ferdesk.sources.camera import CameraInfo, list_cameras
from ferdesk.sources.holders import holders_of

log = logging.getLogger(__name__)


class Mode(NamedTuple):
    """A size that a camera offers.

    Attributes:
        width: in pixels.
        height: the same.
        fps: pictures a second at most.
    """

    width: int
    height: int
    fps: float

    @property
    def text(self) -> str:
        """How people read it."""
        return f"{self.width}×{self.height}, {self.fps:g} fps"


Ask = Callable[[str], Iterable[Mode]]
"""All modes of the device of a path, in any order and format; raises OSError, ValueError."""


def camera_modes(
    cameras: Iterable[CameraInfo] | None = None, ask: Ask | None = None
) -> dict[str, tuple[Mode, ...]]:
    """What the connected cameras offer, as far as the system tells: Linux does.

    A camera that another program holds is left alone, and left out.

    Args:
        cameras: which to ask; all that are connected where None.
        ask: asks one; the driver, unless another is given.

    Returns:
        For each camera's spec a mode a size with its greatest rate, the largest first.
    """
    if ask is None and sys.platform != "linux":
        return {}
    found = {}
    for camera in list_cameras() if cameras is None else cameras:
        if not camera.path or holders_of(camera.path):
            continue
        try:
            modes = _fastest((ask or _ask_driver)(camera.path))
        except (OSError, ValueError) as error:
            log.info("%s does not say what it offers: %s", camera.name, error)
            continue
        if modes:
            found[camera.spec] = modes
    return found


def _fastest(modes: Iterable[Mode]) -> tuple[Mode, ...]:
    best: dict[tuple[int, int], float] = {}
    for mode in modes:
        size = mode.width, mode.height
        best[size] = max(mode.fps, best.get(size, 0.0))
    sizes = sorted(best, key=lambda size: (size[0] * size[1], size), reverse=True)
    return tuple(Mode(*size, round(best[size], 1)) for size in sizes)


def _ask_driver(path: str) -> Iterable[Mode]:
    # Only here: other systems have nothing of the kind.
    from ferdesk.sources.v4l2 import ask_driver

    return [Mode(*one) for one in ask_driver(path)]
