"""The table: every preference with its type, range, default, title and help, section by section."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

import platformdirs
from pydantic import BaseModel, ConfigDict, Field

from ferdesk.bundles import installed_bundles
from ferdesk.engines.base import EngineChoice, Precision
from ferdesk.overlay_hide import Hiding
from ferdesk.preferences.annotations import Host, Line, Lines, Shown
from ferdesk.sessions.library import default_folder
from ferdesk.sessions.readings import VideoMode
from ferdesk.settings import AusBackend, FacesBackend, Settings, Threshold
from ferdesk.streams.choice import OSC_HOST, OSC_PORT, WEBSOCKET_PORT

if TYPE_CHECKING:
    from ferdesk.sources import Source

CameraSize = Literal["640x360", "640x480", "1280x720", "1920x1080", "3840x2160"]

_STANDARD = Settings()
_AS_TUNED = "As the bundle says"
_OWN_FIGURES = (
    "The bundle's value was chosen on validation data, and its published figures hold for that "
    "value alone: with another one nobody has measured how often the answer is right."
)


def _sources() -> tuple[str, ...]:
    return "demo", "0"


def _expression_nets() -> tuple[str, ...]:
    return tuple(folder.name for folder in installed_bundles())


def _unit_nets() -> tuple[str, ...]:
    return tuple(folder.name for folder in installed_bundles("action_units"))


def _machines() -> tuple[str, ...]:
    return ("auto", "off", *(folder.name for folder in installed_bundles("au_svm")))


class Section(BaseModel):
    """Preferences that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourcePreferences(Section):
    """What is watched."""

    default: Annotated[
        Line,
        Shown("start", suggestions=_sources, empty="the first camera, else the demo"),
    ] = Field(
        default="",
        title="Source at the start",
        description="A camera's number or name, a video, picture or folder, an address, or demo. "
        "An address is stored as it is, with its password.",
    )
    mirror: Annotated[bool, Shown()] = Field(
        default=False,
        title="Mirror the picture",
        description="Show it as a mirror would. Numbers and recordings stay those of the camera.",
    )
    camera_size: Annotated[CameraSize, Shown("source", unit="pixels")] = Field(
        default="1280x720",
        title="Camera picture",
        description="Wished width and height; a camera that has no such size gives another.",
    )
    camera_fps: Annotated[float, Shown("source", unit="a second")] = Field(
        default=30.0,
        ge=1,
        le=240,
        title="Camera rate",
        description="Wished pictures a second; a camera may give fewer, in the dark above all.",
    )

    def opener(self) -> "partial[Source]":
        """`ferdesk.sources.open_source` with the wished camera size and rate."""
        from ferdesk.sources import open_source

        width, _, height = self.camera_size.partition("x")
        return partial(open_source, size=(int(width), int(height)), fps=self.camera_fps)


class FacesPreferences(Section):
    """How faces are found."""

    backend: Annotated[
        FacesBackend,
        Shown(
            "pipeline",
            texts={
                "auto": "The best that is installed",
                "landmarker": "Landmarker bundle (478 points)",
                "classic": "Two classic nets (468 points)",
                "mediapipe": "MediaPipe's own runtime (reports to its maker)",
            },
        ),
    ] = Field(
        default=_STANDARD.faces,
        title="Face models",
        description="What finds faces and their landmarks.",
    )
    max_faces: Annotated[int, Shown("pipeline")] = Field(
        default=_STANDARD.max_faces,
        ge=1,
        le=64,
        title="Faces at most",
        description="So many are followed at once, the largest first; each takes its time.",
    )
    min_face: Annotated[int, Shown("pipeline")] = Field(
        default=_STANDARD.min_face,
        ge=0,
        le=4096,
        title="Smallest face, in pixels",
        description="Faces with no side as long as this are left out, people in the background for "
        "instance; 0 takes all.",
    )


class NetsPreferences(Section):
    """What judges faces."""

    bundle: Annotated[Line, Shown("pipeline", suggestions=_expression_nets)] = Field(
        default=_STANDARD.bundle,
        min_length=1,
        title="Expression net",
        description="An installed bundle's name, or a bundle's folder.",
    )
    aus: Annotated[
        AusBackend,
        Shown(
            "pipeline",
            texts={
                "native": "ferdesk's own net",
                "blendshapes": "MediaPipe's blendshapes",
                "pyfeat": "py-feat (slow)",
                "off": "None",
            },
        ),
    ] = Field(default=_STANDARD.aus, title="Action units", description="What estimates them.")
    au_bundle: Annotated[Line, Shown("pipeline", suggestions=_unit_nets)] = Field(
        default=_STANDARD.au_bundle,
        min_length=1,
        title="Action unit net",
        description="Which net ferdesk's own is: an installed bundle's name, or a bundle's folder. "
        "SVMs and neutral faces belong to one net and serve no other.",
    )
    disambiguate: Annotated[Line, Shown("pipeline", suggestions=_machines)] = Field(
        default=_STANDARD.disambiguate,
        min_length=1,
        title="Contested expressions",
        description="The SVMs that ask the action units where the net has no clear winner: a "
        "bundle's name or folder; auto for the installed one that fits; off for none.",
    )
    t2: Annotated[Threshold, Shown("pipeline", auto=_AS_TUNED)] = Field(
        default=_STANDARD.t2,
        title="Contested by two below",
        description="The SVMs are asked where the two most probable expressions differ by less; 0 "
        f"for never. {_OWN_FIGURES}",
    )
    t3: Annotated[Threshold, Shown("pipeline", auto=_AS_TUNED)] = Field(
        default=_STANDARD.t3,
        title="Contested by three below",
        description="The same where the first and the third differ by less; 0 for never. "
        f"{_OWN_FIGURES}",
    )
    precision: Annotated[
        Precision,
        Shown("pipeline", texts={"auto": "As fast as the answers allow", "f32": "32 bits"}),
    ] = Field(
        default=_STANDARD.precision,
        title="Precision",
        description="32 bits give the same numbers on every machine.",
    )
    engine: Annotated[
        EngineChoice,
        Shown(
            "pipeline",
            texts={
                "auto": "The fastest that was measured here",
                "openvino": "OpenVINO",
                "onnxruntime": "ONNX Runtime",
                "torch": "PyTorch",
                "tensorrt": "TensorRT",
            },
        ),
    ] = Field(
        default=_STANDARD.engine,
        title="Engine",
        description="What runs the nets. All but OpenVINO have to be installed beside ferdesk; "
        "ferdesk bench measures them.",
    )
    threads: Annotated[int, Shown("pipeline")] = Field(
        default=_STANDARD.threads,
        ge=0,
        le=64,
        title="Threads",
        description="So many a net may use; 0 lets the engine choose.",
    )


