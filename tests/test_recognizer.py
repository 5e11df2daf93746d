"""The Python API."""

import importlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import cv2
import numpy as np
import pytest
from au_fakes import A_BOX, a_face, a_result
from material import ROOT

import ferdesk
from ferdesk import Recognizer, Settings, to_dataframe
from ferdesk.core.errors import ModelError, SourceError
from ferdesk.core.types import Frame, FrameResult
from ferdesk.faces.store import load
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.settings import SettingsOptions
from ferdesk.sources.base import BaseSource, SourceInfo

BLOCKS = re.findall(
    r"^```python\n(.*?)^```$",
    (ROOT / "docs" / "python.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


class Counting:
    """A pipeline that numbers a person by how many frames it has seen since its reset."""

    faces_backend = "none"
    engine = "numpy"
    bundle = "counting"
    au_estimator = ""
    units = (12,)
    disambiguator = ""
    thresholds = None
    neutral = ""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.resets = 0
        self.closed = False

    def process(self, frame: Frame) -> FrameResult:
        assert not self.closed
        self.frames.append(frame)
        self._seen += 1
        return FrameResult(frame, (a_result(None, face=a_face(self._seen, A_BOX)),), {}, 0)

    def reset(self) -> None:
        self.resets += 1
        self._seen = 0

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> list[Counting]:
    """The pipelines that were built; each is a fake."""
    built: list[Counting] = []

    def build(settings: Settings, wait: bool = False) -> Counting:
        built.append(Counting())
        return built[-1]

    monkeypatch.setattr("ferdesk.recognizer.build_pipeline", build)
    return built


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    file = Mp4File(path, fps=25)
    for index in range(5):
        file.write(np.full((48, 64, 3), 40 * index, np.uint8), index / 25)
    file.close()
    return path


class Camera(BaseSource):
    """Gives a picture every 5 ms, or none at all."""

    info = SourceInfo("cam", "camera", True, 8, 6, 200.0, None)

    def __init__(self, silent: bool = False) -> None:
        super().__init__()
        self._silent = silent
        self.closed = False

    def read(self) -> Frame | None:
        time.sleep(0.005)
        if self._silent:
            raise SourceError("No picture came.")
        return self._frame(np.zeros((6, 8, 3), np.uint8), name="cam")

    def close(self) -> None:
        self.closed = True


def plug_in(monkeypatch: pytest.MonkeyPatch, camera: Camera) -> list[str]:
    """Let any source be this camera; what was asked for is in the list."""
    asked: list[str] = []

    def watch(spec: str) -> object:
        from ferdesk.live.watch import Watch

        asked.append(spec)
        return Watch(spec, opener=lambda _spec, _loop: camera)

    monkeypatch.setattr("ferdesk.recognizer.Watch", watch)
    return asked


def test_every_frame_of_a_file_and_all_of_it_again(clip: Path, pipelines: list[Counting]) -> None:
    with Recognizer(clip) as recognizer:
        assert not pipelines  # not before it is needed
        for _ in range(2):
            results = list(recognizer)
            assert [one.frame.index for one in results] == [0, 1, 2, 3, 4]
            assert [one.faces[0].face.track_id for one in results] == [1, 2, 3, 4, 5]
        assert recognizer.dropped == 0
        assert recognizer.warning is None
    assert len(pipelines) == 1
    assert pipelines[0].closed


def test_a_second_loop_ends_the_first(clip: Path, pipelines: list[Counting]) -> None:
    with Recognizer(str(clip)) as recognizer:
        first, second = iter(recognizer), iter(recognizer)
        assert next(first, None) is None
        assert next(second).frame.index == 0
        assert [one.frame.index for one in recognizer] == [0, 1, 2, 3, 4]
        assert next(second, None) is None
    assert pipelines[0].resets == 2


def test_the_newest_frame_of_a_camera(
    monkeypatch: pytest.MonkeyPatch, pipelines: list[Counting]
) -> None:
    camera = Camera()
    asked = plug_in(monkeypatch, camera)
    with Recognizer(0) as recognizer:
        frames = []
        for result in recognizer:
            time.sleep(0.06)
            frames.append(result.frame.index)
            if len(frames) == 4:
                break
        assert frames[-1] > frames[1] + 2
        assert recognizer.dropped > 0
    assert asked == ["camera:0"]
    assert camera.closed


@pytest.mark.parametrize("silent", [False, True])
def test_stop_and_close_from_another_thread(
    monkeypatch: pytest.MonkeyPatch, pipelines: list[Counting], silent: bool
) -> None:
    plug_in(monkeypatch, Camera(silent))
    recognizer = Recognizer(3)
    timer = threading.Timer(0.2, recognizer.close if silent else recognizer.stop)
    timer.start()
    count = sum(1 for _ in recognizer)
    timer.join()
    assert (count == 0) is silent
    recognizer.close()
    with pytest.raises(ValueError, match="closed"):
        iter(recognizer)
    with pytest.raises(ValueError, match="closed"):
        recognizer.analyze(np.zeros((4, 4, 3), np.uint8))


def test_stop_before_the_nets_are_there(
    clip: Path, pipelines: list[Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = Recognizer(clip)
    build = ferdesk.recognizer.build_pipeline  # the fake

    def slow(settings: Settings, wait: bool) -> object:
        recognizer.stop()
        return build(settings, wait)

    monkeypatch.setattr("ferdesk.recognizer.build_pipeline", slow)
    assert list(recognizer) == []
    assert len(list(recognizer)) == 5
    recognizer.close()


def test_pictures_stand_alone(tmp_path: Path, pipelines: list[Counting]) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), colours)
    recognizer = Recognizer()
    for image in (colours, tmp_path / "a.png", str(tmp_path / "a.png"), colours[:, ::-1][:, ::-1]):
        result = recognizer.analyze(image)
        np.testing.assert_array_equal(result.frame.image, colours)
        assert result.frame.still
        assert result.frame.source_time_s is None
        assert result.faces[0].face.track_id == 1
        assert result.frame.image.flags.c_contiguous
    assert [one.name for one in pipelines[0].frames[:2]] == ["picture", "a.png"]
    colours[:] = 0  # the caller may write on
    assert pipelines[0].frames[0].image.any()
    grey = recognizer.analyze(colours[:, :, 0] + np.uint8(7)).frame.image
    assert grey.shape == (20, 30, 3)
    assert (grey == 7).all()
    recognizer.close()


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (np.zeros((4, 4, 3)), TypeError, "not float64"),
        ([[0]], TypeError, "not list"),
        (None, TypeError, "not NoneType"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, "(4, 4, 4)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "(0, 4, 3)"),
        (np.zeros(7, np.uint8), ValueError, "(7,)"),
        (np.broadcast_to(np.uint8(0), (40_000, 2, 3)), ValueError, "40000 pixels"),
        (np.broadcast_to(np.uint8(0), (20_000, 20_000, 3)), ValueError, "million"),
        ("no-such.png", SourceError, "no-such.png"),
    ],
)
def test_what_is_no_picture(
    image: object, error: type[Exception], said: str, pipelines: list[Counting]
) -> None:
    with pytest.raises(error, match=re.escape(said)):
        Recognizer().analyze(image)  # type: ignore[arg-type]
    assert not pipelines


def test_no_picture_while_the_source_is_read(clip: Path, pipelines: list[Counting]) -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    with Recognizer(clip) as recognizer:
        for _ in recognizer:
            with pytest.raises(RuntimeError, match="a second one"):
                recognizer.analyze(picture)
            break
        assert recognizer.analyze(picture).frame.still


def test_settings_one_by_one_or_as_a_whole() -> None:
    assert Recognizer(max_faces=2, aus="off").settings == Settings(max_faces=2, aus="off")
    assert Recognizer(settings=Settings(threads=3)).settings.threads == 3
    fields = {name: field.annotation for name, field in Settings.model_fields.items()}
    assert get_type_hints(SettingsOptions, include_extras=True) == fields
    with pytest.raises(TypeError, match="no setting 'max_face'"):
        Recognizer(max_face=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="not both"):
        Recognizer(settings=Settings(), threads=1)
    with pytest.raises(ValueError, match=r"^max_faces: "):
        Recognizer(max_faces=0)


@pytest.mark.parametrize(
    ("source", "error"),
    [(1.5, TypeError), (True, TypeError), (b"demo", TypeError), (-1, ValueError)],
)
def test_what_is_no_source(source: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        Recognizer(source)  # type: ignore[arg-type]


def test_without_a_source(pipelines: list[Counting]) -> None:
    with pytest.raises(ValueError, match="no source"):
        iter(Recognizer())
    with pytest.raises(SourceError, match="No such file"):
        next(iter(Recognizer("no-such.mp4")))


def test_what_runs(pipelines: list[Counting]) -> None:
    with Recognizer() as recognizer:
        assert recognizer.describe()["bundle"] == "counting"
        assert recognizer.describe()["units"] == [12]
        assert recognizer.units == (12,)
    assert len(pipelines) == 1


def test_importing_it_is_quick() -> None:
    """`ferdesk --help` starts at once: nothing heavy is loaded before it is asked for."""
    script = (
        "import sys, ferdesk; print('numpy' in sys.modules); import ferdesk.cli;"
        "print({'openvino', 'av', 'pandas', 'ray'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "set()"]
    assert all(hasattr(ferdesk, name) for name in ferdesk.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        ferdesk.nonsense  # noqa: B018


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_frames: list[Frame]) -> Path:
    """A folder with `picture.png`, where face models are installed."""
    try:
        load("auto")
    except ModelError as error:
        pytest.skip(str(error))
    cv2.imwrite(str(tmp_path / "picture.png"), demo_frames[0].image)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_examples_of_the_manual_run(here: Path, block: str) -> None:
    if "to_dataframe" in block:
        pytest.importorskip("pandas")
    exec(compile(block, "docs/python.md", "exec"), {})  # noqa: S102
    until = time.monotonic() + 10
    while threading.active_count() > 1 and time.monotonic() < until:  # the timer of one of them
        time.sleep(0.02)


def test_a_face_in_a_picture(here: Path) -> None:
    with Recognizer(max_faces=1) as recognizer:
        first = recognizer.analyze("picture.png")
        (face,) = first.faces
        assert face.face.track_id == 1
        grey = recognizer.analyze(cv2.imread("picture.png", cv2.IMREAD_GRAYSCALE))
        assert grey.faces[0].face.track_id == 1
        again = recognizer.analyze("picture.png")
        np.testing.assert_array_equal(again.faces[0].raw, face.raw)
        assert recognizer.analyze(np.zeros((1, 1, 3), np.uint8)).faces == ()
        if importlib.util.find_spec("pandas"):
            table = to_dataframe([first, again], recognizer.units)
            assert table.confidence.tolist() == [face.confidence] * 2
