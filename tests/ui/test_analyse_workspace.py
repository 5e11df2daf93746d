"""The workspace that analyses many files: the real widget, with real processes."""

import csv
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QCheckBox, QFileDialog, QWidget
from pytestqt.qtbot import QtBot
from queue_child import COMMAND, clip

from ferdesk.core.types import Frame
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.queue import ledger
from ferdesk.sessions.verify import verify
from ferdesk.settings import Settings
from ferdesk.ui import theme
from ferdesk.ui.analyse import options as options_module
from ferdesk.ui.analyse.row_actions import RowAction
from ferdesk.ui.analyse.workspace import AnalyseWorkspace
from ferdesk.ui.worker import Jobs

pytestmark = pytest.mark.usefixtures("qapp")

PATIENCE_MS = 60_000


@pytest.fixture(autouse=True)
def any_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the nets are is another test's matter: no face models are needed."""
    monkeypatch.setattr(ledger, "setup_of", lambda *what: repr(what))


@contextmanager
def a_workspace(
    folder: Path, command: Sequence[str] | None = COMMAND
) -> Iterator[tuple[AnalyseWorkspace, list[str]]]:
    jobs, said = Jobs(), list[str]()
    workspace = AnalyseWorkspace(jobs, said.append, Settings, folder / "out", command)
    workspace.set_colours(theme.DARK)
    workspace.resize(728, 560)
    workspace.show()
    try:
        yield workspace, said
    finally:
        pids = workspace.queue.pids()
        assert workspace.close()
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        assert jobs.close()
        workspace.deleteLater()


def patiently(qtbot: QtBot, done: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(done()), timeout=PATIENCE_MS)


def states(workspace: AnalyseWorkspace) -> list[str]:
    return [item.state for item in workspace.model.items]


def shown(workspace: AnalyseWorkspace, row: int) -> list[str]:
    model = workspace.model
    return [model.index(row, column).data() for column in range(model.columnCount())]


def add(qtbot: QtBot, workspace: AnalyseWorkspace, *paths: Path) -> None:
    before = len(workspace.model.items)
    workspace.add([str(path) for path in paths])
    patiently(qtbot, lambda: len(workspace.model.items) > before)


def enabled(workspace: AnalyseWorkspace) -> set[RowAction]:
    buttons = workspace.actions_row.buttons
    return {name for name, button in buttons.items() if button.isEnabled()}


