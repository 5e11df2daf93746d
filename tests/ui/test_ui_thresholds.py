"""Thresholds and the net for action units, chosen in the window."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDoubleSpinBox
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, open_window

from ferdesk import resources
from ferdesk.preferences.file import load
from ferdesk.profiles import NeutralProfile, save_profile
from ferdesk.ui.models.dialog import ModelsDialog
from ferdesk.ui.preferences.dialog import PreferencesDialog

pytestmark = pytest.mark.usefixtures("qapp")

LONG = 20_000


def test_a_threshold_is_the_bundle_s_until_it_is_set(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.show_settings()
        dialog = window.findChild(PreferencesDialog)
        dialog.show_section("nets")
        row = dialog.rows["nets.t2"]
        box = row.control.focus
        assert isinstance(box, QDoubleSpinBox)
        assert box.text() == "As the bundle says"
        box.stepUp()
        assert box.text() == "0.00"
        assert window._worker.settings.t2 == 0
        box.setValue(0.35)
        assert window._worker.settings.t2 == 0.35
        assert "published figures" in row.help.text()
        assert "As the bundle says" in row.back.toolTip()
        row.back.click()
        assert box.text() == "As the bundle says"
        assert window._worker.settings.t2 == "auto"
        box.setValue(0.2)
        box.setValue(box.minimum())
        assert window._worker.settings.t2 == "auto"
        dialog.rows["nets.t3"].control.focus.setValue(0.5)
        dialog.close()
    stored = load(tmp_path / "config.toml").preferences.nets
    assert (stored.t2, stored.t3) == ("auto", 0.5)


def test_another_net_for_units_lets_go_of_the_neutral_face(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "user_data", lambda: tmp_path / "data")
    save_profile(
        NeutralProfile(
            name="anna",
            estimator="fake units",
            baseline={12: 0.1},
            spread={12: 0.0},
            seconds=10,
            values=300,
            recorded=datetime(2026, 5, 4, tzinfo=UTC),
        )
    )
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.live._use_neutral("anna")
        window._keeper.set("nets.aus", "blendshapes")
        assert window._worker.settings.neutral == ""
        assert "anna" in (window.banners.message("settings") or "")
        window.show_models()
        dialog = window.findChild(ModelsDialog)
        dialog.units_chosen.emit("mine")
        assert window._worker.settings.aus == "native"
        assert window._worker.settings.au_bundle == "mine"
        dialog.close()
        window.live._use_neutral("anna")
        window._keeper.set("smoothing.seconds", 1.0)
        assert window._worker.settings.neutral == "anna"
