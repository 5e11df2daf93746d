"""Units read off blendshapes, on the demo clip and on a real face."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from au_clips import AT_REST, FROWNS, SMILES, SURPRISED, faces_of, over, tracks_of, value
from au_fakes import a_face
from material import decode

from ferdesk.aus.blendshapes import LANDMARKS, BlendshapeEstimator, lips_part
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.blendshapes import BLENDSHAPES, sided_units, whole_units
from ferdesk.core.errors import ModelError
from ferdesk.core.types import AuValues, Face, Frame, Pose
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import LANDMARKER, load
from trainer.datasets.photographs import read

Seen = list[tuple[float, Face, AuValues]]


@pytest.fixture(scope="module")
def models(landmarker_folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERDESK_MODELS", str(landmarker_folder))
        yield


@pytest.fixture(scope="module")
def finder(models: None) -> Iterator[OpenVinoFinder]:
    found = OpenVinoFinder(load("landmarker"), max_faces=1, threads=1)
    yield found
    found.close()


@pytest.fixture(scope="module")
def estimator(models: None) -> Iterator[BlendshapeEstimator]:
    found = BlendshapeEstimator(threads=1)
    yield found
    found.close()


@pytest.fixture(scope="module")
def demo(finder: OpenVinoFinder, estimator: BlendshapeEstimator, demo_frames: list[Frame]) -> Seen:
    return tracks_of(estimator, faces_of(finder, demo_frames[::4]))


@pytest.mark.parametrize(
    ("au", "shown", "by"),
    [
        (12, SMILES, 0.5),
        (1, SURPRISED, 0.5),
        (2, SURPRISED, 0.5),
        (26, SURPRISED, 0.2),
        (4, FROWNS, 0.03),  # the clip's brows hardly move
    ],
)
def test_units_rise_with_their_expression(
    demo: Seen, au: int, shown: tuple[float, float], by: float
) -> None:
    others = {AT_REST, SMILES, SURPRISED, FROWNS} - {shown}
    assert over(demo, au, shown) > by + max(over(demo, au, other) for other in others)


def test_lips_part_in_surprise_and_in_a_smile(demo: Seen) -> None:
    assert over(demo, 25, FROWNS) < over(demo, 25, SMILES) - 0.1
    assert over(demo, 25, SURPRISED) > over(demo, 25, SMILES) + 0.2


def test_the_eye_at_the_images_right_is_the_left_one(
    demo_frames: list[Frame], finder: OpenVinoFinder, estimator: BlendshapeEstimator
) -> None:
    ((_, face, _),) = faces_of(finder, [demo_frames[10]])
    lids = {
        "image's right": {398: 382, 384: 381, 385: 380, 386: 374, 387: 373, 388: 390},
        "image's left": {173: 155, 157: 154, 158: 153, 159: 145, 160: 144, 161: 163},
    }
    found = {}
    for eye, points in lids.items():
        landmarks = face.landmarks.copy()
        landmarks[list(points)] = landmarks[list(points.values())]
        assert landmarks[33, 0] < landmarks[263, 0]
        (row,) = estimator.blendshapes([replace(face, landmarks=landmarks)])
        found[eye] = [
            float(row[BLENDSHAPES.index(f"eyeBlink{side}")]) for side in ("Left", "Right")
        ]
    left, right = found["image's right"]
    assert left > right + 0.2
    left, right = found["image's left"]
    assert right > left + 0.2


def test_left_is_the_persons_own_on_photographs(
    shared: Callable[[str], Path], finder: OpenVinoFinder, estimator: BlendshapeEstimator
) -> None:
    """They are not mirrored: the wider the eye at the right, the less the left one blinks."""
    samples = read(shared("data/faces.zip")).samples[::100]
    frames = [Frame(one.picture(), 0, 0, None, one.name, still=True) for one in samples]
    seen = tracks_of(estimator, faces_of(finder, frames))
    index = AU_INDEX[43]
    blinks = [values.left[index] - values.right[index] for _, _, values in seen]

    def gap(face: Face, upper: int, lower: int) -> float:
        return float(np.linalg.norm(face.landmarks[upper] - face.landmarks[lower]))

    wider = [gap(face, 386, 374) - gap(face, 159, 145) for _, face, _ in seen]
    assert np.corrcoef(blinks, wider)[0, 1] < -0.35


def test_the_smile_of_a_real_face_is_the_strongest_of_its_mouth(
    shared: Callable[[str], Path], finder: OpenVinoFinder, estimator: BlendshapeEstimator
) -> None:
    frames = list(decode(shared("media/face.mp4")))
    seen = tracks_of(estimator, faces_of(finder, frames[::12]))
    smiling = [values for _, _, values in seen if values.raw[AU_INDEX[12]] > 0.7]
    assert len(smiling) > len(seen) / 5
    mean = np.mean([values.raw for values in smiling], axis=0)
    mouth = (10, 12, 14, 15, 16, 17, 18, 20, 24, 26, 27, 28)
    assert max(mouth, key=lambda au: mean[AU_INDEX[au]]) == 12


def test_small_and_turned_faces_are_unreliable_not_zero(
    demo_frames: list[Frame], finder: OpenVinoFinder, estimator: BlendshapeEstimator
) -> None:
    ((frame, face, crop),) = faces_of(finder, [demo_frames[60]])
    small = replace(face, landmarks=face.landmarks * np.float32(0.1))
    turned = replace(face, pose=Pose(60, 0, 0))
    faces = [face, small, turned]
    values = estimator.estimate(frame, 2.4, faces, [crop] * 3)
    assert [one.reliable for one in values if one] == [True, False, False]
    assert all(one is not None and one.time_s == 2.4 for one in values)
    assert all(value(one, 12) > 0.3 for one in values if one)


def test_a_batch_is_what_its_faces_are(
    demo_frames: list[Frame], finder: OpenVinoFinder, estimator: BlendshapeEstimator
) -> None:
    faces = [face for _, face, _ in faces_of(finder, [demo_frames[60], demo_frames[150]])]
    together = estimator.blendshapes(faces)
    assert together.shape == (2, len(BLENDSHAPES))
    assert (together >= 0).all() and (together <= 1).all()
    for index, face in enumerate(faces):
        np.testing.assert_array_equal(estimator.blendshapes([face])[0], together[index])
    assert np.abs(together[0] - together[1]).max() > 0.3
    assert estimator.estimate(demo_frames[0], 0.0, [], []) == []


def test_faces_without_irises_are_refused(
    estimator: BlendshapeEstimator, demo_frames: list[Frame]
) -> None:
    face = a_face()
    classic = replace(face, landmarks=face.landmarks[:468])
    with pytest.raises(ModelError, match="ferdesk models install, or choose the native"):
        estimator.estimate(demo_frames[0], 0.0, [face, classic], [])


def test_a_net_that_is_not_installed_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferdesk.resources.face_model_folders", lambda: (tmp_path,))
    with pytest.raises(ModelError, match=r"face_blendshapes.tflite is missing.*models install"):
        BlendshapeEstimator()
    (tmp_path / "face_blendshapes.tflite").write_bytes(b"another net")
    with pytest.raises(ModelError, match="altered or cut short"):
        BlendshapeEstimator()


def test_the_landmarks_are_those_of_the_landmarker() -> None:
    assert len(LANDMARKS) == len(set(LANDMARKS)) == 146
    assert list(LANDMARKS) == sorted(LANDMARKS)
    assert max(LANDMARKS) == LANDMARKER.points - 1


def test_lips_part_grows_with_the_gap_whatever_the_scale() -> None:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[263, 0] = 100
    found = []
    for gap in (0, 1, 10, 20, 60):
        landmarks[14, 1] = gap
        found.append(lips_part(landmarks))
        assert lips_part(landmarks * np.float32(3)) == pytest.approx(found[-1], abs=1e-5)
    assert found[:2] == [0, 0]
    assert found[-1] == 1
    assert 0 < found[2] < found[3] < 1


def test_units_of_shapes_that_move_little_reach_the_others_scale() -> None:
    shapes = np.zeros(len(BLENDSHAPES), np.float32)
    shapes[BLENDSHAPES.index("eyeWideLeft")] = 0.5
    shapes[BLENDSHAPES.index("jawOpen")] = 0.5
    left, right = sided_units(shapes)[5]
    assert left == pytest.approx(0.95)
    assert right == 0
    assert whole_units(shapes)[26] == pytest.approx(0.5)
    assert whole_units(shapes)[27] == 0
    shapes[BLENDSHAPES.index("jawOpen")] = 0.9
    assert whole_units(shapes)[27] == 1
