"""Make demo.mp4: a photograph whose face smiles, is surprised, frowns, moves and turns.

The photograph is scikit-image's `astronaut`: Eileen Collins, by NASA, in the public domain. Each
frame moves the landmarks that the face finder sees in it, spreads that motion over the picture by
thin-plate splines and samples the photograph anew. No other picture is used.

    pip install -e ".[demo]"
    python resources/demo/make_demo.py
"""

import math
from fractions import Fraction
from pathlib import Path

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
MOUTH_CORNERS = (61, 291)
CHEEKS = (205, 425)
UPPER_LIP = (37, 0, 267, 82, 13, 312)
LOWER_LIP = (84, 17, 314, 87, 14, 317)
JAW = (148, 152, 377, 176, 400, 149, 378, 150, 379, 171, 175, 396, 199, 200)
INNER_BROWS = (107, 336, 55, 285)
MIDDLE_BROWS = (105, 334, 52, 282, 66, 296)
OUTER_BROWS = (70, 300, 46, 276)
UPPER_LIDS = (159, 386, 158, 385, 160, 387)
LOWER_LIDS = (145, 374, 144, 373, 153, 380)
INNER_MOUTH = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178)
INNER_MOUTH += (88, 95)

# What an expression moves: points -> (outwards, downwards) in hundredths of the eye distance.
# The photograph already smiles, so rest takes that smile back.
REST = {MOUTH_CORNERS: (-6, 6), CHEEKS: (-2, 4), UPPER_LIP: (0, 3.5), LOWER_LIP: (0, -5)}
SMILE = {MOUTH_CORNERS: (3, -3), CHEEKS: (2, -3), LOWER_LIDS: (0, -1), LOWER_LIP: (0, 1)}
SURPRISE = {
    MOUTH_CORNERS: (-9, 9),
    CHEEKS: (-3, 6),
    UPPER_LIP: (0, 0),
    LOWER_LIP: (0, 16),
    JAW: (0, 16),
    INNER_BROWS: (0, -12),
    MIDDLE_BROWS: (0, -13),
    OUTER_BROWS: (0, -10),
    UPPER_LIDS: (0, -3.5),
    LOWER_LIDS: (0, 1),
}
FROWN = {
    MOUTH_CORNERS: (-8, 13),
    CHEEKS: (-3, 7),
    UPPER_LIP: (0, 4),
    LOWER_LIP: (0, -5),
    INNER_BROWS: (-4, 8),
    MIDDLE_BROWS: (-2, 7),
    OUTER_BROWS: (0, 1),
    UPPER_LIDS: (0, 2),
    LOWER_LIDS: (0, -1.5),
}
# (second, how much of rest, smile, surprise, frown, yaw in degrees, shift in pixels, mouth open)
SCORE = (
    (0.0, 1, 0, 0, 0, 0, 0, 0),
    (1.0, 1, 0, 0, 0, 0, 0, 0),
    (1.6, 0, 1, 0, 0, 0, 0, 0),
    (3.4, 0, 1, 0, 0, 0, 0, 0),
    (4.0, 1, 0, 0, 0, 0, 0, 0),
    (4.6, 1, 0, 0, 0, 0, 0, 0),
    (5.0, 0, 0, 1, 0, 0, 0, 1),
    (6.8, 0, 0, 1, 0, 0, 0, 1),
    (7.4, 1, 0, 0, 0, 0, 0, 0),
    (8.0, 0, 0, 0, 1, 0, 0, 0),
    (9.8, 0, 0, 0, 1, 0, 0, 0),
    (10.4, 1, 0, 0, 0, 0, 0, 0),
    (11.2, 1, 0, 0, 0, -14, -60, 0),
    (12.6, 0, 1, 0, 0, 14, 60, 0),
    (13.4, 1, 0, 0, 0, 0, 0, 0),
    (14.0, 1, 0, 0, 0, 0, 0, 0),
)


def photograph() -> tuple[NDArray[np.uint8], Face]:
    """The enlarged picture, BGR, and its face."""
    image = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    image = cv2.resize(image, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    finder = OpenVinoFinder(load("auto"), max_faces=1)
    (face,) = finder.find(Frame(image, 0, 0, None, "astronaut", still=True))
    finder.close()
    return image, face


def displaced(points: Points, amounts: Points, eyes: float) -> tuple[Points, NDArray[np.int64]]:
    """Where the landmarks lie in a frame, and which of them hold the warp.

    Args:
        points: (n, 3) at rest in the photograph.
        amounts: one row of SCORE without its time.
        eyes: distance of the outer eye corners, pixels.
    """
    moved = points.copy()
    middle = points[[33, 263], 0].mean()
    driven: set[int] = {33, 263, 133, 362, 1, 4, 168, 10, 127, 356, 234, 454, 172, 397, 58, 288}
    for shape, amount in zip((REST, SMILE, SURPRISE, FROWN), amounts[:4], strict=True):
        for group, (outwards, downwards) in shape.items():
            for index in group:
                side = math.copysign(
                    min(1.0, abs(points[index, 0] - middle) / (0.1 * eyes)),
                    points[index, 0] - middle,
                )
                moved[index, 0] += amount * outwards / 100 * eyes * side
                moved[index, 1] += amount * downwards / 100 * eyes
            driven.update(group)
    yaw = math.radians(amounts[4])
    pivot = np.array([middle, points[1, 1], points[:, 2].max()])
    turned = moved - pivot
    x = turned[:, 0] * math.cos(yaw) - turned[:, 2] * math.sin(yaw)
    moved[:, 0] = pivot[0] + x
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
    spline = RBFInterpolator(targets, offsets, kernel="thin_plate_spline", smoothing=0.5)
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
    source = with_open_mouth(image, points, amounts[6])
    return cv2.remap(
        source,
        (base_x + field[..., 0]).astype(np.float32),
        (base_y + field[..., 1]).astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def with_open_mouth(image: NDArray[np.uint8], points: Points, amount: float) -> NDArray[np.uint8]:
    """Darken the inside of the mouth, so that opening it shows no stretched teeth."""
    if amount <= 0:
        return image
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [points[list(INNER_MOUTH), :2].round().astype(np.int32)], 255)
    soft = cv2.GaussianBlur(mask, (0, 0), 2.0).astype(np.float32)[..., None] / 255 * 0.92 * amount
    return (image * (1 - soft) + np.array([28, 20, 52], np.float32) * soft).astype(np.uint8)


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
