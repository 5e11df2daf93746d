"""`ferdesk-train evaluate`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.commands.common import (
    Data,
    Json,
    SkipBad,
    load_part,
    need_extra,
    part_named,
    print_json,
    print_table,
    say_skipped,
)
from trainer.errors import TrainError
from trainer.labelling import Protocol
from trainer.runs import RunFolder

if TYPE_CHECKING:
    from ferdesk.core.svm_bundle import SvmResult
    from ferdesk.core.types import FloatArray, ImageU8
    from trainer.datasets.base import Faces
    from trainer.evaluate import Evaluation

_ALL = "all"


@dataclass(frozen=True, slots=True)
class _Judge:
    """What gives probabilities, and what it has to be asked.

    Attributes:
        name: for the picture's title.
        dataset: whose images it is for, unless told otherwise.
        learnt: the data set that it was trained on.
        size: side of the patches it takes, in pixels.
        probabilities: from (n, size, size) uint8 to (n, 8) float32.
    """

    name: str
    dataset: str
    learnt: str
    size: int
    probabilities: "Callable[[ImageU8], FloatArray]"


def evaluate(
    data: Data,
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="A bundle's name or folder, or ...")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="... a run's folder, not calibrated.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", help="What lies there; the run's, or ferplus, unless given."),
    ] = None,
    part: Annotated[
        str, typer.Option("--part", help="train, valid, test, or all of a set without parts.")
    ] = "valid",
    protocol: Annotated[
        Protocol | None,
        typer.Option("--protocol", help="What counts as true; plurality where there are votes."),
    ] = None,
    confusion: Annotated[
        Path | None, typer.Option("--confusion", help="Draw the confusion matrix as this PNG.")
    ] = None,
    asking: Annotated[
        bool, typer.Option("--with-aus", help="Ask action units where the bundle is unsure, too.")
    ] = False,
    aus: Annotated[
        Path | None,
        typer.Option("--aus", help="Their table (au extract); estimated first unless given."),
    ] = None,
    svm: Annotated[
        str, typer.Option("--svm", help="The machines that judge them; an installed bundle's.")
    ] = "",
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Measure a net, for example: ferdesk-train evaluate --bundle NAME -d ferplus/ --json."""
    if (bundle is None) == (run is None):
        raise TrainError("Say what to evaluate: either --bundle or --run.")
    if part != _ALL:
        part_named(part)
    if asking and bundle is None:
        raise TrainError("--with-aus needs --bundle: machines are tuned for bundles, not for runs.")
    if not asking and (aus is not None or svm):
        raise TrainError("--aus and --svm belong to --with-aus.")
    judge = _of_bundle(bundle) if bundle is not None else _of_run(run or Path())
    need_extra()
    from trainer.evaluate import measure, protocols_for, truth

    name = dataset or judge.dataset
    loaded = _load(name, data, part, judge, skip_bad)
    chosen = protocol or protocols_for(loaded)[0]
    keep, labels = truth(loaded, chosen)
    probabilities = judge.probabilities(loaded.images[keep])
    result = measure(
        probabilities, labels, dataset=loaded.dataset, part=loaded.part, protocol=chosen
    )
    if confusion is not None:
        from trainer.plots import draw_confusion

        title = f"{judge.name}: {loaded.dataset}, {loaded.part}, {chosen}, n = {result.metric.n}"
        draw_confusion(confusion, result.confusion, title)
    asked = None
    if asking and bundle is not None:
        from trainer.svm_evaluate import Where, with_aus

        where = Where(svm, aus, name, data, None if part == _ALL else part_named(part), skip_bad)
        asked = with_aus(bundle, loaded.pick(keep), probabilities, labels, chosen, where)
    if as_json:
        print_json(result.to_dict() | (_turned(asked) if asked else {}))
        return
    print_evaluation(result)
    if asked:
        typer.echo(
            f"with the action units of {asked.estimator} (tuned {asked.tuned}): "
            f"accuracy {asked.accuracy:.2%}, "
            f"{asked.contested} contested, {asked.turned_right} turned right, "
            f"{asked.turned_wrong} turned wrong (p = {asked.p:.3f})"
        )


