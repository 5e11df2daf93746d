"""The review's real widgets on recorded sessions: moving, looking, annotating, exporting."""

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QSlider,
    QTableView,
    QTableWidget,
)
from pytestqt.qtbot import QtBot
from review_fakes import (
    SLOW_MS,
    a_clip,
    a_talk,
    even,
    marker,
    numbers_only,
    open_and_wait,
    press,
    shown,
    workspace,
)

from ferdesk.sessions import schema
from ferdesk.sessions.session import Session
from ferdesk.ui.review.keys import KEYS
from ferdesk.ui.review.workspace import ReviewWorkspace
from ferdesk.ui.theme import DARK, LIGHT, apply

pytestmark = pytest.mark.usefixtures("qapp")

SHIFT = Qt.KeyboardModifier.ShiftModifier
Key = Qt.Key


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("review") / "clip.ferdesk", even(150))


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return a_talk(tmp_path)


def place(review: ReviewWorkspace) -> int:
    head = review.page.playhead
    assert head is not None
    return head.index


def test_each_frame_is_shown_exactly(qtbot: QtBot, clip: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, clip)
        assert marker(shown(qtbot, review).image) == 0
        moves = [
            (Key.Key_Right, Qt.KeyboardModifier.NoModifier, 1),
            (Key.Key_Right, SHIFT, 31),
            (Key.Key_Left, Qt.KeyboardModifier.NoModifier, 30),
            (Key.Key_End, Qt.KeyboardModifier.NoModifier, 149),
            (Key.Key_Left, SHIFT, 119),
            (Key.Key_Home, Qt.KeyboardModifier.NoModifier, 0),
            (Key.Key_Left, Qt.KeyboardModifier.NoModifier, 0),
        ]
        for key, modifier, index in moves:
            press(qtbot, review, key, modifier)
            assert place(review) == index
            assert marker(shown(qtbot, review).image) == index
        review.page.transport.slider.setValue(77)
        assert marker(shown(qtbot, review).image) == 77
        assert review.page.transport.place.text() == "00:02.567 / 00:04.967   frame 77"
        review.page.plots.odds.time_wanted.emit(88.4 / 30)
        assert marker(shown(qtbot, review).image) == 88
        assert review.page.plots.activations.cursor_s == pytest.approx(88 / 30)


def test_only_the_newest_of_many_wishes_is_decoded(
    qtbot: QtBot, clip: Path, tmp_path: Path
) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, clip)
        seen: list[int] = []
        grabber = review.page._grabber
        assert grabber is not None
        grabber.shown.connect(lambda picture: seen.append(picture.index))
        for index in range(150):
            review.page.go(index)
        assert marker(shown(qtbot, review).image) == 149
        assert len(seen) < 100


def test_playing_keeps_the_recorded_time_and_ends(qtbot: QtBot, clip: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, clip)
        for _ in range(2):
            press(qtbot, review, Key.Key_Period)
        assert review.page.transport.speed.currentText() == "4×"
        press(qtbot, review, Key.Key_Space)
        qtbot.waitUntil(lambda: place(review) > 20, timeout=SLOW_MS)
        press(qtbot, review, Key.Key_Space)
        held = place(review)
        assert held < 150
        qtbot.wait(100)
        assert place(review) == held
        assert marker(shown(qtbot, review).image) == held
        press(qtbot, review, Key.Key_Space)
        head = review.page.playhead
        assert head is not None
        qtbot.waitUntil(lambda: not head.playing, timeout=SLOW_MS)
        assert head.index == 149
        review.page.toggle_play()
        review.hide()
        assert not head.playing


