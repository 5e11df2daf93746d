"""Make demo.mp4: a photograph whose face smiles, is surprised, frowns, moves and turns.

The photograph is scikit-image's `astronaut`: Eileen Collins, by NASA, in the public domain. Each
frame moves the landmarks that the face finder sees in it, spreads that motion over the picture by
radial basis functions and samples the photograph anew; what is between the lips is tinted, and
the folds of the photograph's smile are smoothed where it does not smile. No other picture is used.

    pip install -e ".[demo]"
    python resources/demo/make_demo.py
"""

import math
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from skimage import data

from ferdesk.core.types import Face, Frame
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load

FPS = 25
SECONDS = 14
SIZE = (640, 360)
ZOOM = 2.0
Points = NDArray[np.float64]

# Face-mesh points, at the image's left and right where there are two.
CHEEKS = (205, 425)
JAW = (148, 152, 377, 176, 400, 149, 378, 150, 379, 171, 175, 396, 199, 200)
INNER_BROWS = (107, 336, 55, 285)
MIDDLE_BROWS = (105, 334, 52, 282, 66, 296)
OUTER_BROWS = (70, 300, 46, 276)
UPPER_LIDS = (159, 386, 158, 385, 160, 387)
LOWER_LIDS = (145, 374, 144, 373, 153, 380)
HELD = (33, 263, 133, 362, 1, 4, 168, 10, 127, 356, 234, 454, 172, 397, 58, 288, 2, 98, 327)
# The mouth from corner to corner: its upper lip's outer and inner edge, the lower lip's the same.
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)

# The folds from nose to mouth that a smile makes, and the cheeks beside them.
FOLDS = (
    (129, 203, 206, 216, 207, 187, 50, 101, 36),
    (358, 423, 426, 436, 427, 411, 280, 330, 266),
    (98, 203, 206, 216, 212, 57, 61, 186, 92, 165),
    (327, 423, 426, 436, 432, 287, 291, 410, 322, 391),
)


class Look(NamedTuple):
    """An expression, as a change of the photograph. Lengths are hundredths of the eye distance.

    Attributes:
        width: of the mouth, over the photograph's.
        corners: how far the mouth's corners lie below its middle; None keeps the photograph's lips.
        gap: how far the lips are apart in the middle.
        lips: thickness of the lips, over the photograph's.
        moves: points -> how far they go (outwards, downwards).
    """

    width: float
    corners: float | None
    gap: float
    lips: float
    moves: dict[tuple[int, ...], tuple[float, float]]


LOOKS = (
    # The photograph smiles broadly, so rest has to take that smile back.
    Look(0.71, 6, 2.5, 1.2, {CHEEKS: (-3, 6), LOWER_LIDS: (0, 2), UPPER_LIDS: (0, -1)}),
    Look(1.0, None, 0, 1, {LOWER_LIDS: (0, -0.5)}),
    Look(
        0.62,
        2,
        24,
        1.1,
        {
            CHEEKS: (-4, 7),
            JAW: (0, 15),
            INNER_BROWS: (0, -12),
            MIDDLE_BROWS: (0, -13),
            OUTER_BROWS: (0, -10),
            UPPER_LIDS: (0, -3.5),
            LOWER_LIDS: (0, 1),
        },
    ),
    Look(
        0.76,
        7,
        2.5,
        1.2,
        {
            CHEEKS: (-3, 8),
            JAW: (0, -3),
            INNER_BROWS: (-4, 8),
            MIDDLE_BROWS: (-2, 7),
            OUTER_BROWS: (0, 1),
            UPPER_LIDS: (0, 1.5),
            LOWER_LIDS: (0, -1.5),
        },
    ),
)
"""Rest, smile, surprise, frown: the columns of SCORE."""
# (second, how much of rest, smile, surprise, frown, yaw in degrees, shift in pixels)
SCORE = (
    (0.0, 1, 0, 0, 0, 0, 0),
    (1.0, 1, 0, 0, 0, 0, 0),
    (1.6, 0, 1, 0, 0, 0, 0),
    (3.4, 0, 1, 0, 0, 0, 0),
    (4.0, 1, 0, 0, 0, 0, 0),
    (4.6, 1, 0, 0, 0, 0, 0),
    (5.0, 0, 0, 1, 0, 0, 0),
    (6.8, 0, 0, 1, 0, 0, 0),
    (7.4, 1, 0, 0, 0, 0, 0),
    (8.0, 0, 0, 0, 1, 0, 0),
    (9.8, 0, 0, 0, 1, 0, 0),
    (10.4, 1, 0, 0, 0, 0, 0),
    (11.2, 1, 0, 0, 0, -14, -60),
    (12.6, 0, 1, 0, 0, 14, 60),
    (13.4, 1, 0, 0, 0, 0, 0),
    (14.0, 1, 0, 0, 0, 0, 0),
)


