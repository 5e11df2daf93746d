"""`ferdesk analyze`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from ferdesk.commands.options import (
    DEFAULT,
    AusOption,
    BundleOption,
    DisambiguateOption,
    FacesOption,
    JsonOption,
    MaxFacesOption,
    NeutralOption,
    PrecisionOption,
    SmoothingOption,
    ThreadsOption,
    chosen,
    print_json,
)
from ferdesk.settings import Settings

if TYPE_CHECKING:
    from ferdesk.batch import Batch

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
    as_json: JsonOption = False,
    recursive: RecursiveOption = False,
    resume: ResumeOption = False,
    ray: RayOption = None,
    retries: RetriesOption = None,
    faces: FacesOption = DEFAULT.faces,
    bundle: BundleOption = DEFAULT.bundle,
    max_faces: MaxFacesOption = DEFAULT.max_faces,
    aus: AusOption = DEFAULT.aus,
    disambiguate: DisambiguateOption = DEFAULT.disambiguate,
    neutral: NeutralOption = DEFAULT.neutral,
    smoothing: SmoothingOption = DEFAULT.smoothing_s,
    precision: PrecisionOption = DEFAULT.precision,
    threads: ThreadsOption = DEFAULT.threads,
) -> None:
    """Analyse files: a CSV and an annotated MP4 or PNG each; a folder of videos is many files.

    Example: ferdesk analyze talk.mp4 group.jpg -o results --json

    Example: ferdesk analyze recordings/ -o results --resume --ray local
    """
    from ferdesk.batch import inputs_of
    from ferdesk.progress import show_summary

    settings = chosen(
        faces=faces,
        bundle=bundle,
        max_faces=max_faces,
        aus=aus,
        disambiguate=disambiguate,
        neutral=neutral,
        smoothing_s=smoothing,
        precision=precision,
        threads=threads,
    )
    found = inputs_of(inputs, out, recursive=recursive)
    if retries is None:
        retries = 0 if ray is None else 1
    batch = _analyze(found, out, settings, not no_video, ray, resume, retries)
    if as_json:
        rows = [one.model_dump(mode="json") for one in batch.summaries]
        print_json(rows, single=list(found) == inputs and len(inputs) == 1)
    failed = show_summary(Console(stderr=as_json), batch.summaries, quiet=as_json)
    if batch.stopped:
        raise typer.Exit(_INTERRUPTED)
    if failed:
        raise typer.Exit(_FAILED)


def _analyze(
    inputs: tuple[str, ...],
    out: Path,
    settings: Settings,
    video: bool,
    ray: str | None,
    resume: bool,
    retries: int,
) -> "Batch":
    from ferdesk.batch import Here, analyze_batch

    if ray is not None:
        from ferdesk.batch_ray import OnRay

        lines = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        work = OnRay(ray, settings, video=video, say=lines.print)
        return analyze_batch(
            inputs, out, settings, work, video=video, resume=resume, retries=retries
        )
    from ferdesk.progress import progress_bar

    with progress_bar() as progress:
        here = Here(settings, video=video, progress=progress)
        return analyze_batch(
            inputs, out, settings, here, video=video, resume=resume, retries=retries
        )
