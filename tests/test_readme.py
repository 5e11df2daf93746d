"""README says what is true: its figures are the bundles' own, its commands exist."""

import re
from pathlib import Path

import numpy as np
import pytest
from material import ROOT
from typer.main import get_command

from ferdesk.bundles import installed_bundles
from ferdesk.cli import app
from ferdesk.core.au_bundle import AuBundle
from ferdesk.core.bundle import Metric, ModelBundle, read_bundle
from ferdesk.core.svm_bundle import SvmBundle, SvmResult

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHIPPED = [path for path in installed_bundles() if ROOT in path.parents]
SHIPPED_UNITS = [path for path in installed_bundles("action_units") if ROOT in path.parents]
MACHINES = [path for path in installed_bundles("au_svm") if ROOT in path.parents]
UNASKED = {"wide-ferplus"}  # no SVMs have been fitted to it, which README says
WAYS = ("net alone", "plain pairs", "plain pairs and triples", "stacked")


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


def asking_row(results: dict[str, SvmResult]) -> str:
    """A line of README's table of asked action units: one net, estimator and set of images."""
    net, pairs, triples, stacked = (results[way] for way in WAYS)
    accuracies = " | ".join(f"{one.accuracy:.2%}" for one in (net, pairs, triples, stacked))
    low, high = (f"{100 * bound:+.2f}" for bound in stacked.difference_ci95)
    return (
        f"| {net.dataset} | {net.expression} | {net.estimator.split()[0]} | {net.n:,} "
        f"| {accuracies} | {stacked.contested:,} | {stacked.turned_right} | {stacked.turned_wrong} "
        f"| {low} to {high} | {stacked.p:.2f} "
        f"| {net.balanced_accuracy:.1%} → {stacked.balanced_accuracy:.1%} |"
    )


def asking_rows(bundle: SvmBundle) -> list[str]:
    """Of FER+ valid by plurality, and of photographs with what was tuned on other people."""
    groups: dict[tuple[str, str, str, str], dict[str, SvmResult]] = {}
    for one in bundle.results:
        key = one.dataset, one.expression, one.protocol, one.tuned
        groups.setdefault(key, {})[one.algorithm] = one
    return [
        asking_row(ways)
        for (_, _, protocol, tuned), ways in groups.items()
        if protocol != "majority" and tuned != "FER+ valid"
    ]


@pytest.mark.parametrize("folder", MACHINES, ids=lambda path: path.name)
def test_figures_of_asking_are_those_of_the_bundle(folder: Path) -> None:
    bundle = read_bundle(folder, SvmBundle)
    judged = {one.expression for one in bundle.results}
    assert judged == {path.name for path in SHIPPED} - UNASKED
    rows = asking_rows(bundle)
    assert len(rows) == 2 * len(judged)
    for line in rows:
        assert line in README


@pytest.mark.parametrize("folder", SHIPPED_UNITS, ids=lambda path: path.name)
def test_figures_of_the_units_are_those_of_the_bundle(folder: Path) -> None:
    bundle = read_bundle(folder, AuBundle)
    shipped = [one.r for one in bundle.metrics if one.shipped and one.dataset == "faces"]
    assert len(shipped) == len(bundle.units)
    assert f"`{folder.name}` gives {len(shipped)} of the thirty units" in README
    assert f"median r {np.median(shipped):.2f}" in README


def test_commands_exist() -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"`ferdesk ([a-z]+)", README))
    assert named
    assert named <= known


def test_files_and_pictures_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