def test_keys_go_to_what_happens(qtbot: QtBot, talk: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with workspace(tmp_path, said) as review:
        open_and_wait(qtbot, review, talk)
        for key, forth, last in (
            (Key.Key_E, [10, 20], "There is no change of expression after this."),
            (Key.Key_C, [4, 25], "There is no contested face after this."),
            (Key.Key_N, [5, 20], "There is no annotation after this."),
        ):
            review.page.go(0)
            visited = []
            for _ in forth:
                press(qtbot, review, key)
                visited.append(place(review))
            assert visited == forth
            press(qtbot, review, key)
            assert place(review) == forth[-1]
            assert said[-1] == last
            press(qtbot, review, key, SHIFT)
            assert place(review) == forth[0]


def test_persons_and_values_are_chosen(qtbot: QtBot, talk: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        plots = review.page.plots
        assert [plots.who.itemText(row) for row in (0, 1)] == ["Person 1", "Person 2"]
        assert len(plots.odds.drawn()) == 8
        plots.choose_units(12)

        def heights() -> list[float]:
            qtbot.waitUntil(lambda: not plots.activations.drawing, timeout=SLOW_MS)
            return sorted(float(values[0]) for _, values in plots.activations.drawn())

        assert heights() == [0.5]
        plots.values.setCurrentIndex(plots.values.findData("raw"))
        assert heights() == [0.75]
        plots.values.setCurrentIndex(plots.values.findData("both"))
        assert heights() == [0.5, 0.75]
        assert "AU12" in plots.units_now.text()
        plots.who.setCurrentIndex(1)
        qtbot.waitUntil(
            lambda: bool(plots.curves and plots.curves.person.face_id == 2), timeout=SLOW_MS
        )
        assert plots.chosen_units() == (12,)
        assert "person 2: 30 frames" in review.page.about.text()


def test_the_plots_zoom_and_follow(qtbot: QtBot, talk: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        odds, units = review.page.plots.odds, review.page.plots.activations
        whole = odds.shown_s()
        assert whole[0] <= 0
        assert whole[1] >= 2.9
        for _ in range(4):
            press(qtbot, review, Key.Key_Plus)
        low, high = odds.shown_s()
        assert high - low < 1
        press(qtbot, review, Key.Key_End)
        low, high = odds.shown_s()
        assert low <= 2.9 <= high
        qtbot.waitUntil(lambda: units.shown_s() == pytest.approx((low, high)), timeout=SLOW_MS)
        press(qtbot, review, Key.Key_0)
        assert odds.shown_s() == pytest.approx(whole)


def test_an_export_runs_beside_and_says_what_is_left_out(
    qtbot: QtBot, talk: Path, tmp_path: Path
) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        review.exporting.ask("vtt")
        dialog = review.findChild(QFileDialog, "export")
        assert dialog is not None
        assert Path(dialog.selectedFiles()[0]).name == "talk-vtt.vtt"
        target = tmp_path / "out.vtt"
        dialog.selectFile(str(target))
        dialog.accept()
        assert review.exporting.running
        assert not review.exporting.button.isEnabled()
        qtbot.waitUntil(lambda: bool(review.banners.message("export")), timeout=SLOW_MS)
        said = review.banners.message("export") or ""
        assert said.startswith(f"Exported to {target}. Left out")
        assert target.read_text(encoding="utf-8").startswith("WEBVTT")
        assert review.exporting.button.isEnabled()
        review.exporting.write(talk, "vtt", talk / schema.DATABASE)
        qtbot.waitUntil(lambda: not review.exporting.running, timeout=SLOW_MS)
        assert "Exported" not in (review.banners.message("export") or "")
    with Session(talk) as session:
        assert session.count("frames") == 30


def test_recordings_are_listed_and_opened(
    qtbot: QtBot, talk: Path, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.ferdesk").mkdir()
    (tmp_path / "broken.ferdesk" / schema.DATABASE).write_bytes(b"nothing")
    with workspace(tmp_path) as review:
        table, model = review.sessions.table, review.sessions.model
        qtbot.waitUntil(lambda: model.rowCount() == 2, timeout=SLOW_MS)
        names = [model.index(row, 0).data() for row in range(2)]
        assert names == ["talk.ferdesk", "broken.ferdesk"]
        assert model.index(0, 2).data() == "00:02"
        assert model.index(0, 4).data() == "whole"
        table.setFocus()
        qtbot.keyClick(table, Key.Key_Return)
        qtbot.waitUntil(lambda: review.page.opened is not None, timeout=SLOW_MS)
        assert review.title.text() == "talk.ferdesk"
        open_and_wait(qtbot, review, clip)
        review.close_session()
        assert review.page.opened is None
        assert table.isVisible()
        assert not review.exporting.button.isVisible()


def test_no_recordings_say_what_to_do(qtbot: QtBot, tmp_path: Path) -> None:
    with workspace(tmp_path / "none") as review:
        qtbot.waitUntil(lambda: "no recordings" in review.sessions.words.text(), timeout=SLOW_MS)


def test_a_session_is_dropped(qtbot: QtBot, talk: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(talk / schema.DATABASE))])
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, SHIFT
        review.dropEvent(QDropEvent(QPointF(5, 5), copy, mime, left, none))
        qtbot.waitUntil(lambda: review.page.opened is not None, timeout=SLOW_MS)
        assert review.page.opened is not None
        assert review.page.opened.folder == talk


def test_the_overlay_is_switched(qtbot: QtBot, clip: Path, tmp_path: Path) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, clip)
        drawn = shown(qtbot, review).image
        press(qtbot, review, Key.Key_V)
        assert not review.overlay_button.isChecked()
        qtbot.waitUntil(lambda: (shown(qtbot, review).image != drawn).any(), timeout=SLOW_MS)


def test_sessions_are_changed_while_they_load(
    qtbot: QtBot, talk: Path, clip: Path, tmp_path: Path
) -> None:
    with workspace(tmp_path) as review:
        for folder in (clip, talk, clip, talk):
            review.open(folder)
            QApplication.processEvents()
        open_and_wait(qtbot, review, clip)
        assert review.title.text() == "clip.ferdesk"
        assert review.page.plots.who.count() == 1
        review.open(talk)  # and closed while it is opened


def test_an_empty_session_is_shown_as_such(qtbot: QtBot, tmp_path: Path) -> None:
    folder = numbers_only(tmp_path / "empty.ferdesk", [])
    with workspace(tmp_path) as review:
        review.open(folder)
        qtbot.waitUntil(lambda: review.page.opened is not None, timeout=SLOW_MS)
        for key in (Key.Key_Space, Key.Key_Right, Key.Key_E, Key.Key_A, Key.Key_End):
            press(qtbot, review, key)
        qtbot.waitUntil(
            lambda: review.page.plots.remark.text() == "Nobody was seen.", timeout=SLOW_MS
        )


def test_every_control_has_a_name_and_every_key_an_action(
    qtbot: QtBot, talk: Path, tmp_path: Path
) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        assert set(review.actions_by_name) == {spec.name for spec in KEYS}
        used = [key for spec in KEYS for key in spec.keys]
        assert len(used) == len(set(used))
        kinds = (QAbstractButton, QComboBox, QLineEdit, QSlider, QTableView, QTableWidget)
        for kind in kinds:
            for widget in review.findChildren(kind):
                inside = isinstance(widget.parent(), QComboBox | QTableView)
                words = widget.accessibleName() or getattr(widget, "text", str)()
                assert words or inside or not widget.isVisible(), widget


def test_themes_and_small_windows(qtbot: QtBot, talk: Path, tmp_path: Path) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, talk)
        for colours in (LIGHT, DARK):
            apply(app, colours)
            review.set_colours(colours)
            review.resize(700, 500)
            qtbot.wait(50)
            assert (review.width(), review.height()) == (700, 500)
            corner = review.page.plots.odds.grab().toImage().pixelColor(1, 1)
            assert corner.name() == colours.surface
    app.setStyleSheet("")
