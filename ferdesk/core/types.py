"""The frozen values that flow through the pipeline, from a source's Frame to a sink's FrameResult.

Pixel coordinates have their origin at the centre of the frame's top left pixel, x to the right and
y down. Angles are degrees. Arrays are shared, not copied: nobody writes into them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import EXPRESSIONS

ImageU8 = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
Matrix = NDArray[np.float64]


class Box(NamedTuple):
    """An upright rectangle in frame pixels; x and y are its top left corner."""

    x: float
    y: float
    w: float
    h: float


class Pose(NamedTuple):
    """Head rotation in degrees.

    yaw > 0: the face turns towards the right of the image; pitch > 0: it looks up;
    roll > 0: it tilts clockwise as seen in the image. All zero: it looks into the camera.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture and its times.

    Attributes:
        image: (height, width, 3) uint8, BGR.
        index: position in the source, from 0; dropped frames leave gaps.
        captured_ns: `time.monotonic_ns()` when the frame was read.
        source_time_s: the frame's own time in a file, in seconds from its start; None
            where it has none (live sources, pictures).
        name: the file it came from, for folders of images; else the source's name.
        still: whether it is a picture of its own, with nothing to follow from the one before.
    """

    image: ImageU8
    index: int
    captured_ns: int
    source_time_s: float | None
    name: str
    still: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one frame.

    Attributes:
        box: the upright box around the landmarks.
        landmarks: (468 or 478, 3) float32 in frame pixels, MediaPipe's face-mesh numbering; z is
            relative depth in the same unit, smaller is nearer to the camera.
        pose: head rotation in degrees.
        score: how sure the landmark net is that this is a face, 0..1.
        track_id: the person's number in this run, from 1; 0 before tracking.
    """

    box: Box
    landmarks: FloatArray
    pose: Pose
    score: float
    track_id: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The aligned patch that a net eats.

    Attributes:
        image: (size, size) uint8, grey.
        from_frame: (2, 3) float64, maps frame pixels to patch pixels.
    """

    image: ImageU8
    from_frame: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class FaceResult:
    """What is known about one face in one frame.

    Attributes:
        face: where it is and who.
        crop: the patch that was judged.
        raw: (8,) float32, the net's calibrated probabilities for this frame alone, in the
            canonical order.
        probabilities: (8,) float32, the same smoothed over the track's last moments; equals `raw`
            when smoothing is off.
    """

    face: Face
    crop: Crop
    raw: FloatArray
    probabilities: FloatArray

    @property
    def label(self) -> str:
        """The most probable expression."""
        return EXPRESSIONS[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """The probability of `label`, 0..1."""
        return float(self.probabilities.max())


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """All that one frame gave.

    Attributes:
        frame: the frame itself.
        faces: one entry a face, largest first.
        stage_ms: milliseconds that each stage took, by stage name, in the order of the way.
        done_ns: `time.monotonic_ns()` when the last stage ended.
    """

    frame: Frame
    faces: tuple[FaceResult, ...]
    stage_ms: Mapping[str, float]
    done_ns: int

    def to_dict(self) -> dict[str, Any]:
        """The result without its pixels and landmarks, ready for JSON."""
        return {
            "source": self.frame.name,
            "frame": self.frame.index,
            "time_s": self.frame.source_time_s,
            "stage_ms": dict(self.stage_ms),
            "faces": [
                {
                    "id": result.face.track_id,
                    "box": list(result.face.box),
                    "pose": result.face.pose._asdict(),
                    "score": result.face.score,
                    "label": result.label,
                    "confidence": result.confidence,
                    "probabilities": dict(
                        zip(EXPRESSIONS, map(float, result.probabilities), strict=True)
                    ),
                    "raw": dict(zip(EXPRESSIONS, map(float, result.raw), strict=True)),
                }
                for result in self.faces
            ],
        }
