"""The options that several commands share, and what is made of them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from ferdesk.core.errors import FerdeskError
from ferdesk.engines.base import Precision
from ferdesk.settings import AusBackend, FacesBackend, Settings

DEFAULT: Final = Settings()

FacesOption = Annotated[
    FacesBackend,
    typer.Option("--faces", "-f", help="Face models: the best installed set, or this one."),
]
BundleOption = Annotated[
    str, typer.Option("--bundle", "-b", help="Expression net: a bundle's name or folder.")
]
MaxFacesOption = Annotated[int, typer.Option("--max-faces", help="How many faces at most.")]
AusOption = Annotated[
    AusBackend, typer.Option("--aus", help="What estimates action units; off: nothing does.")
]
DisambiguateOption = Annotated[
    str,
    typer.Option(
        "--disambiguate", help="SVM bundle that settles contested expressions; auto or off."
    ),
]
NeutralOption = Annotated[
    str,
    typer.Option("--neutral", help="Neutral profile to take off the largest face's action units."),
]
SmoothingOption = Annotated[
    float, typer.Option("--smoothing", help="Time constant in seconds; 0 turns smoothing off.")
]
PrecisionOption = Annotated[
    Precision,
    typer.Option("--precision", help="f32: the same numbers everywhere; auto: faster."),
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", help="Threads a net may use; 0: the engine chooses.")
]
JsonOption = Annotated[bool, typer.Option("--json", "-j", help="Print JSON.")]


def chosen(**values: object) -> Settings:
    """The settings that a command line names.

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
