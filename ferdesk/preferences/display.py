"""The table's section of what is shown, and how it looks."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.overlay_colours import ColourSet, Palette, from_hex
from ferdesk.preferences.annotations import ALL_UNITS, Colour, Shown, Units, units_of
from ferdesk.preferences.sections import Section

ThemeMode = Literal["system", "dark", "light"]
UnitOrder = Literal["number", "activation"]

OwnColour = Annotated[Colour, Shown(widget="colour", empty="as in the set")]
"""One that is chosen for an expression; empty for none."""


OWN_COLOUR: Final = "colour_"
"""Before the expression's name in that of its preference."""


def _own_colour(name: str) -> Any:
    return Field(
        default="",
        title=f"Colour of {name}",
        description="Such as #ffcc00, the same in light and dark; empty: as in the set.",
    )


class DisplayPreferences(Section):
    """What is shown, and how it looks."""

    theme: Annotated[
        ThemeMode, Shown(texts={"system": "As the system", "dark": "Dark", "light": "Light"})
    ] = Field(default="system", title="Theme", description="Light or dark.")
    units: Annotated[bool, Shown()] = Field(
        default=True, title="Action units in the cards", description="Show them beside the picture."
    )
    unit_order: Annotated[
        UnitOrder, Shown(texts={"number": "By number", "activation": "The strongest first"})
    ] = Field(
        default="number",
        title="Order of the action units",
        description="The strongest first: they change places when that has lasted, not at once.",
    )
    unit_choice: Annotated[Units, Shown(widget="units")] = Field(
        default=ALL_UNITS,
        title="Which action units",
        description="Those of the cards and of the curves: all, none, or their numbers.",
    )
    boxes: Annotated[bool, Shown()] = Field(
        default=True, title="Boxes", description="Draw a box around each face."
    )
    ids: Annotated[bool, Shown()] = Field(
        default=True,
        title="Numbers of persons",
        description="Write each person's number at the face.",
    )
    labels: Annotated[bool, Shown()] = Field(
        default=True,
        title="Expressions",
        description="Write the most probable expression at the face.",
    )
    unsure_below: Annotated[float, Shown()] = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Unsure below",
        description="An expression that is less probable is called unsure in the live view; 0 for "
        "never. Recordings, tables and live outputs keep its name and its probability.",
    )
    verdicts: Annotated[bool, Shown()] = Field(
        default=True,
        title="Verdicts",
        description="Where an expression was contested, write what tipped it.",
    )
    bars: Annotated[bool, Shown()] = Field(
        default=False,
        title="Bars in the picture",
        description="Draw all probabilities beside the face.",
    )
    muscles: Annotated[bool, Shown()] = Field(
        default=False, title="Muscles", description="Tint the muscles whose action units act."
    )
    maps: Annotated[bool, Shown()] = Field(
        default=False,
        title="Activation map",
        description="Tint what of a face speaks for its expression, where the net can tell.",
    )
    landmarks: Annotated[bool, Shown()] = Field(
        default=False, title="Landmarks", description="Draw the points of the face mesh."
    )
    pose: Annotated[bool, Shown()] = Field(
        default=False,
        title="Head pose",
        description="Draw arrows to the right, up and out of the face.",
    )
    colours: Annotated[
        ColourSet, Shown(texts={"standard": "Standard", "safe": "Safe for colour-blind people"})
    ] = Field(
        default="standard",
        title="Colours of the expressions",
        description="The safe set is that of Okabe and Ito (2008).",
    )
    colour_neutral: OwnColour = _own_colour("neutral")
    colour_happiness: OwnColour = _own_colour("happiness")
    colour_surprise: OwnColour = _own_colour("surprise")
    colour_sadness: OwnColour = _own_colour("sadness")
    colour_anger: OwnColour = _own_colour("anger")
    colour_disgust: OwnColour = _own_colour("disgust")
    colour_fear: OwnColour = _own_colour("fear")
    colour_contempt: OwnColour = _own_colour("contempt")

    def palette(self) -> Palette:
        """The colours of the expressions."""
        own = ((name, getattr(self, f"{OWN_COLOUR}{name}")) for name in EXPRESSIONS)
        return Palette(self.colours, tuple((name, from_hex(text)) for name, text in own if text))

    @property
    def chosen_units(self) -> frozenset[int]:
        """Numbers of the action units that are shown, where they are estimated."""
        return units_of(self.unit_choice)
