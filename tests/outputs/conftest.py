"""Results as the pipeline gives them, and a check that no thread is left running."""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from ferdesk.core.types import (
    Box,
    Crop,
    Face,
    FaceResult,
    Frame,
    FrameResult,
    ImageU8,
    Pose,
)

MakeResult = Callable[..., FrameResult]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


@pytest.fixture
def make_result() -> MakeResult:
    """`make_result(index, faces=..., time_s=..., name=..., image=...) -> FrameResult`."""

    def make(
        index: int = 0,
        faces: int = 1,
        time_s: float | None = 0.0,
        name: str = "clip.mp4",
        image: ImageU8 | None = None,
    ) -> FrameResult:
        if image is None:
            image = np.full((60, 80, 3), 90, np.uint8)
        probabilities = np.array([0.1, 0.4, 0.05, 0.05, 0.1, 0.1, 0.1, 0.1], np.float32)
        results = tuple(
            FaceResult(
                Face(
                    Box(10.126 + number, 20, 30, 40.5),
                    np.zeros((478, 3), np.float32),
                    Pose(-12.5, 3.25, 0),
                    0.9,
                    number + 1,
                ),
                probabilities,
                probabilities,
                crop=Crop(np.zeros((48, 48), np.uint8), np.eye(2, 3)),
            )
            for number in range(faces)
        )
        return FrameResult(Frame(image, index, 0, time_s, name), results, {"faces": 1.0}, 0)

    return make
