"""A network camera that sends JPEGs without times, faster than FFmpeg supposes."""

import sys
import time

import cv2
import numpy as np
import pytest
from material import ROOT

from ferdesk.sources.stream import Stream

sys.path.insert(0, str(ROOT / "benchmarks"))
from live_camera import Camera

FPS = 60.0


def test_pictures_come_at_the_cameras_rate_and_not_at_25_a_second() -> None:
    pictures = [
        cv2.imencode(".jpg", np.full((48, 64, 3), grey, np.uint8))[1].tobytes()
        for grey in range(0, 250, 10)
    ]
    camera = Camera(pictures, FPS)
    try:
        with Stream(camera.address) as stream:
            for _ in range(10):
                stream.read()
            begin = time.monotonic()
            for _ in range(60):
                assert stream.read() is not None
            seconds = time.monotonic() - begin
    finally:
        camera.close()
    assert seconds == pytest.approx(60 / FPS, rel=0.6)  # at 25 a second it would be 2.4 s