def _turned(asked: "SvmResult") -> dict[str, object]:
    return {
        "accuracy_with_aus": asked.accuracy,
        "balanced_accuracy_with_aus": asked.balanced_accuracy,
        "estimator": asked.estimator,
        "tuned": asked.tuned,
        "reliable": asked.reliable,
        "contested": asked.contested,
        "turned_right": asked.turned_right,
        "turned_wrong": asked.turned_wrong,
        "p": asked.p,
    }


def _load(dataset: str, data: Path, part: str, judge: _Judge, skip_bad: bool) -> "Faces":
    if part != _ALL:
        return load_part(dataset, data, part_named(part), judge.size, skip_bad=skip_bad)
    from ferdesk.core.errors import DataError
    from trainer.datasets import DATASETS
    from trainer.datasets.base import DROPPED
    from trainer.datasets.faces import gather

    table = DATASETS.get(dataset).read(data, skip_bad=skip_bad)
    there = sorted({sample.part for sample in table.samples} - {""})
    # What a net was trained on would be counted among what it is judged on.
    if there:
        raise DataError(
            f"{data} has parts: choose one with --part ({', '.join(there)}), not {_ALL}."
        )
    if judge.learnt == dataset:
        raise DataError(
            f"{judge.name} was trained on folds of {dataset} and knows most of {data}; "
            "`ferdesk-train cv` reports what it makes of the rest."
        )
    labelled = [sample for sample in table.samples if sample.label != DROPPED]
    if not labelled:
        raise DataError(f"No picture of {data} has a label.")
    faces = gather(dataset, _ALL, labelled, table, judge.size, skip_bad=skip_bad)
    say_skipped(faces)
    return faces


def _of_bundle(name: str) -> _Judge:
    from ferdesk.bundles import find_bundle
    from ferdesk.core.bundle import ModelBundle, read_bundle

    folder = find_bundle(name)
    found = read_bundle(folder, ModelBundle)

    def probabilities(images: "ImageU8") -> "FloatArray":
        from trainer.evaluate import bundle_probabilities

        return bundle_probabilities(folder, images)

    learnt = str(found.recipe.get("dataset", ""))
    return _Judge(found.name, "ferplus", learnt, found.input.size, probabilities)


def _of_run(folder: Path) -> _Judge:
    run = RunFolder(folder)
    recipe = run.read_recipe()
    if recipe.face:
        raise TrainError(f"{folder} has learnt a face net's features and no expressions yet.")

    def probabilities(images: "ImageU8") -> "FloatArray":
        from trainer.predict import run_probabilities

        return run_probabilities(run, images)

    name = folder.resolve().name
    return _Judge(name, recipe.dataset, recipe.dataset, recipe.size, probabilities)


def print_evaluation(result: "Evaluation") -> None:
    """Print the figures, and a table of the classes."""
    metric = result.metric
    low, high = metric.accuracy_ci95
    typer.echo(
        f"{metric.part}, {metric.protocol}, n = {metric.n}: accuracy {metric.accuracy:.2%} "
        f"(95 %: {low:.2%} to {high:.2%}), top 2 {metric.top2:.2%}, top 3 {metric.top3:.2%}, "
        f"macro F1 {metric.macro_f1:.3f}, balanced {metric.balanced_accuracy:.2%}, "
        f"ECE {metric.ece:.3f}"
    )
    rows = [
        (c.label, f"{c.n}", f"{c.precision:.3f}", f"{c.recall:.3f}", f"{c.f1:.3f}")
        for c in result.per_class
    ]
    print_table(("expression", "n", "precision", "recall", "F1"), rows)
