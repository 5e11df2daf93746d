"""Analysis of files from end to end, with a pipeline that finds what the test draws."""

import csv
import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from au_fakes import values
from rich.console import Console

from ferdesk.analyze import analyze
from ferdesk.core.errors import BundleError, ModelError, OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import Box, Crop, Face, FaceResult, Frame, FrameResult, Pose
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.pipeline import Located
from ferdesk.progress import TerminalProgress, show_summary
from ferdesk.resources import root
from ferdesk.settings import Settings
from ferdesk.sources.base import BaseSource, SourceInfo
from ferdesk.summary import Summary

SQUARE = (100, 60, 40, 50)


class SquareFinder:
    """A pipeline that calls the bright square in the picture a face."""

    faces_backend = "squares"
    engine = "numpy"
    bundle = "none"
    au_estimator = "squares' units"
    units = (12, 25)
    disambiguator = ""
    thresholds = (0.1, 0.2)
    neutral = "anna"

    def __init__(self) -> None:
        self.resets = 0
        self.closed = False

    def locate(self, frame: Frame) -> Located:
        return Located(frame, 0.0, (), (), {})

    def judge(self, located: Located) -> FrameResult:
        frame = located.frame
        started = time.perf_counter()
        faces: tuple[FaceResult, ...] = ()
        x, y, w, h = cv2.boundingRect((frame.image[:, :, 1] > 200).astype(np.uint8))
        if w and h:
            odds = np.full(8, 0.05, np.float32)
            odds[1] = 0.65
            face = Face(
                Box(x, y, w, h), np.zeros((478, 3), np.float32), Pose(0, 0, 0), 1.0, self.resets
            )
            crop = Crop(np.zeros((48, 48), np.uint8), np.eye(2, 3))
            aus = values(frame.clock_s, {25: 0.5}, {12: (0.25, 0.75)}, estimator=self.au_estimator)
            faces = (FaceResult(face, odds, odds, aus, crop=crop),)
        ms = (time.perf_counter() - started) * 1e3
        stage_ms = {**located.stage_ms, "faces": ms}
        return FrameResult(frame, faces, stage_ms, time.monotonic_ns())

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


class Log:
    """A progress display that remembers."""

    def __init__(self, on_frame: Callable[[int], None] = lambda _: None) -> None:
        self.events: list[str] = []
        self.frames = 0
        self._on_frame = on_frame

    def begin(self, name: str, frames: int | None) -> None:
        self.events.append(f"begin {name} {frames}")

    def advance(self) -> None:
        self.frames += 1
        self._on_frame(self.frames)

    def end(self, summary: Summary) -> None:
        self.events.append(f"end {summary.frames} {summary.error}")


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + 3  # rich's own thread takes a moment to end
    while set(threading.enumerate()) - before and time.monotonic() < until:
        time.sleep(0.01)
    assert set(threading.enumerate()) == before


def still(square: bool = True) -> np.ndarray:
    image = np.full((180, 320, 3), 40, np.uint8)
    if square:
        x, y, w, h = SQUARE
        image[y : y + h, x : x + w] = 230
    return image


def clip(path: Path, times: Sequence[float], faces_until: int = 1000) -> Path:
    path.parent.mkdir(exist_ok=True)
    file = Mp4File(path, fps=25)
    for index, time_s in enumerate(times):
        file.write(still(index < faces_until), time_s)
    file.close()
    return path


