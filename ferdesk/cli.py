"""The `ferdesk` command."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

import ferdesk
from ferdesk.commands.analyze import analyze_command
from ferdesk.commands.bench import bench_command
from ferdesk.commands.bundles import bundles_app
from ferdesk.commands.exports import export_command, import_command
from ferdesk.commands.options import (
    DEFAULT,
    AuBundleOption,
    AusOption,
    BundleOption,
    DisambiguateOption,
    EngineOption,
    FacesOption,
    JsonOption,
    MaxFacesOption,
    MinFaceOption,
    NeutralOption,
    PrecisionOption,
    SmoothingOption,
    T2Option,
    T3Option,
    ThreadsOption,
    chosen,
    loaded_preferences,
    print_json,
)
from ferdesk.commands.profiles import calibrate_command, profiles_app
from ferdesk.commands.sessions import record_command, replay_command, sessions_app
from ferdesk.commands.settings import settings_app
from ferdesk.commands.streams import (
    HostOption,
    LslOption,
    OriginOption,
    OscOption,
    OscToOption,
    PortOption,
    TokenOption,
    VirtualCameraOption,
    WebSocketOption,
    stream_choice,
    stream_command,
)
from ferdesk.core.errors import FerdeskError
from ferdesk.settings import Settings
from ferdesk.streams.choice import WEBSOCKET_HOST

_USAGE_ERROR: Final = 2
_INTERRUPTED: Final = 130

app = typer.Typer(
    name="ferdesk",
    help="Live facial expression recognition on your own machine.",
    epilog="Example: ferdesk analyze talk.mp4 -o results",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="The face models: see, fetch, check.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.command("analyze")(analyze_command)
app.command("bench")(bench_command)
app.add_typer(bundles_app, name="bundles")
app.command("calibrate")(calibrate_command)
app.command("export")(export_command)
app.command("import")(import_command)
app.add_typer(profiles_app, name="profiles")
app.command("record")(record_command)
app.command("replay")(replay_command)
app.add_typer(sessions_app, name="sessions")
app.add_typer(settings_app, name="settings")
app.command("stream")(stream_command)


def main() -> None:
    """Run the command; every expected error becomes one line and exit code 2."""
    try:
        app()
    except FerdeskError as error:
        _complain(str(error))
        sys.exit(_USAGE_ERROR)
    except KeyboardInterrupt:
        _complain("Stopped.")
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): nothing is left to say.
        sys.stderr.close()
        sys.exit(1)


def _complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"ferdesk: {' '.join(message.split())}", markup=False
    )


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ferdesk {ferdesk.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            help="A camera's number or name, a video, picture or folder, an address, or demo.",
        ),
    ] = None,
    faces: FacesOption = DEFAULT.faces,
    bundle: BundleOption = DEFAULT.bundle,
    max_faces: MaxFacesOption = DEFAULT.max_faces,
    min_face: MinFaceOption = DEFAULT.min_face,
    aus: AusOption = DEFAULT.aus,
    au_bundle: AuBundleOption = DEFAULT.au_bundle,
    disambiguate: DisambiguateOption = DEFAULT.disambiguate,
    t2: T2Option = DEFAULT.t2,
    t3: T3Option = DEFAULT.t3,
    neutral: NeutralOption = DEFAULT.neutral,
    smoothing: SmoothingOption = DEFAULT.smoothing_s,
    precision: PrecisionOption = DEFAULT.precision,
    engine: EngineOption = DEFAULT.engine,
    threads: ThreadsOption = DEFAULT.threads,
    lsl: LslOption = None,
    osc: OscOption = None,
    osc_to: OscToOption = None,
    websocket: WebSocketOption = None,
    port: PortOption = None,
    host: HostOption = WEBSOCKET_HOST,
    token: TokenOption = "",
    origin: OriginOption = None,
    virtual_camera: VirtualCameraOption = None,
    record: Annotated[bool, typer.Option("--record", help="Record from the start.")] = False,
    fullscreen: Annotated[bool, typer.Option("--fullscreen", help="Fill the screen.")] = False,
    exit_after: Annotated[
        float | None, typer.Option("--exit-after", min=0.1, help="Close after so many seconds.")
    ] = None,
    stats: Annotated[
        Path | None, typer.Option("--stats", help="Write the run's figures here, as JSON.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Open the window; without a display, analyse the demo clip in the terminal.

    What is not said here is as in your settings (ferdesk settings list).
    """
    if context.invoked_subcommand is not None:
        return
    from ferdesk.ui import qt_libs

    loaded = loaded_preferences()
    preferred = loaded.preferences
    settings = chosen(
        preferred,
        faces=faces,
        bundle=bundle,
        max_faces=max_faces,
        min_face=min_face,
        aus=aus,
        au_bundle=au_bundle,
        disambiguate=disambiguate,
        t2=t2,
        t3=t3,
        neutral=neutral,
        smoothing_s=smoothing,
        precision=precision,
        engine=engine,
        threads=threads,
    )
    streams = stream_choice(
        preferred,
        lsl=lsl,
        osc=osc,
        osc_to=osc_to,
        websocket=websocket,
        host=host,
        port=port,
        token=token,
        origins=origin,
        virtual_camera=virtual_camera,
    )
    if not qt_libs.display_available():
        if any((lsl, osc, osc_to, websocket, virtual_camera)):
            raise FerdeskError("No display here, so there is no window. Use: ferdesk stream ...")
        _in_terminal(source or "demo", settings)
        return
    if trouble := qt_libs.explain_missing_platform():
        raise FerdeskError(trouble)
    try:
        from ferdesk.ui import app as window
    except ImportError as error:
        raise FerdeskError(qt_libs.explain_qt_import_error(error)) from error
    first = source or preferred.source.default or None
    options = window.WindowOptions(first, loaded, streams, record, fullscreen, exit_after, stats)
    raise typer.Exit(window.run(settings, options))


