"""Many trainings: one after the other in this process, or side by side on a Ray cluster.

A training, or another task, is sure to end well however often it is cut off: its run's folder says
how far it came, and whoever runs it again goes on from there. That is all that a cluster needs from
it, and it is why data and runs must lie where every machine of the cluster sees them under the same
path.
"""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from rich.console import Console

from ferdesk.cluster import connect, first_line, import_ray, machines
from ferdesk.core.errors import FerdeskError
from trainer.before import other_starts
from trainer.datasets.parts import Parts, recipe_parts
from trainer.errors import StoppedError, TrainError
from trainer.fit import fit
from trainer.gan.folds import FOLDER as GAN
from trainer.gan.folds import finish_gan, gan_differences, with_encoder
from trainer.multitask import Auxiliary, check_wish, load_auxiliary
from trainer.recipes import Recipe
from trainer.runs import RunFolder
from trainer.signals import Stop, stop_signals
from trainer.tables import differences

Result = dict[str, Any]
"""What a training's function gave, or {"error": one line}; on a cluster with "node", too."""

_RETRIES: Final = 3  # of a task whose worker or node died
_LOOK_EVERY_S: Final = 1.0
_GRACE_S: Final = 60.0  # for cancelled tasks to save their state
_GO_ON: Final = (
    "what is finished is kept, and so are the states of the runs. The same command goes on from "
    "there."
)


class Task(Protocol):
    """Something to do whose result is kept in a folder, which names it."""

    @property
    def folder(self) -> Path:
        """Absolute where it is done on a cluster."""
        ...


