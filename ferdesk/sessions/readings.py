"""What a session holds, as frozen values: its description, its frames, its annotations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ferdesk.core.types import FaceReading
from ferdesk.settings import Settings

SCHEMA_VERSION: Final = 1

VideoMode = Literal["raw", "annotated", "blurred", "pixelated", "none"]
"""What the video shows: the picture as it came; with what was found drawn in; with faces made
unrecognisable in one of two ways; or there is no video."""

Text = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(max_length=500)]


class SessionMeta(BaseModel):
    """What a session says about itself.

    Attributes:
        schema_version: of the database.
        written_by: the program and its version.
        started: wall clock at the first frame.
        started_ns: `time.monotonic_ns()` then: all times in nanoseconds are of this clock.
        finished: wall clock at the end; None where the app was killed before.
        source: the name of what was watched, for people.
        source_kind: camera, video, ...; "import" where the numbers come from another program.
        live: whether frames came at their own pace.
        width: of the frames, in pixels.
        height: of the frames.
        fps: nominal rate; None where unknown.
        settings: how frames were analysed; None for imported numbers.
        faces_backend: which face models ran.
        engine: what ran the nets.
        bundle: name of the expression net.
        bundle_sha256: of its bundle.json, so that it is known again.
        au_estimator: what estimated action units; empty where nothing did.
        units: numbers of the units that were estimated, ascending.
        au_scale: what an activation means.
        disambiguator: the SVMs that decided between contested expressions.
        neutral: the neutral profile that was taken off the units.
        video: what the video shows.
        lossless: whether the video keeps every pixel's value.
        consent: what the people in the picture agreed to, as noted by the user.
        lost: what a repair could not save; empty where nothing was lost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA_VERSION
    written_by: Name
    started: AwareDatetime
    started_ns: int
    finished: AwareDatetime | None = None
    source: Name
    source_kind: Name
    live: bool
    width: Annotated[int, Field(ge=0, le=100_000)]
    height: Annotated[int, Field(ge=0, le=100_000)]
    fps: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    settings: Settings | None = None
    faces_backend: Name = ""
    engine: Name = ""
    bundle: Name = ""
    bundle_sha256: Name = ""
    au_estimator: Name = ""
    units: tuple[int, ...] = ()
    au_scale: Name = "activation, 0 (at rest) to 1 (as strong as the estimator knows it)"
    disambiguator: Name = ""
    neutral: Name = ""
    video: VideoMode = "none"
    lossless: bool = False
    consent: Text = ""
    lost: Text = ""


@dataclass(frozen=True, slots=True, eq=False)
class FrameReading:
    """What was stored of one frame.

    Attributes:
        number: of the recorded frames, from 0; without gaps, but for what a repair lost.
        source_index: the frame's number in its source; gaps were dropped before the analysis.
        time_s: seconds from the session's start; also the time of its picture in the video.
        source_time_s: the frame's own time in a file, None where it has none.
        captured_ns: `time.monotonic_ns()` when it was read.
        done_ns: the same when its analysis ended.
        shown_ns: the same when the window showed it; None where it did not.
        in_video: whether its picture was given to the video.
        faces: one entry a face, largest first. `AuValues.time_s` is in seconds from the session's
            start, `Verdict.probabilities` is empty: it is not stored.
    """

    number: int
    source_index: int
    time_s: float
    source_time_s: float | None
    captured_ns: int
    done_ns: int
    shown_ns: int | None
    in_video: bool
    faces: tuple[FaceReading, ...]


AnnotationKind = Literal["marker", "note", "label", "event"]
"""A moment marked while recording; words about a span; what a person says a face expresses; what
the program itself noted (started, paused, frames dropped, ...)."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something said about a moment or a span of a session.

    Attributes:
        id: number in the session; 0 before it is stored.
        start_s: seconds from the session's start.
        end_s: the same for its end; None for a moment.
        kind: see `AnnotationKind`.
        text: what is said.
        face_id: the person it is about; None for all.
        author: who said it: a person's name, a program, a stream.
    """

    start_s: float
    kind: AnnotationKind
    text: str
    end_s: float | None = None
    face_id: int | None = None
    author: str = ""
    id: int = 0


class Readings(Protocol):
    """A recorded session, as far as exports need it."""

    @property
    def meta(self) -> SessionMeta:
        """What the session says about itself."""
        ...

    def frames(self) -> Iterator[FrameReading]:
        """All frames in the order of their numbers."""
        ...

    def annotations(self) -> tuple[Annotation, ...]:
        """All annotations by time."""
        ...
