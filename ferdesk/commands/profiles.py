"""The commands about neutral profiles."""

from collections.abc import Callable, Generator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ferdesk.calibrate import DEFAULT_SECONDS, record
from ferdesk.commands.options import (
    DEFAULT,
    AuBundleOption,
    AusOption,
    BundleOption,
    EngineOption,
    FacesOption,
    JsonOption,
    PrecisionOption,
    ThreadsOption,
    chosen,
    preferences,
    print_json,
)
from ferdesk.core.errors import ProfileError
from ferdesk.core.types import FrameResult
from ferdesk.profiles import (
    list_profiles,
    profile_path,
    remove_profile,
    rename_profile,
    save_profile,
)
from ferdesk.settings import Settings

if TYPE_CHECKING:
    from ferdesk.sources.base import Source

profiles_app = typer.Typer(help="The neutral profiles: see, rename, remove.", no_args_is_help=True)


def calibrate_command(
    name: Annotated[str, typer.Argument(help="Of the profile; one of this name is replaced.")],
    source: Annotated[
        str, typer.Option("--source", "-s", help="A camera's number or name, or a video.")
    ],
    seconds: Annotated[
        float, typer.Option("--seconds", min=1.0, max=600.0, help="How long to record.")
    ] = DEFAULT_SECONDS,
    faces: FacesOption = DEFAULT.faces,
    bundle: BundleOption = DEFAULT.bundle,
    aus: AusOption = DEFAULT.aus,
    au_bundle: AuBundleOption = DEFAULT.au_bundle,
    precision: PrecisionOption = DEFAULT.precision,
    engine: EngineOption = DEFAULT.engine,
    threads: ThreadsOption = DEFAULT.threads,
) -> None:
    """Record a person's neutral face, for --neutral.

    The person sits alone in the picture, looks into the camera and does nothing with the face.

    What is not said here is as in your settings (ferdesk settings).

    Example: ferdesk calibrate anna --source 0
    """
    profile_path(name)
    preferred = preferences()
    settings = chosen(
        preferred,
        faces=faces,
        bundle=bundle,
        aus=aus,
        au_bundle=au_bundle,
        disambiguate="off",
        precision=precision,
        engine=engine,
        threads=threads,
    )
    if settings.aus == "off":
        raise ProfileError("A neutral face cannot be recorded without action units: --aus native.")
    from rich.progress import Progress

    with (
        closing(_results(source, settings, preferred.source.opener())) as results,
        Progress(console=Console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("Keep your face at rest", total=1.0)
        profile = record(
            name, results, seconds, lambda progress: bar.update(task, completed=progress)
        )
    typer.echo(f"Recorded {name} ({profile.values} values) in {save_profile(profile)}")


@profiles_app.command("list")
def profiles_list(as_json: JsonOption = False) -> None:
    """List the neutral profiles."""
    found = list_profiles()
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    for one in found:
        profile = one.profile
        if profile is None:
            typer.echo(f"{one.name:20} {one.trouble}")
        else:
            typer.echo(
                f"{profile.name:20} {profile.recorded:%Y-%m-%d %H:%M}  {profile.seconds:4.0f} s  "
                f"{profile.values:5} frames  {profile.estimator}"
            )


@profiles_app.command("rename")
def profiles_rename(
    name: Annotated[str, typer.Argument(help="The profile's name.")],
    new: Annotated[str, typer.Argument(help="What it is to be called.")],
) -> None:
    """Give a neutral profile another name."""
    rename_profile(name, new)


@profiles_app.command("remove")
def profiles_remove(
    name: Annotated[str, typer.Argument(help="The profile's name.")],
) -> None:
    """Delete a neutral profile."""
    remove_profile(name)


def _results(
    source: str, settings: Settings, opener: "Callable[..., Source]"
) -> Generator[FrameResult]:
    from ferdesk.pipeline import build_pipeline

    pipeline = build_pipeline(settings, wait=True)
    try:
        with opener(source, paced=False) as opened:
            while (frame := opened.read()) is not None:
                yield pipeline.process(frame)
    finally:
        pipeline.close()