@dataclass(frozen=True, slots=True)
class Training:
    """One run that has to be there in the end.

    Attributes:
        recipe: all that decides its result.
        folder: the run's; absolute where it is run on a cluster.
        data: where the data set lies; likewise.
        skip_bad: leave bad rows and images out.
        fresh: replace a run in the folder that was made with other values.
        auxiliary: where the recipe's second data set lies, if it has one.
        before: the trainings whose runs it starts from.
    """

    recipe: Recipe
    folder: Path
    data: Path
    skip_bad: bool = False
    fresh: bool = False
    auxiliary: Path | None = None
    before: tuple["Training", ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where trainings run.

    Attributes:
        ray: None for this process, else a cluster's address, see `ferdesk.cluster.connect`.
        cpus: how many CPUs a training takes on a cluster, and how many threads it computes with.
        gpus: how many GPUs, or which part of one, it takes there.
    """

    ray: str | None = None
    cpus: int = 1
    gpus: float = 0.0


T = TypeVar("T", bound=Task)
Work = Callable[[T], Result]
Done = Callable[[int, Result], None]


def finish_run(training: Training) -> Parts | None:
    """Train a run to its last epoch: not at all if it is there, from its last state if it began.

    The runs that it starts from are finished first.

    Returns:
        The faces, if any had to be read.

    Raises:
        TrainError: there is a run of other values, or it cannot be trained.
        StoppedError: a signal; the state was saved.
        DataError: the data cannot be read.
    """
    for earlier in training.before:
        finish_run(earlier)
    run = RunFolder(training.folder)
    recipe = with_encoder(training.recipe, run.folder)
    anew = False
    if run.recipe.is_file() or (run.folder / GAN).is_dir():
        differing = gan_differences(training.recipe, run.folder)
        if run.recipe.is_file():
            differing |= differences(run.read_recipe(), recipe) | other_starts(recipe, run)
        check_values(run.folder, differing, fresh=training.fresh)
        if not differing and run.best.is_file() and len(run.read_metrics()) >= recipe.epochs:
            return None
        anew = bool(differing)
    check_wish(recipe, training.auxiliary)
    parts = read_parts(training)
    if recipe.gan:
        finish_gan(training.recipe, run.folder, parts.train, training.data, replace=anew)
    second = load_auxiliary(recipe, training.auxiliary, skip_bad=training.skip_bad)
    rows = fit(
        recipe,
        parts.train,
        parts.valid,
        run,
        data=training.data,
        auxiliary=None if second is None else Auxiliary(second, recipe),
        resume=run.last.is_file() and not anew,
        fresh=anew,
    )
    if len(run.read_metrics()) < len(rows):  # it was cut off between its last state and its table
        run.write_metrics(rows)
    return parts


def check_values(folder: Path, differing: dict[str, tuple[Any, Any]], *, fresh: bool) -> None:
    """Refuse to replace a run of other values that nobody wished to be replaced.

    Args:
        folder: the run's.
        differing: key -> (value of the run that is there, value wanted here).
        fresh: it is wished.

    Raises:
        TrainError: there are such values, and it is not.
    """
    if differing and not fresh:
        said = ", ".join(f"{k}={a} there, {b} here" for k, (a, b) in differing.items())
        raise TrainError(
            f"The run in {folder} has other values: {said}. Use those with --set, put the "
            "runs elsewhere, or replace it with --fresh."
        )


def read_parts(training: Training) -> Parts:
    """What a training's recipe asks for; the last faces read stay in memory for the next one.

    Raises:
        DataError, TrainError: as `trainer.datasets.parts.recipe_parts`.
    """
    recipe = training.recipe
    what = recipe.dataset, recipe.size, recipe.protocol, recipe.fold, recipe.also
    return read_faces(training.data, *what, skip_bad=training.skip_bad)


def read_faces(
    data: Path,
    dataset: str,
    size: int,
    protocol: str = "",
    fold: int = 0,
    also: str = "",
    *,
    skip_bad: bool,
) -> Parts:
    """The same for the five values of a recipe that decide which faces are read.

    Raises:
        DataError, TrainError: as `trainer.datasets.parts.recipe_parts`.
    """
    reading = Recipe(
        name=dataset,
        title="",
        paper="",
        net="",
        dataset=dataset,
        protocol=protocol,
        fold=fold,
        also=also,
        size=size,
    )
    return _read(reading, data, skip_bad)


@lru_cache(maxsize=1)
def _read(recipe: Recipe, data: Path, skip_bad: bool) -> Parts:
    parts = recipe_parts(recipe, data, skip_bad=skip_bad)
    left = len({line for part in (parts.train, parts.valid) for line in part.skipped})
    if left:
        _console().print(f"{left} bad rows or images left out; the run lists them", markup=False)
    return parts


def run_tasks(
    work: Work[T], trainings: Sequence[T], place: Place, *, done: Done | None = None
) -> list[Result]:
    """Do the same for each of some trainings, or other tasks.

    What goes wrong with one of them becomes its result; the others go on. A mistake in the program
    is raised.

    Args:
        work: what to do; a function of a module, for it may be called in another process.
        trainings: in the order in which they are started.
        place: where.
        done: told each result and its place in the list, when it is there.

    Returns:
        The results, in the order of `trainings`.

    Raises:
        StoppedError: SIGINT or SIGTERM; it says how to go on.
        ClusterError: Ray is not installed or does not answer.
        TrainError: its machines are too small.
    """
    if not trainings:
        return []
    report = _Report(trainings, done)
    if place.ray is None:
        _run_here(work, report)
    else:
        _run_on_ray(work, report, place, place.ray)
    return [report.results[number] for number in range(len(trainings))]


class _Report(Generic[T]):
    """Collects results and says each on a line."""

    def __init__(self, trainings: Sequence[T], done: Done | None) -> None:
        self.trainings = trainings
        self.results: dict[int, Result] = {}
        self._done = done

    def add(self, number: int, result: Result) -> None:
        """Keep one result."""
        self.results[number] = result
        name = self.trainings[number].folder.name
        count = f"{len(self.results)} of {len(self.trainings)}"
        state = f"failed: {result['error']}" if "error" in result else "done"
        _console().print(f"{count}: {name} {state}", markup=False, soft_wrap=True)
        if self._done is not None:
            self._done(number, result)


def _console() -> Console:
    return Console(stderr=True, highlight=False)


def attempt(work: Work[T], training: T) -> Result:
    """What `work` gives, or the line that says why it could not.

    Raises:
        StoppedError: a signal.
    """
    try:
        return work(training)
    except StoppedError:
        raise
    except FerdeskError as error:
        return {"error": str(error)}
    except RuntimeError as error:  # torch's, above all: no memory left on the device
        return {"error": f"{type(error).__name__}: {first_line(error)}"}


def _run_here(work: Work[T], report: _Report[T]) -> None:
    for number, training in enumerate(report.trainings):
        try:
            result = attempt(work, training)
        except StoppedError as error:
            raise _stopped(error.signum, training.folder.name) from error
        except KeyboardInterrupt as error:  # while something else than a training was going on
            raise _stopped(int(signal.SIGINT), training.folder.name) from error
        report.add(number, result)


def _stopped(signum: int, what: str) -> StoppedError:
    return StoppedError(f"Stopped by {signal.Signals(signum).name} at {what}; {_GO_ON}", signum)


def _run_on_ray(work: Work[T], report: _Report[T], place: Place, address: str) -> None:
    ray = connect(address)
    try:
        _check_size(ray, place)
        remote = ray.remote(
            num_cpus=place.cpus,
            num_gpus=place.gpus,
            max_retries=_RETRIES,
            retry_exceptions=[StoppedError],  # a node that is shut down asks its workers to stop
            scheduling_strategy="SPREAD",  # trainings are long: idle nodes first
        )(_there)
        with stop_signals() as stop:
            waiting = {
                remote.options(name=training.folder.name).remote(work, training, place.cpus): number
                for number, training in enumerate(report.trainings)
            }
            _collect(ray, waiting, report, stop)
    finally:
        ray.shutdown()


def _collect(ray: Any, waiting: dict[Any, int], report: _Report[T], stop: Stop) -> None:
    while waiting:
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_LOOK_EVERY_S)
        for reference in ready:
            report.add(waiting.pop(reference), _answer(ray, reference))
        if stop.signum and waiting:
            for reference in waiting:
                ray.cancel(reference)  # is a KeyboardInterrupt there, so the state is saved
            ray.wait(list(waiting), num_returns=len(waiting), timeout=_GRACE_S)
            raise _stopped(stop.signum, f"{len(report.results)} of {len(report.trainings)}")


def _answer(ray: Any, reference: Any) -> Result:
    try:
        result: Result = ray.get(reference)
    except StoppedError as error:
        return {"error": f"It was stopped there more than {_RETRIES} times: {error}"}
    except ray.exceptions.RayTaskError:
        raise  # a mistake in the program
    except ray.exceptions.RayError as error:  # its worker or node died again and again
        return {"error": f"{type(error).__name__}: {first_line(error)}"}
    return result


def _there(work: Work[T], training: T, cpus: int) -> Result:
    """What runs in a worker of the cluster."""
    import torch

    torch.set_num_threads(cpus)
    result = attempt(work, training)
    return {**result, "node": import_ray().get_runtime_context().get_node_id()}


def _check_size(ray: Any, place: Place) -> None:
    """Refuse tasks that would wait for ever for a machine that is large enough."""
    there = machines(ray)
    if not any(one.cpus >= place.cpus and one.gpus >= place.gpus for one in there):
        most = max((one.cpus for one in there), default=0)
        gpus = max((one.gpus for one in there), default=0)
        raise TrainError(
            f"A task asks for {place.cpus} CPUs and {place.gpus:g} GPUs, but the machines of the "
            f"cluster have at most {most} and {gpus}; see --cpus-per-task and --gpus-per-task."
        )
