"""Fitting the machines on action units: one for every two and every three expressions.

G. Kyritsis's thesis, chapter 8. Classes weigh alike, whatever their size. For each contest a
cross-validation on the images learnt from chooses between a linear machine on all of them and one
with an RBF kernel on a few hundred, so that it stays quick, and their C and gamma.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC, LinearSVC

from ferdesk.core.au_svm import CONTESTS, WIDTH, AuSvms, Doubles
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray
from trainer.datasets.base import Labels

FOLDS: Final = 3
CHOICE_ROWS: Final = 4000
"""Images that a contest's kernel, C and gamma are chosen on, at most."""
KERNEL_ROWS: Final = 240
"""Images that a machine with a kernel learns from, as many of each expression as there are."""
_LINEAR_C: Final = (0.001, 0.03, 1.0)
_KERNEL_C: Final = (0.3, 3.0)
_KERNEL_GAMMA: Final = (0.03, 0.1, 0.3)
_ITERATIONS: Final = 5000
_LEAST_DEVIATION: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Choice:
    """How a contest's machines are made; gamma 0 is a linear machine."""

    c: float
    gamma: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Machines:
    """What a fit of one contest gives, on the columns that it sees.

    Attributes:
        bias: (machines,).
        weights: (machines, seen), of linear machines.
        vectors: (v, seen) support vectors; none of linear machines.
        coefficients: (v, machines).
    """

    bias: Doubles
    weights: Doubles
    vectors: Doubles
    coefficients: Doubles

    def margins(self, x: Doubles, gamma: float) -> Doubles:
        """(n, machines) decision values of (n, seen)."""
        if gamma == 0:
            return np.asarray(x @ self.weights.T + self.bias)
        apart = ((x[:, None] - self.vectors[None]) ** 2).sum(axis=2)
        return np.asarray(np.exp(-gamma * apart) @ self.coefficients + self.bias)


def fit_svms(
    activations: FloatArray, labels: Labels, units: Sequence[int], seed: int = 0
) -> tuple[AuSvms, tuple[Choice, ...]]:
    """Fit the machines of all contests.

    Args:
        activations: (n, 30), of faces whose units are reliable; only `units` are looked at.
        labels: (n,) 0..7.
        units: numbers of the units that the estimator gives, ascending.
        seed: of folds and draws.

    Returns:
        The machines, and how each contest's were made, in the order of `CONTESTS`.

    Raises:
        DataError: an expression has too few faces, or a unit is missing in one of them.
    """
    values = activations[:, [AU_INDEX[unit] for unit in units]].astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError("A reliable face has a unit that was not estimated; extract them again.")
    counts = np.bincount(labels, minlength=len(EXPRESSIONS))
    if counts.min() < FOLDS:
        rare = EXPRESSIONS[int(counts.argmin())]
        raise DataError(f"Only {counts.min()} faces show {rare}; machines need {FOLDS} of each.")
    mean, deviation = values.mean(axis=0), values.std(axis=0).clip(_LEAST_DEVIATION)
    x = (values - mean) / deviation
    shape = (len(CONTESTS), WIDTH)
    svms = AuSvms(
        tuple(units),
        mean,
        deviation,
        np.zeros((*shape, len(units))),
        np.zeros(shape),
        np.zeros(len(CONTESTS)),
        np.zeros(len(CONTESTS) + 1, np.int64),
        np.zeros((0, len(units))),
        np.zeros((0, WIDTH)),
    )
    return _fit_all(svms, x, labels, seed)


def _fit_all(
    empty: AuSvms, x: Doubles, labels: Labels, seed: int
) -> tuple[AuSvms, tuple[Choice, ...]]:
    choices = []
    vectors, coefficients = [empty.vectors], [empty.coefficients]
    for index, contest in enumerate(CONTESTS):
        rng = np.random.default_rng((seed, index))
        seen = np.flatnonzero(empty.sees(contest))
        among = np.isin(labels, contest)
        own, truth = x[among][:, seen], labels[among]
        choice = _choose(own, truth, contest, rng) if len(seen) else Choice(1.0)
        choices.append(choice)
        if len(seen):
            made = fit_contest(own, truth, contest, choice, rng)
            machines = len(made.bias)
            empty.bias[index, :machines] = made.bias
            empty.weights[index, :machines, seen] = made.weights.T
            empty.gamma[index] = choice.gamma
            wide = np.zeros((len(made.vectors), x.shape[1]))
            wide[:, seen] = made.vectors
            vectors.append(wide)
            coefficients.append(np.pad(made.coefficients, ((0, 0), (0, WIDTH - machines))))
            empty.start[index + 1] = empty.start[index] + len(wide)
        else:
            empty.start[index + 1] = empty.start[index]
    fitted = AuSvms(
        empty.units,
        empty.mean,
        empty.deviation,
        empty.weights,
        empty.bias,
        empty.gamma,
        empty.start,
        np.concatenate(vectors),
        np.concatenate(coefficients),
    )
    return fitted, tuple(choices)


