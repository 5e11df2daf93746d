"""All preferences as one frozen snapshot, and what the parts of the program are given of it."""

from pydantic import Field

from ferdesk.overlay import OverlayOptions
from ferdesk.preferences.display import DisplayPreferences
from ferdesk.preferences.sections import (
    FacesPreferences,
    NetsPreferences,
    OutputsPreferences,
    PrivacyPreferences,
    RecordingPreferences,
    Section,
    SmoothingPreferences,
    SourcePreferences,
)
from ferdesk.settings import Settings
from ferdesk.streams.choice import StreamChoice


class Preferences(Section):
    """What the user prefers. A change makes a new snapshot: `Preference.changed`."""

    source: SourcePreferences = Field(default=SourcePreferences(), title="Source")
    faces: FacesPreferences = Field(default=FacesPreferences(), title="Faces")
    nets: NetsPreferences = Field(default=NetsPreferences(), title="Nets")
    smoothing: SmoothingPreferences = Field(default=SmoothingPreferences(), title="Smoothing")
    display: DisplayPreferences = Field(default=DisplayPreferences(), title="Display")
    recording: RecordingPreferences = Field(default=RecordingPreferences(), title="Recording")
    outputs: OutputsPreferences = Field(default=OutputsPreferences(), title="Outputs")
    privacy: PrivacyPreferences = Field(default=PrivacyPreferences(), title="Privacy")

    def settings(self) -> Settings:
        """How frames are analysed; without a neutral profile, which belongs to one person."""
        return Settings(
            faces=self.faces.backend,
            max_faces=self.faces.max_faces,
            min_face=self.faces.min_face,
            bundle=self.nets.bundle,
            aus=self.nets.aus,
            au_bundle=self.nets.au_bundle,
            disambiguate=self.nets.disambiguate,
            t2=self.nets.t2,
            t3=self.nets.t3,
            precision=self.nets.precision,
            engine=self.nets.engine,
            threads=self.nets.threads,
            smoothing_s=self.smoothing.seconds,
        )

    def overlay(self) -> OverlayOptions:
        """What is drawn into the window's picture."""
        return OverlayOptions(
            boxes=self.display.boxes,
            ids=self.display.ids,
            labels=self.display.labels,
            bars=self.display.bars,
            verdicts=self.display.verdicts,
            aus=self.display.muscles,
            landmarks=self.display.landmarks,
            pose=self.display.pose,
            hide=self.privacy.hide_faces,
            maps=self.display.maps,
            unsure_below=self.display.unsure_below,
            colours=self.display.palette(),
        )

    def streams(self) -> StreamChoice:
        """Which live outputs are on from the start; without a token, so each gets a new one."""
        return StreamChoice(
            lsl=self.outputs.lsl,
            osc=self.outputs.osc,
            osc_host=self.outputs.osc_host,
            osc_port=self.outputs.osc_port,
            websocket=self.outputs.websocket,
            websocket_port=self.outputs.websocket_port,
            virtual_camera=self.outputs.virtual_camera,
        )
