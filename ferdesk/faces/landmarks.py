"""MediaPipe's face-mesh nets: landmarks of all regions of a frame in one batch.

Kartynnik et al. 2019, "Real-time facial surface geometry from monocular video on mobile GPUs".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.engines.base import Engine, Pixels
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from ferdesk.faces.region import Region, warp

_SIZE_BY_POINTS: Final = {478: 256, 468: 192}


class LandmarkNet:
    """Landmarks and a face score for each region."""

    def __init__(self, path: Path, points: int, threads: int = 0) -> None:
        """Load the net.

        Args:
            path: face_landmarks_detector.tflite (478 points) or face_landmark.tflite (468).
            points: how many points it gives.
            threads: threads it may use; 0 lets the engine choose.
        """
        self._points = points
        self._size = _SIZE_BY_POINTS[points]
        self._engine: Engine = OpenVinoEngine(path, threads, "f32", Pixels(0, 255))

    def locate(
        self, image: ImageU8, regions: Sequence[Region]
    ) -> tuple[list[FloatArray], list[float]]:
        """Find the landmarks.

        Args:
            image: (height, width, 3) uint8, BGR.
            regions: where the faces should be.

        Returns:
            For each region (points, 3) float32 in frame pixels, z at the same scale; and for each
            the probability that a face is there, 0..1.
        """
        if not regions:
            return [], []
        outputs = self._engine.run(np.stack([warp(image, one, self._size) for one in regions]))
        flat = {name: value.reshape(len(regions), -1) for name, value in outputs.items()}
        (points,) = (value for value in flat.values() if value.shape[1] == self._points * 3)
        # Where the net has more single outputs than the face flag, the flag is the first of them.
        flag = next(value[:, 0] for value in flat.values() if value.shape[1] == 1)
        scores = 1 / (1 + np.exp(-np.clip(flag.astype(np.float64), -80, 80)))
        located = [
            self._to_frame(values.reshape(self._points, 3), region)
            for values, region in zip(points, regions, strict=True)
        ]
        return located, [float(score) for score in scores]

    def close(self) -> None:
        """Let go of the net."""
        self._engine.close()

    def _to_frame(self, points: FloatArray, region: Region) -> FloatArray:
        matrix = region.to_frame(self._size).astype(np.float32)
        placed = np.empty_like(points)
        placed[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        placed[:, 2] = points[:, 2] * np.float32(region.side / self._size)
        return placed
