"""README says what is true: its figures are the bundles' own, its commands exist."""

import re
from pathlib import Path

import pytest
from material import ROOT
from typer.main import get_command

from ferdesk.bundles import installed_bundles
from ferdesk.cli import app
from ferdesk.core.bundle import Metric, ModelBundle, read_bundle

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHIPPED = [path for path in installed_bundles() if ROOT in path.parents]


def row(name: str, metric: Metric) -> str:
    """A bundle's line in README's table."""
    low, high = metric.accuracy_ci95
    figures = (metric.top2, metric.top3, metric.macro_f1, metric.balanced_accuracy)
    return (
        f"| `{name}` | {metric.part} | {metric.protocol} | {metric.n:,} "
        f"| {metric.accuracy:.1%} ({low:.1%} to {high:.1%}) | "
        + " | ".join(f"{figure:.1%}" for figure in figures)
        + f" | {metric.ece:.1%} |"
    )


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_figures_are_those_of_the_bundle(folder: Path) -> None:
    for metric in read_bundle(folder, ModelBundle).metrics:
        assert row(folder.name, metric) in README


def test_commands_exist() -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"`ferdesk ([a-z]+)", README))
    assert named
    assert named <= known


def test_files_and_pictures_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
