"""Rows of a table that are no trainings: features of a frozen net, and a linear SVM on them."""

from dataclasses import dataclass
from pathlib import Path

from trainer.errors import TrainError
from trainer.recipes.kyritsis_transfer import FeatureRecipe
from trainer.runs import RunFolder
from trainer.table_report import RowFigure, RowResult
from trainer.tables import changed, differences, digest, portable, read_result
from trainer.tasks import check_values, read_faces
from trainer.transfer import TransferResult, run_features


@dataclass(frozen=True, slots=True)
class FeatureTask:
    """One feature recipe whose result has to be there in the end.

    Attributes:
        recipe: all that decides the result.
        folder: the run's; absolute where it is run on a cluster.
        data: where the data set lies; likewise.
        skip_bad: leave bad rows and images out.
        fresh: replace a result in the folder that was made with other values.
    """

    recipe: FeatureRecipe
    folder: Path
    data: Path
    skip_bad: bool = False
    fresh: bool = False


def finish_features(task: FeatureTask) -> RowResult:
    """Run a feature recipe, unless its result is there.

    Raises:
        TrainError: there is a result of other values, or the recipe cannot be run.
        StoppedError: a signal; the features so far are kept.
        DataError: the data cannot be read.
    """
    found = _read(task)
    if found is not None:
        differing = differences(found.recipe, task.recipe)
        if found.limit is not None:
            differing["limit"] = (found.limit, "none")
        check_values(task.folder, differing, fresh=task.fresh)
        if not differing:
            return _row(task, found)
    recipe = task.recipe
    parts = read_faces(task.data, recipe.dataset, recipe.size, skip_bad=task.skip_bad)
    return _row(task, run_features(recipe, parts.train, parts.valid, task.folder))


def read_features(task: FeatureTask) -> RowResult:
    """The result that is there, whatever its values.

    Raises:
        TrainError: there is none, it cannot be read, or it is not of all faces.
    """
    found = _read(task)
    if found is None:
        raise TrainError(f"There is no result of features in {task.folder}.")
    if found.limit is not None:
        raise TrainError(
            f"The result in {task.folder} is of {found.limit} faces of each part, which is no row "
            "of a table: replace it with --fresh, or run it again without --limit."
        )
    return _row(task, found)


def _read(task: FeatureTask) -> TransferResult | None:
    return read_result(RunFolder(task.folder).features, TransferResult, "result of features")


def _row(task: FeatureTask, found: TransferResult) -> RowResult:
    recipe = portable(found.recipe)
    return RowResult(
        recipe=recipe,
        changed=changed(recipe),
        epochs=0,
        best_epoch=0,
        parameters=0,
        train_images=found.train,
        device=found.device,
        data=task.data.name,
        weights=digest(RunFolder(task.folder).features),
        figures=tuple(
            RowFigure(
                protocol=score.protocol,
                part=found.part,
                n=score.n,
                accuracy=score.accuracy,
                interval=score.accuracy_ci95,
                more={"top2": score.top2, "top3": score.top3},
            )
            for score in found.scores
        ),
    )