def photograph() -> tuple[NDArray[np.uint8], Face]:
    """The enlarged picture, BGR, and its face."""
    image = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    image = cv2.resize(image, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    finder = OpenVinoFinder(load("auto"), max_faces=1)
    (face,) = finder.find(Frame(image, 0, 0, None, "astronaut", still=True))
    finder.close()
    return image, face


def shaped(points: Points, look: Look, eyes: float) -> Points:
    """The landmarks (n, 3) of a look; `eyes` is the distance of the outer eye corners, pixels."""
    moved = points.copy()
    unit = eyes / 100
    middle = points[[33, 263], 0].mean()
    for group, (outwards, downwards) in look.moves.items():
        for index in group:
            aside = points[index, 0] - middle
            share = math.copysign(min(1.0, abs(aside) / (10 * unit)), aside)
            moved[index, :2] += (outwards * unit * share, downwards * unit)
    if look.corners is None:
        return moved
    centre = points[[78, 308], 0].mean()
    half = (points[308, 0] - points[78, 0]) / 2
    seam = (points[13, 1] + points[14, 1]) / 2
    for column in zip(UPPER_OUTER, UPPER_INNER, LOWER_INNER, LOWER_OUTER, strict=True):
        at = np.clip((points[column[1], 0] - centre) / half, -1, 1)
        line = seam + look.corners * unit * at * at
        open_here = look.gap * unit * (1 - at * at)
        upper, lower = line - 0.3 * open_here, line + 0.7 * open_here
        thick = [abs(points[a, 1] - points[b, 1]) for a, b in (column[:2], column[2:])]
        heights = (upper - look.lips * thick[0], upper, lower, lower + look.lips * thick[1])
        for index, height in zip(column, heights, strict=True):
            moved[index, 0] = centre + (points[index, 0] - centre) * look.width
            moved[index, 1] = height
    return moved


def displaced(points: Points, amounts: Points, eyes: float) -> tuple[Points, NDArray[np.int64]]:
    """Where the landmarks lie in a frame, and which of them hold the warp.

    Args:
        points: (n, 3) in the photograph.
        amounts: one row of SCORE without its time.
        eyes: distance of the outer eye corners, pixels.
    """
    looks = [shaped(points, look, eyes) for look in LOOKS]
    moved = np.tensordot(amounts[: len(LOOKS)], np.stack(looks), axes=1)
    driven = {*HELD, *UPPER_OUTER, *UPPER_INNER, *LOWER_INNER, *LOWER_OUTER}
    driven.update(index for look in LOOKS for group in look.moves for index in group)
    yaw = math.radians(amounts[4])
    pivot = np.array([points[[33, 263], 0].mean(), points[1, 1], points[:, 2].max()])
    turned = moved - pivot
    moved[:, 0] = pivot[0] + turned[:, 0] * math.cos(yaw) - turned[:, 2] * math.sin(yaw)
    return moved, np.array(sorted(driven))


def warp_frame(image: NDArray[np.uint8], face: Face, amounts: Points) -> NDArray[np.uint8]:
    """One frame of the clip, BGR, SIZE."""
    points = face.landmarks.astype(np.float64)
    eyes = float(np.linalg.norm(points[33, :2] - points[263, :2]))
    moved, driven = displaced(points, amounts, eyes)
    left, top = face.box.x + face.box.w / 2 - SIZE[0] / 2, face.box.y - 0.35 * face.box.h
    left -= amounts[5]
    # What is far from the face stays where it is.
    ring = [
        (points[1, 0] + 1.9 * eyes * math.cos(a), points[1, 1] + 2.4 * eyes * math.sin(a))
        for a in np.linspace(0, 2 * math.pi, 28, endpoint=False)
    ]
    targets = np.concatenate([moved[driven, :2], ring])
    offsets = np.concatenate([(points - moved)[driven, :2], np.zeros((len(ring), 2))])
    spline = RBFInterpolator(targets, offsets, kernel="linear")
    step = 4
    xs, ys = np.meshgrid(np.arange(0, SIZE[0], step) + left, np.arange(0, SIZE[1], step) + top)
    grid = np.stack([xs.ravel(), ys.ravel()], axis=1)
    field = spline(grid)
    away = np.hypot(
        (grid[:, 0] - points[1, 0]) / (1.9 * eyes), (grid[:, 1] - points[1, 1]) / (2.4 * eyes)
    )
    field *= np.clip((1.0 - away) / 0.25, 0, 1)[:, None]
    field = field.reshape(*xs.shape, 2).astype(np.float32)
    field = cv2.resize(field, SIZE, interpolation=cv2.INTER_CUBIC)
    base_x, base_y = np.meshgrid(np.arange(SIZE[0]) + left, np.arange(SIZE[1]) + top)
    # Neither an open nor a closed mouth may show the photograph's teeth, stretched or squeezed.
    source = with_soft_folds(image, points, 1 - amounts[1])
    source = with_tinted_mouth(source, points, amounts[2], (28, 20, 52))
    source = with_tinted_mouth(source, points, amounts[0] + amounts[3], (72, 66, 128))
    return cv2.remap(
        source,
        (base_x + field[..., 0]).astype(np.float32),
        (base_y + field[..., 1]).astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def with_soft_folds(image: NDArray[np.uint8], points: Points, amount: float) -> NDArray[np.uint8]:
    """Smooth the folds of the smile, `amount` from 0 to 1: a face at rest has none."""
    if amount <= 0:
        return image
    mask = np.zeros(image.shape[:2], np.uint8)
    for fold in FOLDS:
        cv2.fillPoly(mask, [cv2.convexHull(points[list(fold), :2].round().astype(np.int32))], 255)
    soft = cv2.GaussianBlur(mask, (0, 0), 4).astype(np.float32)[..., None] / 255 * 0.9 * amount
    return (image * (1 - soft) + cv2.GaussianBlur(image, (0, 0), 9) * soft).astype(np.uint8)


def with_tinted_mouth(
    image: NDArray[np.uint8], points: Points, amount: float, colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Paint what is between the lips in a colour (BGR), `amount` from 0 to 1."""
    if amount <= 0:
        return image
    mask = np.zeros(image.shape[:2], np.uint8)
    outline = points[[*UPPER_INNER, *LOWER_INNER[::-1]], :2].round().astype(np.int32)
    cv2.fillPoly(mask, [outline], 255)
    mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    soft = cv2.GaussianBlur(mask, (0, 0), 1.5).astype(np.float32)[..., None] / 255 * 0.95 * amount
    return (image * (1 - soft) + np.array(colour, np.float32) * soft).astype(np.uint8)


def amounts_at(second: float) -> Points:
    """SCORE between its rows, eased in and out."""
    rows = np.array(SCORE, dtype=np.float64)
    at = int(np.clip(np.searchsorted(rows[:, 0], second, side="right") - 1, 0, len(rows) - 2))
    share = (second - rows[at, 0]) / (rows[at + 1, 0] - rows[at, 0])
    eased = share * share * (3 - 2 * share)
    return np.asarray(rows[at, 1:] + eased * (rows[at + 1, 1:] - rows[at, 1:]))


def main() -> None:
    """Write demo.mp4 beside this file."""
    image, face = photograph()
    path = Path(__file__).with_name("demo.mp4")
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "21", "preset": "slow"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90000)
        noise = np.random.default_rng(0)
        for index in range(FPS * SECONDS):
            picture = warp_frame(image, face, amounts_at(index / FPS))
            # A camera's picture is never twice the same.
            grain = noise.normal(0, 1.2, picture.shape)
            picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.time_base = Fraction(1, 90000)
            frame.pts = index * 90000 // FPS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
