"""Names of persons: given, shown everywhere, carried over, recorded, forgotten."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot
from ui_fakes import FakePipeline, FakeSource, Sources, a_face, a_live, open_window

from ferdesk.core.types import Box, FaceResult
from ferdesk.sessions.session import Session
from ferdesk.ui.face_names import LONGEST, FaceNames
from ferdesk.ui.live import LiveResult
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.panels import FacesPanel

pytestmark = pytest.mark.usefixtures("qapp")

WAIT_MS = 20_000


def at(track_id: int, x: float, y: float = 10) -> FaceResult:
    face = a_face(track_id)
    return replace(face, face=replace(face.face, box=Box(x, y, 40, 40)))


def given(names: FaceNames) -> dict[int, str]:
    return dict(names.given)


def test_names_are_one_line_of_sensible_length() -> None:
    names = FaceNames()
    assert names.of(3) == "Face 3"
    assert names.give(3, "  Anna\nLena\t ") == "Anna Lena"
    assert names.of(3) == "Anna Lena"
    assert len(names.give(4, "x" * 500)) == LONGEST
    assert names.give(4, " \u200b\x07 ") == ""
    assert given(names) == {3: "Anna Lena"}
    kept = names.given
    names.clear()
    assert kept == {3: "Anna Lena"}, "whoever has it may draw in peace"
    assert given(names) == {}


def test_names_stay_with_persons_who_are_numbered_anew() -> None:
    names = FaceNames()
    for number, name in ((1, "Anna"), (2, "Bert"), (3, "Cleo"), (9, "Gone")):
        names.give(number, name)
    before = [at(1, 0), at(2, 100), at(3, 200), at(4, 300)]
    # Bert came nearer meanwhile and is the largest now; Cleo left; somebody else came.
    names.carry_over(before, [at(1, 104), at(2, 3), at(3, 300), at(4, 500)])
    assert given(names) == {1: "Bert", 2: "Anna"}
    names.carry_over([at(1, 104)], [])
    assert given(names) == {}


def test_two_names_never_go_to_one_person() -> None:
    names = FaceNames()
    names.give(1, "Anna")
    names.give(2, "Bert")
    names.carry_over([at(1, 0), at(2, 10)], [at(1, 4)])
    assert given(names) == {1: "Anna"}


def test_a_double_click_and_a_key_ask_for_the_card_s_person(qtbot: QtBot) -> None:
    names = FaceNames()
    panel = FacesPanel(names.of)
    qtbot.addWidget(panel)
    panel.show_faces([a_face(7), a_face(8, size=20)], 0.0)
    panel.resize(340, 600)
    panel.show()
    asked: list[int] = []
    panel.name_wanted.connect(asked.append)
    first, second = panel.cards[:2]
    qtbot.mouseDClick(first.label, Qt.MouseButton.LeftButton, pos=QPoint(4, 4))
    assert asked == [7]
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow, timeout=WAIT_MS)
    second.setFocus()
    qtbot.keyClick(second, Qt.Key.Key_F2)
    assert asked == [7, 8]
    rename, away = first.actions()
    assert rename.text() == "Name this person…"
    assert not away.isEnabled()
    names.give(7, "Anna")
    panel.show_faces([a_face(7)], 0.1)
    assert first.id_label.text() == "Anna"
    assert first.accessibleName() == "Anna: happiness"
    assert "Face 7" in first.id_label.toolTip()
    taken: list[int] = []
    panel.name_unwanted.connect(taken.append)
    away.trigger()
    assert taken == [7]


def shows(window: MainWindow, faces: Sequence[FaceResult], numbering: int) -> LiveResult:
    """Let the window take a result as if the worker had given it."""
    live = replace(a_live(faces), session=window.live._worker._session, numbering=numbering)
    window.live._worker._results.put(live)
    window.live._show_result()
    return live


def answer(window: MainWindow, name: str) -> None:
    (dialog,) = window.live.findChildren(QInputDialog)
    assert dialog.isVisible()
    dialog.setTextValue(name)
    dialog.accept()
    dialog.deleteLater()


def test_a_name_is_shown_everywhere_until_another_source(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        live = window.live
        shown = shows(window, [at(1, 10), at(2, 80)], 1)
        live.panel.cards[1].name_wanted.emit(2)
        answer(window, "Bert")
        assert live.panel.cards[1].id_label.text() == "Bert"
        assert "Bert: happiness" in live.stage.accessibleName()
        qtbot.waitUntil(lambda: live.view.live is not shown, timeout=WAIT_MS)  # drawn anew
        live.toggle_plots()
        assert live.plots is not None
        live.plots._refresh()
        assert [live.plots.who.itemText(row) for row in range(3)] == [
            "Largest face",
            "Face 1",
            "Bert",
        ]
        shows(window, [at(1, 82), at(2, 300)], 2)
        assert dict(live.naming.names.given) == {1: "Bert"}
        live.panel.cards[0].name_unwanted.emit(1)
        assert dict(live.naming.names.given) == {}
        live.panel.cards[0].name_wanted.emit(1)
        answer(window, "Anna")
        live.open("camera:0")
        assert dict(live.naming.names.given) == {}


def test_a_dialog_that_outlives_the_numbering_names_nobody(tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        shows(window, [at(1, 10)], 1)
        window.live.naming.ask(1)
        shows(window, [at(1, 200)], 2)  # number 1 is somebody else now
        answer(window, "Anna")
        assert dict(window.live.naming.names.given) == {}


class Restless(FakePipeline):
    """Numbers people anew after each reset, the other way round."""

    def process(self, frame, maps=False):
        result = super().process(frame, maps)
        left, right = (1, 2) if self.resets < 2 else (2, 1)
        return replace(result, faces=(at(left, 10), at(right, 90)))


def test_names_are_noted_in_the_recording(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource), pipeline=Restless()) as window:
        live = window.live
        window.start(None)
        qtbot.waitUntil(lambda: live.view.live is not None, timeout=WAIT_MS)
        live.naming._give(1, "Anna", live.naming._numbering)
        live.recording.toggle()  # people are numbered anew: Anna, at the left, is number 2 now
        qtbot.waitUntil(lambda: dict(live.naming.names.given) == {2: "Anna"}, timeout=WAIT_MS)
        live.naming._give(1, "Bert", live.naming._numbering)
        live.naming._give(1, "Bert", live.naming._numbering)  # as he was called before
        qtbot.waitUntil(lambda: live._worker.tap.recorder.state.frames > 5, timeout=WAIT_MS)
        live.recording.stop()
        qtbot.waitUntil(lambda: live.banners.message("recording") is not None, timeout=WAIT_MS)
        (folder,) = (tmp_path / "sessions").iterdir()
        with Session(folder) as session:
            notes = [(one.kind, one.text, one.face_id) for one in session.annotations()]
        assert notes == [("event", "named Anna", 2), ("event", "named Bert", 1)]


def test_the_name_is_written_into_the_picture(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources()) as window:
        live = window.live
        before = shows(window, [at(1, 60, 40)], 1)
        painter = live._painter
        plain = painter.paint(before.result)
        live.naming._give(1, "Anna", 1)
        assert (painter.paint(before.result) != plain).any()
        live.naming.take_away(1)
        np.testing.assert_array_equal(painter.paint(before.result), plain)
