"""Tracker: gives each face the number of the person it belongs to.

An id stays with a person through crossings and short losses, and is never given to another one
before `reset`.
Two cues decide, both cheap: where the face should be by now, and what the head looks like.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from ferdesk.core.types import Face, FloatArray, Frame, ImageU8

FORGET_AFTER_S: Final = 10.0
"""A person who comes back later than that gets a new id."""

_LOOK_SIZE: Final = 16
_LOOK_MARGIN: Final = 1.7
"""Side of the patch that is compared over the face box's: hair and neck tell people apart."""
_LOOK_RATE: Final = 0.1
_MAX_LOST: Final = 32
_MAX_COST: Final = 1.0
_SAME_LOOK: Final = 0.35
"""Look distance below which a face that was lost may be taken for the same person."""


@dataclass(slots=True)
class _Track:
    id: int
    centre: FloatArray
    velocity: FloatArray
    size: float
    look: FloatArray
    seen_s: float


class Tracker:
    """Assigns ids; remembers a bounded number of lost people for a few seconds."""

    def __init__(self) -> None:
        """Start with nobody and id 1."""
        self._last_id = 0
        self._tracks: list[_Track] = []

    def reset(self) -> None:
        """Begin another source: nobody is known and ids start at 1 again."""
        self._last_id = 0
        self._tracks = []

    def forget(self) -> None:
        """Know nobody any more, within the same source; ids go on, so none is used twice."""
        self._tracks = []

    def track(self, frame: Frame, time_s: float, faces: Sequence[Face]) -> list[Face]:
        """Number the faces of a frame.

        Args:
            frame: the frame they are in.
            time_s: its time in seconds, on the source's clock.
            faces: not yet numbered.

        Returns:
            The same faces in the same order, with `track_id` set.
        """
        self._tracks = [
            track for track in self._tracks if 0 <= time_s - track.seen_s <= FORGET_AFTER_S
        ]
        looks = [_look(frame.image, face) for face in faces]
        match = self._match(time_s, faces, looks)
        numbered = []
        for index, face in enumerate(faces):
            track = match.get(index)
            if track is None:
                track = self._begin(face, looks[index], time_s)
            else:
                _update(track, face, looks[index], time_s)
            numbered.append(replace(face, track_id=track.id))
        self._tracks.sort(key=lambda track: -track.seen_s)
        del self._tracks[len(faces) + _MAX_LOST :]
        return numbered

    def _match(
        self, time_s: float, faces: Sequence[Face], looks: Sequence[FloatArray]
    ) -> dict[int, _Track]:
        """Pair faces with tracks, cheapest pair first."""
        pairs = sorted(
            (
                (_cost(track, face, look, time_s), index, number)
                for number, track in enumerate(self._tracks)
                for index, (face, look) in enumerate(zip(faces, looks, strict=True))
            ),
        )
        match: dict[int, _Track] = {}
        taken: set[int] = set()
        for cost, index, number in pairs:
            if cost <= _MAX_COST and index not in match and number not in taken:
                match[index] = self._tracks[number]
                taken.add(number)
        return match

    def _begin(self, face: Face, look: FloatArray, time_s: float) -> _Track:
        self._last_id += 1
        centre, size = _place(face)
        track = _Track(self._last_id, centre, np.zeros(2, np.float32), size, look, time_s)
        self._tracks.append(track)
        return track


def _place(face: Face) -> tuple[FloatArray, float]:
    box = face.box
    centre = np.array([box.x + box.w / 2, box.y + box.h / 2], np.float32)
    return centre, max(box.w, box.h, 1.0)


def _cost(track: _Track, face: Face, look: FloatArray, time_s: float) -> float:
    """How unlikely it is that the face is this track's person; above `_MAX_COST`: it is not.

    The face's distance from where the track should be, in face sizes, plus how different it looks.
    A track just seen is held by its place; the longer it is lost, the less its place says and the
    more its look must agree.
    """
    lost_s = time_s - track.seen_s
    centre, size = _place(face)
    ahead = track.velocity * min(lost_s, 0.3)
    away = float(np.linalg.norm(centre - track.centre - ahead)) / max(size, track.size)
    unlike = _distance(track.look, look)
    grown = abs(float(np.log2(size / track.size)))
    if lost_s > 0.5 and unlike > _SAME_LOOK:
        return np.inf
    reach = 0.6 + 1.5 * min(lost_s, 4.0)
    return away / reach * 0.5 + unlike * 0.8 + grown * 0.25


def _update(track: _Track, face: Face, look: FloatArray, time_s: float) -> None:
    centre, size = _place(face)
    elapsed = time_s - track.seen_s
    if 0 < elapsed < 0.5:
        track.velocity = 0.5 * track.velocity + 0.5 * (centre - track.centre) / elapsed
    else:
        track.velocity = np.zeros(2, np.float32)
    track.centre, track.size, track.seen_s = centre, size, time_s
    # A look far from the usual one is somebody walking through the picture, not a new haircut.
    if _distance(track.look, look) < _SAME_LOOK:
        track.look = track.look + np.float32(_LOOK_RATE) * (look - track.look)


def _look(image: ImageU8, face: Face) -> FloatArray:
    """What the head looks like: a tiny colour picture without its brightness and contrast.

    Returns:
        (16 * 16 * 3,) float32 of zero mean and unit length.
    """
    box = face.box
    side = max(box.w, box.h, 2.0) * _LOOK_MARGIN
    scale = _LOOK_SIZE * 2 / side
    x, y = box.x + box.w / 2, box.y + box.h / 2
    half = _LOOK_SIZE
    matrix = np.array([[scale, 0, half - scale * x], [0, scale, half - scale * y]])
    patch = cv2.warpAffine(
        image, matrix, (2 * half, 2 * half), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    small = cv2.resize(patch, (_LOOK_SIZE, _LOOK_SIZE), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32).ravel()
    values -= values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)


def _distance(first: FloatArray, second: FloatArray) -> float:
    """One minus the correlation of two looks, 0 (the same) to 2."""
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return 1.0 - float(first @ second) / max(norms, 1e-6)
