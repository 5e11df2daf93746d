"""Results on disk, and tables of them in Markdown."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ferdesk.core.errors import OutputError
from trainer import files
from trainer.errors import TrainError, write_failure
from trainer.recipes import RECIPES, Recipe
from trainer.recipes.kyritsis_transfer import FEATURE_RECIPES, FeatureRecipe

_MAX_BYTES: Final = 10_000_000
AnyRecipe = Recipe | FeatureRecipe
"""What a row of a table is made with: a training, or features and an SVM."""
OneKind = TypeVar("OneKind", Recipe, FeatureRecipe)
_UNCOMPARED: Final = {"name", "title", "paper", "table", "published"}


class Result(BaseModel):
    """What is written as JSON and read back by a later call."""

    model_config = ConfigDict(frozen=True, extra="forbid")


R = TypeVar("R")


def read_result(path: Path, kind: type[R], what: str = "table") -> R | None:
    """What an earlier call wrote, or None if there was none.

    Args:
        path: the JSON file.
        kind: what it has to be, a `Result` or a dataclass.
        what: the same for messages.

    Raises:
        TrainError: unreadable, too large, or something else.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise TrainError(f"{path} is larger than {_MAX_BYTES:,} bytes; that is no {what}.")
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrainError(f"Cannot read {path}: {error.strerror or error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top level"
        raise TrainError(
            f"{path} is not a {what} of this version: {where}: {first['msg']}. Move it away."
        ) from error


def write_result(path: Path, result: Result, extra: Mapping[str, Any] | None = None) -> None:
    """Write a result as JSON, for `read_result` and for other programs."""
    content = {**result.model_dump(mode="json"), **(extra or {})}
    files.write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def make_folder(folder: Path) -> None:
    """Make sure that a folder is there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(write_failure(folder, error)) from error


def registered() -> dict[str, AnyRecipe]:
    """All recipes of both kinds, by name."""
    trainings = {name: RECIPES.get(name) for name in RECIPES.names()}
    return {**trainings, **{name: FEATURE_RECIPES.get(name) for name in FEATURE_RECIPES.names()}}


def digest(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        TrainError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainError(f"Cannot read {path}: {error.strerror or error}.") from error


def values(recipe: AnyRecipe) -> dict[str, Any]:
    """A recipe's values without its labels: two recipes with the same ones train the same."""
    whole = recipe.model_dump(mode="json") if isinstance(recipe, Recipe) else asdict(recipe)
    return {key: value for key, value in whole.items() if key not in _UNCOMPARED}


def differences(recipe: AnyRecipe, other: AnyRecipe) -> dict[str, tuple[Any, Any]]:
    """The values in which two recipes of a kind differ: key -> (the one's, the other's)."""
    ours, theirs = values(recipe), values(other)
    return {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}


def own(recipe: AnyRecipe) -> AnyRecipe:
    """The registered recipe that a run's is a version of.

    Raises:
        TrainError: there is none of its name and kind.
    """
    registry = RECIPES if isinstance(recipe, Recipe) else FEATURE_RECIPES
    return registry.get(recipe.name)


def deviations(recipe: AnyRecipe) -> dict[str, tuple[Any, Any]]:
    """What a run's recipe has that the recipe of its name has not: key -> (there, registered).

    The fold is left out: it names a part of a cross-validation, and does not change it.
    """
    found = differences(recipe, own(recipe))
    found.pop("fold", None)
    return found


def changed(recipe: AnyRecipe) -> dict[str, Any]:
    """The same, without the registered values."""
    return {key: there for key, (there, _) in deviations(recipe).items()}


def portable(recipe: OneKind) -> OneKind:
    """A recipe as it is shown to others: of files and folders only the last name."""
    if isinstance(recipe, FeatureRecipe):
        return replace(recipe, weights=Path(recipe.weights).name)
    return recipe.model_copy(
        update={
            "weights": Path(recipe.weights).name,
            "face": Path(recipe.face).name,
            "teachers": tuple(Path(name).name for name in recipe.teachers),
        }
    )


def deviation_text(recipe: AnyRecipe) -> str:
    """The deviations in words, "" where there is none."""
    said = (f"{key}={there} instead of {ours}" for key, (there, ours) in deviations(recipe).items())
    return ", ".join(said)


def percent(share: float) -> str:
    """0.8471 as "84.71 %"."""
    return f"{100 * share:.2f} %"


def with_interval(share: float, interval: tuple[float, float]) -> str:
    """An accuracy with its 95 % interval."""
    low, high = interval
    return f"{percent(share)} ({100 * low:.2f} to {100 * high:.2f})"


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table; what would break its cells is escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(map(_cell, line))} |" for line in lines]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
