import numpy as np
import pytest

from ferdesk.core.types import FloatArray
from ferdesk.faces.pose import head_pose


def head() -> FloatArray:
    """Temples, forehead and chin of a head that looks into the camera."""
    points = np.zeros((468, 3), np.float32)
    points[127], points[356] = (-70, -10, 30), (70, -10, 30)
    points[10], points[152] = (0, -90, 0), (0, 90, 0)
    return points


def turned(yaw: float = 0, pitch: float = 0, roll: float = 0) -> FloatArray:
    """The head after a rotation, built from first principles: y is down, z away."""
    y, p, r = np.deg2rad([yaw, pitch, roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    rotation = about_z @ about_y @ about_x
    return np.asarray(head() @ rotation.T, np.float32)


@pytest.mark.parametrize("angle", [-40, -10, 0, 25])
def test_each_angle_alone(angle: float) -> None:
    assert head_pose(turned(yaw=angle)).yaw == pytest.approx(angle, abs=0.01)
    assert head_pose(turned(pitch=angle)).pitch == pytest.approx(angle, abs=0.01)
    assert head_pose(turned(roll=angle)).roll == pytest.approx(angle, abs=0.01)


def test_angles_together() -> None:
    pose = head_pose(turned(yaw=20, pitch=-15, roll=10))
    assert pose == pytest.approx((20, -15, 10), abs=0.01)


def test_signs() -> None:
    """The nose (towards the camera, -z) goes right for yaw > 0 and up for pitch > 0."""
    nose = np.array([0, 0, -1])
    y = np.deg2rad(30)
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    assert (about_y @ nose)[0] > 0
    p = np.deg2rad(30)
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    assert (about_x @ nose)[1] < 0
