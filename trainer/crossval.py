"""Cross-validation: a run a fold, and the accuracy on what no fold's epoch was chosen on."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import EXPRESSIONS
from trainer import files
from trainer.chain import Changes, all_before, finish_shared, with_before
from trainer.datasets.base import DROPPED
from trainer.datasets.folds import FOLD_PROTOCOLS, of_fold
from trainer.errors import TrainError
from trainer.evaluate import bootstrap_interval
from trainer.plots import draw_confusion
from trainer.predict import load_run, run_probabilities
from trainer.recipes import RECIPES, Recipe
from trainer.runs import RunFolder
from trainer.tables import (
    Result,
    deviation_text,
    differences,
    make_folder,
    markdown_table,
    percent,
    read_result,
    values,
    with_interval,
    write_result,
)
from trainer.tasks import Place, Training, finish_run, read_parts, run_tasks


class FoldResult(Result):
    """One fold, measured.

    Attributes:
        fold: from 0.
        part: "test", or "valid" where the protocol has no test part.
        n: images of that part.
        accuracy: 0..1.
        epochs: as many were trained.
        best_epoch: from 1; the one that is measured.
        train_images: as many were learnt from.
        confusion: (8, 8) counts, rows are the true classes.
        device: where it was trained.
        node: on which machine of a cluster, "" without one.
    """

    fold: int
    part: str
    n: int
    accuracy: float
    epochs: int
    best_epoch: int
    train_images: int
    confusion: tuple[tuple[int, ...], ...]
    device: str
    node: str = ""


class CrossValidation(Result):
    """The folds of one recipe.

    Attributes:
        recipe: as it was run, fold 0.
        count: how many folds the protocol has.
        folds: those that are measured, ascending.
        failed: the others that were tried, and why.
        before: the recipes whose runs it starts from, as they were run, fold 0.
        figures: what follows from the folds; written for other programs, not read back.
    """

    recipe: Recipe
    count: int
    folds: tuple[FoldResult, ...] = ()
    failed: Mapping[int, str] = {}
    before: tuple[Recipe, ...] = ()
    figures: Mapping[str, Any] = {}

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(8, 8) counts over all folds."""
        return sum_of(self.folds)


@dataclass(frozen=True, slots=True)
class Figures:
    """What some folds amount to.

    Attributes:
        mean: of the folds' accuracies, each fold counting alike.
        deviation: their standard deviation (n - 1); None of a single one.
        pooled: accuracy over the images of all folds.
        interval: the 95 % bootstrap interval of `pooled`.
        balanced: mean over the classes of the share of their images that is right, over those of
            all folds.
        n: the images of all folds.
    """

    mean: float
    deviation: float | None
    pooled: float
    interval: tuple[float, float]
    balanced: float
    n: int


def figures_of(folds: Sequence[FoldResult]) -> Figures:
    """Sum up at least one fold."""
    accuracies = [fold.accuracy for fold in folds]
    n = sum(fold.n for fold in folds)
    pooled = sum(fold.accuracy * fold.n for fold in folds) / n
    return Figures(
        statistics.fmean(accuracies),
        statistics.stdev(accuracies) if len(folds) > 1 else None,
        pooled,
        bootstrap_interval(pooled, n),
        _balanced(sum_of(folds)),
        n,
    )


def sum_of(folds: Sequence[FoldResult]) -> NDArray[np.int64]:
    """(8, 8) counts over some folds; rows are the true classes."""
    empty = np.zeros((len(EXPRESSIONS), len(EXPRESSIONS)), np.int64)
    return sum((np.array(fold.confusion, np.int64) for fold in folds), empty)


def _balanced(confusion: NDArray[np.int64]) -> float:
    images = confusion.sum(axis=1)
    there = images > 0
    return float((np.diag(confusion)[there] / images[there]).mean())


