"""The options that several commands share, and what is made of them.

An option that was not given is None. What watches people live (the window, record, stream,
calibrate) then does as the user's preferences say. What analyses files takes `STANDARD` instead:
the same command gives the same numbers for everybody (docs/decisions/0012).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer
from pydantic import ValidationError

from ferdesk.core.errors import FerdeskError
from ferdesk.engines.base import EngineChoice, Precision
from ferdesk.settings import AusBackend, FacesBackend, Settings

if TYPE_CHECKING:
    from ferdesk.preferences.file import Loaded
    from ferdesk.preferences.model import Preferences

STANDARD: Final = Settings()
"""The defaults of what does not follow the preferences."""


class Unsaid(NamedTuple):
    """The options that were not given, by the names of the settings."""

    faces: None = None
    max_faces: None = None
    min_face: None = None
    bundle: None = None
    aus: None = None
    au_bundle: None = None
    disambiguate: None = None
    t2: None = None
    t3: None = None
    neutral: None = None
    smoothing_s: None = None
    precision: None = None
    engine: None = None
    threads: None = None


DEFAULT: Final = Unsaid()
"""The defaults of what follows the preferences."""

FacesOption = Annotated[
    FacesBackend | None,
    typer.Option("--faces", "-f", help="Face models: the best installed set, or this one."),
]
BundleOption = Annotated[
    str | None, typer.Option("--bundle", "-b", help="Expression net: a bundle's name or folder.")
]
MaxFacesOption = Annotated[int | None, typer.Option("--max-faces", help="How many faces at most.")]
MinFaceOption = Annotated[
    int | None,
    typer.Option("--min-face", help="Leave out faces with no side of so many pixels; 0: take all."),
]
AusOption = Annotated[
    AusBackend | None,
    typer.Option("--aus", help="What estimates action units; off: nothing does."),
]
AuBundleOption = Annotated[
    str | None,
    typer.Option("--au-bundle", help="Which net --aus native is: a bundle's name or folder."),
]
DisambiguateOption = Annotated[
    str | None,
    typer.Option(
        "--disambiguate", help="SVM bundle that settles contested expressions; auto or off."
    ),
]
T2Option = Annotated[
    str | None,
    typer.Option(
        "--t2",
        metavar="SHARE",
        help="Contested where the top two differ by less, 0 to 1; auto: as tuned and measured.",
    ),
]
T3Option = Annotated[
    str | None,
    typer.Option(
        "--t3",
        metavar="SHARE",
        help="Contested where the first and third differ by less, 0 to 1; auto: likewise.",
    ),
]
NeutralOption = Annotated[
    str | None,
    typer.Option("--neutral", help="Neutral profile to take off the largest face's action units."),
]
SmoothingOption = Annotated[
    float | None,
    typer.Option("--smoothing", help="Time constant in seconds; 0 turns smoothing off."),
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option("--precision", help="f32: the same numbers everywhere; auto: faster."),
]
EngineOption = Annotated[
    EngineChoice | None,
    typer.Option("--engine", help="What runs the nets; auto: see ferdesk bench."),
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", help="Threads a net may use; 0: the engine chooses.")
]
JsonOption = Annotated[bool, typer.Option("--json", "-j", help="Print JSON.")]


def loaded_preferences() -> "Loaded":
    """The file of preferences; what is wrong with it is said on standard error."""
    from ferdesk.preferences.file import load

    loaded = load()
    for warning in loaded.warnings:
        typer.echo(f"ferdesk: {warning}", err=True)
    return loaded


def preferences() -> "Preferences":
    """The user's preferences; what is wrong with their file is said on standard error."""
    return loaded_preferences().preferences


def chosen(given: "Preferences | None" = None, **values: object) -> Settings:
    """The settings that a command line names; the preferences say what it does not.

    Args:
        given: the preferences, where they were read already.
        values: options by the names of the settings; None for one that was not given.

    Raises:
        FerdeskError: one of them is out of range.
    """
    base = (given if given is not None else preferences()).settings()
    named = {name: value for name, value in values.items() if value is not None}
    return stated(**{**base.model_dump(), **named})


def stated(**values: object) -> Settings:
    """The settings that these values make, whatever the preferences say.

    Raises:
        FerdeskError: one of them is out of range.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise FerdeskError(f"{first['loc'][0]}: {first['msg']}.") from error


def print_json(value: Sequence[Mapping[str, object]], single: bool = False) -> None:
    """Print rows as a JSON list, or the only one as it is where that is `single`."""
    import json

    shown: object = value[0] if single and value else value
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
