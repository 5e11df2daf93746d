"""Times the mediapipe package's FaceLandmarker, alone, on a clip; see compare.py.

Its package tries to report home when the task is closed. Run it where there is no network, or be
aware of it.
"""

import json
import sys
import time
from importlib.metadata import version

import av
import mediapipe as mp


def main(clip: str, model: str) -> None:
    """Print the milliseconds of every frame, decoding left out."""
    vision = mp.tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_path=model),
        running_mode=vision.RunningMode.VIDEO,
    )
    ms, found, last = [], 0, -1
    with av.open(clip) as container, vision.FaceLandmarker.create_from_options(options) as task:
        for frame in container.decode(video=0):
            rgb = frame.to_ndarray(format="rgb24")
            last = max(last + 1, round(frame.time * 1000))  # its times have to rise
            started = time.perf_counter()
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)
            faces = task.detect_for_video(image, last).face_landmarks
            ms.append((time.perf_counter() - started) * 1e3)
            found += bool(faces)
    print(json.dumps({"version": version("mediapipe"), "ms": ms, "with_face": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
