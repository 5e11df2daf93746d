"""A grid of values tried on one recipe, a run a combination; the best is chosen on valid."""

import csv
import io
import itertools
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainer import files
from trainer.errors import TrainError
from trainer.recipes import Recipe
from trainer.runs import RunFolder
from trainer.tables import make_folder, markdown_table, percent
from trainer.tasks import Place, Training, finish_run, run_tasks

GRID: Final[Mapping[str, Sequence[str]]] = {
    "optimiser": ("adam", "sgd"),
    "lr": ("0.1", "0.01", "0.001", "0.0001"),
    "batch": ("32", "64", "128"),
    "dropout": ("0.25", "0.3", "0.5"),
    "weight_decay": ("1e-4", "1e-5", "1e-6"),
}
"""G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion Recognition", master thesis,
EPFL, section 7.1: the values that its nets were tried with, 216 combinations."""

_MAX_COMBINATIONS: Final = 10_000
_MAX_NAME: Final = 200  # characters that every file system takes in a folder's name
_HEADS: Final = ("rank", "name", "state", "valid_accuracy", "valid_accuracy_majority")
_TAIL: Final = ("best_epoch", "epochs_done", "why")


@dataclass(frozen=True, slots=True)
class Combination:
    """One point of a grid.

    Attributes:
        name: of its run's folder.
        values: the grid's keys with this point's values.
        recipe: with those values.
    """

    name: str
    values: Mapping[str, Any]
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Trial:
    """A combination and what came of it.

    Attributes:
        combination: which.
        accuracy: the best epoch's on valid, plurality, 0..1; None where it failed or is to come.
        majority: the same epoch's under majority.
        best_epoch: from 1.
        epochs: as many were trained.
        error: why it failed, or "".
    """

    combination: Combination
    accuracy: float | None = None
    majority: float | None = None
    best_epoch: int = 0
    epochs: int = 0
    error: str = ""

    @property
    def state(self) -> str:
        """In a word."""
        if self.error:
            return "failed"
        return "to come" if self.accuracy is None else "finished"

    def cells(self) -> dict[str, Any]:
        """For a table: key -> plain value."""
        return {
            "name": self.combination.name,
            "state": self.state,
            "valid_accuracy": self.accuracy,
            "valid_accuracy_majority": self.majority,
            **self.combination.values,
            "best_epoch": self.best_epoch or None,
            "epochs_done": self.epochs or None,
            "why": " ".join(self.error.split()),
        }


