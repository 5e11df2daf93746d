"""What the commands of `ferdesk-train` share: options, loading, printing.

torch, scikit-learn and matplotlib are imported by the commands that need them, so that --help and
the lists are quick and work without the extra "train".
"""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from trainer.errors import TrainError
from trainer.registry import nearest

if TYPE_CHECKING:
    from trainer.datasets.base import Faces, Part
    from trainer.recipes import Recipe
    from trainer.tables import AnyRecipe

_EXTRA = ("torch", "torchvision", "sklearn", "scipy", "matplotlib", "onnx", "onnxscript")

Data = Annotated[
    Path, typer.Option("--data", "-d", help="The data set in one of its layouts: folder or file.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave bad rows and images out, and list them.")
]
Tables = Annotated[
    Path,
    typer.Option("--aus", help="Where tables of action units are kept, for nets that learn them."),
]
Change = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Another value for the recipe: key=value; with cv and reproduce, recipe:key=value for "
        "one that it starts from, or for one row.",
    ),
]


def changes(
    texts: Sequence[str] | None, *, seed: int | None = None, weights: str | None = None
) -> dict[str, str]:
    """The values of `--set key=value` by key, and of `--seed` and `--weights`.

    Raises:
        TrainError: not of that form.
    """
    found = {}
    for text in texts or ():
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise TrainError(f"--set {text}: write it as key=value.")
        found[key.strip()] = value.strip()
    if seed is not None:
        found["seed"] = str(seed)
    if weights is not None:
        found["weights"] = weights
    return found


def split_changes(
    found: dict[str, str], recipes: "Sequence[AnyRecipe]"
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Part values for the recipes themselves from those for the recipes before them.

    Args:
        found: by key, or by recipe:key for one of the recipes or one whose run they start from.
        recipes: those that are run.

    Returns:
        The former, and the latter by recipe.

    Raises:
        TrainError: a recipe that is named is none of `recipes`, nor starts one of them from it.
    """
    own = {key: value for key, value in found.items() if ":" not in key}
    before: dict[str, dict[str, str]] = {}
    for key in found.keys() - own.keys():
        name, _, inner = key.partition(":")
        before.setdefault(name, {})[inner] = found[key]
    if before:
        there = {name for recipe in recipes for name in (recipe.name, *_names_before(recipe))}
        for name in before:
            if name not in there:
                raise TrainError(
                    f"Nothing here starts from a run of {name!r}. {nearest(name, there)}"
                )
    return own, before


def _names_before(recipe: "AnyRecipe") -> set[str]:
    from trainer.recipes import RECIPES, Recipe

    if not isinstance(recipe, Recipe):
        return set()
    direct = [RECIPES.get(name) for name in recipe.after]
    return {one.name for one in direct}.union(*map(_names_before, direct))


def part_named(text: str) -> "Part":
    """A part by its name.

    Raises:
        TrainError: no such part.
    """
    from trainer.datasets.base import PARTS

    for part in PARTS:
        if part == text:
            return part
    raise TrainError(f"There is no part {text!r}. Known: {', '.join(PARTS)}.")


def load_part(
    dataset: str, data: Path, part: "Part", size: int, *, skip_bad: bool = False
) -> "Faces":
    """Read one part of a data set, and say what was skipped."""
    from trainer.datasets.faces import load_faces

    faces = load_faces(dataset, data, part, size, skip_bad=skip_bad)
    say_skipped(faces)
    return faces


def load_both(recipe: "Recipe", data: Path, *, skip_bad: bool = False) -> "tuple[Faces, Faces]":
    """What a recipe learns from, and what its best epoch is chosen on."""
    from trainer.datasets.parts import recipe_parts

    both = recipe_parts(recipe, data, skip_bad=skip_bad)
    say_skipped(both.train)
    if both.valid.skipped != both.train.skipped:
        say_skipped(both.valid)
    return both.train, both.valid


def say_skipped(faces: "Faces") -> None:
    """Name what was left out, and count it."""
    for line in faces.skipped:
        typer.echo(f"skipped: {line}", err=True)
    if faces.skipped:
        left = len(faces.skipped)
        typer.echo(f"{faces.part}: {left} skipped, {len(faces)} kept", err=True)


def need_extra() -> None:
    """Make sure that the extra "train" is installed.

    Raises:
        TrainError: it is not.
    """
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainError(f'{missing[0]} is not installed: pip install "ferdesk[train]"')


def print_json(content: Any) -> None:
    """Print JSON for other programs."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table for people."""
    table = Table(*heads)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