def _in_terminal(source: str, settings: Settings) -> None:
    """What a start without a display does."""
    from ferdesk.analyze import analyze
    from ferdesk.progress import progress_bar, show_summary

    out = Path("ferdesk-output").resolve()
    console = Console()
    what = "the built-in demo clip" if source == "demo" else source
    console.print(f"No display here, so there is no window. Analysing {what} instead.")
    with progress_bar() as progress:
        summaries = analyze([source], out, settings, video=True, progress=progress)
    failed = show_summary(console, summaries)
    console.print(f"Results are in {out}")
    if failed:
        raise typer.Exit(_USAGE_ERROR)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Look at versions, engines, models, cameras and display; say how to mend what is missing."""
    from ferdesk.doctor import examine

    findings = examine()
    if as_json:
        print_json([one.model_dump() for one in findings])
    else:
        marks = {True: "ok", False: "NO", None: "-"}
        for one in findings:
            typer.echo(f"{marks[one.ok]:2}  {one.area:11}  {one.text}")
            if one.fix:
                typer.echo(f"{'':17}to do: {one.fix}")
    if any(one.ok is False for one in findings):
        raise typer.Exit(1)


@models_app.command("list")
def models_list(as_json: JsonOption = False) -> None:
    """List the sets of face models and what is installed."""
    from ferdesk.faces.store import SETS, find_file, verify

    rows = [
        {
            "set": model_set.name,
            "title": model_set.title,
            "file": file.name,
            "state": verify(file) or "whole",
            "path": str(find_file(file) or ""),
        }
        for model_set in SETS
        for file in model_set.files
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['set']:11} {row['file']:34} {row['state']:22} {row['path']}".rstrip())


@models_app.command("install")
def models_install(
    archive: Annotated[
        Path | None,
        typer.Option("--from", help="A face_landmarker.task or mediapipe 0.10.21 wheel you have."),
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Do nothing where a whole set is installed.")
    ] = False,
) -> None:
    """Fetch the face models (Apache-2.0, by Google), or take them from a file.

    Example: ferdesk models install --from face_landmarker.task
    """
    from rich.progress import Progress

    from ferdesk.faces.install import install, install_from, store_folder, whole
    from ferdesk.faces.store import SETS

    if missing and any(whole(model_set) for model_set in SETS):
        return
    if archive is not None:
        model_set = install_from(archive)
    else:
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("face models", total=None)
            model_set = install(
                progress=lambda done, total: bar.update(task, completed=done, total=total),
                report=lambda message: bar.console.print(message, highlight=False),
            )
    typer.echo(f"Installed: {model_set.title} ({model_set.name}) in {store_folder()}")


@models_app.command("verify")
def models_verify() -> None:
    """Check every installed file against its SHA-256."""
    from ferdesk.faces.store import SETS, find_file, installed, verify

    bad = False
    for model_set in SETS:
        for file in model_set.files:
            path = find_file(file)
            if path is None:
                continue
            trouble = verify(file)
            bad |= trouble is not None
            typer.echo(f"{trouble or 'whole':22} {path}")
    if bad:
        raise FerdeskError("A face model is not what it should be. Run: ferdesk models install")
    if not any(installed(model_set) for model_set in SETS):
        raise FerdeskError("The face models are not installed. Run: ferdesk models install")


@models_app.command("path")
def models_path() -> None:
    """Print the folder that face models are installed into."""
    from ferdesk.faces.install import store_folder

    typer.echo(store_folder())