def parse_grid(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """A grid from texts like "lr=0.1,0.01".

    Raises:
        TrainError: not of that form, a key twice, or no value.
    """
    grid: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, sign, listed = text.partition("=")
        found = tuple(value.strip() for value in listed.split(",") if value.strip())
        if not sign or not key.strip() or not found:
            raise TrainError(f"--grid {text}: write it as key=value,value.")
        if key.strip() in grid:
            raise TrainError(f"--grid {text}: {key.strip()} has its values already.")
        grid[key.strip()] = found
    return grid


def combinations(
    recipe: Recipe, grid: Mapping[str, Sequence[str]], *, sample: int = 0, seed: int = 0
) -> list[Combination]:
    """All points of a grid, or some of them at random.

    Args:
        recipe: what the grid's values replace values of.
        grid: key -> texts.
        sample: how many; 0, or more than there are, takes all.
        seed: of the choice.

    Raises:
        TrainError: a key that no recipe has, a value that does not fit, or too many points.
    """
    count = 1
    for found in grid.values():
        count *= len(found)
    if count > _MAX_COMBINATIONS:
        raise TrainError(f"The grid has {count:,} combinations; at most {_MAX_COMBINATIONS:,}.")
    points: dict[str, Combination] = {}
    for chosen in itertools.product(*grid.values()):
        changed = recipe.override(dict(zip(grid, chosen, strict=True)))
        values = {key: getattr(changed, key) for key in grid}
        name = _name(values)
        if points.setdefault(name, Combination(name, values, changed)).recipe != changed:
            raise TrainError(f"Two combinations of the grid would both be called {name}.")
    every = list(points.values())
    if 0 < sample < len(every):
        picked = random.Random(seed).sample(range(len(every)), sample)  # noqa: S311  (no secret)
        return [every[index] for index in sorted(picked)]
    return every


def _name(values: Mapping[str, Any]) -> str:
    """Short, and fit for a folder: words as they are, numbers with their key."""
    parts = []
    for key, value in values.items():
        text = f"{key}{value:g}" if isinstance(value, int | float) else f"{value or key}"
        parts.append(re.sub(r"[^A-Za-z0-9.+_-]+", "_", text).strip("._") or "_")
    name = "-".join(parts) or "unchanged"
    if len(name) > _MAX_NAME:
        raise TrainError(f"The combination's name is too long for a folder: {name[:60]}...")
    return name


def sweep(
    points: Sequence[Combination],
    folder: Path,
    data: Path,
    place: Place,
    *,
    skip_bad: bool = False,
    fresh: bool = False,
) -> list[Trial]:
    """Train every combination and write sweep.csv and sweep.md, anew after each.

    A combination that fails, for example because its loss is no longer a number, is recorded as
    failed; a later call tries it again from its last good state.

    Args:
        points: at least one.
        folder: of the tables and the runs.
        data: where the data set lies.
        place: where it is computed.
        skip_bad: leave bad rows and images out.
        fresh: replace runs that were made with other values.

    Returns:
        The best first.

    Raises:
        StoppedError: a signal; it says how to go on.
        OutputError: the tables cannot be written.
    """
    make_folder(folder)
    trials = [Trial(point) for point in points]

    def keep(number: int, answer: dict[str, Any]) -> None:
        point = points[number]
        if "error" in answer:
            trials[number] = Trial(point, error=answer["error"])
        else:
            trials[number] = Trial(point, **{key: answer[key] for key in _ANSWER})
        write(folder, trials)

    trainings = [
        Training(p.recipe, (folder / p.name).resolve(), data.resolve(), skip_bad, fresh)
        for p in points
    ]
    run_tasks(try_combination, trainings, place, done=keep)
    return ranked(trials)


_ANSWER: Final = ("accuracy", "majority", "best_epoch", "epochs")


def try_combination(training: Training) -> dict[str, Any]:
    """Train a combination to its end: what a `Trial` holds of it.

    Raises:
        DataError, TrainError, StoppedError: as `trainer.tasks.finish_run`.
    """
    finish_run(training)
    rows = RunFolder(training.folder).read_metrics()
    best = max(rows, key=lambda row: row["valid_accuracy"])
    return {
        "accuracy": best["valid_accuracy"],
        "majority": best["valid_accuracy_majority"],
        "best_epoch": int(best["epoch"]),
        "epochs": len(rows),
    }


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The best on valid first, those without a figure last."""
    return sorted(trials, key=lambda t: (t.accuracy is None, -(t.accuracy or 0), not t.error))


def write(folder: Path, trials: Sequence[Trial]) -> None:
    """Write both tables.

    Raises:
        OutputError: they cannot be written.
    """
    rows = [{"rank": rank, **t.cells()} for rank, t in enumerate(ranked(trials), start=1)]
    keys = [*_HEADS, *trials[0].combination.values, *_TAIL]
    text = io.StringIO()
    table = csv.DictWriter(text, keys, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    files.write_text(folder / "sweep.csv", text.getvalue())
    files.write_text(folder / "sweep.md", "\n".join(_markdown(trials, rows, keys)) + "\n")


def _markdown(
    trials: Sequence[Trial], rows: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> list[str]:
    first = ranked(trials)[0]
    recipe = first.combination.recipe
    counts = {state: sum(t.state == state for t in trials) for state in ("finished", "failed")}
    own = {"epochs": recipe.epochs, "seed": recipe.seed}
    same = [f"{key} {own[key]}" for key in own if key not in first.combination.values]
    shared = f" ({', '.join(same)})" if same else ""
    lines = [
        f"# {recipe.name}: {len(trials)} combinations",
        "",
        f"{counts['finished']} finished, {counts['failed']} failed{shared}. Accuracy is that of a "
        "run's best epoch on valid, under plurality and under majority. Epoch and combination are "
        "both chosen on valid, so the best figure flatters; how good the choice is has to be "
        "measured on other images.",
        "",
    ]
    if recipe.protocol:
        lines += [f"Fold {recipe.fold} of {recipe.protocol}.", ""]
    lines += markdown_table(keys, [[_cell(key, row[key]) for key in keys] for row in rows])
    if first.accuracy is not None:
        values = " ".join(f"--set {key}={v}" for key, v in first.combination.values.items())
        lines += ["", f"    ferdesk-train train {recipe.name} --data PATH {values}"]
    return lines


def _cell(key: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if key.startswith("valid_"):
        return percent(value)
    return f"{value:g}" if isinstance(value, float) else f"{value}"
