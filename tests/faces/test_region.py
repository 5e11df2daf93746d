import math

import cv2
import numpy as np
import pytest

from ferdesk.core.types import Box, Face, Pose
from ferdesk.faces.region import (
    Region,
    bounding_box,
    coverage,
    from_detection,
    from_face,
    overlap,
    warp,
)


def test_upright_region_covers_its_square() -> None:
    matrix = Region(50, 40, 20, 0.0).to_frame(256)
    np.testing.assert_allclose(matrix @ [0, 0, 1], [40, 30])
    np.testing.assert_allclose(matrix @ [256, 256, 1], [60, 50])


def test_region_turns_clockwise() -> None:
    matrix = Region(0, 0, 2, math.pi / 2).to_frame(2)
    # The patch's right edge looks down in the frame.
    np.testing.assert_allclose(matrix @ [2, 1, 1], [0, 1], atol=1e-12)


def test_warp_cuts_what_the_region_names() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    cv2.circle(image, (70, 30), 8, (255, 255, 255), -1)
    patch = warp(image, Region(70, 30, 32, 0.4), 64)
    assert patch[32, 32, 0] == 255
    assert patch[2, 2, 0] == 0


def test_regions_level_the_eyes() -> None:
    left, right = np.array([10, 20], np.float32), np.array([20, 30], np.float32)
    region = from_detection(Box(0, 0, 40, 30), left, right)
    assert region.angle == pytest.approx(math.pi / 4)
    assert (region.x, region.y, region.side) == (20, 15, 60)
    points = np.zeros((478, 3), np.float32)
    points[33, :2], points[263, :2] = left, right
    region = from_face(Face(Box(5, 6, 20, 10), points, Pose(0, 0, 0), 1.0))
    assert region.angle == pytest.approx(math.pi / 4)
    assert (region.x, region.y, region.side) == (15, 11, 30)


def test_box_measures() -> None:
    points = np.array([[3, 4, 0], [13, 24, 9]], np.float32)
    assert bounding_box(points) == Box(3, 4, 10, 20)
    first, second = Box(0, 0, 10, 10), Box(5, 0, 10, 10)
    assert overlap(first, second) == pytest.approx(50 / 150)
    assert coverage(first, Box(2, 2, 4, 4)) == 1.0
    assert overlap(first, Box(20, 20, 5, 5)) == 0.0
