"""The values that the live threads and the window exchange. No Qt."""

from dataclasses import dataclass
from typing import NamedTuple

from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.sources.base import SourceInfo


class Counters(NamedTuple):
    """How the live run is doing.

    Attributes:
        fps: pictures analysed in the last second.
        latency_ms: from capture to the end of drawing, of this picture.
        dropped: frames of this source that were not analysed because a newer one was there.
        unshown: results that were ready but replaced by a newer one before the window took them.
    """

    fps: float
    latency_ms: float
    dropped: int
    unshown: int


@dataclass(frozen=True, slots=True, eq=False)
class LiveResult:
    """What the window shows for one frame.

    Attributes:
        session: number of the `Worker.open` call it belongs to.
        result: what the pipeline found.
        image: (height, width, 4) uint8, BGRA, contiguous: the annotated picture.
        source: what the frame came from.
        counters: how the run is doing.
        numbering: rises whenever persons are numbered anew: with another source or pipeline, and
            when a recording begins.
    """

    session: int
    result: FrameResult
    image: ImageU8
    source: SourceInfo
    counters: Counters
    numbering: int = 0


class PipelineState(NamedTuple):
    """A change of the pipeline, for the window.

    Attributes:
        faces_backend: which face models run; empty while there is no pipeline.
        engine: what runs the nets.
        bundle: name of the expression net.
        au_estimator: what estimates action units; empty where nothing does.
        disambiguator: the SVMs that decide between contested expressions; empty where none do.
        neutral: the neutral profile that is taken off the units; empty for none.
        error: what went wrong, for people; empty when it works.
        units: numbers of the action units that are estimated, ascending.
        has_maps: whether the expression net has activation maps.
    """

    faces_backend: str = ""
    engine: str = ""
    bundle: str = ""
    au_estimator: str = ""
    disambiguator: str = ""
    neutral: str = ""
    error: str = ""
    units: tuple[int, ...] = ()
    has_maps: bool = False
