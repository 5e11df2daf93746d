"""The tint of an activation map: where it lies, how strong it is, and what it never touches."""

from dataclasses import replace

import numpy as np
import pytest
from au_fakes import a_face, a_frame_result, a_result

from ferdesk.core.align import CropRecipe, eye_aligned
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import Box, Crop, FaceResult, FloatArray, FrameResult, Matrix
from ferdesk.mirror import mirrored
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_maps import AGAINST, FOR, FULL, evidence, tint_map

SIZE = 48
HAPPY = EXPRESSIONS.index("happiness")
ONLY_MAPS = OverlayOptions(
    boxes=False, ids=False, labels=False, bars=False, verdicts=False, maps=True
)


def maps(value: float, row: int = 4, column: int = 2, index: int = HAPPY) -> FloatArray:
    """Nothing but one place that speaks for one expression: its lead is `value`."""
    found = np.zeros((8, 6, 6), np.float32)
    found[index, row, column] = value * 8 / 7
    return found


def crop(from_frame: Matrix) -> Crop:
    return Crop(np.zeros((SIZE, SIZE), np.uint8), from_frame)


def with_map(found: FloatArray | None, roll: float = 0.0) -> FrameResult:
    """A face in the picture, its eyes on a line that is turned by so many degrees."""
    face = a_face(1, Box(80, 20, 120, 140))
    turn = np.deg2rad(roll)
    middle = np.array([140.0, 70.0])
    across = 36 * np.array([np.cos(turn), np.sin(turn)])
    face.landmarks[33, :2], face.landmarks[263, :2] = middle - across, middle + across
    place = eye_aligned(face.landmarks, CropRecipe(), SIZE)
    return a_frame_result([replace(a_result(None, face=face), crop=crop(place), maps=found)])


def changed(result: FrameResult) -> np.ndarray:
    return (draw(result, ONLY_MAPS) != result.frame.image).any(axis=2)


def test_what_all_expressions_get_alike_is_no_evidence() -> None:
    rng = np.random.default_rng(0)
    found = rng.normal(size=(8, 6, 6)).astype(np.float32)
    shifted = found + rng.normal(size=(6, 6)).astype(np.float32)
    for index in range(8):
        np.testing.assert_allclose(evidence(shifted, index), evidence(found, index), atol=1e-5)
    assert evidence(maps(5.0), HAPPY)[4, 2] == pytest.approx(5)
    assert evidence(maps(5.0), HAPPY).mean() == pytest.approx(5 / 36)


@pytest.mark.parametrize("roll", [0.0, 25.0, -40.0])
def test_the_tint_lies_where_the_place_of_the_patch_came_from(roll: float) -> None:
    result = with_map(maps(FULL), roll)
    there = np.argwhere(changed(result)).mean(axis=0)[::-1]
    # The middle of row 4, column 2 of 6 x 6 in a patch of 48 x 48.
    from_frame = result.faces[0].crop.from_frame
    middle = np.array([2.5, 4.5]) * 8 - 0.5
    expected = np.linalg.solve(from_frame[:, :2], middle - from_frame[:, 2])
    np.testing.assert_allclose(there, expected, atol=2)


def strength(value: float) -> np.ndarray:
    """By how much the middle of the place is nearer to the tint than the grey of 100 was."""
    image = np.full((SIZE, SIZE, 3), 100, np.uint8)
    tint_map(image, crop(np.eye(2, 3)), maps(value), HAPPY)
    return image[35:37, 19:21].mean(axis=(0, 1)) - 100


def test_the_strength_follows_the_evidence_and_not_the_face() -> None:
    full, half = strength(FULL), strength(FULL / 2)
    np.testing.assert_allclose(half, full / 2, atol=4)
    np.testing.assert_allclose(strength(9 * FULL), full, atol=30)  # no more than in full
    assert np.abs(strength(FULL / 1000)).max() <= 1
    assert np.sign(full).tolist() == np.sign(np.array(FOR[::-1]) - 100).tolist()
    assert np.sign(strength(-FULL)).tolist() == np.sign(np.array(AGAINST[::-1]) - 100).tolist()


def test_only_the_patch_is_tinted() -> None:
    result = with_map(np.full((8, 6, 6), 3, np.float32) * np.eye(8)[HAPPY][:, None, None])
    marks = changed(result)
    from_frame = result.faces[0].crop.from_frame
    rows, columns = np.nonzero(marks)
    there = from_frame[:, :2] @ [columns, rows] + from_frame[:, 2:]
    assert there.min() >= -2
    assert there.max() <= SIZE + 1
    assert marks.sum() > 0.8 * SIZE**2 / abs(np.linalg.det(from_frame[:, :2]))


def test_it_follows_the_mirrored_picture() -> None:
    result = with_map(maps(FULL), 20)
    np.testing.assert_array_equal(changed(mirrored(result)), changed(result)[:, ::-1])


def test_nothing_is_drawn_without_a_map_or_without_the_wish() -> None:
    assert not changed(with_map(None)).any()
    result = with_map(maps(FULL))
    plain = draw(result, replace(ONLY_MAPS, maps=False))
    np.testing.assert_array_equal(plain, result.frame.image)


@pytest.mark.parametrize(
    "place",
    [
        np.array([[1.0, 0, 5000], [0, 1, 0]]),
        np.zeros((2, 3)),
        np.full((2, 3), np.nan),
        np.array([[1e-12, 0, 0], [0, 1e-12, 0]]),
    ],
)
def test_patches_that_are_out_of_sight_do_no_harm(place: Matrix) -> None:
    image = np.full((60, 80, 3), 100, np.uint8)
    tint_map(image, crop(place), maps(FULL), HAPPY)
    assert (image == 100).all()
    tint_map(image, crop(np.eye(2, 3)), np.full((8, 6, 6), np.nan, np.float32), HAPPY)
    assert (image == 100).all()


def test_a_stored_face_has_no_map() -> None:
    result = with_map(maps(FULL))
    one = result.faces[0]
    assert isinstance(one, FaceResult)
    assert "maps" not in one.to_dict()
