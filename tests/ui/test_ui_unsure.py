"""A label that is too little probable is shown as unsure; the numbers stay as they are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, a_face, a_frame, a_live, open_window

from ferdesk.core.types import FrameResult
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import by_key
from ferdesk.ui.theme import label_colour

pytestmark = pytest.mark.usefixtures("qapp")

LONG = 20_000


@pytest.mark.parametrize(
    ("least", "shown"), [(0.0, "happiness"), (0.72, "happiness"), (0.8, "unsure")]
)
def test_the_label_alone_changes(least: float, shown: str) -> None:
    face = a_face(label="happiness")
    assert face.confidence == pytest.approx(0.72)
    least = float(np.float32(least))
    before = face.to_dict()
    assert face.shown_label(least) == shown
    assert face.to_dict() == before
    assert face.label == "happiness"


def test_what_was_not_judged_is_not_called_unsure() -> None:
    unknown = np.full(8, np.nan, np.float32)
    face = replace(a_face(), probabilities=unknown, raw=unknown)
    assert face.shown_label(1.0) == ""


def test_the_picture_is_drawn_with_it() -> None:
    preferences = by_key("display.unsure_below").changed(Preferences(), 0.8)
    assert preferences.overlay().unsure_below == 0.8
    frame = a_frame()
    frame = replace(frame, image=np.full((360, 640, 3), 60, np.uint8))
    result = FrameResult(frame, (a_face(size=120),), {}, 0)
    as_ever = draw(result, OverlayOptions())
    unsure = draw(result, OverlayOptions(unsure_below=0.8))
    assert (as_ever != unsure).any()
    np.testing.assert_array_equal(draw(result, OverlayOptions(unsure_below=0.5)), as_ever)


def test_the_card_and_the_stage_say_it(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start("camera:0")
        qtbot.waitUntil(lambda: window.live.view.live is not None, timeout=LONG)
        window.live.toggle_pause()
        for least, shown in ((0.8, "Unsure"), (0.0, "Happiness")):
            window._keeper.set("display.unsure_below", least)
            live = a_live([a_face()])
            window.live._show_cards(live)
            card = window.live.panel.cards[0]
            assert card.label.text() == shown
            assert card.confidence.text().startswith("72")
            assert shown.lower() in card.accessibleName()
            assert shown.lower() in window.live.stage.accessibleName()
            colour = card.label.palette().color(card.label.foregroundRole())
            assert colour == label_colour(shown.lower(), window._colours)
        assert label_colour("unsure", window._colours) == QColor(window._colours.muted)
