"""A paper's table, row by row: train what is missing, measure what is there, write it down."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeGuard

from rich.console import Console

from ferdesk.core.errors import DataError
from trainer import files
from trainer.chain import Changes, with_before
from trainer.crossval import CrossValidation, CvFolder, cross_validate, figures_of
from trainer.datasets.base import Faces
from trainer.datasets.faces import load_faces
from trainer.datasets.folds import FOLD_PROTOCOLS
from trainer.errors import TrainError
from trainer.evaluate import measure, protocols_for, truth
from trainer.nets import build_net, parameter_count
from trainer.plots import draw_confusion
from trainer.predict import load_run, run_probabilities
from trainer.recipes import Recipe
from trainer.recipes.kyritsis_transfer import FeatureRecipe
from trainer.runs import RunFolder
from trainer.table_features import FeatureTask, finish_features, read_features
from trainer.table_plot import draw_table
from trainer.table_report import (
    RowFigure,
    RowResult,
    TableResult,
    confusion_file,
    file_of,
    markdown,
    table_rows,
)
from trainer.tables import (
    AnyRecipe,
    changed,
    digest,
    make_folder,
    portable,
    read_result,
    write_result,
)
from trainer.tasks import Place, Training, Work, finish_run, run_tasks

RowTask = Training | FeatureTask
"""A row without folds, as something to do."""
_MORE: Final = ("top2", "top3", "macro_f1", "balanced_accuracy", "ece")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done about a table.

    Attributes:
        table: its name.
        recipes: the rows that are wanted, with the values that they are to be run with.
        data: where the data set lies.
        runs: where the runs lie, each in a folder of its recipe's name.
        output: where the table is written.
        place: where it is computed.
        train: train what is missing; else only what is there is measured.
        skip_bad: leave bad rows and images out.
        fresh: replace runs that were made with other values.
        auxiliary: where the second data set of multi-task rows lies.
        changes: values for the recipes whose runs some rows start from.
    """

    table: str
    recipes: tuple[AnyRecipe, ...]
    data: Path
    runs: Path
    output: Path
    place: Place = field(default_factory=Place)
    train: bool = True
    skip_bad: bool = False
    fresh: bool = False
    auxiliary: Path | None = None
    changes: Changes = field(default_factory=dict)

    def measured(self, recipe: AnyRecipe) -> Path:
        """The file that says whether a row without folds has been run, and by what weights."""
        run = RunFolder((self.runs / recipe.name).resolve())
        return run.features if isinstance(recipe, FeatureRecipe) else run.best

    def task(self, recipe: AnyRecipe) -> RowTask:
        """The same row as something to do."""
        folder, data = self.measured(recipe).parent, self.data.resolve()
        if isinstance(recipe, FeatureRecipe):
            return FeatureTask(recipe, folder, data, self.skip_bad, self.fresh)
        second = self.auxiliary.resolve() if self.auxiliary and recipe.auxiliary else None
        alone = Training(recipe, folder, data, self.skip_bad, self.fresh, second)
        return with_before(alone, self.changes)


def reproduce(request: Request) -> TableResult:
    """Fill in a table and write it as JSON, Markdown and PNG, anew after each row.

    A row that is not wanted stays as an earlier call measured it, unless its recipe has changed
    since. Where there is a run of it that no call measured, that is measured, whatever its values.

    Raises:
        TrainError: no such table, or what an earlier call wrote cannot be read.
        StoppedError: a signal; it says how to go on.
        OutputError: the table cannot be written.
    """
    rows = table_rows(request.table)
    draft = _Draft(request)
    wanted = {recipe.name for recipe in request.recipes}
    if request.train:
        draft.run(train_row, [recipe for recipe in request.recipes if not _has_folds(recipe)])
        for recipe in request.recipes:
            if _has_folds(recipe):
                _validate(draft, request, recipe)
    there = [r for r in rows if not (request.train and r.name in wanted)]
    measured = [r for r in there if draft.has_news(r, again=r.name in wanted)]
    draft.run(measure_row, measured)
    for recipe in there:
        if _has_folds(recipe):
            _take_folds(draft, request, recipe)
    draft.write()
    return draft.result()


