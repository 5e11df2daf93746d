"""Many inputs: folders of videos, what is done already, what failed and is tried again."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from ferdesk import resources
from ferdesk.analyze import FramePipeline, Progress, analyze_input, build_for_files
from ferdesk.analyze_sinks import SessionPlan
from ferdesk.batch_record import Done, Record, done_of, results_of, setup_of, state_of
from ferdesk.core.errors import OutputError
from ferdesk.live.interrupt import stop_on_signals
from ferdesk.outputs.files import make_folder
from ferdesk.outputs.names import ResultFiles, ResultNames
from ferdesk.sessions.readings import VideoMode
from ferdesk.settings import Settings
from ferdesk.sources import is_device
from ferdesk.sources.folders import existing, videos_in
from ferdesk.sources.stream import is_stream, public_name
from ferdesk.summary import Summary

Claim = Callable[[str], ResultFiles]
"""Gives the files for the results of an input of that name (without its ending)."""


@dataclass(frozen=True, slots=True)
class Job:
    """One input that is to be analysed, here or on another machine.

    Attributes:
        number: its place among the inputs.
        spec: see `ferdesk.sources.open_source`.
        path: the file or folder that is meant; None for cameras and streams.
        files: where its results go; of cameras and streams None, for their names are known only
            once they are open.
    """

    number: int
    spec: str
    path: Path | None
    files: ResultFiles | None


class Outcome(NamedTuple):
    """What became of a job.

    Attributes:
        summary: what it came to.
        state: of its input before it was read, see `ferdesk.batch_record.state_of`.
        results: its results and their states.
    """

    summary: Summary
    state: str = ""
    results: Mapping[str, str] = {}


class Work(Protocol):
    """Where jobs are done. Entered once, then `run` once a round."""

    @property
    def stopped(self) -> bool:
        """Whether the user stopped it; jobs that are not done then are left out."""
        ...

    def run(self, jobs: Sequence[Job], claim: Claim) -> Iterator[tuple[Job, Outcome]]:
        """Do jobs; gives each when it is done, in any order.

        Args:
            jobs: what to do.
            claim: names the results of those that have no names yet.
        """
        ...


class Batch(NamedTuple):
    """What a batch came to.

    Attributes:
        summaries: one an input, in their order; none of those that were left out because the user
            stopped it.
        stopped: whether the user did.
    """

    summaries: tuple[Summary, ...]
    stopped: bool


def inputs_of(named: Sequence[str], out: Path, *, recursive: bool = False) -> tuple[str, ...]:
    """The inputs that the user named, folders of videos replaced by the videos in them.

    Args:
        named: see `ferdesk.sources.open_source`; a folder of pictures stays one input.
        out: the folder for results, which is not searched.
        recursive: whether to look for videos in the folders below as well.

    Returns:
        Each file once.

    Raises:
        SourceError: a folder has neither videos nor pictures, or both.
        OutputError: results would lie among the videos.
    """
    found: dict[str, str] = {}
    for spec in named:
        folder = path_of(spec)
        inputs = [spec]
        if folder is not None and folder.is_dir():
            videos = videos_in(folder, recursive=recursive, without=out)
            if videos and folder.resolve() == out.resolve():
                raise OutputError(
                    f"Results cannot lie among the videos of {folder}, for they are videos "
                    "themselves: choose another folder with --out."
                )
            inputs = [str(video) for video in videos] or [spec]
        for one in inputs:
            path = path_of(one)
            found.setdefault(str(path.resolve()) if path else one, one)
    return tuple(found.values())


def path_of(spec: str) -> Path | None:
    """The file or folder that an input is; None for cameras, streams and what is not there."""
    if spec == "demo":
        return resources.demo_clip()
    return None if is_device(spec) or "://" in spec else existing(spec)


def analyze_batch(
    inputs: Sequence[str],
    out: Path,
    settings: Settings,
    work: AbstractContextManager[Work],
    *,
    video: bool = True,
    session: VideoMode | None = None,
    resume: bool = False,
    retries: int = 0,
    name: str = "",
) -> Batch:
    """Analyse inputs as `ferdesk.analyze.analyze` does, and keep a record of what is done.

    Args:
        inputs: from `inputs_of`.
        out: the folder for results; made if it is not there.
        settings: how frames are analysed.
        work: where it is done, with the same settings.
        video: whether there are annotated videos and pictures, not the table alone.
        session: what the videos of sessions show; None for no sessions.
        resume: leave out what an earlier run did: the same settings, nets and input, and results
            that are as they were. One input alone leaves a record only if this is set.
        retries: how often those that failed are done again, after all others; not those whose input
            is broken.
        name: what the results of a single input are called, instead of like the input.

    Raises:
        ModelError, BundleError, ProfileError: there is nothing to analyse with.
        ClusterError: there is nobody to do it.
        OutputError: the folder or the record cannot be written, or read.
    """
    make_folder(out)
    record = Record(out) if resume or len(inputs) > 1 else None
    setup = setup_of(settings, video, session) if record is not None else ""
    names = ResultNames(out, inputs, name)
    summaries: dict[int, Summary] = {}
    if record is not None and resume:
        summaries = _done_before(inputs, out, record, setup, names)
    jobs = [
        _job(number, spec, names) for number, spec in enumerate(inputs) if number not in summaries
    ]
    if record is not None:
        record.forget(
            [job.path for job in jobs if job.path], [job.files.stem for job in jobs if job.files]
        )
    if not jobs:
        return Batch(tuple(summaries.values()), False)
    with work as at:
        for _ in range(1 + retries):
            for job, outcome in at.run(jobs, names.claim):
                summaries[job.number] = _named(outcome.summary, inputs[job.number], out)
                done = _done(job, outcome, setup)
                if record is not None and job.path is not None and done is not None:
                    record.add(job.path, done)
            jobs = [job for job in jobs if _worth_another(summaries.get(job.number))]
            if at.stopped or not jobs:
                break
        stopped = at.stopped
    return Batch(tuple(summaries[number] for number in sorted(summaries)), stopped)


def _done_before(
    inputs: Sequence[str], out: Path, record: Record, setup: str, names: ResultNames
) -> dict[int, Summary]:
    """What an earlier run did, by the input's number; the names of its results stay taken."""
    found: dict[int, Summary] = {}
    for number, spec in enumerate(inputs):
        path = path_of(spec)
        done = record.find(path, setup) if path else None
        if done is not None:
            names.keep(done.stem)
            found[number] = done.summary_in(out, spec)
    return found


