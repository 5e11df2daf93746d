"""The switch of the activation map, and the colours of expressions that people choose."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog
from pytestqt.qtbot import QtBot
from test_ui_window import press
from ui_fakes import FakePipeline, FakeSource, Sources, a_face, a_live, open_window

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import Frame, FrameResult
from ferdesk.overlay_colours import EXPRESSION_COLOURS, SAFE_COLOURS
from ferdesk.preferences.file import load
from ferdesk.ui import theme
from ferdesk.ui.preferences.dialog import PreferencesDialog
from ferdesk.ui.preferences.pickers import ColourButton, UnitsButton
from ferdesk.ui.switches import NO_MAPS
from ferdesk.ui.unit_chooser import UnitChooser

pytestmark = pytest.mark.usefixtures("qapp")

WAIT_MS = 20_000


class Mapped(FakePipeline):
    """Has maps, and knows who asked for them."""

    has_maps = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bool] = []

    def process(self, frame: Frame, maps: bool = False) -> FrameResult:
        self.asked.append(maps)
        return super().process(frame, maps)


def test_maps_are_computed_only_while_they_are_shown(qtbot: QtBot, tmp_path: Path) -> None:
    pipeline = Mapped()
    with open_window(tmp_path, Sources(camera_0=FakeSource), pipeline=pipeline) as window:
        window.start(None)
        button = window.live.top.buttons["maps"]
        qtbot.waitUntil(lambda: len(pipeline.asked) > 3, timeout=WAIT_MS)
        assert not any(pipeline.asked)
        assert button.isEnabled()
        assert not button.isChecked()
        press(qtbot, window, Qt.Key.Key_C)
        assert button.isChecked()
        assert window._keeper.now.overlay().maps
        assert "purple" in window.status.message.text()
        qtbot.waitUntil(lambda: pipeline.asked[-1], timeout=WAIT_MS)
        button.click()
        assert not button.isChecked()
        qtbot.waitUntil(lambda: not pipeline.asked[-1], timeout=WAIT_MS)


def test_a_net_without_maps_says_so(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        button = window.live.top.buttons["maps"]
        assert button.isEnabled(), "nobody knows yet"
        window.start(None)
        qtbot.waitUntil(lambda: not button.isEnabled(), timeout=WAIT_MS)
        assert button.toolTip() == NO_MAPS.format(net="fake-net")
        press(qtbot, window, Qt.Key.Key_C)
        assert window.status.message.text() == NO_MAPS.format(net="fake-net")
        assert not window._keeper.now.display.maps
        assert window.live.top.buttons["tint"].isEnabled()


def test_a_chosen_colour_is_that_of_card_plot_and_picture(qtbot: QtBot, tmp_path: Path) -> None:
    happy = EXPRESSIONS.index("happiness")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        live = window.live
        live.toggle_plots()
        window._keeper.set("display.colour_happiness", "#102030")
        shown = a_live([a_face(1, "happiness")])
        live.view.show_result(shown)
        live._show_cards(shown)
        for colours in (window._colours, live._colours):
            assert theme.expression_colour(happy, colours).name() == "#102030"
        label = live.panel.cards[0].label
        assert label.palette().color(label.foregroundRole()).name() == "#102030"
        assert live.plots is not None
        assert live.plots._curves[happy].opts["pen"].color().name() == "#102030"
        drawn = live._painter.paint(shown.result)
        nearest = np.abs(drawn[20:44, 10].astype(int) - (0x30, 0x20, 0x10)).max(axis=1)
        assert nearest.min() < 12
        window._keeper.set("display.colours", "safe")
        assert theme.expression_colour(happy, window._colours).name() == "#102030"
        window._keeper.reset("display.colour_happiness")
        red, green, blue = SAFE_COLOURS["happiness"]
        light = theme.is_light(window._colours)
        assert light or theme.expression_colour(happy, window._colours) == QColor(red, green, blue)


def test_a_switch_does_not_dress_the_whole_application_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_window(tmp_path, Sources()) as window:
        dressed: list[theme.Colours] = []
        monkeypatch.setattr(theme, "apply", lambda _, colours: dressed.append(colours))
        for key, value in (("boxes", False), ("maps", True), ("unit_choice", "12")):
            window._keeper.set(f"display.{key}", value)
        assert dressed == []
        window._keeper.set("display.colour_fear", "#ff00ff")
        assert len(dressed) == 1


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path):
    with open_window(tmp_path, Sources()) as window:
        window.show_settings()
        (found,) = window.findChildren(PreferencesDialog)
        found.show_section("display")
        yield found
        found.close()


def test_a_colour_is_chosen_and_reset_in_the_settings(
    qtbot: QtBot, dialog: PreferencesDialog, tmp_path: Path
) -> None:
    row = dialog.rows["display.colour_anger"]
    button = row.control.focus
    assert isinstance(button, ColourButton)
    assert button.text().strip() == "as in the set"

    def swatch() -> QColor:
        return button.icon().pixmap(8, 8).toImage().pixelColor(4, 4)

    assert swatch() == QColor(*EXPRESSION_COLOURS["anger"])
    button.click()
    (asking,) = button.findChildren(QColorDialog)
    assert asking.currentColor() == QColor(*EXPRESSION_COLOURS["anger"])
    asking.setCurrentColor(QColor("#0102aa"))
    asking.accept()
    assert button.text().strip() == "#0102aa"
    assert swatch() == QColor("#0102aa")
    file = tmp_path / "config.toml"
    qtbot.waitUntil(
        lambda: file.exists() and load(file).preferences.display.colour_anger == "#0102aa",
        timeout=WAIT_MS,
    )
    row.back.click()
    assert button.text().strip() == "as in the set"
    dialog.rows["display.colours"].control.focus.setCurrentIndex(1)
    dialog.rows["display.colours"].control.focus.activated.emit(1)
    assert swatch() == QColor(*SAFE_COLOURS["anger"])


def test_units_are_chosen_in_the_settings(dialog: PreferencesDialog) -> None:
    button = dialog.rows["display.unit_choice"].control.focus
    assert isinstance(button, UnitsButton)
    assert button.text() == "All…"
    button.click()
    (chooser,) = button.findChildren(UnitChooser)
    chooser._choose((12, 25))
    assert button.text() == "2 of 30…"
    assert button.toolTip() == "12, 25"
    assert dialog.rows["display.unit_choice"].back.isVisible()
    chooser._choose(())
    assert button.text() == "None…"
    chooser.close()


def test_the_window_fits_a_small_screen(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.live.toggle_plots()
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None, timeout=WAIT_MS)
        window.resize(800, 600)
        qtbot.waitUntil(lambda: window.live.panel.cards[0].isVisible(), timeout=WAIT_MS)
        assert (window.width(), window.height()) == (800, 600)
        picker = window.live.picker
        qtbot.waitUntil(
            lambda: picker.combo.geometry().right() < picker.refresh.geometry().left(),
            timeout=WAIT_MS,
        )
        assert picker.geometry().right() < window.live.top.buttons["pause"].geometry().left()
        assert window.live.top.buttons["stage"].geometry().right() <= window.live.top.width()
        assert not window.status.engine.isVisible()
        assert "Engine: fake engine" in window.status.bundle.toolTip()
        window.resize(1200, 700)
        assert window.status.engine.isVisible()
        assert np.isclose(window.height(), 700)
