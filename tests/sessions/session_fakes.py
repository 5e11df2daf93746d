"""Results and descriptions for recordings, without nets."""

from datetime import UTC, datetime

import numpy as np

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.types import (
    AuValues,
    Box,
    Crop,
    Face,
    FaceResult,
    Frame,
    FrameResult,
    Pose,
    Reason,
    Verdict,
)
from ferdesk.sessions.readings import SessionMeta
from ferdesk.settings import Settings

FPS = 30.0


def some_meta(**changed: object) -> SessionMeta:
    values = {
        "written_by": "test",
        "started": datetime(2026, 11, 22, 12, tzinfo=UTC),
        "started_ns": 0,
        "source": "clip.mp4",
        "source_kind": "video",
        "live": False,
        "width": 160,
        "height": 120,
        "fps": FPS,
        "settings": Settings(),
        "bundle": "net",
        "au_estimator": "fake",
        "units": (1, 12),
        "video": "raw",
    }
    return SessionMeta.model_validate({**values, **changed})


def some_aus(time_s: float, seed: int = 0) -> AuValues:
    vectors = np.random.default_rng(seed).random((4, len(ACTION_UNITS)), np.float32)
    vectors[:, 3] = np.nan  # not estimated
    paired = np.array([unit.paired for unit in ACTION_UNITS])
    vectors[2:, ~paired] = np.nan
    raw, activation, left, right = vectors
    return AuValues("fake", raw, activation, left, right, time_s, seed % 2 == 0)


def some_result(
    index: int,
    *,
    time_s: float | None = None,
    captured_ns: int | None = None,
    faces: int = 1,
    size: tuple[int, int] = (160, 120),
) -> FrameResult:
    """A result of a file's frame, or with `captured_ns` of a camera's."""
    if time_s is None and captured_ns is None:
        time_s = index / FPS
    rng = np.random.default_rng(index)
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    image[:, index % size[0]] = 255
    frame = Frame(image, index, captured_ns or index, time_s, "clip.mp4")
    return FrameResult(
        frame,
        tuple(_face(rng, number + 1, frame.clock_s) for number in range(faces)),
        {"faces": 1.0},
        frame.captured_ns + 5,
    )


def _face(rng: np.random.Generator, person: int, time_s: float) -> FaceResult:
    odds = rng.random(8, np.float32)
    odds /= odds.sum()
    raw = odds[::-1].copy()
    verdict = Verdict(
        "fear",
        ("fear", "surprise"),
        "surprise",
        False,
        0.75,
        (Reason(1, 0.5), Reason(12, -0.25)),
        odds,
    )
    face = Face(
        Box(40.5 + 4 * person, 30.25, 30.0, 40.0),
        (rng.random((478, 3)) * 160 - 20).astype(np.float32),
        Pose(-12.5, 3.25, 0.5),
        0.9,
        person,
    )
    return FaceResult(
        face,
        raw,
        odds,
        some_aus(time_s, person),
        verdict,
        crop=Crop(np.zeros((48, 48), np.uint8), np.eye(2, 3)),
    )