class _Draft:
    """The table while it fills; it starts with what an earlier call measured."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._rows: dict[str, RowResult] = {}
        self._failed: dict[str, str] = {}
        earlier = read_result(self._file(".json"), TableResult)
        if earlier is None:
            return
        names = {recipe.name for recipe in table_rows(request.table)}
        for name in names & earlier.rows.keys():
            if earlier.rows[name].stale:
                _say(f"{name}: its recipe has changed since it was measured; the row is dropped")
            else:
                self._rows[name] = earlier.rows[name]
        self._failed = {name: why for name, why in earlier.failed.items() if name in names}

    def result(self) -> TableResult:
        """The table so far, its rows by name."""
        rows = {name: self._rows[name] for name in sorted(self._rows)}
        return TableResult(table=self._request.table, rows=rows, failed=dict(self._failed))

    def has_news(self, recipe: AnyRecipe, *, again: bool) -> bool:
        """Whether there are weights of a row that are not measured yet, or are to be again."""
        measured = self._request.measured(recipe)
        if _has_folds(recipe) or not measured.is_file():
            return False
        row = self._rows.get(recipe.name)
        return again or row is None or row.weights != digest(measured)

    def run(self, work: Work[RowTask], recipes: Sequence[AnyRecipe]) -> None:
        """Do the same for some rows, and take their results over as they come."""
        names = [recipe.name for recipe in recipes]
        run_tasks(
            work,
            [self._request.task(recipe) for recipe in recipes],
            self._request.place,
            done=lambda number, answer: self.add(names[number], answer),
        )

    def add(self, name: str, answer: dict[str, Any]) -> None:
        """Take over a row, or the reason why there is none, and write the table.

        Raises:
            OutputError: it cannot be written.
        """
        if "error" in answer:
            self._failed[name] = answer["error"]
        else:
            self._rows[name] = RowResult.model_validate(answer)
            self._failed.pop(name, None)
        self.write()

    def write(self) -> None:
        """Write all three files; the picture only where there is something to draw."""
        make_folder(self._request.output)
        result, picture = self.result(), self._file(".png")
        write_result(self._file(".json"), result)
        files.write_text(self._file(".md"), markdown(result, picture.name))
        if result.rows:
            draw_table(picture, result)

    def _file(self, suffix: str) -> Path:
        return file_of(self._request.output, self._request.table, suffix)


def _has_folds(recipe: AnyRecipe) -> TypeGuard[Recipe]:
    return isinstance(recipe, Recipe) and bool(recipe.protocol)


def _validate(draft: _Draft, request: Request, recipe: Recipe) -> None:
    """Train and measure the folds of a row."""
    try:
        cross_validate(
            recipe,
            CvFolder(request.runs / recipe.name),
            request.data,
            request.place,
            skip_bad=request.skip_bad,
            fresh=request.fresh,
            changes=request.changes,
        )
    except (DataError, TrainError) as error:
        draft.add(recipe.name, {"error": str(error)})
    else:
        _take_folds(draft, request, recipe)


def _take_folds(draft: _Draft, request: Request, recipe: Recipe) -> None:
    """Take over what a cross-validation left."""
    try:
        found = CvFolder(request.runs / recipe.name).read()
    except TrainError as error:
        draft.add(recipe.name, {"error": str(error)})
        return
    if found is not None and found.folds:
        make_folder(request.output)
        picture = confusion_file(request.output, request.table, recipe.name)
        draw_confusion(picture, found.confusion, f"{recipe.name}, n = {found.confusion.sum():,}")
        draft.add(recipe.name, folds_row(found, request.data).model_dump())
    if found is not None and found.failed:
        said = "; ".join(f"fold {number}: {why}" for number, why in found.failed.items())
        draft.add(recipe.name, {"error": said})


def train_row(task: RowTask) -> dict[str, Any]:
    """Train a row to its end and measure it: what a `RowResult` holds.

    Raises:
        DataError, TrainError, StoppedError: as `trainer.tasks.finish_run`, or for features
            `trainer.table_features.finish_features`.
    """
    if isinstance(task, FeatureTask):
        return finish_features(task).model_dump()
    parts = finish_run(task)
    return _measured(task, None if parts is None else parts.valid).model_dump()


def measure_row(task: RowTask) -> dict[str, Any]:
    """Measure the run of a row as it is, finished or not: what a `RowResult` holds.

    Raises:
        DataError, TrainError: the run or the data cannot be read.
    """
    row = read_features(task) if isinstance(task, FeatureTask) else _measured(task, None)
    return row.model_dump()


def _measured(training: Training, valid: Faces | None) -> RowResult:
    run = RunFolder(training.folder)
    net, recipe, epoch = load_run(run)
    recipe, about = portable(recipe), run.read_about()
    if valid is None:
        valid = _read_valid(recipe.dataset, training.data, recipe.size, training.skip_bad)
    return RowResult(
        recipe=recipe,
        changed=changed(recipe),
        epochs=len(run.read_metrics()),
        best_epoch=epoch,
        parameters=parameter_count(net),
        train_images=int(about["train_images"]),
        device=str(about["device"]),
        data=training.data.name,
        weights=digest(run.best),
        figures=_figures(run, valid),
        before=tuple(portable(one.recipe) for one in training.before),
    )


def _figures(run: RunFolder, valid: Faces) -> tuple[RowFigure, ...]:
    probabilities = run_probabilities(run, valid.images)
    figures = []
    for protocol in protocols_for(valid):
        keep, labels = truth(valid, protocol)
        metric = measure(
            probabilities[keep], labels, dataset=valid.dataset, part="valid", protocol=protocol
        ).metric
        more = {key: float(getattr(metric, key)) for key in _MORE}
        figures.append(
            RowFigure(
                protocol=protocol,
                part="valid",
                n=metric.n,
                accuracy=metric.accuracy,
                interval=metric.accuracy_ci95,
                more=more,
            )
        )
    return tuple(figures)


def folds_row(found: CrossValidation, data: Path) -> RowResult:
    """A row of a cross-validation of at least one fold."""
    recipe, figures = portable(found.recipe), figures_of(found.folds)
    counted = "seeds" if FOLD_PROTOCOLS.get(recipe.protocol).seeded else "folds"
    more: dict[str, float] = {counted: len(found.folds), "mean": figures.mean}
    if figures.deviation is not None:
        more["deviation"] = figures.deviation
    net = build_net(recipe.net, size=recipe.size, dropout=recipe.dropout)
    figure = RowFigure(
        protocol=recipe.protocol,
        part=found.folds[0].part,
        n=figures.n,
        accuracy=figures.pooled,
        interval=figures.interval,
        more=more,
    )
    return RowResult(
        recipe=recipe,
        changed=changed(recipe),
        epochs=min(fold.epochs for fold in found.folds),
        best_epoch=0,
        parameters=parameter_count(net),
        train_images=0,
        device=found.folds[0].device,
        data=data.name,
        weights="",
        figures=(figure,),
        before=tuple(map(portable, found.before)),
    )


@lru_cache(maxsize=1)
def _read_valid(dataset: str, data: Path, size: int, skip_bad: bool) -> Faces:
    return load_faces(dataset, data, "valid", size, skip_bad=skip_bad)


def _say(text: str) -> None:
    Console(stderr=True, highlight=False).print(text, markup=False, soft_wrap=True)
