"""The picture of a stored frame: from the video, or drawn from the numbers."""

from dataclasses import dataclass, replace
from typing import Final, Self

import cv2
import numpy as np

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Box, FaceReading, ImageU8
from ferdesk.overlay import OverlayOptions, draw_faces
from ferdesk.overlay_colours import USUAL, Palette
from ferdesk.review.opening import Opened
from ferdesk.sessions.session import Session
from ferdesk.sources.seek import SeekableVideo

_GROUND: Final = 32
"""Grey level of the background where there is no picture."""
_UNKNOWN_SIZE: Final = (640, 360)
_LARGEST: Final = 1280
"""Pixels of the longer side of a drawn picture: what a session says of itself may be anything."""
_SHOWN: Final = OverlayOptions(bars=False, verdicts=False)
_POINTS: Final = OverlayOptions(
    boxes=False, ids=False, labels=False, bars=False, verdicts=False, landmarks=True
)

Faces = tuple[FaceReading, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StoredPicture:
    """A frame as it is shown.

    Attributes:
        index: the frame's place in the timeline.
        image: (height, width, 4) uint8, BGRA.
        faces: what was stored of its faces.
        drawn: whether the background is plain, since the video has no picture of this frame.
        trouble: why the video cannot be read; empty where it can, or where there is none.
    """

    index: int
    image: ImageU8
    faces: Faces
    drawn: bool
    trouble: str


class Pictures:
    """Gives the pictures of a session's frames. Used by one thread.

    Args:
        opened: the session.

    Raises:
        SessionError: its database cannot be opened.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._trouble = ""
        self._video: SeekableVideo | None = None
        self._session = Session(opened.folder)
        if opened.video is not None and opened.meta.video != "none":
            try:
                self._video = SeekableVideo(opened.video)
            except SourceError as error:
                self._trouble = str(error)

    def picture(self, index: int, overlay: bool, colours: Palette = USUAL) -> StoredPicture:
        """A frame's picture.

        Args:
            index: its place in the timeline.
            overlay: whether box, number and expression of each face are drawn in.
            colours: the expressions'.

        Raises:
            SessionError: the database is damaged.
        """
        timeline = self._opened.timeline
        number = int(timeline.numbers[index])
        reading = next(self._session.frames(number, number), None)
        faces = reading.faces if reading is not None else ()
        stored = timeline.in_video[index]
        picture = self._from_video(float(timeline.times_s[index])) if stored else None
        placed = faces
        drawn = picture is None
        if picture is None:
            picture, placed = self._plain(faces)
            draw_faces(picture, placed, _POINTS)
        if overlay:
            draw_faces(picture, placed, replace(_SHOWN, colours=colours))
        image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA), np.uint8)
        return StoredPicture(index, image, faces, drawn, self._trouble)

    def close(self) -> None:
        """Let go of the files; may be called more than once."""
        self._session.close()
        if self._video is not None:
            self._video.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _from_video(self, time_s: float) -> ImageU8 | None:
        if self._video is None:
            return None
        try:
            found = self._video.picture_at(time_s)
        except SourceError as error:
            self._trouble = str(error)
            return None
        return None if found is None else np.require(found, requirements=["C", "W"])

    def _plain(self, faces: Faces) -> tuple[ImageU8, Faces]:
        """A plain background, and where the faces are on it."""
        meta = self._opened.meta
        width, height = (meta.width, meta.height) if meta.width and meta.height else _UNKNOWN_SIZE
        scale = min(1.0, _LARGEST / max(width, height))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        image = np.full((*size, 3), _GROUND, np.uint8)
        return image, tuple(_scaled(face, scale) for face in faces)


def _scaled(face: FaceReading, scale: float) -> FaceReading:
    box = Box(*(value * scale for value in face.face.box))
    landmarks = face.face.landmarks * np.float32(scale)
    return replace(face, face=replace(face.face, box=box, landmarks=landmarks))
