"""Action units and verdicts in the cards and the window."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from au_fakes import values
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, a_face, a_live, open_window

from ferdesk.core.aus import AU_NUMBERS
from ferdesk.core.types import AuValues, FaceResult, Reason, Verdict
from ferdesk.ui import theme
from ferdesk.ui.au_bars import UNRELIABLE, AuBars, age_text
from ferdesk.ui.panels import FacesPanel
from ferdesk.ui.verdict_label import QUIET, VerdictLabel

pytestmark = pytest.mark.usefixtures("qapp")

SIDED = values(2.0, {25: 0.5, 1: 0.0}, {12: (0.8, 0.4)})


def judged(
    contested: Sequence[str] = ("fear", "surprise"),
    chosen: str = "fear",
    own: str = "surprise",
    aus: AuValues | None = SIDED,
) -> FaceResult:
    face = a_face(1, "fear")
    reasons = (Reason(20, 0.41), Reason(4, 0.22), Reason(12, -0.08)) if contested else ()
    verdict = Verdict(own, tuple(contested), chosen, False, 0.5, reasons, face.probabilities)
    return replace(face, aus=aus, verdict=verdict)


def with_aus(aus: AuValues | None, track_id: int = 1, size: float = 40) -> FaceResult:
    return replace(a_face(track_id, size=size), aus=aus)


def painted(bars: AuBars, colour: str) -> np.ndarray:
    """Which pixels have a colour."""
    image = bars.grab().toImage()
    wanted = QColor(colour).rgb()
    return np.array(
        [[image.pixel(x, y) == wanted for x in range(image.width())] for y in range(image.height())]
    )


def test_exactly_the_estimated_units_are_shown() -> None:
    bars = AuBars()
    bars.show_values(SIDED)
    assert [row.unit.number for row in bars.rows] == [1, 12, 25]
    assert [row.sides for row in bars.rows] == [None, pytest.approx((0.8, 0.4)), None]
    assert [row.activation for row in bars.rows] == pytest.approx([0.0, 0.6, 0.5])
    assert bars.accessibleDescription() == (
        "1 Inner Brow Raiser, 12 Lip Corner Puller, 25 Lips Part"
    )
    bars.show_values(values(0.0, {}))
    assert bars.rows == ()
    assert bars.sizeHint().height() == 0


def test_the_bars_have_the_length_of_the_activation() -> None:
    bars = AuBars()
    bars.resize(300, 54)
    bars.show_values(SIDED)
    lengths = painted(bars, theme.DARK.accent).sum(axis=1)
    whole = 300 - 16 - 6 - 138 - 34
    assert lengths[:18].max() == 0
    of_both = [length for length in lengths[18:36].tolist() if length]
    assert of_both == pytest.approx([0.8 * whole] * 3 + [0.4 * whole] * 3, abs=1.5), "left on top"
    assert lengths[36:].max() == pytest.approx(0.5 * whole, abs=1.5)


def test_unreliable_values_are_greyed_and_say_why() -> None:
    bars = AuBars()
    bars.show_values(SIDED)
    assert UNRELIABLE not in bars.tip(bars.rows[1])
    assert painted(bars, theme.DARK.accent).any()
    bars.show_values(replace(SIDED, reliable=False))
    assert not painted(bars, theme.DARK.accent).any()
    assert UNRELIABLE in bars.tip(bars.rows[1])
    panel = FacesPanel()
    panel.show_faces([with_aus(replace(SIDED, reliable=False))], 2.0)
    assert panel.cards[0].units.remark.text() == "unreliable"
    assert panel.cards[0].units.remark.toolTip() == UNRELIABLE


def test_the_tip_names_muscle_sides_and_neutral_face() -> None:
    bars = AuBars()
    bars.show_values(replace(SIDED, activation=SIDED.raw * np.float32(0.5)))
    tip = bars.tip(bars.rows[1]).splitlines()
    assert tip[0] == "AU12 Lip Corner Puller: zygomaticus major"
    assert tip[1].startswith("The person's own left side")
    assert tip[2] == "0.60 before the person's neutral face is taken off"
    bars.resize(300, 54)
    bars.show()
    at = QPoint(5, 25)
    QApplication.sendEvent(bars, QHelpEvent(QHelpEvent.Type.ToolTip, at, bars.mapToGlobal(at)))
    assert QToolTip.text().startswith("AU12")
    QToolTip.hideText()
    bars.close()


def test_no_values_and_no_numbers_do_no_harm() -> None:
    panel = FacesPanel()
    odd = replace(SIDED, left=np.full(len(AU_NUMBERS), np.nan, np.float32))
    panel.show_faces([with_aus(None), with_aus(odd, 2, 30)], 0.0)
    assert panel.cards[0].units.isHidden()
    assert not panel.cards[1].units.isHidden()
    panel.cards[1].units.set_open(True)
    assert [row.sides for row in panel.cards[1].units.bars.rows] == [None, None, None]
    assert not panel.grab().isNull()


def test_slow_values_say_how_old_they_are() -> None:
    assert age_text(SIDED, 2.19) == ""
    assert age_text(SIDED, 2.43) == "0.4 s old"
    assert age_text(SIDED, 1.0) == ""
    panel = FacesPanel()
    panel.show_faces([with_aus(SIDED)], 3.0)
    units = panel.cards[0].units
    assert (units.origin.text(), units.remark.text()) == ("fake", "1.0 s old")


def test_only_the_first_card_is_open_until_others_are_opened() -> None:
    panel = FacesPanel()
    panel.show_faces([with_aus(SIDED, 1, 40), with_aus(SIDED, 2, 30)], 2.0)
    first, second = panel.cards[0].units, panel.cards[1].units
    assert (first.bars.isHidden(), second.bars.isHidden()) == (False, True)
    assert second.bars.rows == ()
    second.heading.click()
    assert not second.bars.isHidden()
    assert len(second.bars.rows) == 3
    panel.set_units_shown(False)
    assert first.isHidden()
    panel.show_faces([with_aus(SIDED)], 2.1)
    assert first.isHidden()
    panel.set_units_shown(True)
    assert not first.isHidden()


def test_a_verdict_is_shown_and_stays_a_moment() -> None:
    panel = FacesPanel()
    card = panel.cards[0]
    contest, clear = judged(), judged((), "fear", "fear")
    panel.show_faces([contest], 5.0)
    assert card.verdict.accessibleName().replace("\u00a0", " ") == (
        "fear vs surprise: AU20 +0.41, AU4 +0.22, AU12 −0.08 → fear"
    )
    assert card.own.text() == "net alone: surprise"
    height = card.verdict.sizeHint().height()
    panel.show_faces([clear], 5.9)
    assert card.verdict.text().startswith("fear vs surprise")
    panel.show_faces([clear], 6.1)
    assert card.verdict.text() == QUIET
    assert card.own.text() == ""
    assert not card.verdict.isHidden()
    assert card.verdict.sizeHint().height() == height
    panel.show_faces([a_face(1)], 6.2)
    assert card.verdict.isHidden(), "where nobody is asked nothing is said"


def test_another_source_begins_without_a_verdict() -> None:
    panel = FacesPanel()
    panel.show_faces([judged()], 5.0)
    panel.clear()
    panel.show_faces([judged((), "fear", "fear")], 5.1)
    assert panel.cards[0].verdict.text() == QUIET


@pytest.mark.parametrize("width", [170, 250, 600])
def test_the_verdict_gives_what_has_room(width: int) -> None:
    label = VerdictLabel()
    label.resize(width, label.sizeHint().height())
    label.show_judged(judged(), True)
    reasons = label.text().count("AU")
    assert 1 <= reasons <= 3
    assert label.text().endswith("fear")
    if width == 600:
        assert reasons == 3
    assert not label.grab().isNull()


def test_keys_of_units_and_tint(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start("camera:0")
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        units, tint = (window.live.top.buttons[name] for name in ("units", "tint"))
        assert (units.isChecked(), tint.isChecked()) == (True, False)
        qtbot.keyClick(window, Qt.Key.Key_A)
        assert not units.isChecked()
        assert window.status.message.text() == "Action units: hidden"
        qtbot.keyClick(window, Qt.Key.Key_M)
        assert tint.isChecked()
        assert window.status.message.text() == "Muscles: tinted"
        tint.click()
        assert not tint.isChecked()


def test_the_tint_comes_and_goes_while_the_picture_is_held(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        points = np.random.default_rng(2).uniform(20, 80, (468, 3)).astype(np.float32)
        face = with_aus(values(whole={12: 1.0}))
        live = a_live([replace(face, face=replace(face.face, landmarks=points))])
        window.live.view.show_result(live)
        window.live.switches.toggle("tint")
        qtbot.waitUntil(lambda: window.live.view.live is not live)
        shown = window.live.view.live
        assert shown is not None
        assert shown.result is live.result
        window.live.switches.toggle("tint")
        qtbot.waitUntil(lambda: window.live.view.live is not shown)
        assert window.live.view.live is not None
        assert (window.live.view.live.image != shown.image).any()
        window.live.view.grab()
        window.live.view.show_text("other")
        window.live.switches.toggle("tint")
        qtbot.wait(100)
        assert window.live.view.live is None


def test_the_net_s_tip_names_all_that_decides(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start("camera:0")
        qtbot.waitUntil(lambda: "fake-net" in window.status.bundle.text())
        tip = window.status.bundle.toolTip()
        assert "Action units: fake units" in tip
        assert "fake svms" in tip
        assert "Neutral face: none" in tip
