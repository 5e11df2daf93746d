"""Results on disk, and tables of them in Markdown."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ferdesk.core.errors import OutputError
from trainer import files
from trainer.errors import TrainError, write_failure
from trainer.recipes import RECIPES, Recipe

_MAX_BYTES: Final = 10_000_000
_UNCOMPARED: Final = {"name", "title", "paper", "table", "published"}


class Result(BaseModel):
    """What is written as JSON and read back by a later call."""

    model_config = ConfigDict(frozen=True, extra="forbid")


R = TypeVar("R", bound=Result)


def read_result(path: Path, kind: type[R]) -> R | None:
    """What an earlier call wrote, or None if there was none.

    Args:
        path: the JSON file.
        kind: what it has to be.

    Raises:
        TrainError: unreadable, too large, or something else.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise TrainError(f"{path} is larger than {_MAX_BYTES:,} bytes; that is no table.")
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrainError(f"Cannot read {path}: {error.strerror or error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top level"
        raise TrainError(
            f"{path} is not a table of this version: {where}: {first['msg']}. Move it away."
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


def values(recipe: Recipe) -> dict[str, Any]:
    """A recipe's values without its labels: two recipes with the same ones train the same."""
    return recipe.model_dump(mode="json", exclude=_UNCOMPARED)


def differences(recipe: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """The values in which two recipes differ: key -> (the one's, the other's)."""
    ours, theirs = values(recipe), values(other)
    return {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}


def deviations(recipe: Recipe) -> dict[str, tuple[Any, Any]]:
    """What a run's recipe has that the recipe of its name has not: key -> (there, registered).

    The fold is left out: it names a part of a cross-validation, and does not change it.
    """
    found = differences(recipe, RECIPES.get(recipe.name))
    found.pop("fold", None)
    return found


def deviation_text(recipe: Recipe) -> str:
    """The same in words, "" where there is none."""
    said = (f"{key}={there} instead of {own}" for key, (there, own) in deviations(recipe).items())
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
