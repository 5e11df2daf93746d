"""Batches: folders of videos, the record of what is done, failures and second tries."""

import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from au_fakes import a_result
from typer.testing import CliRunner

from ferdesk import batch
from ferdesk.batch import Batch, Here, analyze_batch, inputs_of
from ferdesk.batch_record import RECORD, setup_of
from ferdesk.cli import app
from ferdesk.core.errors import BundleError, ModelError, OutputError, SourceError
from ferdesk.core.types import Frame, FrameResult
from ferdesk.faces.store import load
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.pipeline import Located
from ferdesk.settings import Settings
from ferdesk.sources.folders import videos_in


class OneFace:
    """A pipeline that finds the same face in every frame."""

    faces_backend = "one"
    engine = "numpy"
    bundle = "none"
    au_estimator = ""
    units = ()
    disambiguator = ""
    thresholds = None
    neutral = ""

    def __init__(self, on_frame: Callable[[Frame], None] = lambda _: None) -> None:
        self._on_frame = on_frame
        self.seen: list[str] = []

    def locate(self, frame: Frame) -> Located:
        self._on_frame(frame)
        return Located(frame, 0.0, (), (), {})

    def judge(self, located: Located) -> FrameResult:
        self.seen.append(located.frame.name)
        return FrameResult(located.frame, (a_result(None),), {}, 0)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def clip(path: Path, frames: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = Mp4File(path, fps=25)
    for index in range(frames):
        file.write(np.full((48, 64, 3), 60, np.uint8), index / 25)
    file.close()
    return path


@pytest.fixture(autouse=True)
def any_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the nets are is another test's matter: no face models are needed."""
    monkeypatch.setattr(batch, "setup_of", lambda *what: repr(what))


def go(
    inputs: Sequence[Path | str],
    out: Path,
    pipeline: OneFace | None = None,
    settings: Settings | None = None,
    **options: object,
) -> Batch:
    settings = settings or Settings()
    found = inputs_of([str(one) for one in inputs], out)
    here = Here(settings, video=False, build=lambda _: pipeline or OneFace())
    return analyze_batch(found, out, settings, here, video=False, **options)  # type: ignore[arg-type]


def test_the_videos_of_a_folder_in_natural_order(tmp_path: Path) -> None:
    names = ("take 10.MP4", "take 9.mov", "sub/b.mkv", "sub/.hidden/c.mp4", ".d.mp4", "notes.txt")
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "in" / "folder.mp4").mkdir()
    (tmp_path / "in" / "results").mkdir()
    (tmp_path / "in" / "results" / "old_annotated.mp4").touch()

    def found(**options: object) -> list[str]:
        videos = videos_in(tmp_path / "in", **options)  # type: ignore[arg-type]
        return [path.relative_to(tmp_path / "in").as_posix() for path in videos]

    assert found() == ["take 9.mov", "take 10.MP4"]
    out = tmp_path / "in" / "results"
    assert found(recursive=True, without=out) == ["sub/b.mkv", "take 9.mov", "take 10.MP4"]
    # A file that is named twice is analysed once.
    named = [str(tmp_path / "in"), str(tmp_path / "in" / "take 9.mov"), "0", "demo"]
    inputs = inputs_of(named, tmp_path / "out")
    assert [Path(one).name for one in inputs] == ["take 9.mov", "take 10.MP4", "0", "demo"]
    with pytest.raises(OutputError, match="--out"):
        inputs_of([str(tmp_path / "in")], tmp_path / "in")


