"""The `ferdesk-train` command.

torch, scikit-learn and matplotlib are imported by the commands that need them, so that --help and
the lists are quick and work without the extra "train".
"""

import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ferdesk.core.errors import FerdeskError
from trainer.datasets.protocols import Protocol
from trainer.errors import StoppedError, TrainError
from trainer.recipes import RECIPES
from trainer.runs import RUNS, RunFolder, list_runs

if TYPE_CHECKING:
    from ferdesk.core.types import FloatArray, ImageU8
    from trainer.datasets.ferplus import FerPlus, Part
    from trainer.evaluate import Evaluation

    Judge = Callable[[ImageU8], FloatArray]

PROGRAM = "ferdesk-train"
_EXTRA = ("torch", "sklearn", "matplotlib", "onnx", "onnxscript")

app = typer.Typer(
    name=PROGRAM,
    help="Train expression nets by recipe and hand them to ferdesk as bundles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    Path, typer.Option("--data", "-d", help="FER+ in its official layout: a folder or a zip.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave bad rows and images out, and list them.")
]


@app.command("list")
def list_recipes(as_json: Json = False) -> None:
    """List the recipes, for example: ferdesk-train list --json."""
    recipes = [RECIPES.get(name) for name in RECIPES.names()]
    if as_json:
        _print_json([recipe.model_dump() for recipe in recipes])
        return
    rows = [(r.name, r.net, r.dataset, f"{r.size}", f"{r.epochs}", r.title) for r in recipes]
    _print_table(("recipe", "net", "data", "size", "epochs", "what"), rows)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name; see the command `list`.")],
    data: Data,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Another value for the recipe: key=value.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="The run's folder; runs/<recipe> unless given.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a run that is there.")] = False,
    skip_bad: SkipBad = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Short for --set seed=...")] = None,
) -> None:
    """Train a recipe, for example: ferdesk-train train khorrami2015-ferplus -d ferplus/."""
    if resume and fresh:
        raise TrainError("Choose either --resume or --fresh.")
    changes = _changes(change or [])
    if seed is not None:
        changes["seed"] = str(seed)
    resolved = RECIPES.get(recipe).override(changes)
    _need_extra()
    from trainer.fit import fit

    folder = RunFolder(run or RUNS / recipe)
    parts = _load(data, "train", skip_bad), _load(data, "valid", skip_bad)
    rows = fit(resolved, *parts, folder, data=data, resume=resume, fresh=fresh)
    best = max(rows, key=lambda row: row["valid_accuracy"])
    typer.echo(
        f"{folder.folder}: best epoch {best['epoch']:.0f} of {len(rows)}, "
        f"valid accuracy {best['valid_accuracy']:.2%} (plurality)"
    )


@app.command()
def evaluate(
    data: Data,
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="A bundle's name or folder, or ...")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="... a run's folder, not calibrated.")
    ] = None,
    part: Annotated[str, typer.Option("--part", help="train, valid or test.")] = "valid",
    protocol: Annotated[Protocol, typer.Option("--protocol", help="How votes become labels.")] = (
        "plurality"
    ),
    confusion: Annotated[
        Path | None, typer.Option("--confusion", help="Draw the confusion matrix as this PNG.")
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Measure a net, for example: ferdesk-train evaluate --bundle NAME -d ferplus/ --json."""
    judge, what = _judge(bundle, run)
    _need_extra()
    from trainer.evaluate import measure, truth

    loaded = _load(data, _part(part), skip_bad)
    keep, labels = truth(loaded, protocol)
    probabilities = judge(loaded.images[keep])
    result = measure(probabilities, labels, part=loaded.part, protocol=protocol)
    if confusion is not None:
        from trainer.plots import draw_confusion

        title = f"{what}: {loaded.part}, {protocol}, n = {result.metric.n}"
        draw_confusion(confusion, result.confusion, title)
    if as_json:
        _print_json(result.to_dict())
    else:
        _print_evaluation(result)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle's folder.")],
    name: Annotated[
        str | None, typer.Option("--name", help="The bundle's name; its folder's unless given.")
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Make a bundle of a run, for example: ferdesk-train export RUN -d ferplus/ -o FOLDER."""
    _need_extra()
    from trainer.export import export as make

    folder = RunFolder(run)
    folder.read_recipe()
    parts = _load(data, "train", skip_bad), _load(data, "valid", skip_bad)
    made = make(folder, *parts, output, name or output.resolve().name)
    if as_json:
        _print_json({"folder": str(made.folder), "parity": made.parity, **made.manifest()})
        return
    typer.echo(
        f"{made.folder}: temperature {made.bundle.temperature:.3f}, "
        f"largest difference to torch {made.parity:.2g}"
    )
    for result in made.evaluations:
        _print_evaluation(result)


@app.command()
def runs(
    parent: Annotated[Path, typer.Option("--in", help="The folder that holds the runs.")] = RUNS,
    as_json: Json = False,
) -> None:
    """List the runs with their state, for example: ferdesk-train runs --json."""
    found = list_runs(parent)
    if as_json:
        _print_json(found)
        return
    rows = []
    for entry in found:
        best = entry.get("best_valid_accuracy")
        epochs = f"{entry.get('epochs_done', '?')}/{entry.get('epochs', '?')}"
        rows.append((entry["name"], epochs, "-" if best is None else f"{best:.2%}", entry["state"]))
    _print_table(("run", "epochs", "best on valid", "state"), rows)


def _changes(texts: list[str]) -> dict[str, str]:
    changes = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise TrainError(f"--set {text}: write it as key=value.")
        changes[key.strip()] = value.strip()
    return changes


def _judge(bundle: str | None, run: Path | None) -> tuple["Judge", str]:
    """What gives probabilities, a bundle or a run, and its name."""
    if bundle is not None and run is None:
        name = bundle

        def by_bundle(images: "ImageU8") -> "FloatArray":
            from ferdesk.expression import find_bundle
            from trainer.evaluate import bundle_probabilities

            return bundle_probabilities(find_bundle(name), images)

        return by_bundle, Path(name).name
    if run is not None and bundle is None:
        folder = RunFolder(run)

        def by_run(images: "ImageU8") -> "FloatArray":
            from trainer.predict import run_probabilities

            return run_probabilities(folder, images)

        return by_run, run.name
    raise TrainError("Say what to evaluate: either --bundle or --run.")


def _part(text: str) -> "Part":
    from trainer.datasets.ferplus import PARTS

    for part in PARTS:
        if part == text:
            return part
    raise TrainError(f"There is no part {text!r}. Known: {', '.join(PARTS)}.")


def _load(data: Path, part: "Part", skip_bad: bool) -> "FerPlus":
    from trainer.datasets import ferplus

    loaded = ferplus.load(data, part, skip_bad=skip_bad)
    for line in loaded.skipped:
        typer.echo(f"skipped: {line}", err=True)
    if loaded.skipped:
        typer.echo(f"{part}: {len(loaded.skipped)} skipped, {len(loaded.names)} kept", err=True)
    return loaded


def _need_extra() -> None:
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainError(f'{missing[0]} is not installed: pip install "ferdesk[train]"')


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def _print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(*heads)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _print_evaluation(result: "Evaluation") -> None:
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
    _print_table(("expression", "n", "precision", "recall", "F1"), rows)


def main() -> None:
    """Run the command line; errors that a user can mend are one line and exit code 2."""
    try:
        app()
    except StoppedError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        sys.exit(128 + error.signum)
    except FerdeskError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        sys.exit(2)
