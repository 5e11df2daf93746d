"""When the action units are asked and what their word weighs: tuned, and judged without optimism.

Thresholds and weights are chosen on one set of images and reported on another: by cross-fitting,
where every fold is judged with what the other folds chose.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import recall_score

from ferdesk.core.au_svm import CONTESTS, Doubles
from ferdesk.core.svm_bundle import Asking, Evidence, Order, Stack
from ferdesk.core.types import FloatArray
from ferdesk.disambiguate import stacked_scores
from trainer.datasets.base import Labels

THRESHOLDS: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
"""Of which the tuning takes one for two and one for three; 0 never asks."""
STACK_THRESHOLDS: Final = (0.0, 0.2, 0.4, 0.6)
LEASTS: Final = (0.0, 0.2)
"""Few, since a stack changes little where the net is sure, and each candidate more is one more that
may look good by chance."""
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
_MOST: Final = 100.0
_RIDGE: Final = 1e-3

Bools = NDArray[np.bool_]


class Model(Protocol):
    """What gives evidence: machines, or the odds of all units."""

    def standardise(self, activations: NDArray[np.floating]) -> Doubles:
        """(n, units) activations to what `evidence` takes."""
        ...

    def evidence(self, contest: tuple[int, ...], x: Doubles) -> Doubles:
        """(n, contested) evidence of (n, units) standardised values."""
        ...


class Answers(NamedTuple):
    """What came out for n faces.

    Attributes:
        chosen: (n,) 0..7.
        contested: (n,) whether the units were asked.
    """

    chosen: Labels
    contested: Bools


class Tuned(NamedTuple):
    """What a tuning chose.

    Attributes:
        asking: thresholds, and of a Stack its weights.
        source: which model's evidence they are for.
    """

    asking: Asking
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A net's answers to n faces, and what the units say to them, best expression first.

    Attributes:
        ranked: (n, 8) places in `EXPRESSIONS`, most probable first.
        probabilities: (n, 8) float32, in that order.
        labels: (n,) 0..7.
        usable: (n,) whether the units could be read.
        two: (n, 2) evidence for the top two, by where it comes from; 0 where not usable.
        three: (n, 3) likewise for the top three.
    """

    ranked: Labels
    probabilities: FloatArray
    labels: Labels
    usable: Bools
    two: Mapping[str, Doubles]
    three: Mapping[str, Doubles]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def own(self) -> Labels:
        """(n,) what the net alone answers."""
        return self.ranked[:, 0]

    def pick(self, index: NDArray[np.int64] | Bools) -> "Judged":
        """Some of the faces."""
        return Judged(
            self.ranked[index],
            self.probabilities[index],
            self.labels[index],
            self.usable[index],
            {name: values[index] for name, values in self.two.items()},
            {name: values[index] for name, values in self.three.items()},
        )


def judged(
    probabilities: FloatArray,
    labels: Labels,
    activations: Doubles,
    usable: Bools,
    models: Mapping[str, Model],
) -> Judged:
    """Gather what every model says to the top two and the top three of each face.

    Args:
        probabilities: (n, 8) float32, the net's calibrated ones.
        labels: (n,) 0..7.
        activations: (n, units).
        usable: (n,) whether they could be read.
        models: what gives evidence, by name.
    """
    ranked = np.argsort(-probabilities, axis=1, kind="stable")
    sources: dict[int, dict[str, Doubles]] = {2: {}, 3: {}}
    rest = np.where(usable[:, None], activations, 0.0)
    for name, model in models.items():
        x = model.standardise(rest)
        for count, found in sources.items():
            found[name] = np.zeros((len(labels), count))
            _fill(found[name], ranked[:, :count], x, usable, model)
    return Judged(
        ranked,
        np.take_along_axis(probabilities, ranked, axis=1),
        labels,
        usable,
        sources[2],
        sources[3],
    )


def _fill(into: Doubles, among: Labels, x: Doubles, usable: Bools, model: Model) -> None:
    count = among.shape[1]
    order = np.sort(among, axis=1)
    for contest in CONTESTS:
        if len(contest) != count:
            continue
        rows = np.flatnonzero(usable & (order == contest).all(axis=1))
        if len(rows):
            places = np.searchsorted(contest, among[rows])
            into[rows] = np.take_along_axis(model.evidence(contest, x[rows]), places, axis=1)


def asked(faces: Judged, asking: Asking) -> Labels:
    """(n,) how many contest each answer: 0, 2 or 3; see `ferdesk.disambiguate.contested`."""
    best = faces.probabilities
    two = np.where(best[:, 0] - best[:, 1] < asking.t2, 2, 0)
    three = np.where(best[:, 0] - best[:, 2] < asking.t3, 3, 0)
    if asking.order == "pairs-first":
        return np.where(two > 0, two, three)
    return np.where(three > 0, three, two)


