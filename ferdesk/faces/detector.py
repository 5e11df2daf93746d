"""BlazeFace: boxes and eye positions of faces, from MediaPipe's TFLite nets.

Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond neural face detection on mobile GPUs". It runs
to start tracks and to look for new faces, not on every frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ferdesk.core.types import Box, FloatArray, ImageU8
from ferdesk.engines.base import Engine, Pixels
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from ferdesk.faces.region import overlap

THRESHOLD: Final = 0.5
_MERGE_OVERLAP: Final = 0.3
_SIZE: Final = 128
"""Side of the net's input in pixels."""
_LEVELS: Final = ((16, 2), (8, 6))
"""(cells a side, anchors a cell) of each level of the net's output."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face as the detector sees it.

    Attributes:
        box: from brow to chin, frame pixels.
        left_eye: (2,) float32, the eye at the image's left, frame pixels.
        right_eye: (2,) float32, the eye at the image's right.
        score: 0..1.
    """

    box: Box
    left_eye: FloatArray
    right_eye: FloatArray
    score: float


@dataclass(frozen=True, slots=True)
class Tile:
    """A square part of a frame; it may reach beyond the frame's edges, which is black there."""

    x: int
    y: int
    side: int


class Detector:
    """Finds faces in square tiles of a frame."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Load the net.

        Args:
            path: face_detector.tflite, or the short-range net of the classic set.
            threads: threads it may use; 0 lets the engine choose.
        """
        self._engine: Engine = OpenVinoEngine(path, threads, "f32", Pixels(127.5, 127.5))
        self._anchors = np.concatenate([_centres(*level) for level in _LEVELS])

    def detect(self, image: ImageU8, tiles: Sequence[Tile]) -> list[Detection]:
        """Find the faces in some tiles of a frame.

        Args:
            image: (height, width, 3) uint8, BGR.
            tiles: where to look.

        Returns:
            One entry a face, best first; a face seen in several tiles is merged into one.
        """
        batch = np.stack([_fill(image, tile, _SIZE) for tile in tiles])
        outputs = self._engine.run(batch)
        (regressors,) = (value for value in outputs.values() if value.shape[-1] == 16)
        (logits,) = (value for value in outputs.values() if value.shape[-1] == 1)
        scores = _sigmoid(logits[..., 0])
        found = [
            one
            for index, tile in enumerate(tiles)
            for one in self._decode(regressors[index], scores[index], tile)
        ]
        return _merge(found)

    def close(self) -> None:
        """Let go of the net."""
        self._engine.close()

    def _decode(self, values: FloatArray, scores: FloatArray, tile: Tile) -> list[Detection]:
        found = []
        origin = np.array([tile.x, tile.y], np.float32)
        for row in np.flatnonzero(scores >= THRESHOLD):
            scaled = values[row].reshape(8, 2) / np.float32(_SIZE)
            points = (scaled + self._anchors[row]) * tile.side + origin
            (width, height) = scaled[1] * tile.side
            (x, y) = points[0]
            box = Box(float(x - width / 2), float(y - height / 2), float(width), float(height))
            found.append(Detection(box, points[2], points[3], float(scores[row])))
        return found


def whole(image: ImageU8) -> Tile:
    """The square around the whole frame, centred."""
    height, width = image.shape[:2]
    side = max(height, width)
    return Tile((width - side) // 2, (height - side) // 2, side)


def tiles(image: ImageU8, levels: int, smallest: int = 160) -> list[Tile]:
    """Overlapping squares in which faces are larger than in the whole frame.

    The first level's side is the frame's shorter side, each further level halves it. Neighbours
    overlap by 40 %, so a face of up to that size lies whole in one of them.

    Args:
        image: (height, width, 3).
        levels: how many levels at most.
        smallest: no tile is smaller than this, in pixels.
    """
    height, width = image.shape[:2]
    found = []
    for level in range(levels):
        side = min(height, width) >> level
        if side < smallest:
            break
        found += [Tile(x, y, side) for y in _starts(height, side) for x in _starts(width, side)]
    return found


def _starts(length: int, side: int) -> list[int]:
    count = 1 if length <= side else int(np.ceil((length - side) / (0.6 * side))) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def _centres(cells: int, each: int) -> FloatArray:
    """Anchor centres of one level, (cells * cells * each, 2) in 0..1, row by row."""
    ticks = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    y, x = np.meshgrid(ticks, ticks, indexing="ij")
    grid = np.stack([x, y], axis=-1).reshape(-1, 2)
    return np.repeat(grid.astype(np.float32), each, axis=0)


def _fill(image: ImageU8, tile: Tile, size: int) -> ImageU8:
    """The tile at the net's size, BGR."""
    height, width = image.shape[:2]
    scale = size / tile.side
    left, top = max(tile.x, 0), max(tile.y, 0)
    right, bottom = min(tile.x + tile.side, width), min(tile.y + tile.side, height)
    x0, y0 = round((left - tile.x) * scale), round((top - tile.y) * scale)
    x1 = max(round((right - tile.x) * scale), x0 + 1)
    y1 = max(round((bottom - tile.y) * scale), y0 + 1)
    part = cv2.resize(
        image[top:bottom, left:right], (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA
    )
    patch = np.zeros((size, size, 3), np.uint8)
    patch[y0:y1, x0:x1] = part[: size - y0, : size - x0]
    return patch


def _merge(found: list[Detection]) -> list[Detection]:
    """Weighted non-maximum suppression: overlapping boxes become their score-weighted mean."""
    left = sorted(found, key=lambda one: -one.score)
    merged = []
    while left:
        best = left[0]
        group = [one for one in left if overlap(best.box, one.box) > _MERGE_OVERLAP]
        left = [one for one in left[1:] if all(one is not other for other in group)]
        weights = np.array([one.score for one in group], np.float32)
        weights /= weights.sum()
        merged.append(
            Detection(
                Box(*(float(v) for v in weights @ np.array([one.box for one in group]))),
                np.asarray(weights @ np.stack([one.left_eye for one in group]), np.float32),
                np.asarray(weights @ np.stack([one.right_eye for one in group]), np.float32),
                best.score,
            )
        )
    return merged


def _sigmoid(logits: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)
