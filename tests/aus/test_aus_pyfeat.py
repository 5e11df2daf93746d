"""py-feat as an estimator, with a module in its place that gives what the test says."""

import sys
import threading
import time
from collections.abc import Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from au_fakes import a_face, a_frame

from ferdesk.aus import pyfeat
from ferdesk.aus.pyfeat import UNITS, PyFeatEstimator
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.errors import ModelError
from ferdesk.core.types import Box, Frame
from ferdesk.pipeline import build_pipeline
from ferdesk.settings import Settings

LEFT, RIGHT = Box(10, 20, 60, 60), Box(200, 30, 60, 60)


class FakeFeat:
    """What a test tells `feat.Detectorv2` to do, and what it was asked."""

    def __init__(self) -> None:
        self.load_error: Exception | None = None
        self.error: Exception | None = None
        self.rows: list[tuple[Box, float]] = []
        self.options: dict[str, Any] = {}
        self.pictures: list[Any] = []
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def detect(self, picture: Any, **options: Any) -> dict[str, list[float]]:
        self.begun.set()
        assert self.gate.wait(5)
        self.pictures.append(picture)
        self.options = options
        if self.error is not None:
            raise self.error
        table: dict[str, list[float]] = {f"AU{au:02d}": [v for _, v in self.rows] for au in UNITS}
        for index, name in enumerate(("X", "Y", "Width", "Height")):
            table[f"FaceRect{name}"] = [box[index] for box, _ in self.rows]
        return table


@pytest.fixture
def feat(monkeypatch: pytest.MonkeyPatch) -> FakeFeat:
    fake = FakeFeat()

    def detector(**options: Any) -> FakeFeat:
        assert options == {"device": "cpu", "identity_model": None}
        if fake.load_error is not None:
            raise fake.load_error
        return fake

    module, operations = ModuleType("feat"), ModuleType("feat.utils.image_operations")
    module.Detectorv2 = detector  # type: ignore[attr-defined]
    operations.convert_image_to_tensor = lambda image: ("tensor", image)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "feat", module)
    monkeypatch.setitem(sys.modules, "feat.utils", ModuleType("feat.utils"))
    monkeypatch.setitem(sys.modules, "feat.utils.image_operations", operations)
    monkeypatch.setattr(pyfeat, "version", lambda name: {"py-feat": "2.1.5"}[name])
    return fake


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def until_read(feat: FakeFeat, n: int) -> None:
    until = time.monotonic() + 5
    while len(feat.pictures) < n:
        assert time.monotonic() < until
        time.sleep(0.001)
    time.sleep(0.02)  # what was read is put down right after


def test_waiting_gives_each_face_its_own_values(feat: FakeFeat) -> None:
    feat.rows = [(Box(195, 25, 72, 72), 0.75), (Box(4, 14, 72, 72), 0.25), (Box(90, 90, 9, 9), 1)]
    estimator = PyFeatEstimator(wait=True)
    faces = [a_face(4, LEFT), a_face(9, RIGHT, yaw=50), a_face(11, Box(120, 120, 30, 30))]
    frame = a_frame(2.5)
    one, other, unseen = estimator.estimate(frame, 2.5, faces, [])
    assert one is not None
    assert other is not None
    assert unseen is None
    assert {float(one.raw[AU_INDEX[au]]) for au in UNITS} == {0.25}
    assert float(other.activation[AU_INDEX[12]]) == 0.75
    assert np.isnan(one.left).all()
    assert int(np.isfinite(one.raw).sum()) == len(UNITS)
    assert one.estimator == estimator.name == "pyfeat Detectorv2 2.1.5"
    assert (one.time_s, one.reliable, other.reliable) == (2.5, True, False)
    assert feat.pictures[0][1] is frame.image
    assert feat.options["data_type"] == "tensor"
    estimator.close()


def test_a_picture_without_faces_is_not_read(feat: FakeFeat) -> None:
    estimator = PyFeatEstimator(wait=True)
    assert estimator.estimate(a_frame(), 0, [], []) == []
    assert feat.pictures == []


def test_a_row_of_nothing_found_is_no_face(feat: FakeFeat) -> None:
    feat.rows = [(Box(*(float("nan"),) * 4), float("nan"))]
    estimator = PyFeatEstimator(wait=True)
    assert estimator.estimate(a_frame(), 0, [a_face()], []) == [None]