def _job(number: int, spec: str, names: ResultNames) -> Job:
    path = path_of(spec)
    if path is None:
        return Job(number, spec, None, None)
    # Named before anything is opened, so that names depend neither on what fails nor on who is
    # first to be done.
    return Job(number, spec, path, names.claim(stem_of(path)))


def stem_of(path: Path) -> str:
    """What the results of a file or folder are called, if nothing else is."""
    return path.absolute().name if path.is_dir() else path.stem


def _named(summary: Summary, spec: str, out: Path) -> Summary:
    """A summary as if it had been made here: another machine knows absolute paths only."""
    files = tuple(str(out / Path(file).name) for file in summary.files)
    shown = public_name(spec) if is_stream(spec) else spec
    return summary.model_copy(update={"input": shown, "files": files})


def _done(job: Job, outcome: Outcome, setup: str) -> Done | None:
    """What the record keeps of a job, if it was done to its end."""
    if job.files is None or not outcome.state:
        return None
    return done_of(outcome.summary, outcome.state, setup, job.files.stem, outcome.results)


def _worth_another(summary: Summary | None) -> bool:
    return summary is not None and summary.error is not None and not summary.broken_input


def do_job(
    job: Job,
    pipeline: FramePipeline,
    claim: Claim,
    *,
    video: bool,
    session: SessionPlan | None = None,
    progress: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Analyse one input.

    Args:
        job: which.
        pipeline: see `ferdesk.analyze.analyze_input`, as all that follows.
        claim: names results where the job has no names yet.
        video: whether to write annotated videos and pictures.
        session: how videos become sessions as well; None for no sessions.
        progress: is told how it goes.
        stopped: asked before each frame whether to end here.
    """
    files = job.files
    state = ""
    if job.path is not None:
        with suppress(OSError):  # reading it says better what is wrong
            state = state_of(job.path)
    summary = analyze_input(
        job.spec,
        claim if files is None else lambda _: files,
        pipeline,
        video=video,
        session=session,
        progress=progress,
        stopped=stopped,
    )
    try:
        return Outcome(summary, state, results_of(map(Path, summary.files)))
    except OutputError as error:
        return Outcome(summary.model_copy(update={"error": summary.error or str(error)}))


class Here:
    """Jobs one after the other in this process.

    Args:
        settings: how frames are analysed.
        video: whether to write annotated videos and pictures.
        session: what the videos of sessions show; None for no sessions.
        progress: is told how it goes.
        build: makes the pipeline; the real one by default.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        video: bool = True,
        session: VideoMode | None = None,
        progress: Progress | None = None,
        build: Callable[[Settings], FramePipeline] = build_for_files,
    ) -> None:
        self._settings = settings
        self._video = video
        self._session = None if session is None else SessionPlan(session, settings)
        self._progress = progress
        self._build = build
        self._pipeline: FramePipeline | None = None
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether the user stopped it."""
        return self._stop.is_set()

    def run(self, jobs: Sequence[Job], claim: Claim) -> Iterator[tuple[Job, Outcome]]:
        """Do jobs in their order; the one that is stopped is the last.

        Raises:
            ModelError, BundleError, ProfileError: there is nothing to analyse with.
        """
        if self._pipeline is None:
            self._pipeline = self._build(self._settings)
        with stop_on_signals(self._stop.set):
            for job in jobs:
                if self.stopped:
                    return
                outcome = do_job(
                    job,
                    self._pipeline,
                    claim,
                    video=self._video,
                    session=self._session,
                    progress=self._progress,
                    stopped=self._stop.is_set,
                )
                yield job, outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None
