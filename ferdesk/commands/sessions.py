"""The commands about recordings: make, look at, check, mend, join, delete, analyse again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer
from rich.console import Console

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
    preferences,
    print_json,
)
from ferdesk.core.errors import FerdeskError, SessionError
from ferdesk.sessions.readings import VideoMode

if TYPE_CHECKING:
    from ferdesk.core.types import FrameResult
    from ferdesk.live.capture import SourceState
    from ferdesk.record import Recorded
    from ferdesk.replay import Comparison
    from ferdesk.sessions.verify import Findings

_FAILED: Final = 1

sessions_app = typer.Typer(
    help="Recorded sessions: list, look at, check, mend, join, delete.", no_args_is_help=True
)

SessionArgument = Annotated[
    Path, typer.Argument(metavar="SESSION", help="A session's folder, NAME.ferdesk.")
]
VideoOption = Annotated[
    VideoMode | None,
    typer.Option("--video", help="The video shows the raw picture, what was found, hidden faces."),
]


def record_command(
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            help="Camera, video, stream, or demo; by default that of your settings, else camera 0.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The session's folder; by default one named by the time."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.1, help="Stop after so long.")
    ] = None,
    video: VideoOption = None,
    lossless: Annotated[
        bool | None,
        typer.Option(
            "--lossless/--no-lossless", help="Keep every pixel's value: many times as large."
        ),
    ] = None,
    consent: Annotated[
        str | None, typer.Option("--consent", help="What the people in the picture agreed to.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin a video again at its end.")] = False,
    markers: Annotated[
        bool, typer.Option("--markers", help="Take markers from Lab Streaming Layer.")
    ] = False,
    as_json: JsonOption = False,
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
) -> None:
    """Record a session: a video and all numbers. Ctrl-C ends it.

    What is not said here is as in your settings (ferdesk settings).

    Example: ferdesk record --source 0 --seconds 60 --video blurred
    """
    from ferdesk.record import record
    from ferdesk.sessions.library import new_name, with_ending

    if consent is not None and len(consent) > 10_000:
        raise FerdeskError("--consent: at most 10,000 characters.")
    preferred = preferences()
    usual = preferred.recording
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
    now = datetime.now().astimezone()
    folder = with_ending(out) if out is not None else new_name(usual.place, now)
    with _shown() as told:
        done = record(
            source or preferred.source.default or "0",
            folder,
            settings,
            video=video or usual.video,
            lossless=usual.lossless if lossless is None else lossless,
            consent=usual.consent if consent is None else consent,
            seconds=seconds,
            loop=loop,
            markers=markers,
            advance=told.frame,
            report=told.source,
            opener=preferred.source.opener(),
        )
    if as_json:
        print_json([done.to_dict()], single=True)
    _show_recorded(done, quiet=as_json)


class _Told(NamedTuple):
    """Who is told how a recording goes."""

    frame: Callable[["FrameResult"], None]
    source: Callable[["SourceState"], None]


@contextmanager
def _shown() -> Iterator[_Told]:
    """A line that moves with the frames, on a terminal, and words where the source is lost."""
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    console = _console()
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    phases: list[str] = []

    def source(state: "SourceState") -> None:
        text = "reading again" if state.phase == "playing" else state.message
        if state.phase != "playing" or phases:
            console.print(f"{state.phase}: {text}", markup=False)
        phases.append(state.phase)

    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("opening")
        yield _Told(
            lambda result: bar.update(task, description=f"recording, frame {result.frame.index}"),
            source,
        )


def _show_recorded(done: "Recorded", *, quiet: bool) -> None:
    if not quiet:
        typer.echo(
            f"Recorded {done.frames} frames ({done.seconds:.1f} s; {done.missed} came while "
            f"another was analysed, {done.dropped} dropped) in {done.folder}"
        )
    if done.warning:
        _console().print(f"warning: {done.warning}", markup=False)
    if done.trouble:
        raise FerdeskError(done.trouble)


def _console() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False)


def replay_command(session: SessionArgument, as_json: JsonOption = False) -> None:
    """Analyse a session's video again, and compare with what was stored.

    It ends with 0 where the numbers are as equal as the video allows: the same to 1e-5 for a
    lossless one; for H.264 98 of 100 labels, and probabilities within 0.1 for 99 of 100 faces.

    Example: ferdesk replay talk.ferdesk
    """
    from ferdesk.replay import replay

    compared = replay(session)
    if as_json:
        print_json([compared.to_dict()], single=True)
    else:
        _show_comparison(compared)
    if not compared.within_bound:
        raise typer.Exit(_FAILED)


def _show_comparison(compared: "Comparison") -> None:
    share = compared.same_labels / compared.faces if compared.faces else 0.0
    typer.echo(
        f"{compared.frames} frames, {compared.faces} faces found again, "
        f"{compared.other_faces} only once\n"
        f"labels: {share:.2%} the same\n"
        f"probabilities: differ by {compared.probability_max:.2g} at most, "
        f"{compared.probability_p99:.2g} for 99 of 100 faces, "
        f"{compared.probability_mean:.2g} in the mean\n"
        f"action units: by {compared.unit_max:.2g} at most, {compared.unit_mean:.2g} in the mean"
    )


@sessions_app.command("list")
def sessions_list(
    parent: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Where they lie; your videos' ferdesk.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the sessions of a folder."""
    from ferdesk.sessions.library import default_folder, sessions_in

    where = parent if parent is not None else default_folder()
    rows = list(sessions_in(where)) if parent is not None or where.is_dir() else []
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    for row in rows:
        began = f"{row.started.astimezone():%Y-%m-%d %H:%M}" if row.started else ""
        typer.echo(
            f"{row.folder.name:32} {began:16} {row.seconds:8.1f} s {row.megabytes:8.1f} MB  "
            f"{row.video:9}  {row.source}  ({row.state})"
        )


