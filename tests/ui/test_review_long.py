"""Half an hour in the review, and a recording by the real nets."""

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot
from review_fakes import FINISHED, SLOW_MS, numbers_only, open_and_wait, press, shown, workspace

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.outputs.table import unit_columns
from ferdesk.record import record
from ferdesk.sessions import schema
from ferdesk.sessions.library import Listed
from ferdesk.sessions.session import Session
from ferdesk.settings import Settings
from ferdesk.ui.review import session_list

pytestmark = pytest.mark.usefixtures("qapp")

ROWS = 54_000
UNITS = (1, 2, 4, 6, 12, 25)
BLOCKED_S = 0.1
"""Far more than the window needs (docs/review.md), for slow machines."""


@pytest.fixture(scope="module")
def half_an_hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = numbers_only(tmp_path_factory.mktemp("long") / "long.ferdesk", [], units=UNITS)
    times = np.arange(ROWS) / 30
    waves = np.abs(np.sin(times[:, None] * np.linspace(0.02, 0.3, 8))) + 0.05
    shares = waves / waves.sum(axis=1, keepdims=True)
    activations = np.abs(np.sin(times[:, None] * np.linspace(0.1, 1.0, len(UNITS))))
    text = ["frame", "place", "face_id", "label", "net_label", "contested", "au_estimator"]
    names = [
        *text,
        "au_time_s",
        *(f"{start}{name}" for start in ("p_", "raw_") for name in EXPRESSIONS),
        *(column for number in UNITS for column in unit_columns(number)[:2]),
    ]
    fixed = (0, 1, "", "")
    faces = (
        (
            index,
            *fixed,
            "fear|surprise" if index % 900 < 30 else "",
            "fake",
            index / 30,
            *share,
            *share,
            *both,
        )
        for index, (share, both) in enumerate(
            zip(shares.tolist(), np.repeat(activations, 2, axis=1).tolist(), strict=True)
        )
    )
    frames = ((i, i, t, None, i, i, None, 1, 0) for i, t in enumerate(times.tolist()))
    with closing(sqlite3.connect(folder / schema.DATABASE)) as db, db:
        db.executemany(schema.insert("frames"), frames)
        db.executemany(schema.insert("faces", names), faces)
    return folder


class Heart:
    """How long, at most, the event loop did not come round, in seconds.

    Attributes:
        blocked_s: by the clock; a busy machine adds to it.
        busy_s: the window's own work in that time, on the processor.
    """

    def __init__(self) -> None:
        self.blocked_s = self.busy_s = 0.0
        self._last = perf_counter(), thread_time()

    def beat(self) -> None:
        (clock, work), self._last = self._last, (perf_counter(), thread_time())
        self.blocked_s = max(self.blocked_s, self._last[0] - clock)
        self.busy_s = max(self.busy_s, self._last[1] - work)


@contextmanager
def heartbeat() -> Iterator[Heart]:
    # A collector that goes through what thousands of tests have left takes longer than the window.
    gc.collect()
    gc.freeze()
    heart = Heart()
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(heart.beat)
    timer.start(1)
    yield heart
    timer.stop()
    gc.unfreeze()


def told(what: str, heart: Heart) -> float:
    print(f"{what}: {heart.busy_s * 1e3:.1f} ms busy, {heart.blocked_s * 1e3:.1f} ms by the clock")  # noqa: T201
    return heart.busy_s


def test_half_an_hour_opens_without_holding_up_the_window(
    qtbot: QtBot, half_an_hour: Path, tmp_path: Path
) -> None:
    with workspace(tmp_path) as review:
        qtbot.wait(500)
        plots = review.page.plots
        with heartbeat() as heart:
            open_and_wait(qtbot, review, half_an_hour)
        assert told("opening", heart) < BLOCKED_S
        with heartbeat() as heart:
            for index in (50_000, 20_000, ROWS - 1):
                review.page.go(index)
                assert shown(qtbot, review).index == index
            press(qtbot, review, Qt.Key.Key_Home)
            press(qtbot, review, Qt.Key.Key_E)
            qtbot.wait(100)
        assert told("going elsewhere", heart) < BLOCKED_S
        plots.values.setCurrentIndex(plots.values.findData("both"))
        plots.choose_units(*UNITS)
        with heartbeat() as heart:
            for key in (Qt.Key.Key_Plus, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_0):
                press(qtbot, review, key)
                qtbot.waitUntil(lambda: not plots.odds.drawing, timeout=SLOW_MS)
                qtbot.waitUntil(lambda: not plots.activations.drawing, timeout=SLOW_MS)
        assert told("zooming, 20 curves", heart) < BLOCKED_S
        with heartbeat() as heart:
            press(qtbot, review, Qt.Key.Key_Space)
            qtbot.wait(700)
            press(qtbot, review, Qt.Key.Key_Space)
        assert told("playing, 20 curves", heart) < BLOCKED_S
        curves = plots.curves
        assert curves is not None
        assert curves.odds.shape[1] >= ROWS
        assert len(curves.contested) == ROWS // 900
        drawn = plots.odds.drawn()
        assert [len(times) for times, _ in drawn] == [len(curves.times_s)] * 8
        assert len(plots.activations.drawn()) == 2 * len(UNITS)


def test_hundreds_of_recordings_are_listed_without_holding_up_the_window(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        Listed(tmp_path / f"{number}.ferdesk", FINISHED, 60.0, 1800, "clip", "none", "whole", 1.0)
        for number in range(500)
    ]
    monkeypatch.setattr(session_list, "sessions_in", lambda _: found)
    with workspace(tmp_path) as review:
        model = review.sessions.model
        qtbot.waitUntil(lambda: model.rowCount() == 500, timeout=SLOW_MS)
        qtbot.wait(500)
        with heartbeat() as heart:
            with qtbot.waitSignal(model.modelReset, timeout=SLOW_MS):
                review.sessions.refresh()
            qtbot.wait(100)
        assert told("listing 500 recordings", heart) < BLOCKED_S
        assert model.index(499, 0).data() == "499.ferdesk"


def test_the_demo_clip_is_recorded_and_looked_at(
    qtbot: QtBot, landmarker_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    folder = tmp_path / "demo.ferdesk"
    record("demo", folder, Settings(threads=1), seconds=2.5, consent="Anna: for the lab")
    with Session(folder) as session:
        stored = list(session.frames())
    with workspace(tmp_path) as review:
        open_and_wait(qtbot, review, folder)
        assert review.page.opened is not None
        assert len(review.page.opened.timeline) == len(stored)
        press(qtbot, review, Qt.Key.Key_End)
        picture = shown(qtbot, review)
        assert not picture.drawn
        assert picture.image.shape == (360, 640, 4)
        (face,) = picture.faces
        assert face.label == stored[-1].faces[0].label == "happiness"
        assert "Anna: for the lab" in review.page.about.text()
        assert "happiness" in review.page.about.text()
        press(qtbot, review, Qt.Key.Key_A)
        qtbot.waitUntil(lambda: len(review.page.notes.notes) == 1, timeout=SLOW_MS)
        assert review.page.plots.chosen_units()
    with Session(folder) as session:
        assert [note.kind for note in session.annotations()] == ["marker"]
