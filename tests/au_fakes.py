"""Action units that can be told beforehand, for tests of what is around an estimator."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ferdesk.aus.base import au_values
from ferdesk.core.au_odds import n_terms
from ferdesk.core.bundle import sha256, write_bundle
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import SVMS, SvmBundle
from ferdesk.core.svm_file import ARRAYS
from ferdesk.core.types import (
    AuValues,
    Box,
    Crop,
    Face,
    FaceResult,
    FloatArray,
    Frame,
    FrameResult,
    Pose,
    Reason,
    Verdict,
)

A_BOX = Box(10, 20, 100, 120)


def a_face(track_id: int = 1, box: Box = A_BOX, yaw: float = 0) -> Face:
    """A face of usual proportions in its box."""
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[33, :2] = box.x + 0.2 * box.w, box.y + 0.4 * box.h
    landmarks[263, :2] = box.x + 0.8 * box.w, box.y + 0.4 * box.h
    return Face(box, landmarks, Pose(yaw, 0, 0), 0.9, track_id)


def values(
    time_s: float = 0.0,
    whole: Mapping[int, float] | None = None,
    sides: Mapping[int, tuple[float, float]] | None = None,
    reliable: bool = True,
    estimator: str = "fake",
) -> AuValues:
    return au_values(
        estimator, {25: 0.25} if whole is None else whole, sides or {}, time_s, reliable
    )


def a_result(
    aus: AuValues | None, verdict: Verdict | None = None, face: Face | None = None
) -> FaceResult:
    odds = np.array([0.1, 0.4, 0.05, 0.05, 0.1, 0.1, 0.1, 0.1], np.float32)
    crop = Crop(np.zeros((48, 48), np.uint8), np.eye(2, 3))
    return FaceResult(face or a_face(), odds, odds, aus, verdict, crop=crop)


def a_frame(time_s: float = 0.0, index: int = 0, still: bool = False) -> Frame:
    image = np.full((180, 320, 3), 90, np.uint8)
    return Frame(image, index, 0, None if still else time_s, "clip.mp4", still)


def a_frame_result(faces: Sequence[FaceResult], time_s: float = 0.0, index: int = 0) -> FrameResult:
    return FrameResult(a_frame(time_s, index), tuple(faces), {"faces": 1.0}, 0)


class LipEstimator:
    """Units from the landmarks of the lips: real numbers of real faces, without a net."""

    name = "lips"
    units = (12, 25)

    def __init__(self) -> None:
        self.calls = 0
        self.resets = 0
        self.closed = False

    def estimate(
        self, frame: Frame, time_s: float, faces: Sequence[Face], crops: Sequence[Crop]
    ) -> list[AuValues | None]:
        assert len(faces) == len(crops)
        self.calls += 1
        return [self._read(time_s, face) for face in faces]

    def _read(self, time_s: float, face: Face) -> AuValues:
        lips = face.landmarks[[13, 14, 61, 291], :2] / face.box.h
        gap = float(np.linalg.norm(lips[0] - lips[1]))
        left, right = (float(np.linalg.norm(lips[0] - one)) for one in lips[2:])
        return au_values(self.name, {25: min(gap * 4, 1)}, {12: (left, right)}, time_s, True)

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


class GapDisambiguator:
    """Asks the lips when the two most probable expressions are close."""

    bundle = SimpleNamespace(name="gap")
    thresholds = (0.3, 0.0)

    def decide(self, raw: FloatArray, aus: AuValues | None) -> Verdict:
        first, second = (EXPRESSIONS[index] for index in np.argsort(-raw)[:2])
        own = EXPRESSIONS[int(raw.argmax())]
        if aus is None or float(np.sort(raw)[-1] - np.sort(raw)[-2]) > 0.3:
            return Verdict(own, (), own, False, 0.0, (), raw)
        index = EXPRESSIONS.index(second)
        settled = raw.copy()
        settled[index] += 0.5
        settled /= settled.sum()
        return Verdict(
            own, (first, second), second, False, 0.75, (Reason(25, 0.5), Reason(12, 0.25)), settled
        )


def write_machines(
    folder: Path, estimator: str, units: Sequence[int], model: str, bias: float = 0.0
) -> Path:
    """A bundle of SVMs beside one net: close answers are settled by their biases alone."""
    sizes = {"units": len(units), "vectors": 0, "decisions": 1, "terms": n_terms(len(units))}
    arrays = {
        name: np.full(
            [sizes[axis] if isinstance(axis, str) else axis for axis in spec.shape],
            1 if name.endswith("deviation") else bias if name == "bias" else 0,
            np.int64 if name == "start" else np.float64,
        )
        for name, spec in ARRAYS.items()
    }
    folder.mkdir(parents=True)
    np.savez(folder / SVMS, **arrays)
    asking = {"t2": 0.5, "t3": 0.0, "order": "pairs-first"}
    weights = dict.fromkeys(("own2", "units2", "own3", "units3"), 1.0) | {"least": 0.0}
    bundle = SvmBundle.model_validate(
        {
            "name": folder.name,
            "title": "Machines that look at nothing",
            "task": "au_svm",
            "files": {SVMS: sha256(folder / SVMS)},
            "recipe": {},
            "paper": "none",
            "training_data": [],
            "licence": "Apache-2.0",
            "labels": EXPRESSIONS,
            "estimator": estimator,
            "units": tuple(units),
            "arrays": {
                name: {"shape": array.shape, "meaning": "none"} for name, array in arrays.items()
            },
            "decisions": [
                {
                    "expression": "a net",
                    "model": model,
                    "use": "stacked",
                    "plain": asking,
                    "stacked": {**asking, **weights, "evidence": "machines"},
                }
            ],
            "results": [],
        }
    )
    write_bundle(folder, bundle)
    return folder
