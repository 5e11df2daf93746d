"""What the user can choose, as one frozen snapshot that travels with a run."""

from typing import Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from ferdesk.engines.base import Precision

FacesBackend = Literal["auto", "landmarker", "classic", "mediapipe"]
AusBackend = Literal["native", "blendshapes", "pyfeat", "off"]


class Settings(BaseModel):
    """How frames are analysed. A change makes a new snapshot with `model_copy(update=...)`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    faces: FacesBackend = "auto"
    """Face models: the landmarker bundle (478 points), the two classic nets (468 points), or the
    mediapipe runtime; auto takes the best that is installed, never the runtime."""
    max_faces: int = Field(default=8, ge=1, le=64)
    """At most so many faces are followed at once, largest first."""
    bundle: str = "compact-ferplus"
    """The expression net: a name of an installed bundle, or a bundle's folder."""
    aus: AusBackend = "native"
    """What estimates action units: our own net, MediaPipe's blendshapes, py-feat, or nothing."""
    disambiguate: str = "auto"
    """The SVMs that decide between expressions that the net cannot tell apart: an installed
    bundle's name, or its folder; off; auto takes the installed one that belongs to the estimator
    and the expression net, and where there is none nothing is decided."""
    neutral: str = ""
    """Name of the neutral profile that is taken off the largest face's action units; empty for
    none."""
    smoothing_s: float = Field(default=0.2, ge=0, le=5)
    """Time constant of each track's smoothing, in seconds of source time; 0 turns it off."""
    precision: Precision = "auto"
    """auto lets nets compute in bf16 where the processor does that faster and the answers stay the
    same; f32 gives the same numbers on every machine."""
    threads: int = Field(default=0, ge=0, le=64)
    """Threads a net may use; 0 lets the engine choose."""


class SettingsOptions(TypedDict, total=False):
    """The fields of `Settings` as keyword arguments, for editors and type checkers."""

    faces: FacesBackend
    max_faces: int
    bundle: str
    aus: AusBackend
    disambiguate: str
    neutral: str
    smoothing_s: float
    precision: Precision
    threads: int
