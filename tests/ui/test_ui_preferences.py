"""The settings dialog: made from the table, obeyed at once, stored soon."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QWheelEvent
from PySide6.QtTest import QTest
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
from ui_fakes import wait_until

from ferdesk.preferences.file import load
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import TABLE, by_key
from ferdesk.ui import theme
from ferdesk.ui.preferences.dialog import PreferencesDialog
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.recording_dialog import RecordingDialog
from ferdesk.ui.tap import RecordingChoice
from ferdesk.ui.worker import Jobs

pytestmark = pytest.mark.usefixtures("app")


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
    dialog.close()


def control(dialog: PreferencesDialog, key: str):
    return dialog.rows[key].control.focus


def visible(dialog: PreferencesDialog) -> list[str]:
    return [key for key, row in dialog.rows.items() if row.isVisible()]


def typed(edit, text: str) -> None:
    edit.clear()
    QTest.keyClicks(edit, text)
    QTest.keyClick(edit, Qt.Key.Key_Return)


def stored(path: Path, key: str) -> object:
    return by_key(key).value(load(path).preferences)


def test_every_preference_has_a_control_that_shows_it(dialog: PreferencesDialog) -> None:
    assert tuple(dialog.rows) == tuple(TABLE)
    kinds = {
        "switch": QCheckBox,
        "integer": QSpinBox,
        "number": QDoubleSpinBox,
        "choice": QComboBox,
        "text": QLineEdit | QComboBox | QPlainTextEdit,
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
    assert visible(dialog) == ["faces.backend", "faces.max_faces"]


def test_a_change_holds_at_once_and_is_stored(
    dialog: PreferencesDialog, keeper: PreferencesKeeper, path: Path
) -> None:
    told: list[Preferences] = []
    keeper.changed.connect(told.append)
    dialog.show_section("display")
    control(dialog, "display.boxes").click()
    assert not told[-1].overlay().boxes
    combo = control(dialog, "display.theme")
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Down)
    assert told[-1].display.theme == "dark"
    dialog.show_section("faces")
    control(dialog, "faces.max_faces").stepBy(-2)
    assert told[-1].settings().max_faces == 6
    dialog.show_section("outputs")
    typed(control(dialog, "outputs.osc_host"), "10.0.0.9")
    assert told[-1].streams().osc_host == "10.0.0.9"
    dialog.show_section("nets")
    typed(control(dialog, "nets.bundle").lineEdit(), "mine")
    assert told[-1].nets.bundle == "mine"
    dialog.show_section("recording")
    text = control(dialog, "recording.consent")
    QTest.keyClicks(text, "Anna agreed")
    assert told[-1].recording.consent == ""
    QTest.keyClick(text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert told[-1].recording.consent == "Anna agreed"
    assert len(told) == 6
    wait_until(lambda: path.exists() and load(path).preferences == told[-1], 10)


def test_close_changes_follow_as_one_write(
    keeper: PreferencesKeeper, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ferdesk.ui.preferences import keeper as module

    writes = []
    monkeypatch.setattr(module, "write", lambda changes, path: writes.append((changes, path)))
    for number in range(1, 6):
        keeper.set("faces.max_faces", number)
    keeper.set("faces.max_faces", 5)  # as it is
    wait_until(lambda: writes, 10)
    assert writes == [({"faces.max_faces": 5}, path)]


def test_closing_stores_what_waits(path: Path) -> None:
    jobs = Jobs()
    keeper = PreferencesKeeper(Preferences(), jobs, path)
    keeper.set("faces.max_faces", 3)
    keeper.close()
    assert jobs.close()
    assert stored(path, "faces.max_faces") == 3


def test_reset(dialog: PreferencesDialog, keeper: PreferencesKeeper, path: Path) -> None:
    dialog.show_section("faces")
    row = dialog.rows["faces.max_faces"]
    assert not dialog._reset_all.isEnabled()
    control(dialog, "faces.max_faces").setValue(3)
    keeper.set("display.theme", "light")  # by the window's own button
    assert control(dialog, "display.theme").currentText() == "Light"
    assert row.back.isVisible()
    assert "8" in row.back.toolTip()
    row.back.setFocus()
    QTest.keyClick(row.back, Qt.Key.Key_Space)
    assert keeper.now.faces.max_faces == 8
    assert control(dialog, "faces.max_faces").value() == 8
    assert not row.back.isVisible()
    dialog._reset_all.click()
    assert keeper.now == Preferences()
    assert control(dialog, "display.theme").currentText() == "As the system"
    wait_until(lambda: path.exists() and not load(path).warnings, 10)
    assert load(path).preferences == Preferences()


def test_an_error_is_shown_beside_the_control(
    dialog: PreferencesDialog, keeper: PreferencesKeeper
) -> None:
    dialog.show_section("outputs")
    row = dialog.rows["outputs.osc_host"]
    typed(control(dialog, "outputs.osc_host"), "a b")
    assert row.error.isVisible()
    assert "host" in row.error.text()
    assert control(dialog, "outputs.osc_host").accessibleDescription() == row.error.text()
    assert keeper.now == Preferences()
    keeper.set("outputs.osc", True)  # what is being typed elsewhere stays
    assert control(dialog, "outputs.osc_host").text() == "a b"
    row.back.click()
    assert not row.error.isVisible()
    assert control(dialog, "outputs.osc_host").text() == "127.0.0.1"
    typed(control(dialog, "outputs.osc_host"), "")
    assert row.error.isVisible()
    typed(control(dialog, "outputs.osc_host"), "localhost")
    assert not row.error.isVisible()
    assert keeper.now.outputs.osc_host == "localhost"


def test_what_cannot_be_stored_holds_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    jobs = Jobs()
    keeper = PreferencesKeeper(Preferences(), jobs, tmp_path / "file" / "config.toml")
    dialog = PreferencesDialog(keeper, theme.LIGHT)
    dialog.show()
    keeper.set("faces.max_faces", 3)
    wait_until(lambda: dialog.banners.message("preferences"), 10)
    assert "file" in (dialog.banners.message("preferences") or "")
    assert keeper.now.faces.max_faces == 3
    dialog.close()
    keeper.close()
    assert jobs.close()


def test_a_broken_file_is_kept_and_said(
    dialog: PreferencesDialog, keeper: PreferencesKeeper, path: Path
) -> None:
    path.write_text("[faces\n")
    keeper.set("faces.max_faces", 3)
    wait_until(lambda: dialog.banners.message("preferences"), 10)
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


def test_enter_presses_no_button_and_escape_closes(dialog: PreferencesDialog) -> None:
    assert not [one.text() for one in dialog.findChildren(QPushButton) if one.autoDefault()]
    QTest.keyClick(dialog, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    wait_until(dialog.search.hasFocus)
    QTest.keyClick(dialog.search, Qt.Key.Key_Return)
    assert dialog.isVisible()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_recording_dialog_offers_the_same(tmp_path: Path) -> None:
    choice = RecordingChoice("blurred", consent="yes")
    dialog = RecordingDialog(choice, tmp_path)
    row = by_key("recording.video")
    assert [dialog.video.itemData(index) for index in range(dialog.video.count())] == list(
        row.choices
    )
    assert dialog.video.currentText() == row.text_of("blurred")
    assert dialog.choice() == choice
    dialog.deleteLater()


@pytest.mark.parametrize("base", [theme.DARK, theme.LIGHT])
def test_expressions_have_the_colours_of_the_set(base: theme.Colours) -> None:
    safe = base._replace(expressions="safe")
    standard = [theme.expression_colour(index, base).name() for index in range(8)]
    others = [theme.expression_colour(index, safe).name() for index in range(8)]
    assert len(set(others)) == 8
    assert not set(standard) & set(others)
    assert theme.resolve(theme.Mode.LIGHT, "safe") == theme.LIGHT._replace(expressions="safe")
