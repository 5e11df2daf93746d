"""The only code that turns pixels into a net's input, for the trainer and the app alike."""

import math
from typing import Any, Final, Literal

import cv2
import numpy as np

from ferdesk.core.types import Crop, ImageU8, Matrix

Normalisation = Literal["per_image"]

_FLAT_STD: Final = 1.0  # grey levels; keeps a blank patch from being blown up into noise
_MAX_OVERSAMPLING: Final = 8


def normalise(batch: Any) -> Any:
    """Shift each picture to zero mean and scale it to unit variance .

    Khorrami et al. 2015, section 4: mean subtraction and scaling to unit variance.

    Works on NumPy arrays and on torch tensors alike (both take NumPy's keywords here), so that
    training and the app cannot drift apart.

    Args:
        batch: (n, 1, height, width) floating point, grey levels 0..255.

    Returns:
        The same type, shape and dtype; each picture has mean 0 and, unless it is almost blank,
        standard deviation 1.
    """
    centred = batch - batch.mean(axis=(1, 2, 3), keepdims=True)
    std = (centred * centred).mean(axis=(1, 2, 3), keepdims=True) ** 0.5
    return centred / std.clip(min=_FLAT_STD)


def net_input(patches: list[ImageU8]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Stack grey patches into a normalised batch.

    Args:
        patches: n arrays of (size, size) uint8, grey.

    Returns:
        (n, 1, size, size) float32.
    """
    batch = np.stack(patches)[:, None].astype(np.float32)
    result: np.ndarray[Any, np.dtype[np.float32]] = normalise(batch)
    return result


def extract(image: ImageU8, from_frame: Matrix, size: int) -> Crop:
    """Cut an aligned grey patch out of a frame.

    A face of several hundred pixels shrinks to a few dozen, so the patch is first warped at a
    whole multiple of its size and then averaged down: plain bilinear sampling would alias. At steps
    of up to two pixels it does not, since each sample mixes the four pixels around it.

    Args:
        image: (height, width, 3) uint8, BGR.
        from_frame: (2, 3) float64, maps frame pixels to patch pixels.
        size: side of the patch in pixels.

    Returns:
        The patch; what lies outside the frame repeats its border.
    """
    shrink = 1.0 / max(float(np.hypot(from_frame[0, 0], from_frame[1, 0])), 1e-9)
    times = int(np.clip(math.ceil(shrink / 2 - 0.05), 1, _MAX_OVERSAMPLING))
    # Pixel centres: patch pixel p covers (p + 0.5) * times - 0.5 in the larger picture.
    larger = from_frame * times
    larger[:, 2] += (times - 1) / 2
    grey, left, top = _grey_part(image, larger, size * times)
    larger[:, 2] += larger[:, :2] @ (left, top)
    patch = cv2.warpAffine(
        grey,
        larger,
        (size * times, size * times),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if times > 1:
        patch = cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA)
    return Crop(np.asarray(patch, np.uint8), from_frame)


def _grey_part(image: ImageU8, to_patch: Matrix, size: int) -> tuple[ImageU8, int, int]:
    """The upright part of a frame that a patch is made of, in grey, and its left and top.

    Only this part is worth converting; where the patch reaches beyond the frame, the part ends at
    the frame's border, as the frame does.
    """
    height, width = image.shape[:2]
    (a, b, x), (c, d, y) = to_patch.tolist()
    area = max(abs(a * d - b * c), 1e-12)
    xs, ys = [], []
    for u, v in ((0, 0), (size, 0), (0, size), (size, size)):
        xs.append((d * (u - x) - b * (v - y)) / area)
        ys.append((a * (v - y) - c * (u - x)) / area)
    left, right = _within(min(xs) - 2, max(xs) + 3, width)
    top, bottom = _within(min(ys) - 2, max(ys) + 3, height)
    part = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
    return np.asarray(part, np.uint8), left, top


def _within(start: float, end: float, length: int) -> tuple[int, int]:
    """Whole pixels around a span, cut to a frame's side; at least one pixel."""
    first = min(max(math.floor(start), 0), length - 1)
    return first, min(max(math.ceil(end), first + 1), length)
