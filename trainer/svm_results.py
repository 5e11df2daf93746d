"""What asking the action units did to a net's answers: figures, and the pages that show them."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import recall_score
from sklearn.model_selection import StratifiedKFold

from ferdesk.core.svm_bundle import SvmBundle, SvmResult
from trainer import files
from trainer.datasets.base import Labels
from trainer.evaluate import BOOTSTRAPS
from trainer.svm_stack import (
    Answers,
    Bools,
    Judged,
    Tuned,
    cross_fit,
    likelihood,
    predict,
    tune_plain,
    tune_stack,
)
from trainer.tables import markdown_table, percent

FOLDS: Final = 10
MACHINES: Final = "machines"
"""The pair and triple machines; every other source of evidence is a model of all units."""
ALONE: Final = "net alone"
PAIRS: Final = "plain pairs"
TRIPLES: Final = "plain pairs and triples"
STACKED_MACHINES: Final = "stacked machines"
STACKED: Final = "stacked"
_SEED: Final = 0
_HEADS: Final = (
    "way",
    "accuracy",
    "balanced",
    "contested",
    "turned right",
    "turned wrong",
    "gain in points (95 % interval)",
    "p",
)
_EXPLAINED: Final = (
    "What comes of asking action units where a net has no clear winner. Plain is the thesis's way: "
    "the machine of the contested two (or three) decides alone. Stacked machines weigh its margin "
    "against the net's log-odds. Stacked takes the evidence that makes the labels most likely: the "
    "machines', or that of all units together. Contested counts the faces whose units were asked; "
    "where they could not be read, the net's answer stands. No tuning takes what would lower the "
    "balanced accuracy where it chooses. p: exact two-sided McNemar test; "
    "intervals: 10,000 resamples.",
    "",
    "The form of the stack itself was settled with FER+ valid and the photographs in sight, which "
    "flatters: see docs/decisions/0010-asking-action-units.md.",
)

Tuner = Callable[[Judged], Tuned]


def tune_best_stack(faces: Judged) -> Tuned:
    """The stack on whichever evidence makes the labels most likely; of equals the first."""
    source = max(faces.three, key=lambda name: likelihood(faces, name))
    return tune_stack(faces, source, "machines" if source == MACHINES else "units")


TUNERS: Final[Mapping[str, Tuner]] = {
    PAIRS: lambda faces: tune_plain(faces, MACHINES, triples=False),
    TRIPLES: lambda faces: tune_plain(faces, MACHINES, triples=True),
    STACKED_MACHINES: lambda faces: tune_stack(faces, MACHINES, "machines"),
    STACKED: tune_best_stack,
}
"""The ways to use the units, by name; each chooses what it needs on the faces it is given."""


def cross_fitted(faces: Judged) -> dict[str, Answers]:
    """Every way's answers, each face's by what was tuned on the other folds."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=_SEED)
    held = [fold for _, fold in folds.split(faces.labels, _splittable(faces.labels))]
    return {
        ALONE: alone(faces),
        **{name: cross_fit(faces, held, tune) for name, tune in TUNERS.items()},
    }


def _splittable(labels: Labels) -> Labels:
    """Labels with those too rare for every fold counted as one, which stratifying needs."""
    rare = np.bincount(labels, minlength=int(labels.max()) + 1) < FOLDS
    return np.where(rare[labels], -1, labels)


def tuned_on(chosen: Judged, faces: Judged) -> dict[str, Answers]:
    """Every way's answers to `faces`, by what is tuned on `chosen`."""
    return {
        ALONE: alone(faces),
        **{name: predict(faces, tune(chosen)) for name, tune in TUNERS.items()},
    }


def alone(faces: Judged) -> Answers:
    """The net's own answers."""
    return Answers(faces.own, np.zeros(len(faces), np.bool_))


def result(own: Labels, answers: Answers, labels: Labels, usable: Bools, **said: str) -> SvmResult:
    """Compare answers with the net's own.

    Args:
        own: (n,) what the net alone answers.
        answers: what came out.
        labels: (n,) the truth.
        usable: (n,) whether the units could be read.
        said: what it is of: the text fields of `SvmResult`.
    """
    n = len(labels)
    before, after = own == labels, answers.chosen == labels
    right, wrong = int((after & ~before).sum()), int((before & ~after).sum())
    turns = (right, wrong, n - right - wrong)
    drawn = np.random.default_rng(_SEED).multinomial(n, np.array(turns) / n, BOOTSTRAPS)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / n, [2.5, 97.5])
    recall = recall_score(
        labels, answers.chosen, labels=np.unique(labels), average="macro", zero_division=0.0
    )
    return SvmResult(
        n=n,
        reliable=int(usable.sum()),
        accuracy=float(after.mean()),
        balanced_accuracy=float(recall),
        contested=int(answers.contested.sum()),
        turned_right=right,
        turned_wrong=wrong,
        p=float(binomtest(right, right + wrong).pvalue) if right + wrong else 1.0,
        difference_ci95=(float(low), float(high)),
        **said,
    )


def write_results(bundles: Sequence[SvmBundle], stem: Path) -> None:
    """Write the results of some bundles as `stem`.json and `stem`.md.

    Raises:
        OutputError: they cannot be written.
    """
    files.write_text(stem.with_suffix(".json"), _json(bundles))
    files.write_text(stem.with_suffix(".md"), markdown(bundles))


def _json(bundles: Sequence[SvmBundle]) -> str:
    content: dict[str, Any] = {
        bundle.name: [one.model_dump(mode="json") for one in bundle.results] for bundle in bundles
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def markdown(bundles: Sequence[SvmBundle]) -> str:
    """The page for people: a table for each net, estimator, set of images and way of tuning."""
    lines = ["# Asking the action units", "", bundles[0].paper, "", *_EXPLAINED]
    for bundle in bundles:
        lines += ["", f"## {bundle.name}: {bundle.estimator}", "", bundle.notes]
        groups = dict.fromkeys(map(of_what, bundle.results))
        for group in groups:
            rows = [_line(one) for one in bundle.results if of_what(one) == group]
            lines += ["", f"### {group}", "", *markdown_table(_HEADS, rows)]
    return "\n".join(lines) + "\n"


def of_what(one: SvmResult) -> str:
    """Which net, images and way of tuning a result is of, in one line."""
    return (
        f"{one.expression}: {one.dataset}, {one.part}, {one.protocol}, n = {one.n:,} "
        f"({one.reliable:,} with units); tuned: {one.tuned}"
    )


def _line(one: SvmResult) -> list[str]:
    low, high = one.difference_ci95
    turned = one.turned_right - one.turned_wrong
    compared = one.algorithm != ALONE
    return [
        one.algorithm,
        percent(one.accuracy),
        percent(one.balanced_accuracy),
        f"{one.contested:,}" if compared else "–",
        f"{one.turned_right}" if compared else "–",
        f"{one.turned_wrong}" if compared else "–",
        f"{100 * turned / one.n:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})" if compared else "–",
        f"{one.p:.3f}" if compared else "–",
    ]
