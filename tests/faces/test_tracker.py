"""Ids through motion, crossings and losses, on pictures in which each person has own colours."""

import numpy as np

from ferdesk.core.types import Box, Face, Frame, ImageU8, Pose
from ferdesk.faces.tracker import Tracker

FPS = 25
SIZE = 60


def person(seed: int) -> ImageU8:
    """A head-sized patch of large blobs, unlike anybody else's."""
    blobs = np.random.default_rng(seed).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    return blobs.repeat(22, axis=0).repeat(22, axis=1)


PEOPLE = {name: person(seed) for seed, name in enumerate("ABC")}


def scene(where: dict[str, tuple[float, float]]) -> tuple[ImageU8, list[Face], list[str]]:
    """A picture with people at their places; who comes last stands in front."""
    image = np.full((360, 640, 3), 90, np.uint8)
    faces, names = [], []
    for name, (x, y) in where.items():
        left, top = round(x) - 55, round(y) - 55
        x0, y0 = max(left, 0), max(top, 0)
        patch = PEOPLE[name][y0 - top :, x0 - left :]
        part = image[y0 : y0 + patch.shape[0], x0 : x0 + patch.shape[1]]
        part[:] = patch[: part.shape[0], : part.shape[1]]
        corners = [(x - SIZE / 2, y - SIZE / 2, 0), (x + SIZE / 2, y + SIZE / 2, 0)]
        box = Box(x - SIZE / 2, y - SIZE / 2, SIZE, SIZE)
        faces.append(Face(box, np.array(corners, np.float32), Pose(0, 0, 0), 1.0))
        names.append(name)
    return image, faces, names


class Film:
    """Feeds scenes to a tracker and notes who got which id."""

    def __init__(self) -> None:
        self.tracker = Tracker()
        self.ids: dict[str, list[int]] = {}
        self._index = 0

    def show(self, hidden: str = "", **where: tuple[float, float]) -> None:
        image, faces, names = scene(where)
        seen = [(face, name) for face, name in zip(faces, names, strict=True) if name not in hidden]
        frame = Frame(image, self._index, 0, self._index / FPS, "film")
        tracked = self.tracker.track(frame, self._index / FPS, [face for face, _ in seen])
        for face, (_, name) in zip(tracked, seen, strict=True):
            self.ids.setdefault(name, []).append(face.track_id)
        self._index += 1

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            self.show()


def test_ids_start_at_one_and_stay() -> None:
    film = Film()
    for step in range(50):
        film.show(A=(100 + step * 4, 180), B=(500, 180 + step))
    assert set(film.ids["A"]) == {1}
    assert set(film.ids["B"]) == {2}


def test_ids_survive_a_crossing() -> None:
    """A walks in front of B; while B is hidden no face is found for B."""
    film = Film()
    for step in range(80):
        a, b = 120 + step * 5, 520 - step * 5
        film.show(hidden="B" if abs(a - b) < 70 else "", B=(b, 180), A=(a, 180))
    assert set(film.ids["A"]) == {1} or set(film.ids["A"]) == {2}
    assert len(set(film.ids["B"])) == 1
    assert film.ids["A"][0] != film.ids["B"][0]


def test_an_id_comes_back_after_a_short_loss_elsewhere() -> None:
    film = Film()
    for _ in range(20):
        film.show(A=(150, 150), B=(450, 150))
    for _ in range(FPS * 2):
        film.show(hidden="A", A=(150, 150), B=(450, 150))
    for _ in range(10):
        film.show(A=(280, 200), B=(450, 150))
    assert len(set(film.ids["A"])) == 1


def test_somebody_else_at_the_same_place_is_a_new_person() -> None:
    film = Film()
    for _ in range(20):
        film.show(A=(300, 180))
    film.wait(1.0)
    for _ in range(20):
        film.show(C=(300, 180))
    assert set(film.ids["A"]) == {1}
    assert set(film.ids["C"]) == {2}


def test_an_id_is_never_given_twice() -> None:
    film = Film()
    film.show(A=(300, 180))
    film.tracker.forget()
    film.show(A=(300, 180))
    film.wait(12)
    film.show(A=(300, 180))
    assert film.ids["A"] == [1, 2, 3]


def test_another_source_counts_from_one() -> None:
    film = Film()
    film.show(A=(300, 180))
    film.tracker.reset()
    film.show(B=(300, 180))
    assert film.ids == {"A": [1], "B": [1]}


def test_memory_is_bounded() -> None:
    """Hundreds of passers-by leave no more than a few dozen looks behind."""
    tracker = Tracker()
    rng = np.random.default_rng(0)
    for index in range(300):
        image = rng.integers(0, 256, (9, 16, 3)).astype(np.uint8).repeat(40, 0).repeat(40, 1)
        _, (face,), _ = scene({"A": (float(rng.uniform(60, 580)), 180.0)})
        tracker.track(Frame(image, index, 0, index / FPS, "street"), index / FPS, [face])
        tracker.track(Frame(image, index, 0, index / FPS, "street"), index / FPS, [])
    assert len(tracker._tracks) <= 40
