import numpy as np
import pytest

from ferdesk.core.align import CropRecipe, eye_aligned
from ferdesk.core.types import FloatArray, Matrix

SIZE = 48


def face(left: tuple[float, float], right: tuple[float, float], depth: float = 0.0) -> FloatArray:
    points = np.zeros((468, 3), np.float32)
    points[33, :2], points[263, :2] = left, right
    points[263, 2] = depth
    return points


def apply(matrix: Matrix, point: tuple[float, float]) -> FloatArray:
    return np.asarray(matrix[:, :2] @ np.array(point) + matrix[:, 2], np.float32)


def test_box_of_ng_et_al() -> None:
    """0.62 e2e beside the corners; 0.9 above, 1.35 below, made square about its centre."""
    recipe = CropRecipe(beside=0.62, above=0.9, below=1.35)
    matrix = eye_aligned(face((100, 200), (200, 200)), recipe, SIZE)
    side = 100 * (1 + 2 * 0.62 + 0.9 + 1.35) / 2
    scale = SIZE / side
    assert matrix[0, 0] == pytest.approx(scale)
    np.testing.assert_allclose(apply(matrix, (150, 222.5)), [23.5, 23.5], atol=1e-4)
    left = apply(matrix, (100, 200))
    assert left[0] == pytest.approx((side / 2 - 50) * scale - 0.5, abs=1e-3)


@pytest.mark.parametrize("angle", [-120, -35, 0, 20, 90, 175])
def test_eyes_are_level_whatever_the_roll(angle: float) -> None:
    turn = np.deg2rad(angle)
    along = np.array([np.cos(turn), np.sin(turn)]) * 40
    matrix = eye_aligned(
        face((300 - along[0], 200 - along[1]), (300 + along[0], 200 + along[1])), CropRecipe(), SIZE
    )
    left = apply(matrix, (300 - along[0], 200 - along[1]))
    right = apply(matrix, (300 + along[0], 200 + along[1]))
    assert left[1] == pytest.approx(right[1], abs=1e-4)
    assert left[0] < right[0]
    assert np.linalg.det(matrix[:, :2]) > 0, "the patch must not be mirrored"


def test_a_turned_head_keeps_its_box() -> None:
    """The eye distance in space: 3-4-5."""
    straight = eye_aligned(face((100, 200), (200, 200)), CropRecipe(), SIZE)
    turned = eye_aligned(face((120, 200), (180, 200), depth=80), CropRecipe(), SIZE)
    assert turned[0, 0] == pytest.approx(straight[0, 0])


def test_eyes_on_one_point_do_not_divide_by_zero() -> None:
    assert np.isfinite(eye_aligned(face((5, 5), (5, 5)), CropRecipe(), SIZE)).all()
