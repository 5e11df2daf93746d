"""Mirror, stage, plots, figures of a run, cameras that give pictures of nothing."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from au_fakes import a_face as placed_face
from au_fakes import a_frame_result, a_result
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from ui_fakes import FakeSource, Sources, open_window, press

from ferdesk.core.types import Box, Frame
from ferdesk.live.check import PATIENCE_S, PictureCheck
from ferdesk.mirror import mirrored
from ferdesk.overlay import OverlayOptions
from ferdesk.ui.history import SPAN_S, History
from ferdesk.ui.painter import Painter
from ferdesk.ui.stats import RunStats, memory_mb, process_start_ns

pytestmark = pytest.mark.usefixtures("qapp")


def test_a_mirrored_result_fits_its_mirrored_picture() -> None:
    face = placed_face(box=Box(10, 20, 100, 120), yaw=20)
    result = a_frame_result([a_result(None, face=face)])
    image = result.frame.image.copy()
    image[:, 10:20] = 255
    frame = Frame(image, 0, 0, 0.0, "clip")
    there = mirrored(type(result)(frame, result.faces, {}, 0))
    width = image.shape[1]
    assert there.faces[0].face.box == Box(width - 1 - 10 - 100, 20, 100, 120)
    assert there.faces[0].face.pose.yaw == -20
    assert np.array_equal(there.frame.image, image[:, ::-1])
    x, y = there.faces[0].face.landmarks[33, :2]
    assert (x, y) == (width - 1 - face.landmarks[33, 0], face.landmarks[33, 1])
    back = mirrored(there)
    assert back.faces[0].face.box == face.box
    assert np.array_equal(back.faces[0].face.landmarks, face.landmarks)


def test_the_painter_mirrors_the_picture_and_not_the_words() -> None:
    result = a_frame_result([])
    result.frame.image.flags.writeable = True
    cv2.circle(result.frame.image, (20, 90), 10, (255, 255, 255), -1)
    painter = Painter()
    plain = painter.paint(result)
    assert painter.configure(OverlayOptions(), mirrors=True)
    assert not painter.configure(OverlayOptions(), mirrors=True)
    assert np.array_equal(painter.paint(result), plain[:, ::-1])


def test_the_history_keeps_a_minute_of_each_person() -> None:
    history = History()
    for step in range(8000):
        history.add(step / 100, [a_result(None, face=placed_face(1))])
    history.add(80.0, [a_result(None, face=placed_face(2))])
    times, odds, units = history.of(1)
    assert len(times) == len(odds) == len(units)
    assert times[-1] == pytest.approx(79.99)
    assert 30 < times[-1] - times[0] <= SPAN_S
    assert (np.diff(times) > 0).all()
    assert history.people() == (1, 2)
    assert len(history.of(9)[0]) == 0
    history.add(1.0, [a_result(None, face=placed_face(1))])  # the clip began again
    assert history.of(1)[0].tolist() == [1.0]


def frames(*images: np.ndarray) -> list[str]:
    check = PictureCheck()
    step = round(PATIENCE_S * 1e9 / 10)
    return [
        check.look(Frame(image, index, index * step, None, "camera"))
        for index, image in enumerate(images)
    ]


def test_black_and_frozen_cameras_are_noticed_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    noisy = [rng.integers(60, 70, (48, 64, 3)).astype(np.uint8) for _ in range(30)]
    dark = [rng.integers(0, 5, (48, 64, 3)).astype(np.uint8) for _ in range(30)]
    assert set(frames(*noisy)) == {""}
    found = frames(*dark, *noisy)
    assert found[5] == ""
    assert found[15] == "black"
    assert found[35] == ""
    still = frames(*[noisy[0]] * 30)
    assert still[5] == ""
    assert still[15] == "frozen"


def test_keys_show_plots_mirror_and_stage(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        window.start(None)
        qtbot.waitUntil(lambda: window.live.view.live is not None)
        press(qtbot, window, Qt.Key.Key_P)
        qtbot.waitUntil(lambda: window.live.plots is not None and window.live.plots.isVisible())
        assert window.live.plots is not None
        qtbot.waitUntil(lambda: window.live.plots._curves[1].yData is not None, timeout=10_000)
        assert window.live.plots.who.count() == 2
        press(qtbot, window, Qt.Key.Key_X)
        assert window.live.top.buttons["mirror"].isChecked()
        press(qtbot, window, Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
        qtbot.waitUntil(window.live.stage.isVisible)
        assert not window.live.top.isVisible()
        assert not window.rail.isVisible()
        assert not window.live.plots.isVisible()
        qtbot.waitUntil(lambda: "happiness" in window.live.stage.accessibleName())
        press(qtbot, window, Qt.Key.Key_Escape)
        qtbot.waitUntil(window.live.top.isVisible)
        assert window.rail.isVisible()
        assert window.live.plots.isVisible()
        assert not window.isFullScreen()


def test_the_figures_of_a_run(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(tmp_path, Sources(camera_0=FakeSource)) as window:
        stats = RunStats(window)
        stats.window_shown()
        window.live.view.watch_shown(stats.shown)
        window.start(None)
        qtbot.waitUntil(lambda: stats.to_dict()["shown"] > 20)
        stats.write(tmp_path / "stats.json")
    told = json.loads((tmp_path / "stats.json").read_text())
    assert 0 < told["window_s"] < told["first_label_s"]
    assert 5 < told["fps"] < 90
    assert 0 < told["latency_p50_ms"] <= told["latency_p95_ms"] < 2000
    assert memory_mb() is None or 20 < told["rss_mb"] < 5000
    assert process_start_ns() > 0
