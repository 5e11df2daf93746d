"""The first start, with and without face models; nothing is fetched without a click."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from ferdesk import resources
from ferdesk.core.errors import ModelError
from ferdesk.faces.install import TASK_HOST, Progress, Report
from ferdesk.faces.store import LANDMARKER, ModelSet
from ferdesk.notices import NOTICES
from ferdesk.ui.welcome import WelcomeDialog
from ferdesk.ui.worker import Jobs

pytestmark = pytest.mark.usefixtures("qapp")


class FakeServer:
    """Sends ten parts, one for each `go.release()`; ends early where told to."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.calls = 0
        self.error: Exception | None = None

    def fetch(self, progress: Progress, report: Report) -> ModelSet:
        self.calls += 1
        report("Fetching something")
        for part in range(1, 11):
            self.go.acquire(timeout=10)
            progress(part * 100, 1000)
        if self.error is not None:
            raise self.error
        return LANDMARKER


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    jobs = Jobs()
    yield jobs
    assert jobs.close()


@pytest.fixture
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "face_model_folders", lambda: (tmp_path / "models",))


@pytest.fixture
def with_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in LANDMARKER.files:
        (tmp_path / file.name).write_bytes(b"")
    monkeypatch.setattr(resources, "face_model_folders", lambda: (tmp_path,))


def shown_words(dialog: QWidget) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())


def opened(qtbot: QtBot, jobs: Jobs, server: FakeServer) -> tuple[WelcomeDialog, list[int]]:
    dialog = WelcomeDialog(jobs, None, server.fetch)
    qtbot.addWidget(dialog)
    ends: list[int] = []
    dialog.finished.connect(ends.append)
    with qtbot.waitActive(dialog):
        dialog.show()
    return dialog, ends


@pytest.mark.usefixtures("with_models")
def test_enter_goes_straight_to_the_picture(qtbot: QtBot, jobs: Jobs) -> None:
    server = FakeServer()
    dialog, ends = opened(qtbot, jobs, server)
    words = shown_words(dialog)
    for notice in NOTICES:
        assert notice.heading in words
        assert notice.text in words
    assert not dialog.faces.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert ends == [WelcomeDialog.DialogCode.Accepted.value]
    assert server.calls == 0


@pytest.mark.usefixtures("with_models")
def test_escape_quits(qtbot: QtBot, jobs: Jobs) -> None:
    dialog, ends = opened(qtbot, jobs, FakeServer())
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert ends == [WelcomeDialog.DialogCode.Rejected.value]


@pytest.mark.usefixtures("no_models")
def test_missing_models_are_offered_with_size_place_and_licence(qtbot: QtBot, jobs: Jobs) -> None:
    server = FakeServer()
    dialog, ends = opened(qtbot, jobs, server)
    words = shown_words(dialog)
    for word in ("3.8 MB", TASK_HOST or "", "Apache-2.0", "Google"):
        assert word in words
    assert "no live picture" in words
    qtbot.keyClick(dialog, Qt.Key.Key_Return)  # goes on without them, and fetches nothing
    assert ends == [WelcomeDialog.DialogCode.Accepted.value]
    assert server.calls == 0


@pytest.mark.usefixtures("no_models")
def test_fetching_is_shown_and_told(qtbot: QtBot, jobs: Jobs) -> None:
    server = FakeServer()
    dialog, _ = opened(qtbot, jobs, server)
    qtbot.mouseClick(dialog.faces.fetch_button, Qt.MouseButton.LeftButton)
    server.go.release(4)
    qtbot.waitUntil(lambda: dialog.faces.bar.value() == 400)
    assert dialog.faces.bar.isVisible()
    assert not dialog.show_button.isEnabled()
    with qtbot.waitSignal(dialog.models_changed):
        server.go.release(6)
    assert LANDMARKER.title in shown_words(dialog)
    assert "no live picture" not in shown_words(dialog)
    assert dialog.show_button.isEnabled()


@pytest.mark.usefixtures("no_models")
def test_fetching_is_cancelled_and_goes_on(qtbot: QtBot, jobs: Jobs) -> None:
    server = FakeServer()
    dialog, _ = opened(qtbot, jobs, server)
    dialog.faces.fetch_button.click()
    server.go.release(1)
    qtbot.waitUntil(lambda: dialog.faces.bar.value() == 100)
    dialog.faces.cancel_button.click()
    server.go.release(1)
    qtbot.waitUntil(lambda: not dialog.faces.busy)
    assert dialog.faces.fetch_button.text() == "Go on fetching"
    assert "What has come is kept" in shown_words(dialog)
    assert dialog.show_button.isEnabled()
    dialog.faces.fetch_button.click()
    server.go.release(10)
    qtbot.waitUntil(lambda: server.calls == 2 and not dialog.faces.busy)
    assert "Installed" in shown_words(dialog)


@pytest.mark.usefixtures("no_models")
def test_what_went_wrong_is_said(qtbot: QtBot, jobs: Jobs) -> None:
    server = FakeServer()
    server.error = ModelError("The host cannot be reached (no route).")
    server.go.release(10)
    dialog, _ = opened(qtbot, jobs, server)
    dialog.faces.fetch_button.click()
    qtbot.waitUntil(lambda: "no route" in shown_words(dialog))
    assert dialog.faces.fetch_button.isVisible()


@pytest.mark.usefixtures("no_models")
def test_a_file_that_is_none_is_refused(qtbot: QtBot, jobs: Jobs, tmp_path: Path) -> None:
    archive = tmp_path / "face_landmarker.task"
    archive.write_bytes(b"no archive")
    dialog, _ = opened(qtbot, jobs, FakeServer())
    dialog.faces.take_from(archive)
    qtbot.waitUntil(lambda: "does not hold" in shown_words(dialog))


@pytest.mark.usefixtures("no_models")
def test_models_are_taken_from_a_file(
    qtbot: QtBot, jobs: Jobs, tmp_path: Path, shared: Callable[[str], Path]
) -> None:
    dialog, _ = opened(qtbot, jobs, FakeServer())
    dialog.faces.take_from(shared("models/face_landmarker.task"))
    qtbot.waitUntil(lambda: "Installed" in shown_words(dialog), timeout=20_000)
    assert all((tmp_path / "models" / file.name).is_file() for file in LANDMARKER.files)


@pytest.mark.usefixtures("no_models")
def test_closing_ends_the_download(qtbot: QtBot, jobs: Jobs) -> None:
    server = FakeServer()
    dialog, _ = opened(qtbot, jobs, server)
    dialog.faces.fetch_button.click()
    server.go.release(1)
    qtbot.waitUntil(lambda: dialog.faces.bar.value() == 100)
    dialog.close()
    server.go.release(1)
    assert jobs.close()


@pytest.mark.usefixtures("no_models")
def test_every_control_is_named_and_it_fits_a_small_screen(qtbot: QtBot, jobs: Jobs) -> None:
    dialog, _ = opened(qtbot, jobs, FakeServer())
    faces = dialog.faces
    for button in (faces.fetch_button, faces.file_button, dialog.show_button, dialog.quit_button):
        assert button.text()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert dialog.minimumSizeHint().width() <= 780
    assert dialog.minimumSizeHint().height() <= 580
