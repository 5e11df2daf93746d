"""Faces are made unrecognisable, also where they are lost for a moment."""

import dataclasses

import cv2
import numpy as np
import pytest
from session_fakes import some_result

from ferdesk.core.types import Box, Frame, FrameResult, ImageU8
from ferdesk.overlay_hide import HOLD_S, FaceHider

FACE = Box(60, 60, 80, 100)


def noisy(time_s: float, found: bool = True) -> FrameResult:
    image: ImageU8 = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    result = some_result(0)
    face = result.faces[0]
    moved = dataclasses.replace(face, face=dataclasses.replace(face.face, box=FACE))
    frame = Frame(image, 0, 0, time_s, "clip.mp4")
    return FrameResult(frame, (moved,) if found else (), {}, 0)


def detail(image: ImageU8) -> float:
    """How much changes from pixel to pixel where the face is."""
    x, y, w, h = map(int, FACE)
    region = cv2.cvtColor(image[y : y + h, x : x + w], cv2.COLOR_BGR2GRAY).astype(np.float32)
    return float(np.abs(np.diff(region, axis=1)).mean())


@pytest.mark.parametrize("how", ["blurred", "pixelated"])
def test_a_face_is_covered_and_the_rest_is_not(how: str) -> None:
    result = noisy(0.0)
    before = result.frame.image.copy()
    image = FaceHider(how).draw(result)  # type: ignore[arg-type]
    assert detail(image) < 0.05 * detail(before)
    assert np.array_equal(image[:, 200:], before[:, 200:])
    assert np.array_equal(result.frame.image, before)  # what the others see stays


def test_a_lost_face_stays_covered_for_a_while_and_a_growing_region_is() -> None:
    hider = FaceHider("pixelated")
    plain = noisy(0.0).frame.image
    first = hider.draw(noisy(0.0))
    lost = hider.draw(noisy(1.0, found=False))
    assert detail(lost) < 0.05 * detail(plain)
    changed = [np.any(image != plain, axis=2).sum() for image in (first, lost)]
    assert changed[1] > changed[0]
    later = hider.draw(noisy(HOLD_S + 0.1, found=False))
    assert np.array_equal(later, plain)


def test_a_face_at_the_edge_is_covered() -> None:
    result = noisy(0.0)
    face = result.faces[0]
    for box in (Box(-50, -40, 80, 100), Box(300, 200, 80, 100), Box(1000, 1000, 5, 5)):
        moved = dataclasses.replace(face, face=dataclasses.replace(face.face, box=box))
        drawn = FaceHider("blurred").draw(dataclasses.replace(result, faces=(moved,)))
        changed = np.any(drawn != result.frame.image, axis=2)
        assert changed.any() == (box.x < 1000)  # the last lies outside
        assert not changed[100:150, 150:250].any()  # far from all of them
