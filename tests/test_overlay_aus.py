"""Muscles are tinted where their units act, and nowhere else."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from au_fakes import a_result, values

from ferdesk.core.aus import ACTION_UNITS, AU_NUMBERS, unit
from ferdesk.core.types import Box, Face, FloatArray, Frame, FrameResult, ImageU8, Pose
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_aus import TINT, side_activations, tint_muscles
from ferdesk.overlay_regions import MUSCLES, UNIT_MUSCLE, mirrored

GREY = 120
PAIRED = [one.number for one in ACTION_UNITS if one.paired]


@pytest.fixture(scope="module")
def mesh(
    landmarker_folder: Path, demo_frames: list[Frame], tmp_path_factory: pytest.TempPathFactory
) -> FloatArray:
    """(478, 3) points of a real face that looks into the camera, 640x360."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERDESK_MODELS", str(landmarker_folder))
        finder = OpenVinoFinder(load("landmarker"), 1, 1)
    try:
        return finder.find(demo_frames[0])[0].landmarks
    finally:
        finder.close()


def grid(points: int = 478) -> FloatArray:
    """Points that are everywhere in a 640x360 picture, in no order of a face."""
    return np.random.default_rng(4).uniform((100, 40, 0), (400, 300, 1), (points, 3)).astype("f4")


def picture() -> ImageU8:
    return np.full((360, 640, 3), GREY, np.uint8)


def tinted(points: FloatArray, **given) -> np.ndarray:
    """How much each pixel was changed."""
    image = picture()
    tint_muscles(image, points, values(**given))
    return np.abs(image.astype(int) - GREY).sum(axis=2)


def test_every_unit_has_a_muscle_and_every_muscle_a_unit():
    assert tuple(UNIT_MUSCLE) == AU_NUMBERS
    assert set(UNIT_MUSCLE.values()) == set(MUSCLES)


def test_sides_share_no_points_but_those_of_the_middle():
    for polygons in MUSCLES.values():
        for polygon in polygons:
            there = mirrored(polygon)
            assert len(set(there)) == len(set(polygon)) == len(polygon)
            assert max(*polygon, *there) < 468, "the points of the irises are not always there"
            assert set(polygon) & set(there) == {
                a for a, b in zip(polygon, there, strict=True) if a == b
            }


def test_partners_lie_opposite_on_a_real_face(mesh: FloatArray):
    middle = mesh[[10, 168, 2, 152], 0].mean()
    for polygons in MUSCLES.values():
        for polygon in polygons:
            right, left = mesh[list(polygon), 0], mesh[list(mirrored(polygon)), 0]
            own = np.array(polygon) != np.array(mirrored(polygon))
            assert (right[own] < middle + 6).all()
            assert (left[own] > middle - 6).all()


@pytest.mark.parametrize("number", AU_NUMBERS)
def test_only_the_muscle_of_the_unit_is_tinted(mesh: FloatArray, number: int):
    change = tinted(mesh, whole={number: 1.0})
    polygons = MUSCLES[UNIT_MUSCLE[number]]
    used = [point for one in polygons for point in (*one, *mirrored(one))]
    low, high = mesh[used, :2].min(axis=0), mesh[used, :2].max(axis=0)
    ys, xs = np.nonzero(change)
    reach = 0.07 * np.ptp(mesh[:, 0])
    assert len(xs) > 20
    assert xs.min() >= low[0] - reach
    assert xs.max() <= high[0] + reach
    assert ys.min() >= low[1] - reach
    assert ys.max() <= high[1] + reach


@pytest.mark.parametrize("number", PAIRED)
def test_a_side_that_acts_alone_is_tinted_alone(mesh: FloatArray, number: int):
    change = tinted(mesh, sides={number: (0.9, 0.0)}, whole={})
    middle = round(float(mesh[[168, 2, 152], 0].mean()))
    left, right = change[:, middle:].sum(), change[:, :middle].sum()
    assert left > 5 * right, "the person's left is at the picture's right"


def test_the_tint_grows_with_the_activation(mesh: FloatArray):
    most = [tinted(mesh, whole={12: one}).max() for one in (0.05, 0.2, 0.5, 1.0)]
    assert most[0] == 0, "what is hardly above 0 is not drawn"
    assert 0 < most[1] < most[2] < most[3]


