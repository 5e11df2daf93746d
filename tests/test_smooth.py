import numpy as np
import pytest

from ferdesk.core.types import FloatArray
from ferdesk.smooth import Smoother

A = np.array([1, 0], np.float32)
B = np.array([0, 1], np.float32)


def test_off_passes_through() -> None:
    smoother = Smoother(0)
    smoother.smooth(1, 0.0, A)
    assert smoother.smooth(1, 0.1, B) is B


def test_after_one_time_constant_the_past_weighs_1_over_e() -> None:
    smoother = Smoother(0.3)
    smoother.smooth(1, 0.0, A)
    assert smoother.smooth(1, 0.3, B)[0] == pytest.approx(np.exp(-1), abs=1e-6)


def test_frame_rate_does_not_matter() -> None:
    def after_half_a_second(fps: int) -> FloatArray:
        smoother = Smoother(0.2)
        value = smoother.smooth(1, 0.0, A)
        for step in range(1, fps // 2 + 1):
            value = smoother.smooth(1, step / fps, B)
        return value

    np.testing.assert_allclose(after_half_a_second(10), after_half_a_second(60), atol=1e-5)


def test_tracks_are_apart_and_untracked_faces_have_no_past() -> None:
    smoother = Smoother(0.5)
    smoother.smooth(1, 0.0, A)
    np.testing.assert_array_equal(smoother.smooth(2, 0.01, B), B)
    smoother.smooth(0, 0.0, A)
    np.testing.assert_array_equal(smoother.smooth(0, 0.01, B), B)


def test_a_gap_or_a_step_back_in_time_starts_anew() -> None:
    smoother = Smoother(0.5)
    smoother.smooth(1, 5.0, A)
    np.testing.assert_array_equal(smoother.smooth(1, 8.0, B), B)
    np.testing.assert_array_equal(smoother.smooth(1, 1.0, A), A)


def test_sums_stay_one_and_input_is_not_written() -> None:
    smoother = Smoother(0.2)
    rows = np.random.default_rng(0).dirichlet(np.ones(8), 20).astype(np.float32)
    before = rows.copy()
    for step, row in enumerate(rows):
        assert smoother.smooth(1, step * 0.04, row).sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(rows, before)
