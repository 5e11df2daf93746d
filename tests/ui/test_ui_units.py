"""Which action units are shown, in which order, and how the user chooses them."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from au_fakes import a_result, values
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, open_window

from ferdesk.core.aus import ACTION_UNITS, AU_NUMBERS
from ferdesk.core.types import AuValues
from ferdesk.preferences.annotations import units_of, units_text
from ferdesk.ui import theme
from ferdesk.ui.au_bars import AuSection
from ferdesk.ui.history import History
from ferdesk.ui.time_plots import TimePlots
from ferdesk.ui.unit_chooser import UnitChooser
from ferdesk.ui.unit_order import EVERY_S, UnitSorter

pytestmark = pytest.mark.usefixtures("qapp")

ALL = frozenset(AU_NUMBERS)
FPS = 30


def strengths(**units: float) -> AuValues:
    return values(0.0, {int(name[2:]): value for name, value in units.items()})


def numbers(sorter: UnitSorter, of: AuValues, time_s: float) -> list[int]:
    return [ACTION_UNITS[index].number for index in sorter.arrange(of, time_s)]


def by_strength() -> UnitSorter:
    sorter = UnitSorter()
    sorter.configure("activation", ALL)
    return sorter


def test_by_number_unless_the_user_likes_the_strongest_first() -> None:
    some = strengths(AU1=0.1, AU12=0.9, AU25=0.5)
    sorter = UnitSorter()
    assert numbers(sorter, some, 0.0) == [1, 12, 25]
    sorter.configure("activation", ALL)
    assert numbers(sorter, some, 0.1) == [12, 25, 1]
    sorter.configure("number", ALL)
    assert numbers(sorter, some, 0.2) == [1, 12, 25]


def test_only_chosen_units_that_are_estimated_are_shown() -> None:
    some = strengths(AU1=0.1, AU12=0.9, AU25=0.5)
    sorter = UnitSorter()
    sorter.configure("number", frozenset({12, 25, 43}))
    assert numbers(sorter, some, 0.0) == [12, 25]
    sorter.configure("activation", frozenset({1, 25}))
    assert numbers(sorter, some, 0.0) == [25, 1]
    sorter.configure("activation", frozenset())
    assert numbers(sorter, some, 0.0) == []


def test_a_blink_moves_nothing_and_a_lasting_change_does() -> None:
    sorter = by_strength()
    calm = strengths(AU12=0.6, AU43=0.05)
    blink = strengths(AU12=0.6, AU43=0.9)
    time_s = 0.0
    for frame in range(2 * FPS):
        time_s = frame / FPS
        now = blink if FPS <= frame < FPS + 4 else calm  # 130 ms
        assert numbers(sorter, now, time_s) == [12, 43]
    found = [numbers(sorter, blink, time_s + frame / FPS) for frame in range(3 * FPS)]
    assert found[-1] == [43, 12]


def test_units_change_places_seldom_however_they_tremble() -> None:
    rng = np.random.default_rng(0)
    sorter = by_strength()
    orders = []
    for frame in range(20 * FPS):
        noise = rng.normal(0, 0.15, 4).clip(-0.4, 0.4) + 0.45
        some = strengths(**dict(zip(("AU1", "AU4", "AU12", "AU25"), noise.tolist(), strict=True)))
        orders.append(tuple(numbers(sorter, some, frame / FPS)))
    changes = [index for index in range(1, len(orders)) if orders[index] != orders[index - 1]]
    assert len(changes) <= 6, "of 600 frames"
    assert (np.diff(changes) >= EVERY_S * FPS - 1).all()


def test_another_clip_or_person_is_sorted_anew() -> None:
    sorter = by_strength()
    assert numbers(sorter, strengths(AU1=0.9, AU12=0.1), 5.0) == [1, 12]
    assert numbers(sorter, strengths(AU1=0.1, AU12=0.9), 5.1) == [1, 12]
    assert numbers(sorter, strengths(AU1=0.1, AU12=0.9), 0.0) == [12, 1], "it begins again"
    assert numbers(sorter, strengths(AU1=0.9, AU12=0.1), 0.1) == [12, 1]
    sorter.forget()
    assert numbers(sorter, strengths(AU1=0.9, AU12=0.1), 0.2) == [1, 12]
    assert numbers(sorter, strengths(AU1=0.9, AU4=0.95), 0.3) == [4, 1], "of another estimator"


def test_an_open_section_follows_the_choice_at_once() -> None:
    section = AuSection()
    section.set_open(True)
    section.show_values(strengths(AU1=0.1, AU12=0.9, AU25=0.5), 1.0)
    assert [row.unit.number for row in section.bars.rows] == [1, 12, 25]
    section.sort("activation", frozenset({1, 12}))
    assert [row.unit.number for row in section.bars.rows] == [12, 1]
    section.set_open(False)
    section.sort("number", ALL)
    section.set_open(True)
    assert [row.unit.number for row in section.bars.rows] == [1, 12, 25]


@pytest.mark.parametrize(
    ("text", "units"), [("all", ALL), ("none", frozenset()), ("1, 12", frozenset({1, 12}))]
)
def test_a_choice_is_stored_and_read(text: str, units: frozenset[int]) -> None:
    assert units_of(text) == units
    assert units_text(units) == text


@pytest.fixture
def chooser(qtbot: QtBot) -> Iterator[UnitChooser]:
    dialog = UnitChooser({1, 12}, "number", (1, 12, 25))
    qtbot.addWidget(dialog)
    dialog.show()
    yield dialog


def test_each_tick_holds_at_once(qtbot: QtBot, chooser: UnitChooser) -> None:
    told: list[frozenset[int]] = []
    chooser.units_chosen.connect(told.append)
    assert chooser.chosen() == {1, 12}
    assert told == []
    texts = [chooser.list.item(row).text() for row in range(chooser.list.count())]
    assert len(texts) == len(AU_NUMBERS)
    assert texts[0] == "AU01  Inner Brow Raiser"
    assert texts[1].endswith("(not estimated)")
    chooser.list.setFocus()
    chooser.list.setCurrentRow(1)
    qtbot.keyClick(chooser.list, Qt.Key.Key_Space)
    assert told == [frozenset({1, 2, 12})]
    chooser._choose(())
    assert told[-1] == frozenset()
    orders: list[str] = []
    chooser.order_chosen.connect(orders.append)
    chooser.order.setFocus()
    qtbot.keyClick(chooser.order, Qt.Key.Key_Down)
    assert orders == ["activation"]


def test_the_window_asks_and_remembers(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        live = window.live
        live.panel.choose.click()
        dialog = live.findChild(UnitChooser)
        assert dialog is not None
        dialog.list.item(0).setCheckState(Qt.CheckState.Unchecked)
        dialog.order_chosen.emit("activation")
        display = window._keeper.now.display
        assert display.chosen_units == ALL - {1}
        assert display.unit_order == "activation"
        sorter = live.panel.cards[0].units.sorter
        assert (sorter.order, sorter.chosen) == ("activation", ALL - {1})
        dialog.close()


def plots_of(qtbot: QtBot, count: int) -> TimePlots:
    """Ten seconds of so many units, each livelier than the one before."""
    history = History()
    chosen = AU_NUMBERS[:count]
    for step in range(100):
        wave = np.sin(step) / 2 + 0.5
        whole = {number: wave * (place + 1) / count for place, number in enumerate(chosen)}
        history.add(step / 10, [a_result(values(step / 10, whole))])
    plots = TimePlots(history)
    qtbot.addWidget(plots)
    plots.resize(900, 300)
    plots.show()
    return plots


def drawn(plots: TimePlots) -> list[str]:
    plots._refresh()
    plots._refresh()  # one of the two plots at a time
    return plots.legend.toolTip().splitlines()


def test_the_plots_draw_what_is_chosen(qtbot: QtBot) -> None:
    plots = plots_of(qtbot, 20)
    liveliest = [f"{unit.code} {unit.name}" for unit in ACTION_UNITS[16:20]]
    assert drawn(plots) == liveliest, "of many, the four that change most"
    plots.choose_units(frozenset(AU_NUMBERS[:6]))
    assert drawn(plots) == [f"{unit.code} {unit.name}" for unit in ACTION_UNITS[:6]]
    assert (
        sum(curve.yData is not None and len(curve.yData) > 0 for curve in plots._unit_curves) == 6
    )
    plots.choose_units(frozenset())
    assert drawn(plots) == []
    assert plots.legend.text() == ""


def test_the_legend_gives_way_to_a_narrow_window(qtbot: QtBot) -> None:
    plots = plots_of(qtbot, 3)
    plots.resize(1200, 300)
    drawn(plots)
    assert "Inner Brow Raiser" in plots.legend.text()
    assert plots.minimumSizeHint().width() < 600
    plots.resize(500, 300)
    plots.choose_units(frozenset(AU_NUMBERS[:2]))
    plots.layout().activate()
    plots.choose_units(ALL)
    drawn(plots)
    assert "Inner Brow Raiser" not in plots.legend.text()
    assert "AU01" in plots.legend.text()
    colour = theme.series_colour(0, theme.LIGHT).name()
    plots.set_colours(theme.LIGHT)
    drawn(plots)
    assert colour in plots.legend.text()


def test_curves_do_not_take_turns_when_many_are_about_as_lively(qtbot: QtBot) -> None:
    rng = np.random.default_rng(0)
    history = History()
    plots = TimePlots(history)
    qtbot.addWidget(plots)
    plots.show()
    seen = []
    for step in range(120):
        noise = rng.uniform(0, 1, 12).tolist()
        whole = dict(zip(AU_NUMBERS, noise, strict=False))
        history.add(step / 10, [a_result(values(step / 10, whole))])
        if step >= 60:
            seen.append(drawn(plots))
    changes = sum(now != before for before, now in itertools.pairwise(seen))
    assert changes <= 2, "of 60 frames"
