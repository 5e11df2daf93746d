"""The finder on real pixels: the demo clip always, the clips of ../shared where they are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from material import DATA, decode

from ferdesk import resources
from ferdesk.core.errors import ModelError
from ferdesk.core.types import Frame, ImageU8
from ferdesk.faces import store
from ferdesk.faces.detector import Detection, Detector, Tile, tiles, whole
from ferdesk.faces.finder import OpenVinoFinder

Opener = Callable[[str], OpenVinoFinder]


@pytest.fixture(scope="module")
def finder() -> Iterator[OpenVinoFinder]:
    """The best installed set."""
    found = OpenVinoFinder(store.load("auto"), max_faces=8)
    yield found
    found.close()


def open_set(name: str, request: pytest.FixtureRequest) -> OpenVinoFinder:
    if name == "landmarker":
        folder: Path = request.getfixturevalue("landmarker_folder")
        patch = pytest.MonkeyPatch()
        patch.setenv("FERDESK_MODELS", str(folder))
        try:
            return OpenVinoFinder(store.load(name), max_faces=8)
        finally:
            patch.undo()
    return OpenVinoFinder(store.load(name), max_faces=8)


def distances(finder: OpenVinoFinder, frames: Iterable[Frame], reference: Path) -> list[float]:
    """Mean distance to the mediapipe package's landmarks, in outer-eye distances, a frame each."""
    with np.load(reference, allow_pickle=False) as stored:
        expected = dict(zip(stored["frames"].tolist(), stored["landmarks"] / 64, strict=True))
    found = []
    for frame in frames:
        faces = finder.find(frame)
        if frame.index not in expected:
            continue
        points = expected[frame.index]
        eyes = np.linalg.norm(points[33] - points[263])
        assert faces, f"no face in frame {frame.index}"
        away = np.linalg.norm(faces[0].landmarks[:, :2] - points, axis=1)
        found.append(float(away.mean() / eyes))
    assert len(found) == len(expected)
    return found


@pytest.mark.parametrize("name", ["landmarker", "classic"])
def test_landmarks_are_mediapipes_on_the_demo_clip(
    name: str, request: pytest.FixtureRequest, demo_frames: list[Frame]
) -> None:
    finder = open_set(name, request)
    away = distances(finder, demo_frames, DATA / f"mediapipe_{name}_demo.npz")
    finder.close()
    assert np.mean(away) < 0.015


@pytest.mark.parametrize("name", ["landmarker", "classic"])
def test_landmarks_are_mediapipes_on_a_real_clip(
    name: str, request: pytest.FixtureRequest, shared: Callable[[str], Path]
) -> None:
    clip = shared("media/face.mp4")
    finder = open_set(name, request)
    away = distances(finder, decode(clip), DATA / f"mediapipe_{name}_face.npz")
    finder.close()
    assert np.mean(away) < 0.015


def test_one_face_in_every_frame_of_the_demo(
    finder: OpenVinoFinder, demo_frames: list[Frame]
) -> None:
    finder.reset()
    assert all(len(finder.find(frame)) == 1 for frame in demo_frames[::3])


def test_no_face_where_there_is_none(finder: OpenVinoFinder, shared: Callable[[str], Path]) -> None:
    finder.reset()
    assert not any(finder.find(frame) for frame in decode(shared("media/no_face.mp4")))


def test_all_five_people(finder: OpenVinoFinder, shared: Callable[[str], Path]) -> None:
    image = np.asarray(cv2.imread(str(shared("media/multi_face.jpg"))), np.uint8)
    faces = finder.find(Frame(image, 0, 0, None, "multi_face.jpg", still=True))
    assert len(faces) == 5
    areas = [face.box.w * face.box.h for face in faces]
    assert areas == sorted(areas, reverse=True)


def test_small_faces_are_left_out_and_followed_ones_may_shrink(demo_frames: list[Frame]) -> None:
    def shown(side: float) -> Frame:
        """The demo's face in its own frame, its box's longer side that many pixels."""
        scale = side / whole_side
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.full_like(image, 120)
        picture[: small.shape[0], : small.shape[1]] = small
        return Frame(picture, 0, 0, 0.0, "small")

    image = demo_frames[0].image
    finder = OpenVinoFinder(store.load("auto"), max_faces=8, min_face=120)
    (face,) = finder.find(demo_frames[0])
    whole_side = max(face.box.w, face.box.h)
    assert whole_side > 140
    finder.reset()
    assert finder.find(shown(108)) == []
    assert len(finder.find(shown(132))) == 1
    assert len(finder.find(shown(124))) == 1
    assert len(finder.find(shown(108))) == 1
    assert [len(finder.find(shown(side))) for side in (100, 92, 84, 84)][-1] == 0
    finder.reset()
    assert finder.find(shown(108)) == []
    finder.close()