def test_a_folder_of_both_kinds_or_none(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no videos or pictures"):
        videos_in(tmp_path)
    (tmp_path / "a.png").touch()
    assert inputs_of([str(tmp_path)], tmp_path / "out") == (str(tmp_path),)
    with pytest.raises(SourceError, match="--recursive"):
        videos_in(tmp_path, recursive=True)
    (tmp_path / "b.avi").touch()
    with pytest.raises(SourceError, match=r"both .* such as .*\*\.avi"):
        videos_in(tmp_path)


def test_what_is_done_is_left_out(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        clip(folder / name)
    first = go([folder], out)
    assert [one.done_before for one in first.summaries] == [False] * 3
    if sys.platform != "win32":
        assert stat.S_IMODE((out / RECORD).stat().st_mode) == 0o600
    again = OneFace()
    second = go([folder], out, again, resume=True)
    assert again.seen == []
    assert [one.done_before for one in second.summaries] == [True] * 3
    same = {"done_before": False}
    assert [one.model_copy(update=same) for one in second.summaries] == list(first.summaries)
    assert not second.stopped


@pytest.mark.parametrize(
    "change",
    ["input", "result", "missing", "settings", "video", "no resume", "other results"],
)
def test_what_changed_is_done_again(tmp_path: Path, change: str) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    one, two = clip(folder / "a.mp4"), clip(folder / "b.mp4")
    go([one, two], out)
    settings, redone = Settings(), ["a.mp4"]
    if change == "input":
        clip(one, 3)
    elif change == "result":
        (out / "a.csv").write_text("something else")
    elif change == "missing":
        (out / "a.csv").unlink()
    elif change == "settings":
        settings, redone = Settings(max_faces=1), ["a.mp4", "b.mp4"]
    elif change == "video":
        here = Here(settings, video=True, build=lambda _: OneFace())
        analyze_batch([str(one)], out, settings, here, resume=True)
    elif change == "no resume":
        redone = ["a.mp4", "b.mp4"]
    elif change == "other results":
        go([clip(tmp_path / "other" / "a.mp4", 4)], out)
    pipeline = OneFace()
    found = go([one, two], out, pipeline, settings, resume=change != "no resume")
    assert sorted(set(pipeline.seen)) == redone
    assert [Path(file).name for one in found.summaries for file in one.files] == ["a.csv", "b.csv"]
    rows = (out / "a.csv").read_text().splitlines()
    assert len(rows) == (4 if change == "input" else 3)
    assert go([one, two], out, None, settings, resume=True).summaries[0].done_before


def test_names_stay_when_others_come_before(tmp_path: Path) -> None:
    out = tmp_path / "out"
    go([clip(tmp_path / "b" / "x.mp4", 2)], out, resume=True)
    found = go([clip(tmp_path / "a" / "x.mp4", 5), tmp_path / "b" / "x.mp4"], out, resume=True)
    assert [Path(one.files[0]).name for one in found.summaries] == ["x-2.csv", "x.csv"]
    assert [one.done_before for one in found.summaries] == [False, True]
    assert len((out / "x.csv").read_text().splitlines()) == 3


def test_one_input_leaves_no_record_unless_asked(tmp_path: Path) -> None:
    go([clip(tmp_path / "a.mp4")], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.csv"]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    clips = [clip(tmp_path / f"{name}.mp4", 20) for name in "abc"]

    def interrupt(frame: Frame) -> None:
        if (frame.name, frame.index) == ("b.mp4", 5):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    out = tmp_path / "out"
    first = go(clips, out, OneFace(interrupt))
    assert first.stopped
    assert [one.interrupted for one in first.summaries] == [False, True]
    pipeline = OneFace()
    second = go(clips, out, pipeline, resume=True)
    assert [one.done_before for one in second.summaries] == [True, False, False]
    assert [one.frames for one in second.summaries] == [20] * 3
    assert set(pipeline.seen) == {"b.mp4", "c.mp4"}


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    clips = [clip(tmp_path / f"{name}.mp4") for name in "ab"]

    class KilledError(BaseException):
        pass

    def die(frame: Frame) -> None:
        if frame.name == "b.mp4":
            raise KilledError

    with pytest.raises(KilledError):
        go(clips, tmp_path / "out", OneFace(die))
    second = go(clips, tmp_path / "out", resume=True)
    assert [one.done_before for one in second.summaries] == [True, False]


def test_failures_are_tried_again_but_no_broken_inputs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    tries: list[str] = []

    def full(frame: Frame) -> None:
        if frame.index == 0:
            tries.append(frame.name)
        if frame.name == "a.mp4" and tries.count("a.mp4") < 3:
            raise OutputError("The disk is full.")

    inputs = [clip(tmp_path / "a.mp4"), broken, tmp_path / "missing.mp4", clip(tmp_path / "b.mp4")]
    once = go(inputs, out, OneFace(full), retries=1)
    assert tries == ["a.mp4", "b.mp4", "a.mp4"]  # after all others
    errors = [one.error for one in once.summaries]
    assert errors[0] == "The disk is full."
    assert "is not a video" in str(errors[1])
    assert "No such file" in str(errors[2])
    assert errors[3] is None
    assert [one.broken_input for one in once.summaries] == [False, True, True, False]
    after = go(inputs, out, OneFace(full), retries=1, resume=True)
    assert tries == ["a.mp4", "b.mp4", "a.mp4", "a.mp4"]
    assert [one.error is None for one in after.summaries] == [True, False, False, True]


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"version": 2, "done": {}}',
        '{"version": 1, "done": {"x": {"state": "s"}}}',
    ],
)
def test_a_record_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(OutputError, match="Delete it"):
        go([clip(tmp_path / "in" / "a.mp4")], tmp_path, resume=True)


