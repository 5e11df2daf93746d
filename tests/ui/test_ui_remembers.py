"""What the window remembers: its layout, the workspace, the camera, sessions from elsewhere."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QSplitter
from pytestqt.qtbot import QtBot
from review_fakes import a_clip, even
from ui_fakes import FakeSource, Sources, open_window

from ferdesk.preferences.state import MOST_SESSIONS, WindowState, load_state, state_path
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.review.session_list import SessionList
from ferdesk.ui.worker import Jobs

pytestmark = pytest.mark.usefixtures("qapp")

LONG = 20_000


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERDESK_CONFIG", str(tmp_path / "state" / "config.toml"))


def two_cameras() -> Sources:
    return Sources(camera_0=FakeSource, camera_1=FakeSource)


def splitter(window: MainWindow, name: str) -> QSplitter:
    found = window.findChild(QSplitter, name)
    assert isinstance(found, QSplitter)
    return found


def test_layout_workspace_and_camera_come_back(qtbot: QtBot, tmp_path: Path) -> None:
    cameras = ("camera:0", "camera:1")
    with open_window(tmp_path, two_cameras(), cameras=cameras) as window:
        window.resize(790, 700)  # the screen is small here
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None, timeout=LONG)
        window.live.open("camera:1")
        split = splitter(window, "live")
        split.moveSplitter(split.width() - 330, 1)
        divided = tuple(split.sizes())
        window.live.toggle_plots()
        window.go_review()
    left = load_state()
    assert left.workspace == "go_review"
    assert left.last_camera == "camera:1"
    assert left.splitters["live"] == divided
    assert left.switches["plots"]

    sources = two_cameras()
    with open_window(tmp_path, sources, cameras=cameras, state=left) as window:
        window.start(None)
        assert window.stack.currentWidget() is window.review
        assert window.size().toTuple() == (790, 700)
        assert tuple(splitter(window, "live").sizes()) == divided
        assert window.live.plots_shown
        qtbot.waitUntil(lambda: bool(sources.opened), timeout=LONG)
        assert sources.opened == [("camera:1", False)]


def test_a_source_that_is_named_is_shown_whatever_was_before(qtbot: QtBot, tmp_path: Path) -> None:
    before = WindowState(workspace="go_review", last_camera="camera:1")
    sources = two_cameras()
    with open_window(tmp_path, sources, state=before) as window:
        window.start("camera:0")
        assert window.stack.currentWidget() is window.live
        qtbot.waitUntil(lambda: bool(sources.opened), timeout=LONG)
        assert sources.opened[0][0] == "camera:0"


@pytest.mark.parametrize("workspace", ["quit", "theme", "no such"])
def test_what_is_no_workspace_is_not_obeyed(qtbot: QtBot, tmp_path: Path, workspace: str) -> None:
    state = WindowState(workspace=workspace, splitters={"live": (1, 2, 3)}, last_camera="camera:9")
    sources = two_cameras()
    with open_window(tmp_path, sources, state=state) as window:
        window.start(None)
        qtbot.waitUntil(lambda: bool(sources.opened), timeout=LONG)
        assert window.isVisible()
        assert window.stack.currentWidget() is window.live
        assert sources.opened[0][0] == "camera:0"


def test_files_are_looked_for_where_one_was_found(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(_: object, __: str, where: str, *___: object) -> tuple[str, str]:
        asked.append(where)
        return ("", "") if len(asked) == 2 else (str(tmp_path / "films" / "talk.mp4"), "")

    monkeypatch.setattr(QFileDialog, "getOpenFileName", ask)
    with open_window(tmp_path, Sources()) as window:
        window.start("demo")
        window.live.picker.ask_file()
        window.live.picker.ask_file()
    with open_window(tmp_path, Sources(), state=load_state()) as window:
        window.start("demo")
        window.live.picker.ask_file()
    assert asked == ["", str(tmp_path / "films"), str(tmp_path / "films")]


def test_an_address_is_not_remembered(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(), state=WindowState(last_camera="camera:1")) as window:
        window.start("rtsp://me:secret@cam.example/live")
    assert load_state().last_camera == "camera:1"
    assert "secret" not in state_path().read_text()


def test_sessions_from_elsewhere_are_listed_until_they_are_gone(
    qtbot: QtBot, tmp_path: Path
) -> None:
    here = a_clip(tmp_path / "sessions" / "here.ferdesk", even(4))
    stick = a_clip(tmp_path / "stick" / "talk.ferdesk", even(4))
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        for session in (here, stick):
            window.look_at(session)
            review = window.review
            assert review is not None
            qtbot.waitUntil(
                lambda review=review, session=session: review.title.text() == session.name,
                timeout=LONG,
            )
    left = load_state()
    assert left.sessions == (str(stick),)

    with open_window(tmp_path, Sources(camera_0=FakeSource), state=left) as window:
        window.go_review()
        assert window.review is not None
        listed = window.review.sessions
        qtbot.waitUntil(lambda: listed.model.rowCount() == 2, timeout=LONG)
        names = {listed.model.row_at(row).folder.name for row in range(2)}
        assert names == {"here.ferdesk", "talk.ferdesk"}
        assert "opened from elsewhere" in listed.words.text()
        shutil.rmtree(stick)
        listed.refresh_button.click()
        qtbot.waitUntil(lambda: listed.model.rowCount() == 1, timeout=LONG)
    assert load_state().sessions == ()


def test_the_list_is_bounded_and_has_each_once(qtbot: QtBot, tmp_path: Path) -> None:
    jobs = Jobs()
    listed = SessionList(jobs, tmp_path / "sessions")
    qtbot.addWidget(listed)
    folders = [tmp_path / "stick" / f"{number}.ferdesk" for number in range(MOST_SESSIONS + 5)]
    for folder in (*folders, folders[-2], tmp_path / "sessions" / "own.ferdesk"):
        listed.remember(folder)
    assert len(listed.others) == MOST_SESSIONS
    assert listed.others[:3] == (folders[-2], folders[-1], folders[-3])
    assert jobs.close()
