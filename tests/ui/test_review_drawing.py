"""Curves in a picture: where they belong, with every peak, and broken where there is nothing."""

import numpy as np
import pytest

from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.review import drawing
from ferdesk.review.drawing import Line, Size, View, draw

SIZE = Size(200, 100, 1.0)
VIEW = View(0.0, 10.0, 0.0, 1.0)
RED = (255, 0, 0, 255)


def times(rows: int) -> np.ndarray:
    return np.linspace(0, 10, rows)


def drawn(values: FloatArray, view: View = VIEW, size: Size = SIZE) -> ImageU8:
    return draw(times(len(values)), [Line(values, RED)], view, size)


def test_a_line_lies_where_its_value_is() -> None:
    image = drawn(np.full(30, 0.75, np.float32))
    rows = np.flatnonzero(image[:, 100, 3])
    assert rows.mean() == pytest.approx(24.5, abs=0.6)
    assert image[..., :2].max() == 0  # blue and green
    assert (image[..., 2] == image[..., 3]).all()
    assert (image[:, :, 3].max(axis=0) > 100).all()


@pytest.mark.parametrize("rows", [60, 100_000])
def test_the_view_is_in_sight_and_no_more(rows: int) -> None:
    rising = times(rows).astype(np.float32) / 10
    image = drawn(rising, View(4.0, 6.0, 0.4, 0.6))
    down = image[..., 3].argmax(axis=0)
    assert down == pytest.approx(np.linspace(99, 0, 200), abs=2)
    assert not drawn(rising, View(4.0, 6.0, 0.7, 0.9)).any()
    assert not drawn(rising, View(20.0, 30.0, 0.0, 1.0)).any()


def test_every_peak_of_a_hundred_thousand_is_drawn() -> None:
    values = np.full(100_000, 0.1, np.float32)
    peaks = np.random.default_rng(1).choice(100_000, 20, replace=False)
    values[peaks] = 0.9
    high = drawn(values)[8:12, :, 3].max(axis=0)
    assert set((peaks * 200 // 100_000).tolist()) <= set(np.flatnonzero(high).tolist())


def test_fewer_points_look_like_all(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(2).normal(0, 0.02, 40_000)
    values = (0.5 + 0.4 * np.sin(times(40_000)) + noise).astype(np.float32)
    values[12_000:13_500] = np.nan
    few = drawn(values)
    monkeypatch.setattr(drawing, "_DENSE", 10**9)
    every = drawn(values)
    assert np.mean((few[..., 3] > 127) != (every[..., 3] > 127)) < 0.02


@pytest.mark.parametrize("rows", [100, 50_000])
def test_nothing_is_drawn_across_a_gap(rows: int) -> None:
    values = np.full(rows, 0.5, np.float32)
    values[int(rows * 0.3) : int(rows * 0.6)] = np.nan
    seen = drawn(values)[..., 3].any(axis=0)
    assert seen[:55].all()
    assert not seen[65:115].any()
    assert seen[125:].all()


def test_pale_lines_are_multiplied_by_their_opacity_and_wide_screens_get_wide_lines() -> None:
    flat = np.full(50, 0.5, np.float32)
    pale = draw(times(50), [Line(flat, (200, 100, 50, 110))], VIEW, SIZE)
    assert 50 < pale[..., 3].max() <= 110
    assert (pale[..., :3] <= pale[..., 3:]).all()
    narrow, wide = (drawn(flat, VIEW, Size(200, 100, scale)) for scale in (1.0, 3.0))
    assert np.count_nonzero(wide[:, 50, 3]) > np.count_nonzero(narrow[:, 50, 3])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38])
def test_what_cannot_be_drawn_is_left_out(value: float) -> None:
    values = np.full(5000, 0.5, np.float32)
    values[::7] = value
    assert drawn(values).shape == (100, 200, 4)
    assert drawn(np.full(5000, value, np.float32)).shape == (100, 200, 4)
    assert not drawn(np.zeros(0, np.float32)).any()
