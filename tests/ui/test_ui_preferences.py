"""The settings dialog: made from the table, obeyed at once, stored soon."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.overlay_colours import Palette
from ferdesk.preferences.file import load
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import TABLE, by_key
from ferdesk.ui import theme
from ferdesk.ui.preferences.dialog import PreferencesDialog
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.preferences.pickers import ColourButton, UnitsButton
from ferdesk.ui.recording_dialog import RecordingDialog
from ferdesk.ui.tap import RecordingChoice
from ferdesk.ui.worker import Jobs

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def keeper(path: Path) -> Iterator[PreferencesKeeper]:
    jobs = Jobs()
    keeper = PreferencesKeeper(Preferences(), jobs, path)
    yield keeper
    keeper.close()
    assert jobs.close()


@pytest.fixture
def dialog(keeper: PreferencesKeeper) -> Iterator[PreferencesDialog]:
    dialog = PreferencesDialog(keeper, theme.DARK)
    dialog.show()
    yield dialog
    if isValid(dialog):  # closing deletes it
        dialog.close()


def control(dialog: PreferencesDialog, key: str):
    return dialog.rows[key].control.focus


def visible(dialog: PreferencesDialog) -> list[str]:
    return [key for key, row in dialog.rows.items() if row.isVisible()]


def typed(qtbot: QtBot, edit, text: str) -> None:
    edit.clear()
    qtbot.keyClicks(edit, text)
    qtbot.keyClick(edit, Qt.Key.Key_Return)


def stored(path: Path, key: str) -> object:
    return by_key(key).value(load(path).preferences)


def test_every_preference_has_a_control_that_shows_it(dialog: PreferencesDialog) -> None:
    assert tuple(dialog.rows) == tuple(TABLE)
    kinds = {
        "switch": QCheckBox,
        "integer": QSpinBox,
        "number": QDoubleSpinBox,
        "choice": QComboBox,
        "text": QLineEdit | QComboBox | QPlainTextEdit | ColourButton | UnitsButton,
    }
    for key, row in TABLE.items():
        made = control(dialog, key)
        assert isinstance(made, kinds[row.kind]), key
        assert made.accessibleName() == row.title
        assert made.accessibleDescription() == row.help
        assert made.focusPolicy() != Qt.FocusPolicy.NoFocus
        assert QAccessible.queryAccessibleInterface(made) is not None
        assert not dialog.rows[key].back.isVisible()
    assert control(dialog, "display.boxes").isChecked()
    assert control(dialog, "faces.max_faces").value() == 8
    assert control(dialog, "source.camera_size").currentText() == "1280x720"
    assert control(dialog, "nets.bundle").currentText() == "compact-ferplus"
    assert control(dialog, "outputs.osc_host").text() == "127.0.0.1"


def test_sections_and_search(dialog: PreferencesDialog) -> None:
    assert dialog.sections.count() == len(Preferences.model_fields)
    assert {key.split(".")[0] for key in visible(dialog)} == {"source"}
    dialog.sections.setCurrentRow(5)
    assert visible(dialog) == [key for key in TABLE if key.startswith("recording.")]
    dialog.search.setText("okabe COLOUR")
    assert visible(dialog) == ["display.colours"]
    dialog.search.setText("pixelate")  # a choice's own words
    assert visible(dialog) == ["recording.video", "privacy.hide_faces"]
    assert not dialog.nothing.isVisible()
    dialog.search.setText("no such thing")
    assert visible(dialog) == []
    assert dialog.nothing.isVisible()
    dialog.show_section("faces")
    assert visible(dialog) == ["faces.backend", "faces.max_faces", "faces.min_face"]


def test_a_change_holds_at_once_and_is_stored(
    qtbot: QtBot, dialog: PreferencesDialog, keeper: PreferencesKeeper, path: Path
) -> None:
    told: list[Preferences] = []
    keeper.changed.connect(told.append)
    dialog.show_section("display")
    control(dialog, "display.boxes").click()
    assert not told[-1].overlay().boxes
    combo = control(dialog, "display.theme")
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert told[-1].display.theme == "dark"
    dialog.show_section("faces")
    control(dialog, "faces.max_faces").stepBy(-2)
    assert told[-1].settings().max_faces == 6
    dialog.show_section("outputs")
    typed(qtbot, control(dialog, "outputs.osc_host"), "10.0.0.9")
    assert told[-1].streams().osc_host == "10.0.0.9"
    dialog.show_section("nets")
    typed(qtbot, control(dialog, "nets.bundle").lineEdit(), "mine")
    assert told[-1].nets.bundle == "mine"
    dialog.show_section("recording")
    text = control(dialog, "recording.consent")
    qtbot.keyClicks(text, "Anna agreed")
    assert told[-1].recording.consent == ""
    qtbot.keyClick(text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert told[-1].recording.consent == "Anna agreed"
    assert len(told) == 6
    qtbot.waitUntil(lambda: path.exists() and load(path).preferences == told[-1], timeout=10_000)


def test_close_changes_follow_as_one_write(
    qtbot: QtBot, keeper: PreferencesKeeper, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ferdesk.ui.preferences import keeper as module

    writes = []
    monkeypatch.setattr(module, "write", lambda changes, path: writes.append((changes, path)))
    for number in range(1, 6):
        keeper.set("faces.max_faces", number)
    keeper.set("faces.max_faces", 5)  # as it is
    qtbot.waitUntil(lambda: bool(writes), timeout=10_000)
    assert writes == [({"faces.max_faces": 5}, path)]


def test_closing_stores_what_waits(path: Path) -> None:
    jobs = Jobs()
    keeper = PreferencesKeeper(Preferences(), jobs, path)
    keeper.set("faces.max_faces", 3)
    keeper.close()
    assert jobs.close()
    assert stored(path, "faces.max_faces") == 3


def test_reset(
    qtbot: QtBot, dialog: PreferencesDialog, keeper: PreferencesKeeper, path: Path
) -> None:
    dialog.show_section("faces")
    row = dialog.rows["faces.max_faces"]
    assert not dialog._reset_all.isEnabled()
    control(dialog, "faces.max_faces").setValue(3)
    keeper.set("display.theme", "light")  # by the window's own button
    assert control(dialog, "display.theme").currentText() == "Light"
    assert row.back.isVisible()
    assert "8" in row.back.toolTip()
    row.back.setFocus()
    qtbot.keyClick(row.back, Qt.Key.Key_Space)
    assert keeper.now.faces.max_faces == 8
    assert control(dialog, "faces.max_faces").value() == 8
    assert not row.back.isVisible()
    dialog._reset_all.click()
    assert keeper.now == Preferences()
    assert control(dialog, "display.theme").currentText() == "As the system"
    qtbot.waitUntil(lambda: path.exists() and not load(path).warnings, timeout=10_000)
    assert load(path).preferences == Preferences()


def test_an_error_is_shown_beside_the_control(
    qtbot: QtBot, dialog: PreferencesDialog, keeper: PreferencesKeeper
) -> None:
    dialog.show_section("outputs")
    row = dialog.rows["outputs.osc_host"]
    typed(qtbot, control(dialog, "outputs.osc_host"), "a b")
    assert row.error.isVisible()
    assert "host" in row.error.text()
    assert control(dialog, "outputs.osc_host").accessibleDescription() == row.error.text()
    assert keeper.now == Preferences()
    keeper.set("outputs.osc", True)  # what is being typed elsewhere stays
    assert control(dialog, "outputs.osc_host").text() == "a b"
    row.back.click()
    assert not row.error.isVisible()
    assert control(dialog, "outputs.osc_host").text() == "127.0.0.1"
    typed(qtbot, control(dialog, "outputs.osc_host"), "")
    assert row.error.isVisible()
    typed(qtbot, control(dialog, "outputs.osc_host"), "localhost")
    assert not row.error.isVisible()
    assert keeper.now.outputs.osc_host == "localhost"


def test_what_cannot_be_stored_holds_and_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    jobs = Jobs()
    keeper = PreferencesKeeper(Preferences(), jobs, tmp_path / "file" / "config.toml")
    dialog = PreferencesDialog(keeper, theme.LIGHT)
    dialog.show()
    keeper.set("faces.max_faces", 3)
    qtbot.waitUntil(lambda: bool(dialog.banners.message("preferences")), timeout=10_000)
    assert "file" in (dialog.banners.message("preferences") or "")
    assert keeper.now.faces.max_faces == 3
    dialog.close()
    keeper.close()
    assert jobs.close()


def test_a_broken_file_is_kept_and_said(
    qtbot: QtBot, dialog: PreferencesDialog, keeper: PreferencesKeeper, path: Path
) -> None:
    path.write_text("[faces\n")
    keeper.set("faces.max_faces", 3)
    qtbot.waitUntil(lambda: bool(dialog.banners.message("preferences")), timeout=10_000)
    assert "config.toml.broken-1" in (dialog.banners.message("preferences") or "")
    assert stored(path, "faces.max_faces") == 3


def test_the_wheel_scrolls_the_page_and_changes_nothing(dialog: PreferencesDialog) -> None:
    dialog.show_section("nets")
    for key in ("nets.threads", "nets.aus", "nets.bundle"):
        turned = control(dialog, key)
        dialog.search.setFocus()
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(turned.mapToGlobal(QPoint(5, 5))),
            QPoint(0, -120),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(turned, event)
        assert dialog._keeper.now == Preferences()


def test_enter_presses_no_button_and_escape_closes(qtbot: QtBot, dialog: PreferencesDialog) -> None:
    assert not [one.text() for one in dialog.findChildren(QPushButton) if one.autoDefault()]
    qtbot.keyClick(dialog, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(dialog.search.hasFocus)
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_recording_dialog_offers_the_same(qtbot: QtBot, tmp_path: Path) -> None:
    choice = RecordingChoice("blurred", consent="yes")
    dialog = RecordingDialog(choice, tmp_path)
    qtbot.addWidget(dialog)
    row = by_key("recording.video")
    assert [dialog.video.itemData(index) for index in range(dialog.video.count())] == list(
        row.choices
    )
    assert dialog.video.currentText() == row.text_of("blurred")
    assert dialog.choice() == choice


@pytest.mark.parametrize("base", [theme.DARK, theme.LIGHT])
def test_expressions_have_the_colours_of_the_set(base: theme.Colours) -> None:
    safe = base._replace(expressions=Palette("safe"))
    standard = [theme.expression_colour(index, base).name() for index in range(8)]
    others = [theme.expression_colour(index, safe).name() for index in range(8)]
    assert len(set(others)) == 8
    assert not set(standard) & set(others)
    palette = Palette("safe", (("fear", (1, 2, 3)),))
    assert theme.resolve(theme.Mode.LIGHT, palette) == theme.LIGHT._replace(expressions=palette)
    mixed = base._replace(expressions=palette)
    fear = EXPRESSIONS.index("fear")
    assert theme.expression_colour(fear, mixed).name() == "#010203"
    assert theme.expression_colour(fear - 1, mixed).name() == others[fear - 1]
