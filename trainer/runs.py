"""A run's folder: what lies in it, and how to tell its state without loading torch.

runs/<recipe>/ holds recipe.json (the resolved recipe), run.json (seed, versions, data), metrics.csv
(a row an epoch), curves.png, last.pt (all that resuming needs) and best.pt (the averaged weights of
the epoch with the best accuracy on valid, or the best correlation, of an action-unit net; of a GAN
those of the last good epoch, and samples/ holds pictures). Of a feature recipe it holds
features.json.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from ferdesk.core.errors import OutputError
from trainer import files
from trainer.errors import TrainError, write_failure
from trainer.recipes import Recipe
from trainer.recipes.ali2020 import GanRecipe
from trainer.recipes.au import AuRecipe
from trainer.recipes.base import Training

RUNS: Final = Path("runs")
TABLES: Final = RUNS / "au"
"""Where the action units that nets learn from are kept."""
METRICS: Final = (
    "epoch",
    "train_loss",
    "valid_loss",
    "valid_accuracy",
    "valid_accuracy_majority",
    "images_per_second",
    "seconds",
)
AU_METRICS: Final = (
    "epoch",
    "train_loss",
    "valid_loss",
    "valid_r",
    "valid_mae",
    "images_per_second",
    "seconds",
)
GAN_METRICS: Final = (
    "epoch",
    "d_loss",
    "g_loss",
    "d_accuracy",
    "d_expression",
    "d_identity",
    "g_expression",
    "g_identity",
    "g_steps",
    "images_per_second",
    "seconds",
)
"""Means over an epoch: both losses; the share of pictures that D tells apart, real from generated;
the shares of real and of generated pictures that D takes for the right expression and person; and
G's steps for one of D."""
GUIDE_METRICS: Final = (
    "epoch",
    "train_loss",
    "valid_loss",
    "valid_relative",
    "images_per_second",
    "seconds",
)
Row = dict[str, float]
_KINDS: Final = {AuRecipe: "an action-unit net", GanRecipe: "a GAN"}
_MAX_JSON_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    folder: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.folder / "recipe.json"

    @property
    def about(self) -> Path:
        """Seed, versions and data."""
        return self.folder / "run.json"

    @property
    def metrics(self) -> Path:
        """One row an epoch."""
        return self.folder / "metrics.csv"

    @property
    def curves(self) -> Path:
        """The same as a picture."""
        return self.folder / "curves.png"

    @property
    def last(self) -> Path:
        """The checkpoint to resume from."""
        return self.folder / "last.pt"

    @property
    def best(self) -> Path:
        """The averaged weights of the best epoch."""
        return self.folder / "best.pt"

    @property
    def samples(self) -> Path:
        """The folder of a GAN's pictures."""
        return self.folder / "samples"

    @property
    def features(self) -> Path:
        """What came of a feature recipe, which has none of the others."""
        return self.folder / "features.json"

    def check(self, *, resume: bool, fresh: bool) -> None:
        """See whether a training may begin here.

        Raises:
            TrainError: there is a run already and neither `resume` nor `fresh` was asked for, or
                there is none to resume.
        """
        if resume and not self.last.is_file():
            raise TrainError(f"There is no run to resume in {self.folder}; leave --resume out.")
        if self.last.is_file() and not (resume or fresh):
            raise TrainError(
                f"There is a run in {self.folder} already: go on with --resume, "
                "start over with --fresh, or choose another folder with --run."
            )

    def prepare(self, *, resume: bool, fresh: bool) -> None:
        """Make the folder ready for a training.

        Raises:
            TrainError: as `check`.
            OutputError: the folder cannot be made or emptied.
        """
        self.check(resume=resume, fresh=fresh)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if fresh:
                for path in (self.recipe, self.about, self.metrics, self.curves):
                    path.unlink(missing_ok=True)
                for path in (self.last, self.best, *self.samples.glob("epoch-*.png")):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(write_failure(self.folder, error)) from error

    def write_recipe(self, recipe: Training) -> None:
        """Keep the resolved recipe."""
        files.write_text(self.recipe, recipe.model_dump_json(indent=2) + "\n")

    def read_recipe(self) -> Recipe:
        """The recipe this run was made with.

        Raises:
            TrainError: missing or malformed.
        """
        recipe = self.read_any_recipe()
        if not isinstance(recipe, Recipe):
            raise TrainError(
                f"{self.folder} is a run of {_KINDS[type(recipe)]}, not of expressions."
            )
        return recipe

    def read_any_recipe(self) -> Recipe | AuRecipe | GanRecipe:
        """The recipe of a run of any kind of net; raises as `read_recipe`."""
        content = _read_json(self.recipe)
        try:
            if "least_images" in content:
                return GanRecipe.model_validate(content)
            if "estimator" in content:
                return AuRecipe.model_validate(content)
            return Recipe.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the top level"
            raise TrainError(f"{self.recipe}: {where}: {first['msg']}.") from error

    def write_about(self, about: dict[str, Any]) -> None:
        """Keep seed, versions and data."""
        files.write_text(self.about, json.dumps(about, indent=2, ensure_ascii=False) + "\n")

    def read_about(self) -> dict[str, Any]:
        """What `write_about` kept."""
        return _read_json(self.about)

    def write_metrics(self, rows: list[Row]) -> None:
        """Keep one row an epoch: METRICS, or AU_METRICS of an action-unit net, or GAN_METRICS."""
        lines = [",".join(rows[0])]
        lines += [",".join(f"{value:.6g}" for value in row.values()) for row in rows]
        files.write_text(self.metrics, "\n".join(lines) + "\n")

    def read_metrics(self) -> list[Row]:
        """The rows so far; none before the first epoch's end."""
        if not self.metrics.is_file():
            return []
        try:
            with self.metrics.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file)
                there = rows.fieldnames or ()
                kinds = {
                    "valid_r": AU_METRICS,
                    "d_accuracy": GAN_METRICS,
                    "valid_relative": GUIDE_METRICS,
                }
                keys = next((keys for key, keys in kinds.items() if key in there), METRICS)
                return [{key: float(row[key]) for key in keys} for row in rows]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainError(f"{self.metrics} cannot be read as a run's metrics.") from error


def list_runs(parent: Path) -> list[dict[str, Any]]:
    """The runs below `parent` with their state, by name: name, folder, recipe, epochs, best.

    A folder whose files cannot be read is listed with the reason as its state.
    """
    if not parent.is_dir():
        return []
    found = (RunFolder(f) for f in sorted(parent.iterdir()) if (f / "recipe.json").is_file())
    return [_state(run) for run in found]


def _state(run: RunFolder) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": run.folder.name, "folder": str(run.folder)}
    try:
        recipe, rows = run.read_any_recipe(), run.read_metrics()
    except TrainError as error:
        return {**entry, "state": str(error)}
    done = len(rows)
    return {
        **entry,
        "recipe": recipe.name,
        "epochs_done": done,
        "epochs": recipe.epochs,
        "best_valid_accuracy": _best(rows, "valid_accuracy"),
        "best_valid_r": _best(rows, "valid_r"),
        "state": "finished" if done >= recipe.epochs else "unfinished",
    }


def _best(rows: list[Row], key: str) -> float | None:
    return max((row[key] for row in rows if key in row), default=None)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise TrainError(f"{path} is too large to be a run's description.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainError(f"There is no run here: {path}: {error.strerror}.") from error
    except ValueError as error:
        raise TrainError(f"{path} is not valid JSON.") from error
    if not isinstance(content, dict):
        raise TrainError(f"{path} is not a run's description.")
    return content