def test_dropped_files_are_analysed_and_reviewed(qtbot: QtBot, tmp_path: Path) -> None:
    folder = clip(tmp_path / "in" / "take 10.mp4").parent
    clip(folder / "take 9.mp4", 7)
    with a_workspace(tmp_path) as (workspace, said):
        assert not workspace.start_button.isEnabled()
        dropped = QMimeData()
        dropped.setUrls([QUrl.fromLocalFile(str(folder)), QUrl("http://host/x.mp4")])
        workspace.dropEvent(
            QDropEvent(
                QPointF(5, 5),
                Qt.DropAction.CopyAction,
                dropped,
                Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
            )
        )
        patiently(qtbot, lambda: len(workspace.model.items) == 2)
        assert said == ["2 files added"]
        assert shown(workspace, 0) == ["take 9.mp4", "waiting", "0%", "–", "–", "–", ""]
        workspace.start_button.click()
        assert workspace.busy
        assert not workspace.options.video.isEnabled()
        patiently(qtbot, lambda: states(workspace) == ["done", "done"])
        patiently(qtbot, lambda: not workspace.busy and workspace.options.video.isEnabled())
        assert said[-1] == "2 done"
        assert shown(workspace, 0)[5:] == [
            "1, in 100%",
            "take 9.csv, take 9_annotated.mp4, take 9.ferdesk",
        ]
        assert workspace.total_text.text() == "100%, 2 of 2 ended"
        wanted: list[Path] = []
        workspace.review_wanted.connect(wanted.append)
        workspace.table.setFocus()
        qtbot.keyClick(workspace.table, Qt.Key.Key_Down)
        qtbot.keyClick(workspace.table, Qt.Key.Key_Up)
        assert "7 frames, 7 with a face, at most 1 in one" in workspace.details.text()
        assert "Milliseconds a frame: decode " in workspace.details.text()
        qtbot.keyClick(workspace.table, Qt.Key.Key_Return)
        workspace.table.doubleClicked.emit(workspace.model.index(0, 0))
        assert wanted == [tmp_path / "out" / "take 9.ferdesk"] * 2
        assert verify(wanted[0]).whole
        qtbot.keyClick(workspace.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert str(tmp_path / "out" / "take 9.csv") in QGuiApplication.clipboard().text()
        add_again = len(said)
        workspace.add([str(folder)])
        patiently(qtbot, lambda: len(said) > add_again)
        assert said[-1] == "0 files added; 2 were there already"


def test_a_broken_a_killed_and_a_cancelled_file(qtbot: QtBot, tmp_path: Path) -> None:
    broken = tmp_path / "in" / "broken.mp4"
    broken.parent.mkdir()
    broken.write_bytes(b"no video")
    killed, slow = (
        clip(broken.with_name("slow1.mp4"), 250),
        clip(broken.with_name("slow2.mp4"), 250),
    )
    with a_workspace(tmp_path) as (workspace, _):
        workspace.options.at_once.addItem("3", 3)
        workspace.options.at_once.setCurrentIndex(workspace.options.at_once.findData(3))
        add(qtbot, workspace, broken, killed, slow)
        workspace.start()
        items = lambda: workspace.model.items  # noqa: E731
        patiently(
            qtbot, lambda: items()[0].state == "failed" and items()[1].frames and items()[2].frames
        )
        assert "is not a video" in shown(workspace, 0)[6]
        tip = workspace.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert items()[0].error in tip
        for pid in workspace.queue.pids():
            if b"slow1.mp4" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
        patiently(qtbot, lambda: items()[1].state == "failed")
        assert items()[2].state == "running"  # nobody else is touched
        workspace.table.choose({items()[2].id})
        assert enabled(workspace) == {"cancel", "up", "down", "copy"}
        workspace.table.setFocus()
        qtbot.keyClick(workspace.table, Qt.Key.Key_Backspace)
        patiently(qtbot, lambda: items()[2].state == "cancelled")
        with (tmp_path / "out" / "slow2.csv").open(newline="") as file:
            rows = len(list(csv.DictReader(file)))
        summary = items()[2].summary
        assert summary is not None
        assert rows == summary.frames < 250
        clip(broken)
        workspace.table.selectAll()
        assert enabled(workspace) == {"review", "retry", "remove", "up", "down", "copy"}
        workspace.table.choose({items()[0].id})
        qtbot.keyClick(workspace.table, Qt.Key.Key_F5)
        patiently(qtbot, lambda: items()[0].state == "done")


def test_closing_in_the_midst_leaves_nobody_behind(qtbot: QtBot, tmp_path: Path) -> None:
    with a_workspace(tmp_path) as (workspace, _):
        add(qtbot, workspace, clip(tmp_path / "slow.mp4", 500), clip(tmp_path / "slow2.mp4", 500))
        workspace.start()
        patiently(qtbot, lambda: workspace.model.items[0].frames)
        (pid,) = workspace.queue.pids()[:1]
        assert workspace.close()
        assert not Path(f"/proc/{pid}").exists()
        assert not workspace.busy


def test_the_list_is_put_in_order_by_keys(qtbot: QtBot, tmp_path: Path) -> None:
    with a_workspace(tmp_path) as (workspace, _):
        add(qtbot, workspace, *(clip(tmp_path / f"{name}.mp4", 1) for name in "abc"))
        names = lambda: "".join(item.name[0] for item in workspace.model.items)  # noqa: E731
        workspace.table.setFocus()
        workspace.table.choose({2, 3})
        alt = Qt.KeyboardModifier.AltModifier
        qtbot.keyClick(workspace.table, Qt.Key.Key_Up, alt)
        assert names() == "bca"
        assert [item.id for item in workspace.table.chosen()] == [2, 3]
        qtbot.keyClick(workspace.table, Qt.Key.Key_Down, alt)
        assert names() == "abc"
        qtbot.keyClick(workspace.table, Qt.Key.Key_Delete)
        assert names() == "a"
        assert not workspace.details.isVisible()


def test_what_cannot_be_added_or_written_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").write_text("in the way")
    with a_workspace(tmp_path) as (workspace, said):
        add(qtbot, workspace, tmp_path / "empty", clip(tmp_path / "a.mp4"))
        assert "has no videos or pictures" in (workspace.banners.message("add") or "")
        assert said == ["1 file added"]
        workspace.start()
        patiently(qtbot, lambda: workspace.banners.message("queue"))
        assert "cannot be written" in (workspace.banners.message("queue") or "")
        assert states(workspace) == ["waiting"]
        assert workspace.start_button.isEnabled()


def test_the_folder_and_what_is_written_are_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url.toLocalFile())
        return True

    monkeypatch.setattr(options_module.QDesktopServices, "openUrl", open_url)
    chosen = str(tmp_path / "elsewhere")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: chosen)
    with a_workspace(tmp_path) as (workspace, said):
        options = workspace.options
        options.open.click()
        assert said == ["There are no results yet."]
        options.choose.click()
        assert options.place.text() == chosen
        Path(chosen).mkdir()
        options.open.click()
        assert opened == [chosen]
        options.video.setChecked(False)
        options.session.setCurrentIndex(0)
        options.resume.setChecked(False)
        order = options.order(Settings(max_faces=2))
        assert (order.out, order.video, order.session) == (Path(chosen), False, None)
        assert (order.resume, order.settings.max_faces) == (False, 2)
        workspace.start()
        assert said[-1] == "No file waits to be analysed."


def test_everything_has_a_name_a_key_and_room(qtbot: QtBot, tmp_path: Path) -> None:
    with a_workspace(tmp_path) as (workspace, _):
        assert workspace.minimumSizeHint().width() <= 720
        for widget in workspace.findChildren(QWidget):
            if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                assert widget.accessibleName() or isinstance(widget, QCheckBox), widget
        workspace.options.video.setFocus()
        qtbot.keyClick(workspace.options.video, Qt.Key.Key_Space)
        assert not workspace.options.video.isChecked()
        workspace.set_colours(theme.LIGHT)
        assert not workspace.grab().isNull()


def test_the_real_nets_in_a_process_of_their_own(
    qtbot: QtBot,
    tmp_path: Path,
    landmarker_folder: Path,
    demo_frames: list[Frame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()  # the real set-up
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    file = Mp4File(tmp_path / "demo.mp4", fps=25)
    for index, frame in enumerate(demo_frames[:8]):
        file.write(frame.image, index / 25)
    file.close()
    with a_workspace(tmp_path, command=None) as (workspace, _):
        add(qtbot, workspace, tmp_path / "demo.mp4")
        workspace.start()
        patiently(qtbot, lambda: not workspace.busy)
        workspace.refresh()
        (item,) = workspace.model.items
        assert item.state == "done", item.error
        assert item.summary is not None
        assert item.summary.frames_with_face == 8
        assert item.session is not None
        assert verify(item.session).faces == 8
