"""What the user can choose, as one frozen snapshot that travels with a run."""

from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from ferdesk.aus.names import NATIVE_BUNDLE
from ferdesk.engines.base import EngineChoice, Precision

FacesBackend = Literal["auto", "landmarker", "classic", "mediapipe"]
AusBackend = Literal["native", "blendshapes", "pyfeat", "off"]
Threshold = Annotated[float, Field(ge=0, le=1)] | Literal["auto"]
"""A difference of probabilities; auto leaves it to the bundle."""


class Settings(BaseModel):
    """How frames are analysed. A change makes a new snapshot with `model_copy(update=...)`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    faces: FacesBackend = "auto"
    """Face models: the landmarker bundle (478 points), the two classic nets (468 points), or the
    mediapipe runtime; auto takes the best that is installed, never the runtime."""
    max_faces: int = Field(default=8, ge=1, le=64)
    """At most so many faces are followed at once, largest first."""
    min_face: int = Field(default=0, ge=0, le=4096)
    """Faces whose box has no side of so many pixels are left out; 0 for none. One that is followed
    stays until it is a fifth smaller."""
    bundle: str = "compact-ferplus"
    """The expression net: a name of an installed bundle, or a bundle's folder."""
    aus: AusBackend = "native"
    """What estimates action units: our own net, MediaPipe's blendshapes, py-feat, or nothing."""
    au_bundle: str = NATIVE_BUNDLE
    """Which net `native` is: a name of an installed bundle, or a bundle's folder."""
    disambiguate: str = "auto"
    """The SVMs that decide between expressions that the net cannot tell apart: an installed
    bundle's name, or its folder; off; auto takes the installed one that belongs to the estimator
    and the expression net, and where there is none nothing is decided."""
    t2: Threshold = "auto"
    """The top two expressions contest an answer where their probabilities differ by less; 0 for
    never. The bundle's published figures hold for its own values of both thresholds."""
    t3: Threshold = "auto"
    """The top three contest it where the first's and the third's differ by less; 0 for never."""
    neutral: str = ""
    """Name of the neutral profile that is taken off the largest face's action units; empty for
    none."""
    smoothing_s: float = Field(default=0.2, ge=0, le=5)
    """Time constant of each track's smoothing, in seconds of source time; 0 turns it off."""
    precision: Precision = "auto"
    """auto lets nets compute in bf16 where the processor does that faster and the answers stay the
    same; f32 gives the same numbers on every machine."""
    engine: EngineChoice = "auto"
    """What runs the expression net and our own net for action units; auto takes what
    `ferdesk bench` found fastest on this machine, else openvino, and for f32 always that."""
    threads: int = Field(default=0, ge=0, le=64)
    """Threads a net may use; 0 lets the engine choose."""


class SettingsOptions(TypedDict, total=False):
    """The fields of `Settings` as keyword arguments, for editors and type checkers."""

    faces: FacesBackend
    max_faces: int
    min_face: int
    bundle: str
    aus: AusBackend
    au_bundle: str
    disambiguate: str
    t2: Threshold
    t3: Threshold
    neutral: str
    smoothing_s: float
    precision: Precision
    engine: EngineChoice
    threads: int
