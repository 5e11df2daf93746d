"""A batch on a Ray cluster: a task an input.

Inputs and results lie where all its machines see them under the same path; each machine has ferdesk
and the face models.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ferdesk.analyze import FramePipeline, build_for_files
from ferdesk.analyze_sinks import SessionPlan
from ferdesk.batch import Claim, Job, Outcome, do_job
from ferdesk.batch_record import setup_of
from ferdesk.cluster import connect, first_line, machines
from ferdesk.core.bundle import MANIFEST
from ferdesk.core.errors import ClusterError, FerdeskError
from ferdesk.live.interrupt import stop_on_signals
from ferdesk.outputs.names import ResultFiles
from ferdesk.sessions.readings import VideoMode
from ferdesk.settings import Settings
from ferdesk.sources.folders import existing
from ferdesk.summary import Summary

_LOOK_EVERY_S: Final = 1.0
_GRACE_S: Final = 60.0
"""For cancelled tasks to finish their files."""


class OnRay:
    """Jobs side by side on a cluster.

    Finding faces and judging them run at the same time, each in as many threads as a net may use (1
    unless the settings say more), and drawing and encoding take about one more: so many CPUs a task
    asks for, or a whole machine where that has less.

    Args:
        address: see `ferdesk.cluster.connect`.
        settings: how frames are analysed.
        video: whether to write annotated videos and pictures.
        say: is told a line when an input is done or has failed.
        session: what the videos of sessions show; None for no sessions.
    """

    def __init__(
        self,
        address: str,
        settings: Settings,
        *,
        video: bool,
        say: Callable[[str], None],
        session: VideoMode | None = None,
    ) -> None:
        self._address = address
        self._settings = _anywhere(settings)
        self._video = video
        self._session = session
        self._say = say
        self._stop = threading.Event()
        self._ray: Any = None
        self._cpus = 1

    @property
    def stopped(self) -> bool:
        """Whether the user stopped it."""
        return self._stop.is_set()

    def run(self, jobs: Sequence[Job], claim: Claim) -> Iterator[tuple[Job, Outcome]]:
        """Do jobs, each as soon as a machine has room for it; Ctrl-C leaves out those not done.

        Raises:
            ClusterError: one is a camera or a stream, or is not there.
        """
        for job in jobs:
            if job.path is None:
                raise ClusterError(f"{job.spec} is no file or folder; --ray analyses only those.")
        setup = setup_of(self._settings, self._video, self._session)
        remote = self._ray.remote(
            num_cpus=self._cpus,
            max_retries=0,  # the batch does that, for all kinds of failures alike
            scheduling_strategy="SPREAD",
        )(there)
        with stop_on_signals(self._stop.set):
            waiting = {
                remote.options(name=Path(job.spec).name).remote(
                    _absolute(job), self._settings, self._video, setup, self._session
                ): job
                for job in jobs
            }
            yield from self._collect(waiting)

    def _collect(self, waiting: dict[Any, Job]) -> Iterator[tuple[Job, Outcome]]:
        ray, total = self._ray, len(waiting)
        while waiting:
            ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_LOOK_EVERY_S)
            for reference in ready:
                job = waiting.pop(reference)
                outcome = self._answer(reference, job)
                error = outcome.summary.error
                state = "done" if error is None else f"failed: {error}"
                self._say(f"{total - len(waiting)} of {total}: {job.spec} {state}")
                yield job, outcome
            if self.stopped and waiting:
                for reference in waiting:
                    ray.cancel(reference)  # is a Ctrl-C there
                ray.wait(list(waiting), num_returns=len(waiting), timeout=_GRACE_S)
                return

    def _answer(self, reference: Any, job: Job) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError:
            raise  # a mistake in the program
        except self._ray.exceptions.RayError as error:
            what = f"Its worker was lost ({type(error).__name__}): {first_line(error)}"
            return _failure(job, self._settings, what)
        if outcome.summary.interrupted:
            return _failure(job, self._settings, "Its machine was shut down while it was analysed.")
        return outcome

    def __enter__(self) -> Self:
        self._ray = connect(self._address)
        most = max((machine.cpus for machine in machines(self._ray)), default=0)
        if most < 1:
            self._ray.shutdown()
            raise ClusterError(f"The cluster at {self._address} has no machine with a CPU.")
        self._cpus = min(2 * self._settings.threads + self._video, most)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ray.shutdown()


def there(
    job: Job, settings: Settings, video: bool, setup: str, session: VideoMode | None = None
) -> Outcome:
    """What runs in a worker of the cluster.

    Args:
        job: with absolute paths.
        settings: how frames are analysed, with a number of threads.
        video: whether to write an annotated video or pictures.
        setup: what `setup_of` gave where the batch was begun.
        session: what the videos of sessions show; None for no sessions.
    """
    stop = threading.Event()
    try:
        if job.path is not None and existing(job.path) is None:
            raise ClusterError(
                f"{socket.gethostname()} does not see {job.path}: inputs and results must lie "
                "where all machines of the cluster see them."
            )
        if setup_of(settings, video, session) != setup:
            raise ClusterError(
                f"{socket.gethostname()} has other nets, face models or another ferdesk than the "
                "machine that began this. Install the same on both."
            )
        pipeline = _pipeline(settings)
    except FerdeskError as error:
        return _failure(job, settings, str(error))
    with stop_on_signals(stop.set):
        return do_job(
            job,
            pipeline,
            _no_name,
            video=video,
            session=None if session is None else SessionPlan(session, settings),
            stopped=stop.is_set,
        )


@lru_cache(maxsize=1)
def _pipeline(settings: Settings) -> FramePipeline:
    """The nets are loaded once a worker; they end with it."""
    return build_for_files(settings)


def _no_name(stem: str) -> ResultFiles:
    raise ClusterError(f"{stem} has no names for its results.")


def _anywhere(settings: Settings) -> Settings:
    """Settings that mean the same in another folder, on a machine of another size."""
    named = {
        "bundle": settings.bundle,
        "au_bundle": settings.au_bundle,
        "disambiguate": settings.disambiguate,
    }
    folders = {
        field: str(Path(value).absolute())
        for field, value in named.items()
        if Path(value, MANIFEST).is_file()
    }
    return settings.model_copy(update={"threads": settings.threads or 1, **folders})


def _absolute(job: Job) -> Job:
    """A job that another process understands, wherever it was started."""
    if job.path is None or job.files is None:
        return job
    stem, *paths = job.files
    path = job.path.absolute()
    return replace(
        job,
        spec=job.spec if job.spec == "demo" else str(path),
        path=path,
        files=ResultFiles(stem, *(Path(one).absolute() for one in paths)),
    )


def _failure(job: Job, settings: Settings, error: str) -> Outcome:
    return Outcome(
        Summary(input=job.spec, faces_backend="", engine="", bundle=settings.bundle, error=error)
    )
