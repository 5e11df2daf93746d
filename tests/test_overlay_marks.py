"""Landmarks, head pose, hidden faces and the colours, on pixels."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import Box, Crop, Face, FaceResult, FloatArray, Frame, FrameResult, Pose
from ferdesk.faces.pose import head_axes
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_colours import (
    EXPRESSION_COLOURS,
    SAFE_COLOURS,
    SAFE_ON_LIGHT,
    STANDARD_ON_LIGHT,
    ColourSet,
    Palette,
    from_hex,
)
from ferdesk.overlay_hide import FaceHider

BARE = OverlayOptions(boxes=False, ids=False, labels=False, bars=False)
BOX = Box(100, 50, 80, 100)
NOSE = (140.0, 110.0)
SOFT = 25
"""A smooth line lets a little of the ground through; colours of a set lie farther apart."""


def mesh() -> FloatArray:
    """A grid of points within the box; the tip of the nose by itself."""
    points = np.zeros((478, 3), np.float32)
    points[:, 0] = BOX.x + np.arange(478) % 20 * 4
    points[:, 1] = BOX.y + np.arange(478) // 20 * 4
    points[1, :2] = NOSE
    return points


def seen(
    pose: Pose = Pose(0, 0, 0),  # noqa: B008
    landmarks: FloatArray | None = None,
    label: str = "anger",
    time_s: float = 0.0,
    found: bool = True,
) -> FrameResult:
    image = np.random.default_rng(1).integers(0, 200, (240, 320, 3)).astype(np.uint8)
    odds = np.full(8, 0.02, np.float32)
    odds[EXPRESSIONS.index(label)] = 0.86
    face = Face(BOX, mesh() if landmarks is None else landmarks, pose, 1.0, 1)
    one = FaceResult(face, odds, odds, crop=Crop(np.zeros((48, 48), np.uint8), np.eye(2, 3)))
    return FrameResult(Frame(image, 0, 0, time_s, "x"), (one,) if found else (), {}, 0)


def changed(result: FrameResult, options: OverlayOptions) -> np.ndarray:
    return (draw(result, options) != result.frame.image).any(axis=2)


def test_every_landmark_in_the_picture_is_dotted_and_nothing_else() -> None:
    points = mesh()
    points[2:5, :2] = (-5, 10), (400, 10), (np.nan, 3)
    marks = changed(seen(landmarks=points), replace(BARE, landmarks=True))
    inside = [point for i, point in enumerate(points[:, :2].tolist()) if i not in (2, 3, 4)]
    expected = {(round(x), round(y)) for x, y in inside}
    assert {(x, y) for y, x in np.argwhere(marks).tolist()} == expected


def test_a_face_without_landmarks_has_none() -> None:
    bare = seen(landmarks=np.zeros((0, 3), np.float32))
    assert not changed(bare, replace(BARE, landmarks=True)).any()


def arrow(result: FrameResult, colour: tuple[int, int, int]) -> np.ndarray:
    """Where the end of the arrow of this (red, green, blue) lies from the nose: right and down."""
    drawn = draw(result, replace(BARE, pose=True)).astype(int)
    near = np.abs(drawn[..., ::-1] - colour).max(axis=2) < 12
    from_nose = np.argwhere(near)[:, ::-1] - NOSE
    return from_nose[np.abs(from_nose).sum(axis=1).argmax()]


RIGHT, UP, OUT = (255, 70, 70), (90, 230, 90), (70, 130, 255)


def test_the_arrows_of_a_face_that_looks_into_the_camera() -> None:
    x, y = arrow(seen(), RIGHT)
    assert x > 30
    assert abs(y) < 8
    x, y = arrow(seen(), UP)
    assert abs(x) < 8
    assert y < -30


@pytest.mark.parametrize(
    ("pose", "towards"),
    [
        (Pose(45, 0, 0), (1, 0)),
        (Pose(-45, 0, 0), (-1, 0)),
        (Pose(0, 45, 0), (0, -1)),
        (Pose(0, -45, 0), (0, 1)),
    ],
)
def test_the_third_arrow_goes_where_the_face_looks(pose: Pose, towards: tuple[int, int]) -> None:
    end = arrow(seen(pose), OUT)
    assert end @ towards > 18
    assert abs(end[1 - abs(towards[1])]) < 10


def test_a_head_tilted_clockwise_tilts_the_arrows() -> None:
    x, y = arrow(seen(Pose(0, 0, 40)), RIGHT)
    assert x > 15
    assert y > 15


def test_without_a_mesh_the_arrows_start_in_the_middle() -> None:
    bare = seen(landmarks=np.zeros((0, 3), np.float32))
    marks = np.argwhere(changed(bare, replace(BARE, pose=True)))
    top, left = marks.min(axis=0)
    assert left == pytest.approx(BOX.x + BOX.w / 2, abs=6)
    assert top < BOX.y + BOX.h / 2 - 30
    nowhere = seen(Pose(float("nan"), 0, 0))
    assert not changed(nowhere, replace(BARE, pose=True)).any()


def test_axes_are_a_rotation() -> None:
    axes = head_axes(Pose(20, -30, 10))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    np.testing.assert_allclose(head_axes(Pose(0, 0, 0)), np.eye(3))


def detail(image: np.ndarray) -> float:
    x, y, w, h = map(int, BOX)
    return float(np.abs(np.diff(image[y : y + h, x : x + w].astype(float), axis=1)).mean())


@pytest.mark.parametrize("how", ["blurred", "pixelated"])
def test_faces_are_hidden_below_what_is_drawn(how: str) -> None:
    one = seen()
    options = replace(BARE, hide=how)
    assert detail(draw(one, options)) < 0.05 * detail(one.frame.image)
    with_box = draw(one, replace(options, boxes=True))
    red, green, blue = EXPRESSION_COLOURS["anger"]
    assert np.abs(with_box[60:140, 100].astype(int) - (blue, green, red)).max() <= SOFT
    hidden = draw(seen(), options)
    np.testing.assert_array_equal(hidden[:, 240:], one.frame.image[:, 240:])


def test_a_lost_face_stays_hidden_where_somebody_remembers() -> None:
    options = replace(BARE, hide="blurred")
    hider = FaceHider("blurred")
    draw(seen(), options, hider=hider)
    lost = seen(time_s=0.5, found=False)
    assert detail(draw(lost, options, hider=hider)) < 0.05 * detail(lost.frame.image)
    assert detail(draw(lost, options)) == detail(lost.frame.image)


@pytest.mark.parametrize("which", ["standard", "safe"])
@pytest.mark.parametrize("label", EXPRESSIONS)
def test_a_box_has_its_expressions_colour_of_the_set(which: ColourSet, label: str) -> None:
    drawn = draw(seen(label=label), replace(BARE, boxes=True, colours=Palette(which)))
    red, green, blue = (EXPRESSION_COLOURS if which == "standard" else SAFE_COLOURS)[label]
    assert np.abs(drawn[60:140, 100].astype(int) - (blue, green, red)).max() <= SOFT


def test_a_chosen_colour_takes_the_place_of_the_sets() -> None:
    palette = Palette("safe", (("anger", (10, 20, 120)),))
    drawn = draw(seen(), replace(BARE, boxes=True, colours=palette))
    assert np.abs(drawn[60:140, 100].astype(int) - (120, 20, 10)).max() <= SOFT
    for light, others in ((False, SAFE_COLOURS), (True, SAFE_ON_LIGHT)):
        assert dict(palette.colours(light)) == {**others, "anger": (10, 20, 120)}
    # White on a dark plate, else nobody could read it.
    titled = draw(seen(), replace(BARE, labels=True, colours=palette))
    assert (titled == 245).all(axis=2).sum() > 20


@pytest.mark.parametrize("text", ["", "#12345", "#1234567", "ffcc", "#gg0000"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"colour|hex"):
        from_hex(text)
    assert from_hex("#ffcc01") == (255, 204, 1)


def test_standard_colours_are_dark_enough_on_light_grounds() -> None:
    assert tuple(STANDARD_ON_LIGHT) == EXPRESSIONS
    assert max(max(colour) + min(colour) for colour in STANDARD_ON_LIGHT.values()) <= 0.43 * 510
    assert STANDARD_ON_LIGHT["anger"] != EXPRESSION_COLOURS["anger"]


def test_a_name_takes_the_place_of_the_number() -> None:
    number = draw(seen(), replace(BARE, ids=True))
    named = draw(seen(), replace(BARE, ids=True, names={1: "Anna", 2: "Bert"}))
    assert (number != named).any()
    other = draw(seen(), replace(BARE, ids=True, names={2: "Bert"}))
    np.testing.assert_array_equal(number, other)
    # With the expression alone, the name is said before it; without either, not at all.
    with_label = draw(seen(), replace(BARE, labels=True, names={1: "Anna"}))
    assert (with_label != draw(seen(), replace(BARE, labels=True))).any()
    np.testing.assert_array_equal(
        draw(seen(), replace(BARE, names={1: "Anna"})), draw(seen(), BARE)
    )


# What people without one kind of cone see, of linear RGB. G. M. Machado, M. M. Oliveira, L. A. F.
# Fernandes. "A Physiologically-based Model for Simulation of Color Vision Deficiency." 2009.
SEEN_BY = {
    "all": np.eye(3),
    "protanopes": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopes": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopes": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: tuple[int, int, int]) -> np.ndarray:
    share = np.array(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB, for daylight."""
    x, y, z = np.cbrt(XYZ @ light.clip(1e-6, 1) / XYZ.sum(axis=1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """As in the Web Content Accessibility Guidelines, 1 to 21."""
    low, high = sorted(float(XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [SAFE_COLOURS, SAFE_ON_LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("people", SEEN_BY)
def test_the_safe_set_is_told_apart_by_everybody(
    colours: dict[str, tuple[int, int, int]], people: str
) -> None:
    places = [lab(SEEN_BY[people] @ linear(colour)) for colour in colours.values()]
    apart = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(places, 2))
    assert apart > 10  # a just noticeable difference is about 2.3


def test_the_safe_set_is_seen_on_the_surfaces_of_both_themes() -> None:
    dark, light = (0x1D, 0x20, 0x27), (255, 255, 255)
    assert tuple(SAFE_COLOURS) == tuple(SAFE_ON_LIGHT) == EXPRESSIONS
    assert min(contrast(colour, dark) for colour in SAFE_COLOURS.values()) > 3
    assert min(contrast(colour, light) for colour in SAFE_ON_LIGHT.values()) > 3
