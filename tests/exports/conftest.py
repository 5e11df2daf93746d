"""Recorded sessions, made without a camera or a net."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from au_fakes import values

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import AuValues, Box, Face, FaceReading, FloatArray, Pose
from ferdesk.sessions.readings import Annotation, FrameReading, SessionMeta
from ferdesk.sessions.session import Session
from ferdesk.sessions.store import SessionStore

DATA = Path(__file__).parents[1] / "data"
UNITS = (1, 4, 12, 13, 25, 28, 43)

MakeSession = Callable[..., Session]


def odds(label: str, most: float = 0.65) -> FloatArray:
    """Probabilities that sum to 1, with one largest."""
    vector = np.full(len(EXPRESSIONS), (1 - most) / (len(EXPRESSIONS) - 1), np.float32)
    vector[EXPRESSIONS.index(label)] = most
    return vector


@pytest.fixture(scope="session")
def meshes() -> FloatArray:
    """(48, 478, 2) float32: a real face in 48 frames, in pixels of a 640x360 picture."""
    with np.load(DATA / "mediapipe_landmarker_face.npz") as stored:
        steps = stored["landmarks"].astype(np.float32)
    return steps * np.array([640, 360], np.float32) / 65_535


def a_face(mesh: FloatArray, track_id: int = 1, pose: Pose | None = None) -> Face:
    landmarks = np.zeros((len(mesh), 3), np.float32)
    landmarks[:, :2] = mesh
    low, high = mesh.min(0).tolist(), mesh.max(0).tolist()
    box = Box(low[0], low[1], high[0] - low[0], high[1] - low[1])
    return Face(box, landmarks, pose or Pose(20.0, -12.5, 7.25), 0.875, track_id)


def units_of(time_s: float, step: int) -> AuValues:
    smile = (step % 10) / 10
    whole = {25: 0.3, 28: 0.9, 13: 0.2}
    sides = {1: (0.1, 0.2), 4: (0.4, 0.6), 12: (smile, smile / 2), 43: (0.0, 1.0)}
    return values(time_s, whole, sides, estimator="native")


@pytest.fixture
def make_session(tmp_path: Path, meshes: FloatArray) -> Any:
    """`make_session(labels, notes=..., people=..., units=..., **meta) -> Session`, open.

    Each label is a frame; None is a frame without a face.
    """
    opened: list[Session] = []

    def make(
        labels: Sequence[str | None] = ("neutral", "happiness", None, "fear"),
        notes: Sequence[Annotation] = (),
        people: int = 1,
        name: str = "talk",
        step_s: float = 0.1,
        **changes: Any,
    ) -> Session:
        folder = tmp_path / f"{name}.ferdesk"
        folder.mkdir()
        meta = SessionMeta.model_validate(
            {
                "written_by": "ferdesk test",
                "started": datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
                "started_ns": 10**12,
                "source": "talk.mp4",
                "source_kind": "video",
                "live": False,
                "width": 640,
                "height": 360,
                "fps": 1 / step_s,
                "bundle": "compact-ferplus",
                "au_estimator": "native",
                "units": UNITS,
                **changes,
            }
        )
        with SessionStore(folder / "session.db", meta) as store:
            for number, label in enumerate(labels):
                time_s = number * step_s
                at_ns = meta.started_ns + round(time_s * 1e9)
                faces = (
                    ()
                    if label is None
                    else tuple(
                        FaceReading(
                            a_face(meshes[number % len(meshes)], person + 1),
                            odds(label),
                            odds(label),
                            units_of(time_s, number) if meta.units else None,
                        )
                        for person in range(people)
                    )
                )
                store.add(
                    FrameReading(number, number, time_s, time_s, at_ns, at_ns, None, False, faces)
                )
            for note in notes:
                store.annotate(note)
        opened.append(Session(folder))
        return opened[-1]

    yield make
    for session in opened:
        session.close()