def predict(faces: Judged, tuned: Tuned) -> Answers:
    """What comes out; as `ferdesk.disambiguate.Judge` decides face by face."""
    asking, source = tuned
    counts = np.where(faces.usable, asked(faces, asking), 0)
    chosen = faces.own.copy()
    for count, evidence in ((2, faces.two), (3, faces.three)):
        rows = np.flatnonzero(counts == count)
        scores = evidence[source][rows]
        least = 0.0
        if isinstance(asking, Stack):
            best = faces.probabilities[rows, :count]
            scores = stacked_scores(best, scores, *asking.weights(count))
            least = asking.least
        ordered = np.sort(scores, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] >= least
        winners = faces.ranked[rows, scores.argmax(axis=1)]
        chosen[rows] = np.where(clear, winners, chosen[rows])
    return Answers(chosen, counts > 0)


def tune_plain(faces: Judged, source: str, *, triples: bool) -> Tuned:
    """The thresholds of the thesis's algorithm that give most right answers; see `_best`.

    Of equals those that ask least; so where asking does not help, nobody is asked.

    Args:
        faces: what to choose on.
        source: which model's evidence.
        triples: whether machines for three may be asked, too.
    """
    thirds = THRESHOLDS if triples else (0.0,)
    candidates = [
        Asking(t2=t2, t3=t3, order=order)
        for t2, t3, order in product(THRESHOLDS, thirds, ORDERS if triples else ORDERS[:1])
    ]
    return _best(faces, candidates, source)


def tune_stack(faces: Judged, source: str, evidence: Evidence) -> Tuned:
    """Weights by likelihood, then the thresholds that give most right answers; see `_best`.

    Args:
        faces: what to choose on.
        source: which model's evidence.
        evidence: what the Stack calls it.
    """
    own2, units2 = fit_weights(faces, source, 2)
    own3, units3 = fit_weights(faces, source, 3)
    candidates = [
        Stack(
            t2=t2,
            t3=t3,
            order="triples-first",
            evidence=evidence,
            own2=own2,
            units2=units2,
            own3=own3,
            units3=units3,
            least=least,
        )
        for t2, t3, least in product(STACK_THRESHOLDS, STACK_THRESHOLDS, LEASTS)
    ]
    return _best(faces, candidates, source)


def fit_weights(faces: Judged, source: str, count: int) -> tuple[float, float]:
    """What the net's log-odds and the evidence weigh among the best two or three.

    Logistic regression through the origin, on the usable faces whose label is among the best;
    neither weight is negative.

    Args:
        faces: what to fit on.
        source: which model's evidence.
        count: 2 or 3.
    """
    among = faces.ranked[:, :count] == faces.labels[:, None]
    rows = faces.usable & among.any(axis=1)
    if not rows.any():
        return 1.0, 0.0
    best, truth = faces.probabilities[rows, :count], among[rows]
    evidence = (faces.two if count == 2 else faces.three)[source][rows]
    own = stacked_scores(best, evidence, 1.0, 0.0)

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        scores = weights[0] * own + weights[1] * evidence
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        apart = np.exp(logs) - truth
        value = -float(logs[truth].sum()) + _RIDGE * float((weights * weights).sum())
        slope = np.array([(apart * own).sum(), (apart * evidence).sum()])
        return value, slope + 2 * _RIDGE * weights

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, _MOST)] * 2
    )
    return float(found.x[0]), float(found.x[1])


def likelihood(faces: Judged, source: str) -> float:
    """Mean log-likelihood among the top three with fitted weights: how much a model adds."""
    own, units = fit_weights(faces, source, 3)
    among = faces.ranked[:, :3] == faces.labels[:, None]
    rows = faces.usable & among.any(axis=1)
    scores = stacked_scores(faces.probabilities[rows, :3], faces.three[source][rows], own, units)
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return float(logs[among[rows]].mean()) if rows.any() else 0.0


def _best(faces: Judged, candidates: Sequence[Asking], source: str) -> Tuned:
    """The candidate with most right answers, of those that take nothing from rare expressions.

    One that never asks has to be among them.
    """
    least = _balanced(faces.own, faces.labels)

    def worth(asking: Asking) -> tuple[bool, int, int]:
        answers = predict(faces, Tuned(asking, source))
        right = int((answers.chosen == faces.labels).sum())
        fair = _balanced(answers.chosen, faces.labels) >= least
        return fair, right, -int(answers.contested.sum())

    return Tuned(max(candidates, key=worth), source)


def _balanced(chosen: Labels, labels: Labels) -> float:
    return float(recall_score(labels, chosen, labels=np.unique(labels), average="macro"))


def cross_fit(
    faces: Judged,
    folds: Sequence[NDArray[np.int64]],
    tune: Callable[[Judged], Tuned],
) -> Answers:
    """Answers to every face, each fold's with what was tuned on the other folds.

    Args:
        faces: all of them.
        folds: places of the faces of each fold; together all of them, each once.
        tune: chooses on some faces.
    """
    chosen = np.full(len(faces), -1, np.int64)
    contested = np.zeros(len(faces), np.bool_)
    for fold in folds:
        others = np.setdiff1d(np.arange(len(faces)), fold)
        chosen[fold], contested[fold] = predict(faces.pick(fold), tune(faces.pick(others)))
    return Answers(chosen, contested)