def go(
    inputs: Sequence[str | Path],
    out: Path,
    pipeline: SquareFinder | None = None,
    video: bool = True,
    progress: Log | TerminalProgress | None = None,
) -> tuple[Summary, ...]:
    pipeline = pipeline or SquareFinder()
    return analyze(
        [str(one) for one in inputs],
        out,
        Settings(),
        video=video,
        progress=progress,
        build=lambda _: pipeline,
    )


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_video_of_variable_rate(tmp_path):
    times = [0.0, 0.04, 0.4, 0.44, 2.0]
    source = clip(tmp_path / "in" / "face.mp4", times, faces_until=4)
    out = tmp_path / "out" / "deep"
    pipeline, log = SquareFinder(), Log()
    (summary,) = go([source], out, pipeline, progress=log)
    rows = table(out / "face.csv")
    assert [row["time_s"] for row in rows] == [f"{time_s:.6f}" for time_s in times[:4]]
    assert [row["frame"] for row in rows] == ["0", "1", "2", "3"]
    assert {row["file"] for row in rows} == {"face.mp4"}
    assert abs(float(rows[0]["box_x"]) - SQUARE[0]) <= 1
    assert rows[0]["label"] == "happiness"
    assert list(rows[0])[-6:] == ["AU12", "AU12_raw", "AU12_left", "AU12_right", "AU25", "AU25_raw"]
    assert list(rows[0].values())[-6:] == [
        *("0.500000", "0.500000", "0.250000", "0.750000", "0.500000", "0.500000"),
    ]
    assert [row["au_time_s"] for row in rows] == [row["time_s"] for row in rows]
    with av.open(str(out / "face_annotated.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-4)
    assert np.abs(frames[0].to_ndarray(format="bgr24").astype(int) - still()).mean() > 5
    assert (summary.frames, summary.frames_with_face, summary.faces_max) == (5, 4, 1)
    assert summary.fps == pytest.approx(5 / summary.seconds)
    assert list(summary.stage_ms) == ["decode", "faces", "write"]
    assert all(ms > 0 for ms in summary.stage_ms.values())
    assert (summary.faces_backend, summary.engine, summary.bundle) == ("squares", "numpy", "none")
    said = (summary.au_estimator, summary.disambiguator, summary.neutral)
    assert said == ("squares' units", "", "anna")
    assert (summary.t2, summary.t3) == (0.1, 0.2)
    assert summary.files == (str(out / "face.csv"), str(out / "face_annotated.mp4"))
    assert summary.warning is None
    assert summary.error is None
    assert pipeline.closed
    assert log.events == ["begin face.mp4 5", "end 5 None"]
    assert log.frames == 5
    assert json.loads(summary.model_dump_json())["frames"] == 5


def test_no_video_writes_the_table_alone(tmp_path):
    source = clip(tmp_path / "in" / "a.mp4", [0.0, 0.04])
    (summary,) = go([source], tmp_path / "out", video=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.csv"]
    assert summary.files == (str(tmp_path / "out" / "a.csv"),)


def test_a_picture_and_a_folder_of_them(tmp_path):
    folder = tmp_path / "v1.2"
    folder.mkdir()
    for name in ("p1.png", "p2.png", "p10.png"):
        cv2.imwrite(str(folder / name), still(name != "p2.png"))
    (folder / "bad.jpg").write_bytes(b"broken")
    out = tmp_path / "out"
    single, several = go([folder / "p1.png", folder], out)
    assert [row["time_s"] for row in table(out / "p1.csv")] == [""]
    annotated = cv2.imread(str(out / "p1_annotated.png"))
    assert annotated.shape == (180, 320, 3)
    assert (annotated != still()).any()
    assert single.files == (str(out / "p1.csv"), str(out / "p1_annotated.png"))
    assert [row["file"] for row in table(out / "v1.2.csv")] == ["p1.png", "p10.png"]
    found = sorted(path.name for path in (out / "v1.2_annotated").iterdir())
    assert found == ["p1.png", "p10.png", "p2.png"]
    assert (several.frames, several.frames_with_face) == (3, 2)
    assert several.warning is not None
    assert "1 of 4 pictures were skipped" in several.warning


def test_inputs_of_the_same_name_and_tracks_of_their_own(tmp_path):
    first = clip(tmp_path / "a" / "x.mp4", [0.0])
    second = clip(tmp_path / "b" / "x.mp4", [0.0, 0.04])
    pipeline = SquareFinder()
    go([first, second], tmp_path / "out", pipeline)
    assert len(table(tmp_path / "out" / "x.csv")) == 1
    assert len(table(tmp_path / "out" / "x-2.csv")) == 2
    assert pipeline.resets == 2


def test_an_input_in_the_output_folder_is_not_replaced(tmp_path):
    first = clip(tmp_path / "x.mp4", [0.0])
    second = clip(tmp_path / "x_annotated.mp4", [0.0, 0.04])
    before = second.read_bytes()
    summaries = go([first, second], tmp_path)
    assert second.read_bytes() == before
    assert [summary.frames for summary in summaries] == [1, 2]


def test_one_failure_does_not_stop_the_others(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no video")
    good = clip(tmp_path / "good.mp4", [0.0])
    log = Log()
    out = tmp_path / "out"
    missing, bad, fine = go([tmp_path / "missing.mp4", text, good], out, progress=log)
    assert missing.error is not None
    assert "No such file" in missing.error
    assert bad.error is not None
    assert "is not a video" in bad.error
    assert fine.error is None
    assert fine.frames == 1
    assert missing.files == ()
    assert sorted(path.name for path in out.iterdir()) == ["good.csv", "good_annotated.mp4"]
    assert len(log.events) == 4


def test_truncated_video_is_analysed_as_far_as_it_goes(tmp_path):
    whole = clip(tmp_path / "whole.mp4", [index / 25 for index in range(100)])
    remuxed = tmp_path / "fast.mp4"
    with (
        av.open(str(whole)) as source,
        av.open(str(remuxed), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = remuxed.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 6 // 10])
    (summary,) = go([cut], tmp_path / "out")
    assert 10 <= summary.frames < 100
    assert summary.warning is not None
    assert "the file ends after" in summary.warning
    assert len(table(tmp_path / "out" / "cut.csv")) == summary.frames


class Failing(BaseSource):
    """A live source that breaks off."""

    info = SourceInfo("cam", "camera", True, 320, 180, 25.0, None)

    def read(self) -> Frame | None:
        from ferdesk.core.errors import SourceError

        if self._next_index == 3:
            raise SourceError("The camera cam gives no more pictures.")
        time.sleep(0.02)
        return self._frame(still(), name="cam")

    def close(self) -> None:
        pass


def test_a_camera_that_breaks_off_keeps_what_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr("ferdesk.analyze.open_source", lambda *_, **__: Failing())
    (summary,) = go(["0"], tmp_path)
    assert summary.error == "The camera cam gives no more pictures."
    assert summary.frames == 3
    rows = table(tmp_path / "cam.csv")
    times = [float(row["time_s"]) for row in rows]
    assert [float(row["au_time_s"]) for row in rows] == pytest.approx(times, abs=2e-6)
    assert times[0] == 0
    assert 0.015 < times[1] < times[2]
    with av.open(str(tmp_path / "cam_annotated.mp4")) as container:
        assert len(list(container.decode(video=0))) == 3


def test_streams_are_named_without_secrets(tmp_path):
    (summary,) = go(["http://user:secret@127.0.0.1:9/x.mp4?token=abc"], tmp_path)
    assert summary.input == "127.0.0.1:9"
    assert summary.error is not None
    assert "secret" not in summary.model_dump_json()
    assert "abc" not in summary.model_dump_json()


def test_output_folder_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        go([tmp_path / "x.mp4"], tmp_path / "out")


def test_an_output_that_cannot_be_written_fails_that_input_only(tmp_path):
    first = clip(tmp_path / "in" / "a.mp4", [0.0])
    second = clip(tmp_path / "in" / "b.mp4", [0.0])
    out = tmp_path / "out"
    (out / "a_annotated.mp4").mkdir(parents=True)
    bad, good = go([first, second], out)
    assert bad.error is not None
    assert "a_annotated.mp4 cannot be written" in bad.error
    assert good.error is None


@pytest.mark.parametrize("error", [ModelError, BundleError])
def test_without_models_nothing_is_begun(tmp_path, error):
    def build(_: Settings) -> SquareFinder:
        raise error("missing")

    with pytest.raises(error, match="missing"):
        analyze(["x.mp4"], tmp_path / "out", Settings(), build=build)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_ends_cleanly(tmp_path):
    def interrupt(frame: int) -> None:
        if frame == 10:
            os.kill(os.getpid(), signal.SIGINT)

    first = clip(tmp_path / "a.mp4", [index / 25 for index in range(50)])
    before = signal.getsignal(signal.SIGINT)
    pipeline = SquareFinder()
    summaries = go([first, first], tmp_path / "out", pipeline, progress=Log(interrupt))
    assert len(summaries) == 1
    assert summaries[0].interrupted
    # The frames that are on their way when the signal comes go to their end.
    frames = summaries[0].frames
    assert 10 <= frames <= 14
    assert summaries[0].warning == f"stopped after {frames} of 50 frames"
    assert len(table(tmp_path / "out" / "a.csv")) == frames
    with av.open(str(tmp_path / "out" / "a_annotated.mp4")) as container:
        assert len(list(container.decode(video=0))) == frames
    assert signal.getsignal(signal.SIGINT) is before
    assert pipeline.closed


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_twice_interrupts_at_once(tmp_path):
    def interrupt(_: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        go([clip(tmp_path / "a.mp4", [0.0, 0.04])], tmp_path / "out", progress=Log(interrupt))


def test_it_runs_outside_the_main_thread(tmp_path):
    source = clip(tmp_path / "a.mp4", [0.0])
    summaries: list[Summary] = []
    thread = threading.Thread(target=lambda: summaries.extend(go([source], tmp_path / "out")))
    thread.start()
    thread.join()
    assert summaries[0].frames == 1


def test_progress_bar_and_closing_words(tmp_path, capsys):
    source = clip(tmp_path / "a.mp4", [index / 25 for index in range(20)])
    text = io.StringIO()
    with TerminalProgress(Console(file=text, force_terminal=True, width=100)) as bars:
        summaries = go([source, "missing.mp4"], tmp_path / "out", progress=bars)
    assert "a.mp4" in text.getvalue()
    assert "20/20" in text.getvalue()
    assert show_summary(Console(), summaries)
    shown = capsys.readouterr()
    assert f"{source}: 20 frames, 20 with a face, at most 1 face in one" in shown.out
    assert str(tmp_path / "out" / "a.csv") in shown.out
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("No such file")
    assert not show_summary(Console(), summaries[:1], quiet=True)
    assert capsys.readouterr() == ("", "")


def test_the_real_pipeline_on_the_demo_clip(tmp_path, landmarker_folder, monkeypatch):
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    if not any(root().glob("models/*/bundle.json")):
        pytest.skip("no expression net is installed (resources/models)")
    (summary,) = analyze(["demo"], tmp_path, Settings(threads=1))
    assert summary.error is None
    assert summary.warning is None
    assert summary.faces_max == 1
    assert summary.frames_with_face >= 0.99 * summary.frames
    rows = table(tmp_path / "demo.csv")
    assert len(rows) == summary.frames_with_face
    assert len({row["face_id"] for row in rows}) == 1
    for row in rows:
        odds = [float(row[f"p_{name}"]) for name in EXPRESSIONS]
        assert sum(odds) == pytest.approx(1, abs=1e-4)
        assert row["label"] == EXPRESSIONS[int(np.argmax(odds))]
        assert float(row["confidence"]) == pytest.approx(max(odds), abs=1e-6)
    assert next(iter(summary.stage_ms)) == "decode"
    assert list(summary.stage_ms)[-1] == "write"
    with av.open(str(tmp_path / "demo_annotated.mp4")) as container:
        assert len(list(container.decode(video=0))) == summary.frames


def test_progress_is_silent_where_there_is_no_terminal(tmp_path):
    text = io.StringIO()
    with TerminalProgress(Console(file=text)) as bars:
        go([clip(tmp_path / "a.mp4", [0.0])], tmp_path / "out", progress=bars)
    assert text.getvalue().strip() == ""