def test_a_record_names_no_files_elsewhere(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4")
    out = tmp_path / "out"
    go([source], out, resume=True)
    content = json.loads((out / RECORD).read_text())
    (entry,) = content["done"].values()
    entry["results"] = {"../a.mp4": "0"}
    (out / RECORD).write_text(json.dumps(content))
    with pytest.raises(OutputError, match="a file in this folder"):
        go([source], out, resume=True)


@pytest.mark.skipif(sys.platform != "linux", reason="file systems that take any bytes")
def test_names_that_are_no_valid_text(tmp_path: Path) -> None:
    source = clip(tmp_path / "in" / "plain.mp4")
    odd = source.with_name(os.fsdecode(b"bad\xff.mp4"))
    source.rename(odd)
    go([odd], tmp_path / "out", resume=True)
    assert go([odd], tmp_path / "out", resume=True).summaries[0].done_before


def test_what_is_no_name_of_a_file(tmp_path: Path) -> None:
    found = go(["x" * 300, " ", clip(tmp_path / "a.mp4")], tmp_path / "out")
    assert "No such file" in str(found.summaries[0].error)
    assert found.summaries[1].error == "No source was named."
    assert found.summaries[2].frames == 2


def test_a_folder_of_pictures_is_one_input(tmp_path: Path) -> None:
    folder, out = tmp_path / "v1.2", tmp_path / "out"
    folder.mkdir()
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(folder / name), np.zeros((8, 8, 3), np.uint8))
    go([folder], out, resume=True)
    assert (out / "v1.2.csv").is_file()
    assert go([folder], out, resume=True).summaries[0].done_before
    cv2.imwrite(str(folder / "3.png"), np.zeros((8, 8, 3), np.uint8))
    assert go([folder], out, resume=True).summaries[0].frames == 3


def test_what_decides_the_results(tmp_path: Path) -> None:
    try:
        load("auto")
    except ModelError as error:
        pytest.skip(str(error))
    known = setup_of(Settings(), True)
    assert known == setup_of(Settings(threads=3), True)
    others = [
        setup_of(Settings(), False),
        setup_of(Settings(max_faces=2), True),
        setup_of(Settings(bundle="khorrami2015-ferplus"), True),
        setup_of(Settings(aus="off"), True),
        setup_of(Settings(disambiguate="off"), True),
    ]
    assert len({known, *others}) == 6
    with pytest.raises(BundleError, match="no bundle"):
        setup_of(Settings(bundle=str(tmp_path / "nothing")), True)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "Here", partial(Here, build=lambda _: OneFace()))
    monkeypatch.chdir(tmp_path)
    clip(Path("in/a.mp4"))
    clip(Path("in/b.mp4"))
    run = CliRunner().invoke
    words = ["analyze", "in", "-o", "out", "--resume", "--no-video"]
    first = run(app, words)
    assert first.exit_code == 0, first.output
    assert "b.mp4: 2 frames" in first.stdout
    assert "done before" not in first.stdout
    assert run(app, words).stdout.count("done before") == 2
    Path("in/c.mp4").write_bytes(b"no video")
    last = run(app, [*words, "--json"])
    assert last.exit_code == 2
    assert [one["done_before"] for one in json.loads(last.stdout)] == [True, True, False]
    assert len(last.stderr.splitlines()) == 1
    assert "c.mp4 is not a video" in last.stderr
