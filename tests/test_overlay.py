"""The annotated picture."""

import threading

import cv2
import numpy as np
import pytest

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import Box, Crop, Face, FaceResult, Frame, FrameResult, Pose
from ferdesk.overlay import OverlayOptions, draw, text_width
from ferdesk.overlay_colours import EXPRESSION_COLOURS

GREY = 90


def face(box: Box, label: str = "happiness", track_id: int = 1) -> FaceResult:
    odds = np.full(8, 0.02, np.float32)
    odds[EXPRESSIONS.index(label)] = 0.86
    found = Face(box, np.zeros((478, 3), np.float32), Pose(0, 0, 0), 1.0, track_id)
    return FaceResult(found, odds, odds, crop=Crop(np.zeros((48, 48), np.uint8), np.eye(2, 3)))


def result(width: int, height: int, *faces: FaceResult) -> FrameResult:
    image = np.full((height, width, 3), GREY, np.uint8)
    image.flags.writeable = False
    return FrameResult(Frame(image, 0, 0, 0.0, "x"), faces, {}, 0)


def changed(before: FrameResult, after: np.ndarray) -> np.ndarray:
    return (after != before.frame.image).any(axis=2)


def near(image: np.ndarray, label: str) -> np.ndarray:
    red, green, blue = EXPRESSION_COLOURS[label]
    return np.abs(image.astype(int) - (blue, green, red)).max(axis=2) <= 2


def test_a_new_picture_of_the_same_size():
    one = result(640, 360, face(Box(200, 80, 120, 150)))
    drawn = draw(one, OverlayOptions())
    assert drawn.shape == (360, 640, 3)
    assert drawn.dtype == np.uint8
    assert drawn.flags.writeable
    assert (one.frame.image == GREY).all()
    assert changed(one, drawn).any()


def test_nothing_found_changes_nothing():
    empty = result(640, 360)
    assert (draw(empty, OverlayOptions()) == GREY).all()
    assert changed(empty, draw(empty, OverlayOptions(hud="25 fps"))).any()


def test_each_option_draws_its_part():
    one = result(640, 360, face(Box(200, 80, 120, 150)))
    nothing = OverlayOptions(boxes=False, ids=False, labels=False, bars=False)
    assert not changed(one, draw(one, nothing)).any()
    amounts = [
        changed(one, draw(one, options)).sum()
        for options in (
            OverlayOptions(boxes=False, ids=False, bars=False),
            OverlayOptions(bars=False),
            OverlayOptions(),
        )
    ]
    assert 0 < amounts[0] < amounts[1] < amounts[2]


def test_the_box_and_the_longest_bar_have_the_labels_colour():
    drawn = draw(result(1280, 720, face(Box(400, 200, 200, 250), "anger")), OverlayOptions())
    assert near(drawn, "anger")[200:450, 400].mean() > 0.9
    bars = {label: near(drawn, label)[:, 605:].sum(axis=1).max() for label in EXPRESSIONS}
    assert max(bars, key=lambda label: bars[label]) == "anger"
    assert bars["anger"] > 20 * bars["fear"] > 0


@pytest.mark.parametrize(
    "size",
    [(1, 1), (16, 9), (47, 300), (160, 120), (320, 180), (3840, 2160), (360, 1920), (3000, 60)],
)
@pytest.mark.parametrize(
    "box",
    [
        Box(0.3, 0.2, 0.3, 0.5),
        Box(-0.5, -0.5, 0.6, 0.6),
        Box(0.9, 0.9, 0.5, 0.5),
        Box(3, 3, 1, 1),
        Box(0, 0, 1, 1),
        Box(0.5, 0.5, 0, 0),
    ],
)
def test_any_size_and_place(size, box):
    width, height = size
    scaled = Box(box.x * width, box.y * height, box.w * width, box.h * height)
    drawn = draw(result(width, height, face(scaled)), OverlayOptions(hud="30 fps, 20 ms"))
    assert drawn.shape == (height, width, 3)


def test_text_grows_with_the_frame():
    heights = []
    for scale in (1, 2, 4):
        one = result(640 * scale, 360 * scale, face(Box(*(scale * n for n in (200, 80, 120, 150)))))
        drawn = draw(one, OverlayOptions(boxes=False, ids=False, labels=False))
        rows = changed(one, drawn).any(axis=1)
        heights.append(rows.sum() / rows.size)
    assert max(heights) - min(heights) < 0.05
    assert 0.2 < heights[0] < 0.45


def test_the_panel_leaves_the_face_free_where_there_is_room():
    for x in (20, 520, 1000):
        one = result(1280, 720, face(Box(x, 200, 220, 260)))
        inside = changed(one, draw(one, OverlayOptions()))[205:455, x + 5 : x + 215]
        assert not inside.any()


def test_faces_do_not_hide_each_other():
    boxes = [Box(x, y, 130, 160) for x, y in ((60, 250), (330, 120), (600, 300), (900, 150))]
    faces = [face(box, EXPRESSIONS[n + 1], n + 1) for n, box in enumerate(boxes)]
    crowd = result(1280, 720, *faces)
    marks = changed(crowd, draw(crowd, OverlayOptions()))
    for box in boxes:
        x, y = int(box.x), int(box.y)
        assert marks[y + 4 : y + 156, x + 4 : x + 126].mean() < 0.02


def test_every_expression_has_a_colour_of_its_own():
    assert tuple(EXPRESSION_COLOURS) == EXPRESSIONS
    colours = np.array(list(EXPRESSION_COLOURS.values()), float)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2) + 1000 * np.eye(8)
    assert apart.min() > 60


def test_text_is_opencvs_own_true_type():
    canvas = np.zeros((40, 300, 3), np.uint8)
    cv2.putText(canvas, "happiness 86 %", (5, 30), (255, 255, 255), cv2.FontFace("sans"), 24, 500)
    inked = np.flatnonzero(canvas.any(axis=(0, 2)))
    assert 100 < inked.max() - inked.min() <= text_width("happiness 86 %", 24)
    assert len(np.unique(canvas)) > 20  # smooth edges


def test_threads_may_draw_at_once():
    crowd = result(640, 360, face(Box(50, 50, 90, 90)), face(Box(300, 90, 90, 90), "fear", 2))
    expected = draw(crowd, OverlayOptions())
    wrong = []

    def work() -> None:
        for _ in range(15):
            if not np.array_equal(draw(crowd, OverlayOptions()), expected):
                wrong.append(True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
