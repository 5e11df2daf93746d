"""Neutral faces: recorded with words about what is wrong, chosen, renamed, deleted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from au_fakes import values
from PySide6.QtWidgets import QInputDialog, QMessageBox
from pytestqt.qtbot import QtBot
from ui_fakes import (
    FakePipeline,
    FakeSource,
    Sources,
    a_face,
    a_frame,
    a_live,
    open_window,
)

from ferdesk import resources
from ferdesk.core.types import FrameResult
from ferdesk.profiles import NeutralProfile, load_profile, profile_names, save_profile
from ferdesk.settings import Settings
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.neutral.dialog import KEY, NeutralDialog

pytestmark = pytest.mark.usefixtures("qapp")

LONG = 20_000


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "user_data", lambda: tmp_path / "data")


class Built:
    """Remembers what pipelines were built from, and the last one."""

    def __init__(self) -> None:
        self.settings: list[Settings] = []
        self.last = FakePipeline()

    def __call__(self, settings: Settings) -> FakePipeline:
        self.settings.append(settings)
        self.last = FakePipeline()
        return self.last


def stored(name: str, estimator: str = "fake units") -> NeutralProfile:
    profile = NeutralProfile(
        name=name,
        estimator=estimator,
        baseline={25: 0.3},
        spread={25: 0.01},
        seconds=10.0,
        values=298,
        recorded=datetime(2026, 5, 4, 12, tzinfo=UTC),
    )
    save_profile(profile)
    return profile


def at_rest(
    faces: int = 1, seconds: float = 10.5, level: float = 0.3, reliable: bool = True
) -> Iterator[FrameResult]:
    """A face that hardly moves, five times a second."""
    for index in range(round(seconds * 5) + 1):
        time_s = index / 5
        whole = {25: level + 0.01 * (index % 2)}
        aus = values(time_s, whole, estimator="fake units", reliable=reliable)
        shown = [replace(a_face(1 + one), aus=aus) for one in range(faces)]
        yield a_live(shown, a_frame(index, time_s)).result


def taken(dialog: NeutralDialog) -> bool:
    """Whether the recorder has what it was given, or has ended."""
    run = dialog.wizard._run
    return run is None or not run.frames._items


def feed(qtbot: QtBot, dialog: NeutralDialog, results: Iterator[FrameResult]) -> None:
    """Show results one after the other, each only when the one before was taken."""
    for result in results:
        qtbot.waitUntil(lambda: taken(dialog), timeout=LONG)
        dialog.wizard.feed(result)


def opened(qtbot: QtBot, window: MainWindow) -> NeutralDialog:
    """The dialog, beside a picture that stands still."""
    window.start("camera:0")
    qtbot.waitUntil(lambda: "fake-net" in window.status.bundle.text(), timeout=LONG)
    window.live.toggle_pause()
    window.live.calibrate()
    dialog = window.live.calibration.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.table.rowCount() == len(profile_names()), timeout=LONG)
    return dialog


def cells(dialog: NeutralDialog, row: int) -> list[str]:
    return [dialog.table.item(row, column).text() for column in range(dialog.table.columnCount())]


def said(dialog: NeutralDialog) -> str:
    return dialog.wizard.words.text()


def test_a_face_is_recorded_saved_and_used_without_another_pipeline(
    qtbot: QtBot, tmp_path: Path
) -> None:
    built = Built()
    with open_window(tmp_path, Sources(camera_0=FakeSource), build=built) as window:
        dialog = opened(qtbot, window)
        dialog.record_button.click()
        wizard = dialog.wizard
        assert wizard.name.text() == "me"
        wizard.name.setText(" anna ")
        qtbot.keyClick(wizard.name, "\r")
        assert wizard.running
        feed(qtbot, dialog, at_rest())
        qtbot.waitUntil(lambda: "is saved" in said(dialog), timeout=LONG)
        assert "10 seconds" in said(dialog)
        assert load_profile("anna").baseline[25] == pytest.approx(0.3, abs=0.011)
        wizard.use_button.click()
        qtbot.waitUntil(lambda: built.last.neutral == "anna", timeout=LONG)
        qtbot.waitUntil(lambda: window.status.neutral.text() == "neutral: anna", timeout=LONG)
        assert window.status.neutral.isVisible()
        assert window.live.top.buttons["neutral"].isChecked()
        assert len(built.settings) == 1
        qtbot.waitUntil(lambda: dialog.table.rowCount() == 1, timeout=LONG)
        assert cells(dialog, 0)[0] == "anna"
        assert cells(dialog, 0)[3:] == ["fake units", "In use"]
        dialog.use_button.click()
        qtbot.waitUntil(lambda: not window.status.neutral.isVisible(), timeout=LONG)
        assert built.last.neutral == ""


def test_it_says_at_once_what_is_wrong_and_how_far_it_is(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        dialog = opened(qtbot, window)
        dialog.record_one()
        wizard = dialog.wizard
        wizard.begin()

        def shown(result: FrameResult) -> str:
            """What is said once a result was taken in."""
            feed(qtbot, dialog, iter([result]))
            qtbot.waitUntil(lambda: taken(dialog), timeout=LONG)
            qtbot.wait(20)
            wizard.feed(result)
            return said(dialog)

        quiet = list(at_rest(seconds=5.2))
        assert "No face is seen" in shown(a_live((), a_frame(0, 0.0)).result)
        assert "Come nearer" in shown(next(at_rest(reliable=False)))
        for result in quiet:
            feed(qtbot, dialog, iter([result]))
        qtbot.waitUntil(lambda: wizard._run is not None and wizard._run.progress >= 0.499)
        assert shown(quiet[-1]) == "Good. Keep still.  5 s to go"
        assert wizard.bar.value() == 500
        wild = [
            a_live([replace(a_face(), aus=values(t / 5, {25: t % 2}))], a_frame(99, t / 5))
            for t in range(27, 33)
        ]
        words = [shown(live.result) for live in wild]
        assert any("The face moves: AU25" in text for text in words)


def test_a_clip_that_begins_again_or_ends_says_what_is_missing(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        dialog = opened(qtbot, window)
        dialog.record_one()
        dialog.wizard.begin()
        feed(qtbot, dialog, at_rest(seconds=5))
        feed(qtbot, dialog, at_rest(seconds=0))
        qtbot.waitUntil(lambda: "5.0 of 10 seconds" in said(dialog), timeout=LONG)
        assert not dialog.wizard.running
        dialog.wizard.again_button.click()
        dialog.wizard.start_button.click()
        assert dialog.wizard.running
        window.live.calibration.end()
        qtbot.waitUntil(lambda: "No face was seen" in said(dialog), timeout=LONG)
    assert profile_names() == ()


@pytest.mark.parametrize(
    ("name", "faces", "words"),
    [("no/name", 1, "is no name for a neutral profile"), ("me", 2, "Record one person alone")],
)
def test_what_goes_wrong_is_said(
    qtbot: QtBot, tmp_path: Path, name: str, faces: int, words: str
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        dialog = opened(qtbot, window)
        dialog.record_one(name)
        dialog.wizard.start_button.click()
        feed(qtbot, dialog, at_rest(faces, 1))
        qtbot.waitUntil(lambda: words in said(dialog), timeout=LONG)
    assert profile_names() == ()


def test_it_can_be_cancelled_and_ends_with_the_source_and_the_window(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        dialog = opened(qtbot, window)
        dialog.record_one()
        dialog.wizard.begin()
        feed(qtbot, dialog, at_rest(seconds=3))
        dialog.wizard.leave_button.click()
        assert not dialog.wizard.running
        assert dialog.stack.currentIndex() == 0
        dialog.record_one()
        dialog.wizard.begin()
        window.live.open("camera:0")
        assert not dialog.wizard.running
        dialog.wizard.begin()
        assert dialog.wizard.running
    assert profile_names() == ()


def test_profiles_that_do_not_fit_say_why_and_a_name_that_is_taken_is_said(
    qtbot: QtBot, tmp_path: Path
) -> None:
    stored("anna")
    stored("me", "native other")
    (tmp_path / "data" / "profiles" / "worn.json").write_text("{}")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        dialog = opened(qtbot, window)
        assert cells(dialog, 0) == [
            "anna",
            f"{datetime(2026, 5, 4, 12, tzinfo=UTC).astimezone():%Y-%m-%d %H:%M}",
            "298",
            "fake units",
            "",
        ]
        assert cells(dialog, 1)[4] == "It was recorded with 'native other', not with 'fake units'."
        assert "Record it again" in cells(dialog, 2)[4]
        for name, enabled in (("anna", True), ("me", False), ("worn", False)):
            dialog.table.select(name)
            assert dialog.use_button.isEnabled() == enabled
        assert not dialog.rename_button.isEnabled()
        dialog.record_button.click()
        assert dialog.wizard.name.text() == "me-2"
        dialog.wizard.name.setText("anna")
        assert "replaced" in dialog.wizard.note.text()


def test_one_is_renamed_deleted_and_brought_back(qtbot: QtBot, tmp_path: Path) -> None:
    profile = stored("anna")
    stored("ben")
    built = Built()
    with open_window(tmp_path, Sources(camera_0=FakeSource), build=built) as window:
        dialog = opened(qtbot, window)
        dialog.table.select("anna")
        dialog.use_button.click()
        qtbot.waitUntil(lambda: built.last.neutral == "anna", timeout=LONG)
        for new, then in (("ben", "already"), ("berta", "")):
            dialog.rename_button.click()
            asked = dialog.findChild(QInputDialog, "rename")
            asked.setTextValue(new)
            asked.accept()
            qtbot.waitUntil(
                lambda then=then: then in (dialog.banners.message(KEY) or ""), timeout=LONG
            )
            qtbot.waitUntil(lambda: dialog.findChild(QInputDialog) is None, timeout=LONG)
        qtbot.waitUntil(lambda: built.last.neutral == "berta", timeout=LONG)
        qtbot.waitUntil(lambda: "berta" in dialog.table.names, timeout=LONG)
        assert profile_names() == ("ben", "berta")

        dialog.table.select("berta")
        dialog.delete_button.click()
        qtbot.waitUntil(lambda: profile_names() == ("ben",), timeout=LONG)
        qtbot.waitUntil(lambda: built.last.neutral == "", timeout=LONG)
        dialog.banners.buttons(KEY)["Undo"].click()
        qtbot.waitUntil(lambda: profile_names() == ("ben", "berta"), timeout=LONG)
        assert load_profile("berta") == profile.model_copy(update={"name": "berta"})


def test_what_cannot_be_read_is_deleted_after_a_question(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "data" / "profiles").mkdir(parents=True)
    (tmp_path / "data" / "profiles" / "worn.json").write_text("{}")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        dialog = opened(qtbot, window)
        dialog.delete_button.click()
        box = dialog.findChild(QMessageBox, "confirmDelete")
        next(one for one in box.buttons() if one.text() == "Delete").click()
        qtbot.waitUntil(lambda: profile_names() == (), timeout=LONG)
        assert list(dialog.banners.buttons(KEY)) == []


def test_nothing_is_recorded_where_there_are_no_units(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakePipeline, "au_estimator", "")
    stored("anna")
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        dialog = opened(qtbot, window)
        assert "No action units" in dialog.words.text()
        assert cells(dialog, 0)[4] == "No action units are estimated."
        assert not dialog.record_button.isEnabled()
        dialog.record_one()
        assert dialog.stack.currentIndex() == 0