@dataclass(frozen=True, slots=True)
class CvFolder:
    """The files of a cross-validation; the runs lie beside them as fold-0, fold-1 and so on."""

    folder: Path

    @property
    def table(self) -> Path:
        """The result, for programs."""
        return self.folder / "cv.json"

    @property
    def text(self) -> Path:
        """The result, for people."""
        return self.folder / "cv.md"

    @property
    def picture(self) -> Path:
        """The confusion matrix over all folds."""
        return self.folder / "cv.png"

    def fold(self, number: int) -> Path:
        """The run of a fold."""
        return self.folder / f"fold-{number}"

    def read(self) -> CrossValidation | None:
        """What an earlier call left."""
        return read_result(self.table, CrossValidation)

    def write(self, result: CrossValidation) -> None:
        """Write all three.

        Raises:
            OutputError: they cannot be written.
        """
        make_folder(self.folder)
        sums: dict[str, Any] = {}
        if result.folds:
            figures = figures_of(result.folds)
            sums = {
                "mean": figures.mean,
                "deviation": figures.deviation,
                "pooled": figures.pooled,
                "pooled_ci95": figures.interval,
                "balanced": figures.balanced,
                "n": figures.n,
                "confusion": result.confusion.tolist(),
            }
            title = f"{result.recipe.name}: {len(result.folds)} folds, n = {figures.n}"
            draw_confusion(self.picture, result.confusion, title)
        write_result(self.table, result, {"figures": sums})
        files.write_text(self.text, "\n".join(_markdown(result, self.picture.name)) + "\n")


_PLAIN: Final = (
    "Each fold's epoch was chosen on its valid part, and its accuracy is that on its test part, "
    "which nothing was chosen on."
)
_CHOSEN: Final = (
    "This protocol has no test part: the accuracy is that on the valid part, which the epoch was "
    "chosen on too, so it flatters."
)


def cross_validate(
    recipe: Recipe,
    folder: CvFolder,
    data: Path,
    place: Place,
    *,
    numbers: Sequence[int] | None = None,
    skip_bad: bool = False,
    fresh: bool = False,
    changes: Changes | None = None,
) -> CrossValidation:
    """Train and measure folds; those of an earlier call with the same values are kept.

    Args:
        recipe: names a fold protocol.
        folder: for the runs and the result, which is written after each fold.
        data: where the data set lies.
        place: where it is computed.
        numbers: which folds, all unless given.
        skip_bad: leave bad rows and images out.
        fresh: replace runs that were made with other values.
        changes: values for the recipes whose runs it starts from.

    Raises:
        TrainError: the recipe has no folds, or not those.
        StoppedError: a signal; it says how to go on.
        OutputError: the result cannot be written.
    """
    count = fold_count(recipe)
    chosen = sorted(set(range(count) if numbers is None else numbers))
    if not chosen or chosen[0] < 0 or chosen[-1] >= count:
        raise TrainError(f"{recipe.protocol} has folds 0 to {count - 1}; choose among those.")
    recipe, changes = recipe.model_copy(update={"fold": 0}), changes or {}
    before = all_before(recipe, changes)
    empty = CrossValidation(recipe=recipe, count=count, before=before)
    result = _kept(folder, empty, chosen)

    def keep(place: int, answer: dict[str, Any]) -> None:
        nonlocal result
        result = _with(result, chosen[place], answer)
        folder.write(result)

    trainings = [
        with_before(
            Training(
                of_fold(recipe, number),
                folder.fold(number).resolve(),
                data.resolve(),
                skip_bad,
                fresh,
            ),
            changes,
        )
        for number in chosen
    ]
    finish_shared(trainings, place)
    run_tasks(run_fold, trainings, place, done=keep)
    return result


def _kept(folder: CvFolder, empty: CrossValidation, chosen: Sequence[int]) -> CrossValidation:
    """The folds of an earlier call with the same values that are not to be run now."""
    earlier = folder.read()
    if earlier is None or differences(earlier.recipe, empty.recipe):
        return empty
    if [values(one) for one in earlier.before] != [values(one) for one in empty.before]:
        return empty
    folds = tuple(fold for fold in earlier.folds if fold.fold not in chosen)
    failed = {number: why for number, why in earlier.failed.items() if number not in chosen}
    return empty.model_copy(update={"folds": folds, "failed": failed})


def _with(result: CrossValidation, number: int, answer: Mapping[str, Any]) -> CrossValidation:
    """The result with one more fold, or the reason why it is missing."""
    if "error" in answer:
        failed = {**result.failed, number: answer["error"]}
        return result.model_copy(update={"failed": failed})
    folds = [*result.folds, FoldResult.model_validate(answer)]
    return result.model_copy(update={"folds": tuple(sorted(folds, key=lambda fold: fold.fold))})


