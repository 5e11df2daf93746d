"""Sessions that are cut off, damaged, of a newer ferdesk, or none at all: words and a way out."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from review_fakes import (
    SLOW_MS,
    a_clip,
    even,
    marker,
    numbers_only,
    open_and_wait,
    shown,
    workspace,
)
from session_fakes import some_meta, some_result

from ferdesk.sessions import schema
from ferdesk.sessions.session import Session
from ferdesk.sessions.writer import SessionWriter
from ferdesk.ui.review.workspace import ReviewWorkspace

pytestmark = pytest.mark.usefixtures("qapp")

FRAMES = 120


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    """What a killed recording leaves: the last half second is not there."""
    writer = SessionWriter(tmp_path / "running.ferdesk", some_meta())
    for index in range(FRAMES):
        writer.write(some_result(index))
    copy = tmp_path / "cut.ferdesk"
    shutil.copytree(writer.folder, copy)
    writer.close()
    return copy


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Its database's last pages are gone."""
    folder = numbers_only(tmp_path / "damaged.ferdesk", ["happiness"] * 200)
    path = folder / schema.DATABASE
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5 * 4096)
    return folder


def message(qtbot: QtBot, review: ReviewWorkspace, key: str = "session") -> str:
    qtbot.waitUntil(lambda: bool(review.banners.message(key)), timeout=SLOW_MS)
    return review.banners.message(key) or ""


def test_a_recording_that_was_cut_off_is_shown_and_repaired(
    qtbot: QtBot, cut_off: Path, tmp_path: Path
) -> None:
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, cut_off)
        assert "was cut off, or still goes on" in message(qtbot, review)
        review.page.go(60)
        assert marker(shown(qtbot, review).image) == 60
        review.banners.buttons("session")["Repair"].click()
        assert "it ends after" in message(qtbot, review, "repair")
        open_and_wait(qtbot, review, cut_off)
        assert review.banners.message("session") is None
        review.page.go(60)
        assert marker(shown(qtbot, review).image) == 60
    with Session(cut_off) as session:
        assert session.meta.finished is not None


def test_a_recording_that_goes_on_is_not_repaired(qtbot: QtBot, tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "running.ferdesk", some_meta())
    for index in range(FRAMES):
        writer.write(some_result(index))
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, writer.folder)
        assert "still goes on" in message(qtbot, review)
        review.banners.buttons("session")["Repair"].click()
        qtbot.waitUntil(
            lambda: "open in another program" in message(qtbot, review), timeout=SLOW_MS
        )
        assert review.page.opened is None
        assert review.sessions.isVisible()
    writer.close()
    with Session(writer.folder) as session:
        assert session.count("frames") == FRAMES


def test_a_damaged_session_is_repaired_and_opened(
    qtbot: QtBot, damaged: Path, tmp_path: Path
) -> None:
    with workspace(tmp_path) as review:
        review.open(damaged)
        assert "is damaged" in message(qtbot, review)
        review.banners.buttons("session")["Repair"].click()
        assert "rows were saved" in message(qtbot, review, "repair")
        open_and_wait(qtbot, review, damaged)
        assert "Lost in a repair" in message(qtbot, review)
        assert review.page.plots.curves is not None
    assert (damaged / f"{schema.DATABASE}.damaged").is_file()


def damage(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / schema.DATABASE)) as db, db:
        db.execute(statement)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("PRAGMA user_version = 99", "was written by a newer ferdesk. Install that"),
        ("PRAGMA application_id = 7", "is no database of a session"),
        ("UPDATE meta SET value = '{}'", "Field required"),
        ("UPDATE annotations SET kind = 'rumour'", "there is no kind"),
        ("UPDATE frames SET time_s = -time_s", "do not rise"),
    ],
)
def test_what_a_repair_cannot_mend_is_said(
    qtbot: QtBot, tmp_path: Path, statement: str, words: str
) -> None:
    folder = a_clip(tmp_path / "a.ferdesk", even(5))
    damage(folder, "INSERT INTO annotations VALUES (1, 0, NULL, NULL, 'note', 'x', '')")
    damage(folder, statement)
    with workspace(tmp_path) as review:
        review.open(folder)
        assert words in message(qtbot, review)
        assert not review.banners.buttons("session")
        assert review.sessions.isVisible()


def test_numbers_edited_by_hand_leave_the_picture(qtbot: QtBot, tmp_path: Path) -> None:
    folder = a_clip(tmp_path / "a.ferdesk", even(5))
    damage(folder, "UPDATE faces SET p_fear = 3 WHERE frame = 4")
    with workspace(tmp_path) as review:
        review.open(folder)
        assert "not within 0 and 1" in message(qtbot, review)
        qtbot.waitUntil(lambda: review.page.view.picture is not None, timeout=SLOW_MS)
        assert marker(shown(qtbot, review).image) == 0


def test_a_frame_that_cannot_be_read_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    folder = a_clip(tmp_path / "a.ferdesk", even(5))
    damage(folder, "UPDATE faces SET landmarks = 'none' WHERE frame = 3")
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, folder)
        review.page.go(3)
        assert "landmarks of another size" in message(qtbot, review)
        assert review.page.view.picture is None
        review.page.go(2)
        assert marker(shown(qtbot, review).image) == 2


@pytest.mark.parametrize("name", ["nothing.ferdesk", "file.ferdesk"])
def test_what_is_no_session_is_said(qtbot: QtBot, tmp_path: Path, name: str) -> None:
    (tmp_path / "file.ferdesk").write_text("no folder")
    with workspace(tmp_path) as review:
        review.open(tmp_path / name)
        assert "is no session: it has no session.db" in message(qtbot, review)


def test_a_video_that_is_gone_or_broken_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    folder = a_clip(tmp_path / "a.ferdesk", even(30))
    video = folder / schema.VIDEO
    video.write_bytes(video.read_bytes()[:2000])
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, folder)
        assert "drawn on a plain background" in message(qtbot, review, "video")
        assert shown(qtbot, review).drawn
        video.unlink()
        review.close_session()
        open_and_wait(qtbot, review, folder)
        assert "video is gone" in message(qtbot, review)
        assert shown(qtbot, review).drawn