@pytest.mark.parametrize("skin", [(196, 214, 240), (40, 56, 84)])
def test_the_tint_stands_out_on_light_and_dark_skin(mesh: FloatArray, skin):
    image = picture()
    image[:] = skin
    tint_muscles(image, mesh, values(whole={12: 0.6}))
    assert np.abs(image.astype(int) - skin).sum(axis=2).max() > 100
    there = image[np.unravel_index(np.abs(image.astype(int) - skin).sum(2).argmax(), (360, 640))]
    assert there[0] > there[2], f"bluish, as {TINT} is"


def test_faces_of_468_points_are_tinted_the_same(mesh: FloatArray):
    given = {"sides": {12: (0.8, 0.3)}, "whole": {25: 0.5}}
    assert np.array_equal(tinted(mesh, **given), tinted(mesh[:468], **given))


def test_what_is_unreliable_or_not_estimated_is_not_drawn(mesh: FloatArray):
    assert not tinted(mesh, whole={12: 1.0}, reliable=False).any()
    assert not tinted(mesh, whole={}).any()
    half = values(sides={12: (0.9, 0.9)})
    alone = replace(half, right=np.full_like(half.right, np.nan))
    image = picture()
    tint_muscles(image, mesh, alone)
    assert (image != GREY).any(), "the side that is unknown does what the unit does"


@pytest.mark.parametrize("shift", [(-380, 0), (500, 0), (0, 300), (5000, 5000), (1e9, -1e9)])
def test_faces_at_and_beyond_the_edge(shift: tuple[float, float]):
    points = grid()
    points[:, :2] += shift
    image = picture()
    tint_muscles(image, points, values(whole={12: 1.0, 25: 1.0}))
    assert image.shape == (360, 640, 3)


def test_points_that_are_no_numbers_are_left_alone():
    points = grid()
    points[117] = np.nan
    assert not tinted(points, whole={12: 1.0}).any()


def test_a_large_face_is_tinted_like_a_small_one(mesh: FloatArray):
    small = tinted(mesh, whole={12: 0.8, 4: 0.5})
    large = np.full((1440, 2560, 3), GREY, np.uint8)
    tint_muscles(large, mesh * 4, values(whole={12: 0.8, 4: 0.5}))
    change = np.abs(large[::4, ::4].astype(int) - GREY).sum(axis=2)
    assert np.abs(change - small).mean() < 0.05 * small[small > 0].mean()


def test_sides_follow_the_neutral_face():
    raw = values(sides={12: (0.6, 0.2)}, whole={25: 0.5})
    place = AU_NUMBERS.index(12)
    left, right = side_activations(raw)
    assert (left[place], right[place]) == pytest.approx((0.6, 0.2))
    assert left[AU_NUMBERS.index(25)] == right[AU_NUMBERS.index(25)] == 0.5
    assert np.isnan(left[AU_NUMBERS.index(1)])
    corrected = replace(raw, activation=np.clip((raw.raw - 0.2) / 0.8, 0, 1))
    left, right = side_activations(corrected)
    assert (left[place], right[place]) == pytest.approx((0.5, 0.0), abs=1e-6)
    rest = replace(raw, activation=np.zeros_like(raw.raw))
    assert all(side[place] == 0 for side in side_activations(rest))


def test_it_is_fast_enough_for_every_frame(mesh: FloatArray):
    image = picture()
    given = values(sides=dict.fromkeys(PAIRED, (0.8, 0.5)), whole={25: 0.5})
    times = []
    for _ in range(30):
        begin = time.perf_counter()
        tint_muscles(image, mesh, given)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.01


def test_the_picture_shows_it_where_it_is_asked_for():
    points = grid()
    face = Face(Box(100, 40, 300, 260), points, Pose(0, 0, 0), 1.0, 1)
    before = picture()
    frame = Frame(before, 0, 0, 0.0, "x")
    faces = (a_result(values(whole={12: 1.0}), face=face), a_result(None, face=face))
    result = FrameResult(frame, faces, {}, 0)
    bare = OverlayOptions(boxes=False, ids=False, labels=False, bars=False)
    assert (draw(result, bare) == GREY).all()
    assert (draw(result, replace(bare, aus=True)) != GREY).any()
    assert (before == GREY).all()
    assert unit(12).paired