def fit_contest(
    x: Doubles, labels: Labels, contest: tuple[int, ...], choice: Choice, rng: np.random.Generator
) -> Machines:
    """Fit a contest's machines: a pair's one, or a triple's three, each one against the others.

    Args:
        x: (n, seen) standardised values of faces of the contest.
        labels: (n,) which of the contested.
        contest: ascending places in `EXPRESSIONS`.
        choice: C and gamma.
        rng: draws the rows of a machine with a kernel.
    """
    firsts = contest[:1] if len(contest) == 2 else contest
    if choice.gamma:
        rows = draw(labels, contest, KERNEL_ROWS, rng)
        x, labels = x[rows], labels[rows]
    bias, weights, coefficients = [], [], []
    for first in firsts:
        one = labels == first
        if choice.gamma:
            machine = SVC(C=choice.c, gamma=choice.gamma, class_weight="balanced").fit(x, one)
            column = np.zeros(len(x))
            column[machine.support_] = machine.dual_coef_[0]
            coefficients.append(column)
            weights.append(np.zeros(x.shape[1]))
        else:
            machine = LinearSVC(
                C=choice.c, class_weight="balanced", dual=False, max_iter=_ITERATIONS
            ).fit(x, one)
            weights.append(machine.coef_[0])
        bias.append(machine.intercept_[0])
    if not choice.gamma:
        nothing = np.zeros((0, len(firsts)))
        return Machines(np.array(bias), np.stack(weights), np.zeros((0, x.shape[1])), nothing)
    stacked = np.stack(coefficients, axis=1)
    used = stacked.any(axis=1)
    return Machines(np.array(bias), np.stack(weights), x[used], stacked[used])


def draw(
    labels: Labels, contest: tuple[int, ...], rows: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Up to `rows` places, the same number of each of the contested where there are enough."""
    each = rows // len(contest)
    found = [
        rng.permutation(np.flatnonzero(labels == place))[:each].astype(np.int64)
        for place in contest
    ]
    return np.array(sorted(place for places in found for place in places), np.int64)


def _choose(
    x: Doubles, labels: Labels, contest: tuple[int, ...], rng: np.random.Generator
) -> Choice:
    """The way with the best balanced accuracy on held-out folds; of equals the simplest."""
    if len(x) > CHOICE_ROWS:
        rows = np.sort(rng.permutation(len(x))[:CHOICE_ROWS])
        rows = np.union1d(rows, draw(labels, contest, CHOICE_ROWS // 4, rng))
        x, labels = x[rows], labels[rows]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
    splits = list(folds.split(x, labels))
    choices = list(_choices())
    scores = []
    for choice in choices:
        found = np.empty(len(x), np.int64)
        for learn, held in splits:
            made = fit_contest(x[learn], labels[learn], contest, choice, np.random.default_rng(0))
            found[held] = answers(made.margins(x[held], choice.gamma), contest)
        scores.append(balanced_accuracy_score(labels, found))
    return choices[int(np.argmax(scores))]


def _choices() -> Iterator[Choice]:
    yield from (Choice(c) for c in _LINEAR_C)
    yield from (Choice(c, gamma) for c in _KERNEL_C for gamma in _KERNEL_GAMMA)


def answers(margins: Doubles, contest: tuple[int, ...]) -> Labels:
    """Which of the contested (n, 1) or (n, 3) margins decide for."""
    if len(contest) == 2:
        return np.where(margins[:, 0] >= 0, contest[0], contest[1]).astype(np.int64)
    found: Labels = np.asarray(contest, np.int64)[margins.argmax(axis=1)]
    return found
