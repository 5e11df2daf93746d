"""`ferdesk analyze`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.console import Console

from ferdesk.commands.options import (
    STANDARD,
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
    print_json,
    stated,
)
from ferdesk.core.errors import FerdeskError
from ferdesk.sessions.readings import VideoMode
from ferdesk.settings import Settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ferdesk.batch import Work
    from ferdesk.progress import TerminalProgress
    from ferdesk.progress_lines import LineProgress

_FAILED: Final = 2
_INTERRUPTED: Final = 130

RecursiveOption = Annotated[
    bool, typer.Option("--recursive", "-r", help="Look for videos in the folders below as well.")
]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Leave out inputs that an earlier run has done: same file, settings and nets, and "
        "results as they were left.",
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Analyse side by side on a Ray cluster: local for this machine, auto or HOST:PORT. "
        "Inputs and results must lie where all its machines see them.",
    ),
]
RetriesOption = Annotated[
    int | None,
    typer.Option(
        "--retries",
        min=0,
        help="How often a failed input is tried again, unless it is broken itself; 1 with --ray, "
        "else 0, by default.",
    ),
]


SessionOption = Annotated[
    VideoMode | None,
    typer.Option(
        "--session",
        help="Write a session of each video as well, for review. Its video shows the raw picture "
        "(which can be analysed again), what was found, hidden faces, or there is none.",
    ),
]
NameOption = Annotated[
    str, typer.Option("--name", help="What the results of a single input are called.")
]
ProgressOption = Annotated[
    Literal["bar", "json"],
    typer.Option(
        "--progress",
        help="json: lines of JSON on standard error, for programs; see docs/batch.md.",
    ),
]


def analyze_command(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Videos, pictures, folders of videos or of pictures, or demo."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")],
    no_video: Annotated[
        bool, typer.Option("--no-video", help="Write tables only, no annotated picture.")
    ] = False,
    session: SessionOption = None,
    name: NameOption = "",
    as_json: JsonOption = False,
    progress: ProgressOption = "bar",
    recursive: RecursiveOption = False,
    resume: ResumeOption = False,
    ray: RayOption = None,
    retries: RetriesOption = None,
    faces: FacesOption = STANDARD.faces,
    bundle: BundleOption = STANDARD.bundle,
    max_faces: MaxFacesOption = STANDARD.max_faces,
    min_face: MinFaceOption = STANDARD.min_face,
    aus: AusOption = STANDARD.aus,
    au_bundle: AuBundleOption = STANDARD.au_bundle,
    disambiguate: DisambiguateOption = STANDARD.disambiguate,
    t2: T2Option = str(STANDARD.t2),
    t3: T3Option = str(STANDARD.t3),
    neutral: NeutralOption = STANDARD.neutral,
    smoothing: SmoothingOption = STANDARD.smoothing_s,
    precision: PrecisionOption = STANDARD.precision,
    engine: EngineOption = STANDARD.engine,
    threads: ThreadsOption = STANDARD.threads,
) -> None:
    """Analyse files: a CSV and an annotated MP4 or PNG each; a folder of videos is many files.

    Your settings (ferdesk settings) do not count here: everybody gets the same numbers.

    Example: ferdesk analyze talk.mp4 group.jpg -o results --json

    Example: ferdesk analyze talk.mp4 -o results --session blurred

    Example: ferdesk analyze recordings/ -o results --resume --ray local
    """
    from ferdesk.batch import analyze_batch, inputs_of
    from ferdesk.progress import progress_bar, show_summary
    from ferdesk.progress_lines import LineProgress

    settings = stated(
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
    found = inputs_of(inputs, out, recursive=recursive)
    if retries is None:
        retries = 0 if ray is None else 1
    if name and len(found) != 1:
        raise FerdeskError(f"--name is for a single input; here are {len(found)}.")
    shown = LineProgress() if progress == "json" else progress_bar()
    with shown:
        batch = analyze_batch(
            found,
            out,
            settings,
            _work(ray, settings, not no_video, session, shown),
            video=not no_video,
            session=session,
            resume=resume,
            retries=retries,
            name=name,
        )
    if isinstance(shown, LineProgress):
        shown.results(batch.summaries)
    if as_json:
        rows = [one.model_dump(mode="json") for one in batch.summaries]
        print_json(rows, single=list(found) == inputs and len(inputs) == 1)
    failed = show_summary(Console(stderr=as_json), batch.summaries, quiet=as_json)
    if batch.stopped:
        raise typer.Exit(_INTERRUPTED)
    if failed:
        raise typer.Exit(_FAILED)


def _work(
    ray: str | None,
    settings: Settings,
    video: bool,
    session: VideoMode | None,
    shown: "LineProgress | TerminalProgress",
) -> "AbstractContextManager[Work]":
    """Where it is done."""
    if ray is None:
        from ferdesk.batch import Here

        return Here(settings, video=video, session=session, progress=shown)
    from ferdesk.batch_ray import OnRay

    lines = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    return OnRay(ray, settings, video=video, session=session, say=lines.print)