def test_live_it_never_holds_a_frame_up(feat: FakeFeat) -> None:
    feat.rows = [(LEFT, 0.5)]
    feat.gate.clear()
    estimator = PyFeatEstimator()
    face = a_face(3, LEFT)
    for index in range(5):
        assert estimator.estimate(a_frame(), index / 10, [face], []) == [None]
        assert feat.begun.wait(5)
    feat.gate.set()
    until_read(feat, 2)  # the first, then the newest: those between were not waited for
    (found,) = estimator.estimate(a_frame(), 0.5, [face], [])
    assert found is not None
    assert found.time_s == 0.4
    (elsewhere,) = estimator.estimate(a_frame(), 0.6, [a_face(7, LEFT)], [])
    assert elsewhere is None
    estimator.close()


def test_old_values_are_forgotten(feat: FakeFeat) -> None:
    feat.rows = [(LEFT, 0.5)]
    estimator = PyFeatEstimator()
    face = a_face(3, LEFT)
    estimator.estimate(a_frame(), 0.0, [face], [])
    until_read(feat, 1)
    feat.gate.clear()
    assert estimator.estimate(a_frame(), 4.9, [face], [])[0] is not None
    assert estimator.estimate(a_frame(), 5.1, [face], []) == [None]
    feat.gate.set()
    estimator.close()


def test_a_reset_throws_away_what_is_on_its_way(feat: FakeFeat) -> None:
    feat.rows = [(LEFT, 0.5)]
    feat.gate.clear()
    estimator = PyFeatEstimator()
    face = a_face(1, LEFT)
    estimator.estimate(a_frame(), 0.0, [face], [])
    assert feat.begun.wait(5)
    estimator.reset()
    feat.gate.set()
    until_read(feat, 1)
    feat.gate.clear()
    assert estimator.estimate(a_frame(), 0.0, [face], []) == [None]
    feat.gate.set()
    estimator.close()


def test_pictures_of_their_own_wait_always(feat: FakeFeat) -> None:
    feat.rows = [(LEFT, 0.5)]
    estimator = PyFeatEstimator()
    (found,) = estimator.estimate(a_frame(still=True), 0.0, [a_face(1, LEFT)], [])
    assert found is not None
    estimator.close()


def test_a_failure_is_told_once(feat: FakeFeat) -> None:
    feat.error = RuntimeError("out of memory\nat 0x1")
    estimator = PyFeatEstimator()
    face = a_face(1, LEFT)
    estimator.estimate(a_frame(), 0.0, [face], [])
    until_read(feat, 1)
    with pytest.raises(ModelError, match=r"RuntimeError: out of memory\).*--aus native"):
        estimator.estimate(a_frame(), 0.1, [face], [])
    for index in range(3):
        assert estimator.estimate(a_frame(), 0.2 + index, [face], []) == [None]
    assert len(feat.pictures) == 1
    estimator.close()


def test_another_py_feat_that_lacks_a_unit(feat: FakeFeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feat, "detect", lambda *_, **__: {"AU01": [0.5]})
    with pytest.raises(ModelError, match="AU02"):
        PyFeatEstimator(wait=True).estimate(a_frame(), 0.0, [a_face()], [])


def test_weights_that_cannot_be_fetched(feat: FakeFeat) -> None:
    feat.load_error = OSError("We couldn't connect to the hub\nTraceback ...")
    with pytest.raises(ModelError, match="internet once") as caught:
        PyFeatEstimator()
    assert "\n" not in str(caught.value)
    assert "--aus native" in str(caught.value)


def test_it_is_not_installed() -> None:
    try:
        metadata.version("py-feat")
    except metadata.PackageNotFoundError:
        with pytest.raises(ModelError, match=r'pip install "ferdesk\[feat\]"'):
            PyFeatEstimator()
    else:
        pytest.skip("it is")


def test_it_is_broken(feat: FakeFeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "feat", None)
    with pytest.raises(ModelError, match="cannot be loaded"):
        PyFeatEstimator()


@pytest.mark.parametrize("wait", [True, False])
def test_in_the_pipeline(feat: FakeFeat, demo_frames: list[Frame], wait: bool) -> None:
    pipeline = build_pipeline(Settings(aus="pyfeat", disambiguate="off"), wait=wait)
    assert pipeline.units == UNITS
    assert pipeline.au_estimator == "pyfeat Detectorv2 2.1.5"
    first = pipeline.process(demo_frames[0]).faces[0]
    assert first.aus is None  # nothing was seen there, or not yet
    until_read(feat, 1)
    feat.rows = [(first.face.box, 0.25)]
    second = pipeline.process(demo_frames[1]).faces[0]
    until_read(feat, 2)
    third = pipeline.process(demo_frames[2]).faces[0]
    assert third.aus is not None
    assert third.aus.time_s == demo_frames[2 if wait else 1].source_time_s
    assert (second.aus is not None) == wait
    pipeline.close()