@sessions_app.command("show")
def sessions_show(session: SessionArgument, as_json: JsonOption = False) -> None:
    """Say what a session holds: who, when, which nets, what was expressed, what was noted."""
    from ferdesk.sessions.overview import overview

    seen = overview(session)
    if as_json:
        print_json([seen.to_dict()], single=True)
        return
    for line in seen.lines():
        typer.echo(line)


@sessions_app.command("verify")
def sessions_verify(session: SessionArgument, as_json: JsonOption = False) -> None:
    """Read everything once; ends with 0 where all that was stored can be read."""
    from ferdesk.sessions.verify import verify

    found = verify(session)
    if as_json:
        print_json([found.to_dict()], single=True)
    else:
        _show_findings(found)
    if not found.whole:
        raise typer.Exit(_FAILED)


@sessions_app.command("repair")
def sessions_repair(session: SessionArgument, as_json: JsonOption = False) -> None:
    """Bring a session that was cut off or damaged into order."""
    from ferdesk.sessions.repair import repair

    found, done = repair(session)
    if as_json:
        print_json([{**found.to_dict(), "done": done}], single=True)
    else:
        for line in done or ["nothing had to be done"]:
            typer.echo(line)
        _show_findings(found)
    if not found.whole:
        raise typer.Exit(_FAILED)


def _show_findings(found: "Findings") -> None:
    typer.echo(f"{found.frames} frames, {found.faces} faces, {found.seconds:.2f} s")
    if found.video_frames is not None:
        typer.echo(f"video: {found.video_frames} frames, {found.video_seconds:.2f} s")
    for text in found.notes:
        typer.echo(f"note: {text}")
    for text in found.faults:
        typer.echo(f"FAULT: {text}")
    typer.echo("whole" if found.whole else "Save what can be saved: ferdesk sessions repair")


@sessions_app.command("merge")
def sessions_merge(
    sessions: Annotated[list[Path], typer.Argument(metavar="SESSION...", help="Two or more.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new session's folder.")],
    as_json: JsonOption = False,
) -> None:
    """Join sessions that follow each other into a new one; they stay as they are."""
    from ferdesk.sessions.library import with_ending
    from ferdesk.sessions.merge import merge

    target = with_ending(out)
    merge(sessions, target)
    if as_json:
        merged = {"folder": str(target), "merged": [str(one) for one in sessions]}
        print_json([merged], single=True)
    else:
        typer.echo(f"Merged {len(sessions)} sessions into {target}")


@sessions_app.command("delete")
def sessions_delete(
    sessions: Annotated[list[Path], typer.Argument(metavar="SESSION...")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete sessions for good, with their videos."""
    from ferdesk.sessions.library import delete

    for folder in sessions:
        if not yes and not typer.confirm(f"Delete {folder} for good?"):
            raise SessionError(f"{folder} was not deleted.")
        delete(folder)
        if not as_json:
            typer.echo(f"Deleted {folder}")
    if as_json:
        print_json([{"deleted": str(folder)} for folder in sessions])
