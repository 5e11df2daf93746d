"""Times the fer package with its default detector on a clip; see compare.py."""

import json
import sys
import time
from importlib.metadata import version

import cv2
from fer.fer import FER


def main(clip: str) -> None:
    """Print the milliseconds of every frame, decoding left out."""
    detector = FER(mtcnn=False)
    video = cv2.VideoCapture(clip)
    ms, found = [], 0
    while True:
        more, image = video.read()
        if not more:
            break
        started = time.perf_counter()
        faces = detector.detect_emotions(image)
        ms.append((time.perf_counter() - started) * 1e3)
        found += bool(faces)
    print(json.dumps({"version": version("fer"), "ms": ms, "with_face": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
