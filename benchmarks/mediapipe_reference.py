"""Landmarks of the mediapipe package on a clip, for the face finder's tests.

Runs in an environment of its own, since the package is no part of ferdesk:

    python -m venv mp && mp/bin/pip install mediapipe==1.2.2 av
    mp/bin/python benchmarks/mediapipe_reference.py CLIP landmarker out.npz face_landmarker.task
    (and with mediapipe==0.10.21 "numpy<2":)
    mp/bin/python benchmarks/mediapipe_reference.py CLIP classic out.npz

The file holds `frames` (k,) int32 and `landmarks` (k, points, 2) uint16 in 1/64 pixel of the first
face of every tenth frame.
"""

import sys
from collections.abc import Iterator
from typing import Any

import av
import mediapipe as mp
import numpy as np

EVERY = 10


def pictures(clip: str) -> Iterator[tuple[int, int, Any]]:
    """Index, time in ms and RGB picture of every frame."""
    with av.open(clip) as container:
        for index, frame in enumerate(container.decode(video=0)):
            yield index, round(frame.time * 1000), frame.to_ndarray(format="rgb24")


def landmarker(clip: str, model: str) -> Iterator[tuple[int, Any]]:
    """The FaceLandmarker task in video mode."""
    vision = mp.tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_path=model),
        running_mode=vision.RunningMode.VIDEO,
    )
    with vision.FaceLandmarker.create_from_options(options) as task:
        for index, time_ms, rgb in pictures(clip):
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)
            found = task.detect_for_video(image, time_ms).face_landmarks
            yield index, (rgb, found[0] if found else None)


def classic(clip: str) -> Iterator[tuple[int, Any]]:
    """The older FaceMesh solution, following the face."""
    with mp.solutions.face_mesh.FaceMesh(refine_landmarks=False) as mesh:
        for index, _, rgb in pictures(clip):
            found = mesh.process(rgb).multi_face_landmarks
            yield index, (rgb, found[0].landmark if found else None)


def main(clip: str, kind: str, out: str, *model: str) -> None:
    """Write the reference file."""
    frames, rows = [], []
    for index, (rgb, points) in (landmarker if kind == "landmarker" else classic)(clip, *model):
        if index % EVERY or points is None:
            continue
        height, width = rgb.shape[:2]
        frames.append(index)
        rows.append([(point.x * width, point.y * height) for point in points])
    landmarks = np.clip(np.round(np.array(rows) * 64), 0, 65535).astype(np.uint16)
    np.savez_compressed(out, frames=np.array(frames, np.int32), landmarks=landmarks)
    print(f"{out}: {landmarks.shape}, mediapipe {mp.__version__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