def fold_count(recipe: Recipe) -> int:
    """How many folds a recipe's protocol has.

    Raises:
        TrainError: the recipe names no protocol, or none that there is.
    """
    if not recipe.protocol:
        known = (RECIPES.get(name) for name in RECIPES.names())
        others = ", ".join(other.name for other in known if other.protocol)
        raise TrainError(
            f"{recipe.name} has no folds, for {recipe.dataset} has parts of its own: use the "
            f"command train. Recipes with folds: {others}."
        )
    return FOLD_PROTOCOLS.get(recipe.protocol).count


def run_fold(training: Training) -> dict[str, Any]:
    """Train a fold to its end and measure it: what a `FoldResult` holds.

    Raises:
        DataError, TrainError, StoppedError: as `trainer.tasks.finish_run`.
    """
    parts = finish_run(training) or read_parts(training)
    judged = parts.valid if parts.test is None else parts.test
    kept = judged.pick(judged.labels != DROPPED)
    if not len(kept):
        raise TrainError(
            f"No face of the {kept.part} part of fold {training.recipe.fold} has a label."
        )
    run = RunFolder(training.folder)
    _, _, epoch = load_run(run)
    about = run.read_about()
    predicted = run_probabilities(run, kept.images).argmax(axis=1)
    confusion = np.zeros((len(EXPRESSIONS), len(EXPRESSIONS)), np.int64)
    np.add.at(confusion, (kept.labels, predicted), 1)
    return FoldResult(
        fold=training.recipe.fold,
        part=kept.part,
        n=len(kept),
        accuracy=float(np.trace(confusion) / len(kept)),
        epochs=len(run.read_metrics()),
        best_epoch=epoch,
        train_images=int(about["train_images"]),
        confusion=tuple(map(tuple, confusion.tolist())),
        device=str(about["device"]),
    ).model_dump(mode="json")


def _markdown(result: CrossValidation, picture: str) -> list[str]:
    recipe, protocol = result.recipe, FOLD_PROTOCOLS.get(result.recipe.protocol)
    lines = [f"# {recipe.name}: {recipe.title}", "", recipe.paper, ""]
    lines += [f"Folds: {protocol.name}, {protocol.title} ({protocol.paper}).", ""]
    changed = deviation_text(recipe)
    if changed:
        lines += [f"Not as the recipe has it: {changed}.", ""]
    for one in result.before:
        changed = deviation_text(one)
        lines += [f"It starts from the run of {one.name}{changed and f', {changed}'}.", ""]
    if result.folds:
        lines += [_sum(result), ""]
    if recipe.published is not None and recipe.protocol == RECIPES.get(recipe.name).protocol:
        lines += [f"The paper states {percent(recipe.published)} ({recipe.table}).", ""]
    parts = {fold.part for fold in result.folds}
    lines += [_CHOSEN if parts == {"valid"} else _PLAIN, ""]
    heads = ("fold", "part", "n", "accuracy", "best epoch", "train images")
    lines += markdown_table(heads, [_line(fold) for fold in result.folds])
    for number, why in sorted(result.failed.items()):
        lines += ["", f"Fold {number} failed: {' '.join(why.split())}"]
    if result.folds:
        lines += ["", f"![Confusion matrix over all folds]({picture})"]
    return [*lines, "", f"    ferdesk-train cv {recipe.name} --data PATH"]


def _sum(result: CrossValidation) -> str:
    figures = figures_of(result.folds)
    spread = ""
    if figures.deviation is not None:
        spread = f", standard deviation {percent(figures.deviation)}"
    return (
        f"{len(result.folds)} of {result.count} folds: mean accuracy {percent(figures.mean)}"
        f"{spread}; over all their images {with_interval(figures.pooled, figures.interval)}, "
        f"n = {figures.n:,}, with the 95 % bootstrap interval. Balanced accuracy, the mean over "
        f"the classes of the share that is right: {percent(figures.balanced)}."
    )


def _line(fold: FoldResult) -> tuple[str, ...]:
    return (
        f"{fold.fold}",
        fold.part,
        f"{fold.n:,}",
        percent(fold.accuracy),
        f"{fold.best_epoch} of {fold.epochs}",
        f"{fold.train_images:,}",
    )
