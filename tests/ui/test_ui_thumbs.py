"""The small pictures of faces in their cards: of the right face, seldom cut, and never unhidden."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, a_face, a_frame, a_live, open_window

from ferdesk.core.types import Box, FaceResult, ImageU8
from ferdesk.ui import face_thumb
from ferdesk.ui.face_thumb import SIDE, FaceThumb, cut_face
from ferdesk.ui.panels import FacesPanel

pytestmark = pytest.mark.usefixtures("qapp")

RED, BLUE = (0, 0, 255), (255, 0, 0)
"""Blue, green, red."""


def picture() -> ImageU8:
    """Red at the left, blue at the right of x = 60, with fine stripes of black."""
    image = np.zeros((120, 240, 3), np.uint8)
    image[:, :60], image[:, 60:] = RED, BLUE
    image[:, ::4] = 0
    return image


def face(track_id: int, x: float, size: float = 40) -> FaceResult:
    one = a_face(track_id, size=size)
    return replace(one, face=replace(one.face, box=Box(x, 40, size, size)))


def mean(image: np.ndarray) -> list[int]:
    return image.reshape(-1, image.shape[-1])[:, :3].mean(axis=0).round().astype(int).tolist()


def test_it_is_the_face_with_its_surroundings() -> None:
    cut = cut_face(picture(), Box(40, 40, 40, 40), 56, "off", mirrors=False)
    assert cut is not None
    assert cut.shape == (56, 56, 4)
    left, right = mean(cut[:, :26]), mean(cut[:, 30:])
    assert left[2] > 150 > 10 > left[0]
    assert right[0] > 150 > 10 > right[2]
    turned = cut_face(picture(), Box(40, 40, 40, 40), 56, "off", mirrors=True)
    assert turned is not None
    np.testing.assert_array_equal(turned, cut[:, ::-1])


@pytest.mark.parametrize("box", [Box(-30, -30, 50, 50), Box(230, 100, 90, 90), Box(0, 0, 999, 9)])
def test_faces_at_the_border_fill_the_square_too(box: Box) -> None:
    cut = cut_face(picture(), box, 56, "off", mirrors=False)
    assert cut is not None
    assert max(mean(cut)) > 80


def test_a_face_without_a_place_has_none() -> None:
    nan = float("nan")
    assert cut_face(picture(), Box(nan, nan, nan, nan), 56, "off", mirrors=False) is None
    thumb = FaceThumb()
    thumb.show_face(picture(), Box(40, 40, 40, 40), "off", mirrors=False)
    assert thumb.image is not None
    thumb.show_face(picture(), Box(nan, nan, nan, nan), "off", mirrors=False)
    assert thumb.image is None
    assert not thumb.grab().isNull()


@pytest.mark.parametrize("how", ["blurred", "pixelated"])
def test_hidden_faces_are_hidden_here_too(how: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (120, 240, 3)).astype(np.uint8)
    clear = cut_face(noise, Box(40, 40, 40, 40), 56, "off", mirrors=False)
    covered = cut_face(noise, Box(40, 40, 40, 40), 56, how, mirrors=False)
    assert clear is not None
    assert covered is not None

    def detail(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image[..., :3].astype(float), axis=1)).mean())

    assert detail(covered) < 0.15 * detail(clear)


def test_pictures_are_sharp_on_dense_screens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaceThumb, "devicePixelRatioF", lambda _: 2.0)
    thumb = FaceThumb()
    thumb.show_face(picture(), Box(40, 40, 40, 40), "off", mirrors=False)
    assert thumb.image is not None
    assert thumb.image.width() == 2 * SIDE
    assert (thumb.sizeHint().width(), thumb.sizeHint().height()) == (SIDE, SIDE)


def test_one_picture_a_frame_and_each_a_few_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuts: list[float] = []
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def counted(image: ImageU8, box: Box, *rest: object) -> ImageU8 | None:
        cuts.append(box.x)
        return cut_face(image, box, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(face_thumb, "cut_face", counted)
    panel = FacesPanel()
    faces = [face(1, 10), face(2, 70), face(3, 130)]
    panel.show_faces(faces, 0.0, picture())
    assert sorted(cuts) == [10, 70, 130], "at first all, for none is there"
    cuts.clear()
    for frame in range(1, 31):
        now[0] = 100 + frame / 30
        before = len(cuts)
        panel.show_faces(faces, frame / 30, picture())
        assert len(cuts) <= before + 1
    assert {x: cuts.count(x) for x in (10, 70, 130)} == {10: 3, 70: 3, 130: 3}
    panel.show_faces(faces, 1.1)  # a result without its picture
    assert panel.cards[0].thumb.image is not None


def test_another_face_never_has_the_picture_of_the_one_before() -> None:
    panel = FacesPanel()
    panel.show_faces([face(1, 10)], 0.0, picture())
    card = panel.cards[0]
    before = card.thumb.image
    assert before is not None
    panel.show_faces([face(2, 150)], 0.1)
    assert card.thumb.image is None
    panel.show_faces([face(2, 150)], 0.1, picture())
    assert card.thumb.image is not None
    panel.clear()
    assert card.thumb.image is None


def test_hiding_takes_the_pictures_away_at_once(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        live = window.live
        noise = np.random.default_rng(0).integers(0, 255, (90, 160, 3)).astype(np.uint8)
        shown = a_live([a_face()], replace(a_frame(), image=noise))
        live.view.show_result(shown)
        live._show_cards(shown)
        thumb = live.panel.cards[0].thumb
        clear = thumb._pixels
        assert clear is not None
        window._keeper.set("privacy.hide_faces", "blurred")
        assert thumb._pixels is not None, "cut anew from the picture that is shown"
        assert np.ptp(thumb._pixels[..., 0].astype(int)) < np.ptp(clear[..., 0].astype(int))
        live.view.show_text("nothing")
        window._keeper.set("privacy.hide_faces", "off")
        assert thumb.image is None