class SmoothingPreferences(Section):
    """How values are smoothed over time."""

    seconds: Annotated[float, Shown("pipeline", unit="s")] = Field(
        default=_STANDARD.smoothing_s,
        ge=0,
        le=5,
        title="Time constant",
        description="The larger it is, the calmer and the later are the shown probabilities; 0 "
        "turns smoothing off.",
    )


class RecordingFields(TypedDict):
    """What `ferdesk.ui.tap.RecordingChoice` is made of."""

    video: VideoMode
    lossless: bool
    consent: str


class RecordingPreferences(Section):
    """How sessions are recorded."""

    video: Annotated[
        VideoMode,
        Shown(
            texts={
                "raw": "The picture as it is (can be analysed again)",
                "annotated": "The picture with what was found drawn in",
                "blurred": "The picture with faces blurred",
                "pixelated": "The picture with faces pixelated",
                "none": "No video, the numbers alone",
            }
        ),
    ] = Field(
        default="raw",
        title="Video",
        description="What it shows. Numbers and face points are stored whatever that is; they "
        "describe a person.",
    )
    lossless: Annotated[bool, Shown()] = Field(
        default=False,
        title="Lossless video",
        description="Keep every pixel's value: the file is many times as large.",
    )
    consent: Annotated[Lines, Shown(widget="lines")] = Field(
        default="",
        title="Consent",
        description="Who is in the picture, and what they agreed to: stored with each session.",
    )
    folder: Annotated[Line, Shown(widget="folder", empty="ferdesk among your videos")] = Field(
        default="", title="Folder", description="Where sessions go."
    )

    def choice(self) -> RecordingFields:
        """How to record, without where."""
        return {"video": self.video, "lossless": self.lossless, "consent": self.consent}

    @property
    def place(self) -> Path:
        """Where sessions go; it need not exist yet."""
        return Path(self.folder).expanduser() if self.folder else default_folder()


class OutputsPreferences(Section):
    """Live outputs that are on from the start. All are off unless the user wants them."""

    lsl: Annotated[bool, Shown("start")] = Field(
        default=False,
        title="Lab Streaming Layer",
        description="It knows no password: everyone in this network can listen.",
    )
    osc: Annotated[bool, Shown("start")] = Field(
        default=False, title="OSC", description="Send values over UDP, not encrypted."
    )
    osc_host: Annotated[Host, Shown("start")] = Field(
        default=OSC_HOST, title="OSC host", description="Who listens to OSC."
    )
    osc_port: Annotated[int, Shown("start")] = Field(
        default=OSC_PORT, ge=1, le=65_535, title="OSC port", description="At which UDP port."
    )
    websocket: Annotated[bool, Shown("start")] = Field(
        default=False,
        title="WebSocket",
        description="A server on this machine. Its token is made anew each time, never stored.",
    )
    websocket_port: Annotated[int, Shown("start")] = Field(
        default=WEBSOCKET_PORT,
        ge=0,
        le=65_535,
        title="WebSocket port",
        description="Its TCP port; 0 for any that is free.",
    )
    virtual_camera: Annotated[bool, Shown("start")] = Field(
        default=False, title="Virtual camera", description="The annotated picture as a camera."
    )


class PrivacyPreferences(Section):
    """What others may see."""

    hide_faces: Annotated[
        Hiding, Shown(texts={"off": "Show them", "blurred": "Blur", "pixelated": "Pixelate"})
    ] = Field(
        default="off",
        title="Faces in the picture",
        description="Of the window, and so of snapshots. Recordings have a choice of their own.",
    )
    snapshots: Annotated[Line, Shown(widget="folder", empty="ferdesk among your pictures")] = Field(
        default="", title="Folder of snapshots", description="Where they go, readable by you alone."
    )

    @property
    def snapshot_folder(self) -> Path:
        """Where snapshots go; it need not exist yet."""
        if self.snapshots:
            return Path(self.snapshots).expanduser()
        return platformdirs.user_pictures_path() / "ferdesk"
