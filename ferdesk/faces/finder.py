"""FaceFinder: from a frame to its faces, following them from frame to frame.

The landmark net runs on every frame, in the regions that the last frame's landmarks give. The
detector runs where there is nothing to follow, when a face was lost, and every few frames to look
for new ones; then it also looks at a few tiles of the frame, so that within seconds faces too
small for the whole-frame pass are found as well.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from ferdesk.core.types import Box, Face, Frame, ImageU8
from ferdesk.faces.detector import Detection, Detector, Tile, tiles, whole
from ferdesk.faces.landmarks import LandmarkNet
from ferdesk.faces.pose import head_pose
from ferdesk.faces.region import (
    Region,
    bounding_box,
    coverage,
    from_detection,
    from_face,
    overlap,
)
from ferdesk.faces.store import FaceModels

PRESENCE: Final = 0.5
_START_PRESENCE: Final = 0.8
"""A face has to look more like one to be taken up than to be kept: among the many tiles of a long
video there is always something with eyes."""
SHRINKS_TO: Final = 0.8
"""A face that is followed may become so much smaller than the smallest that is taken up, so that
one who leans back is not lost and found all the time."""
_LOOK_EVERY: Final = 15
"""Frames between two looks for new faces while some are followed."""
_TILES_A_LOOK: Final = 2
_VIDEO_LEVELS, _STILL_LEVELS = 2, 3
_SAME_FACE_OVERLAP: Final = 0.45
_SAME_FACE_COVERAGE: Final = 0.5


class FaceFinder(Protocol):
    """Finds faces; remembers where they were until `reset`."""

    @property
    def backend(self) -> str:
        """Its name, for people and summaries."""
        ...

    def find(self, frame: Frame) -> list[Face]:
        """The faces of a frame, largest first, not yet tracked (`track_id` is 0)."""
        ...

    def reset(self) -> None:
        """Forget the last frame, as before the first one of a source."""
        ...

    def close(self) -> None:
        """Let go of the nets."""
        ...


class OpenVinoFinder:
    """MediaPipe's nets, run by our engine: nothing of it opens a network connection."""

    def __init__(
        self, models: FaceModels, max_faces: int, threads: int = 0, min_face: int = 0
    ) -> None:
        """Load the nets, in f32: docs/decisions/0003-precision-and-batches.md.

        Args:
            models: verified model files of one set.
            max_faces: how many faces are followed at most.
            threads: threads a net may use; 0 lets the engine choose.
            min_face: side in pixels that a face's box has to have; 0 for any.
        """
        self.backend = models.set_name
        self._detector = Detector(models.detector, threads)
        self._landmarks = LandmarkNet(models.landmarks, models.points, threads)
        self._max_faces = max_faces
        self._min_face = min_face
        self._regions: list[Region] = []
        self._until_look = 0
        self._next_tile = 0
        self._unseen: int | None = None

    def find(self, frame: Frame) -> list[Face]:
        """See `FaceFinder.find`."""
        if frame.still:
            self.reset()
        image = frame.image
        faces = large(self._locate(image, self._regions, PRESENCE), SHRINKS_TO * self._min_face)
        lost = len(faces) < len(self._regions)
        if len(faces) < self._max_faces and (lost or not faces or self._until_look <= 0):
            known = [face.box for face in faces]
            started = [
                from_detection(found.box, found.left_eye, found.right_eye)
                for found in self._look(frame)
                if not any(_same(found.box, box) for box in known)
            ]
            new = large(self._locate(image, started, _START_PRESENCE), self._min_face)
            faces = _distinct(faces + new)
            self._until_look = 0 if self._unseen else _LOOK_EVERY
        self._until_look -= 1
        faces = sorted(faces, key=lambda face: -face.box.w * face.box.h)[: self._max_faces]
        self._regions = [from_face(face) for face in faces]
        return faces

    def reset(self) -> None:
        """See `FaceFinder.reset`."""
        self._regions = []
        self._until_look = 0
        self._next_tile = 0
        self._unseen = None

    def close(self) -> None:
        """See `FaceFinder.close`."""
        self._detector.close()
        self._landmarks.close()

    def _look(self, frame: Frame) -> list[Detection]:
        """Run the detector on the whole frame and on as many tiles as the moment allows.

        A still picture has this moment only. Of a video all tiles are looked at soon, a few with
        each of its first frames: all of them at once take longer than a camera's next frame.
        """
        every = tiles(frame.image, _STILL_LEVELS if frame.still else _VIDEO_LEVELS)
        chosen: Sequence[Tile] = every
        if not frame.still and every:
            first = self._next_tile % len(every)
            chosen = (every + every)[first : first + min(_TILES_A_LOOK, len(every))]
            self._next_tile = first + len(chosen)
            left = len(every) if self._unseen is None else self._unseen
            self._unseen = max(0, left - len(chosen))
        return self._detector.detect(frame.image, [whole(frame.image), *chosen])

    def _locate(self, image: ImageU8, regions: list[Region], presence: float) -> list[Face]:
        found = [
            Face(bounding_box(points), points, head_pose(points), score)
            for points, score in zip(*self._landmarks.locate(image, regions), strict=True)
            if score >= presence
        ]
        height, width = image.shape[:2]
        inside = [face for face in found if coverage(face.box, Box(0, 0, width, height)) > 0.3]
        return _distinct(inside)


def large(faces: Sequence[Face], side: float) -> list[Face]:
    """The faces whose box has a side of so many pixels."""
    return [face for face in faces if max(face.box.w, face.box.h) >= side]


def _same(first: Box, second: Box) -> bool:
    return coverage(first, second) > _SAME_FACE_COVERAGE


def _distinct(faces: list[Face]) -> list[Face]:
    """Drop faces that lie on a better one: two regions can slide onto the same person."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda one: -one.score):
        if all(overlap(face.box, other.box) < _SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return kept