def test_a_small_face_is_found_by_its_tile(
    finder: OpenVinoFinder, demo_frames: list[Frame]
) -> None:
    """A face of 45 px is 4 px wide in a 1280 px frame shrunk to 128 px; a tile shows it."""
    size = 160
    small = cv2.resize(demo_frames[0].image, (size, size * 9 // 16), interpolation=cv2.INTER_AREA)
    image = np.full((720, 1280, 3), 120, np.uint8)
    image[500 : 500 + small.shape[0], 900 : 900 + size] = small
    finder.reset()
    frames = [Frame(image, i, i, i / 25, "wide") for i in range(60)]
    found = [finder.find(frame) for frame in frames]
    first = next(index for index, faces in enumerate(found) if faces)
    assert first <= 12, "the first frames look everywhere"
    x = found[first][0].box.x + found[first][0].box.w / 2
    assert 900 < x < 900 + size
    assert len(found[-1]) == 1, "and the face is followed"


def test_a_frame_of_a_video_gets_three_looks_at_most(
    finder: OpenVinoFinder, demo_frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tiles of a 1280 px frame at once would take longer than a camera's next frame."""
    looks: list[int] = []
    detect = Detector.detect

    def counting(self: Detector, image: ImageU8, every: Sequence[Tile]) -> list[Detection]:
        looks.append(len(every))
        return detect(self, image, every)

    monkeypatch.setattr(Detector, "detect", counting)
    image = cv2.resize(demo_frames[0].image, (1280, 720))
    finder.reset()
    for index in range(30):
        finder.find(Frame(np.asarray(image, np.uint8), index, 0, index / 30, "wide"))
    assert max(looks) == 3
    assert sum(looks) - len(looks) >= len(tiles(np.asarray(image, np.uint8), 2))
    assert len(looks) < 15, "and then only now and then"


def test_a_batch_of_faces_gives_what_each_gives_alone(
    finder: OpenVinoFinder, demo_frames: list[Frame]
) -> None:
    first, second = demo_frames[20].image, demo_frames[150].image
    both = np.concatenate([first, second], axis=1)
    finder.reset()
    pair = finder.find(Frame(both, 0, 0, None, "pair", still=True))
    assert len(pair) == 2
    left = min(pair, key=lambda face: face.box.x)
    alone = finder.find(Frame(first, 0, 0, None, "alone", still=True))[0]
    eyes = np.linalg.norm(alone.landmarks[33] - alone.landmarks[263])
    away = np.linalg.norm(left.landmarks - alone.landmarks, axis=1).mean() / eyes
    assert away < 0.02


def test_a_cut_to_another_place_loses_no_frame(
    finder: OpenVinoFinder, demo_frames: list[Frame]
) -> None:
    here = demo_frames[20].image
    there = np.roll(here, 260, axis=1)
    finder.reset()
    for index in range(12):
        picture = here if index < 6 else there
        assert len(finder.find(Frame(picture, index, 0, index / 25, "cut"))) == 1


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 900, 3), (900, 2, 3), (40, 40, 3)])
def test_odd_pictures_have_no_face_and_no_crash(
    finder: OpenVinoFinder, shape: tuple[int, int, int]
) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert finder.find(Frame(image, 0, 0, None, "odd", still=True)) == []


def test_tiles_cover_the_frame() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    seen = np.zeros((720, 1280), np.uint8)
    for tile in tiles(image, 1):
        assert tile.side == 720
        seen[tile.y : tile.y + tile.side, tile.x : tile.x + tile.side] = 1
    assert seen.all()
    assert min(tile.side for tile in tiles(image, 3)) == 180


def test_detections_of_several_tiles_are_merged(demo_frames: list[Frame]) -> None:
    detector = Detector(store.load("auto").detector)
    image = demo_frames[20].image
    found = detector.detect(image, [whole(image), *tiles(image, 1)])
    detector.close()
    assert len(found) == 1


def test_no_models_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "face_model_folders", lambda: (tmp_path,))
    with pytest.raises(ModelError, match="ferdesk models install"):
        store.load("auto")
