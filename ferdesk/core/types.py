"""The frozen values that flow through the pipeline, from a source's Frame to a sink's FrameResult.

Pixel coordinates have their origin at the centre of the frame's top left pixel, x to the right and
y down. Angles are degrees. Arrays are shared, not copied: nobody writes into them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.labels import EXPRESSIONS, UNSURE

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

    @property
    def clock_s(self) -> float:
        """Its time on the source's clock, in seconds: a file's own, else the machine's."""
        return self.captured_ns / 1e9 if self.source_time_s is None else self.source_time_s


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one frame.

    Attributes:
        box: the upright box around the landmarks.
        landmarks: (468 or 478, 3) float32 in frame pixels, MediaPipe's face-mesh numbering; z is
            relative depth in the same unit, smaller is nearer to the camera. Of a stored face there
            may be none, or (68, 3) in iBUG's numbering.
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
class AuValues:
    """Action units of one face, each in the order of `ferdesk.core.aus.ACTION_UNITS`.

    An activation is 0 (at rest) to 1 (as strong as the estimator knows it); NaN means not estimated
    by this estimator, which is something else than 0.

    Attributes:
        estimator: which estimator gave them, with what it ran.
        raw: (30,) float32, as estimated; of a paired unit the mean of its sides.
        activation: (30,) float32, `raw` less the person's own neutral face; equals it where no
            neutral face is known.
        left: (30,) float32, as estimated, the person's own left side; NaN where sides are unknown.
        right: (30,) float32, the same of the right side.
        time_s: the time of the frame that they were read from, on the source's clock: a slow
            estimator's values are older than the frame they come with.
        reliable: whether the face was large enough and turned to the camera enough.
    """

    estimator: str
    raw: FloatArray
    activation: FloatArray
    left: FloatArray
    right: FloatArray
    time_s: float
    reliable: bool

    def to_dict(self) -> dict[str, Any]:
        """The values by code, ready for JSON; what is not estimated is left out."""
        vectors = {
            "activation": self.activation,
            "raw": self.raw,
            "left": self.left,
            "right": self.right,
        }
        return {
            "estimator": self.estimator,
            "time_s": self.time_s,
            "reliable": self.reliable,
            "units": {
                unit.code: {
                    name: float(vector[index])
                    for name, vector in vectors.items()
                    if not math.isnan(vector[index])
                }
                for index, unit in enumerate(ACTION_UNITS)
                if not math.isnan(self.raw[index])
            },
        }


class Reason(NamedTuple):
    """What one action unit added to a decision.

    Attributes:
        au: its number.
        weight: how much, in units of log-odds; positive speaks for the expression that was chosen.
    """

    au: int
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What came of asking the action units.

    Attributes:
        own: the expression net's own answer.
        contested: the expressions between which it had no clear winner, most probable first; empty
            where it had one.
        chosen: what came out; `own` where nothing was contested, or the units had nothing to say.
        abstained: whether something was contested and the units were not asked, or not followed:
            unreliable values, or a margin too weak to count.
        margin: by how much the units spoke for `chosen` against the next of the contested, in units
            of log-odds; 0 where they were not asked.
        reasons: the units that tipped it, strongest first; empty where none did.
        probabilities: (8,) float32, after the decision; sums to 1.
    """

    own: str
    contested: tuple[str, ...]
    chosen: str
    abstained: bool
    margin: float
    reasons: tuple[Reason, ...]
    probabilities: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """The verdict without its probabilities, ready for JSON."""
        return {
            "own": self.own,
            "contested": list(self.contested),
            "chosen": self.chosen,
            "abstained": self.abstained,
            "margin": self.margin,
            "reasons": [reason._asdict() for reason in self.reasons],
        }


@dataclass(frozen=True, slots=True, eq=False)
class FaceReading:
    """What is known about one face in one frame, without its pixels.

    In a session that was made from another program's table, what that did not hold is NaN: box,
    pose, score, or all probabilities.

    Attributes:
        face: where it is and who.
        raw: (8,) float32, the net's calibrated probabilities for this frame alone, in the
            canonical order.
        probabilities: (8,) float32, `raw`, or what the action units made of it, smoothed over the
            track's last moments.
        aus: action units, None where none are estimated (yet).
        verdict: what the action units said to a contested answer, None where nobody asks them.
    """

    face: Face
    raw: FloatArray
    probabilities: FloatArray
    aus: AuValues | None = None
    verdict: Verdict | None = None

    @property
    def label(self) -> str:
        """The most probable expression; empty where none was judged."""
        return _most_probable(self.probabilities)

    @property
    def net_label(self) -> str:
        """The net's own answer for this frame alone; empty where none was judged."""
        return self.verdict.own if self.verdict else _most_probable(self.raw)

    @property
    def confidence(self) -> float:
        """The probability of `label`, 0..1."""
        return float(self.probabilities.max())

    def shown_label(self, unsure_below: float) -> str:
        """What people are shown as `label`, which stays as it is.

        Args:
            unsure_below: `label` becomes "unsure" where its probability is smaller; 0 for never.
        """
        return UNSURE if self.label and self.confidence < unsure_below else self.label

    def to_dict(self) -> dict[str, Any]:
        """The reading without landmarks, ready for JSON; what is not known is None."""
        return {
            "id": self.face.track_id,
            "box": list(map(_known, self.face.box)),
            "pose": {name: _known(angle) for name, angle in self.face.pose._asdict().items()},
            "score": _known(self.face.score),
            "label": self.label,
            "confidence": _known(self.confidence),
            "probabilities": dict(zip(EXPRESSIONS, map(_known, self.probabilities), strict=True)),
            "raw": dict(zip(EXPRESSIONS, map(_known, self.raw), strict=True)),
            "aus": self.aus and self.aus.to_dict(),
            "verdict": self.verdict and self.verdict.to_dict(),
        }


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FaceResult(FaceReading):
    """What the pipeline found about one face in one frame.

    Attributes:
        crop: the patch that was judged.
        maps: (8, h, w) float32, how much each place of the patch adds to each expression, in units
            of logits (`ExpressionNet.maps`); None where nobody asked, or the net has none.
    """

    crop: Crop
    maps: FloatArray | None = None


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
            "faces": [result.to_dict() for result in self.faces],
        }


def _most_probable(probabilities: FloatArray) -> str:
    index = int(probabilities.argmax())  # the first NaN, where there is one
    return "" if math.isnan(probabilities[index]) else EXPRESSIONS[index]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
