"""Where the expression net has no clear winner, the action units are asked.

G. Kyritsis's thesis, chapter 8 and figure 8.1: if the top two are close, a machine that tells just
those two apart by their action units decides; if the top three are, one for the three does. That is
`plain`. `stacked` weighs what the units say against the net's own log-odds instead of forgetting
them, and keeps the net's answer where both together say little.
"""

from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.au_odds import UnitOdds
from ferdesk.core.au_svm import CONTESTS, AuSvms, Doubles
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.bundle import MODEL, ModelBundle
from ferdesk.core.errors import BundleError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import Algorithm, Asking, Stack, read_svm_bundle
from ferdesk.core.types import AuValues, FloatArray, Reason, Verdict

SMALLEST: Final = 1e-6
"""Probabilities below count as this in log-odds."""


class Thresholds(NamedTuple):
    """The user's own idea of when an answer is contested; "auto" leaves it to the bundle.

    Attributes:
        t2: see `Asking`, 0..1.
        t3: likewise.
    """

    t2: float | Literal["auto"] = "auto"
    t3: float | Literal["auto"] = "auto"

    def of(self, asking: Asking) -> Asking:
        """What a bundle says, with these in the place of its own."""
        own = {name: value for name, value in self._asdict().items() if value != "auto"}
        return asking.model_copy(update=own)


AS_TUNED: Final = Thresholds()


class Disambiguator:
    """The machines of one bundle beside one expression net."""

    def __init__(
        self,
        folder: Path,
        expression: ModelBundle,
        estimator: str,
        algorithm: Algorithm | None = None,
        thresholds: Thresholds = AS_TUNED,
    ) -> None:
        """Check the bundle and find its entry for the net.

        Args:
            folder: the folder of a bundle of machines.
            expression: the expression net's bundle.
            estimator: the name of the estimator whose values will come.
            algorithm: the bundle's choice unless given.
            thresholds: the bundle's unless given; its figures hold for its own.

        Raises:
            BundleError: the bundle is not sound, belongs to another estimator, or was not tuned for
                this net.
        """
        self.bundle, svms, every = read_svm_bundle(folder, estimator)
        model = expression.files[MODEL]
        for decision, odds in zip(self.bundle.decisions, every, strict=True):
            if decision.model == model:
                use = algorithm or decision.use
                asking = decision.plain if use == "plain" else decision.stacked
                self._judge = Judge(svms, odds, thresholds.of(asking))
                return
        known = ", ".join(decision.expression for decision in self.bundle.decisions) or "none"
        raise BundleError(
            f"{folder} was not tuned for the net of {expression.name} (only for: {known}): choose "
            "one of these, or tune it (ferdesk-train svm fit --bundle)."
        )

    @property
    def thresholds(self) -> tuple[float, float]:
        """t2 and t3 that count, the user's or the bundle's."""
        return self._judge.thresholds

    def decide(self, raw: FloatArray, aus: AuValues | None) -> Verdict:
        """Judge one face; see `Judge.decide`."""
        return self._judge.decide(raw, aus)


class Judge:
    """Machines, odds, and when and how they are asked; wherever these come from."""

    def __init__(self, svms: AuSvms, odds: UnitOdds, asking: Asking) -> None:
        """Put them together.

        Args:
            svms: the machines.
            odds: what all units say beside the net that is judged.
            asking: `plain`, or a Stack for `stacked`.
        """
        self._units = np.array(svms.units)
        self._columns = np.array([AU_INDEX[unit] for unit in svms.units])
        self._asking = asking
        all_units = isinstance(asking, Stack) and asking.evidence == "units"
        self._model: AuSvms | UnitOdds = odds if all_units else svms
        self._sees = {
            contest: np.flatnonzero(np.ones(len(svms.units)) if all_units else svms.sees(contest))
            for contest in CONTESTS
        }

    @property
    def thresholds(self) -> tuple[float, float]:
        """t2 and t3, below which an answer is contested here."""
        return self._asking.t2, self._asking.t3

    def decide(self, raw: FloatArray, aus: AuValues | None) -> Verdict:
        """Judge one face.

        The machines have learnt from activations as they were estimated, of people whose neutral
        face nobody knew, so they look at `AuValues.raw`.

        Args:
            raw: (8,) float32, the net's calibrated probabilities.
            aus: its action units; None where there are none.

        Returns:
            What came out. With `plain` the chosen expression gets the largest of the contested
            probabilities and the others keep their order; with `stacked` the contested share what
            they had by their scores. Margins are in log-odds; a plain machine's is its own
            (not calibrated) decision value.
        """
        places = np.argsort(-raw, kind="stable")
        ranked = contested(raw[places], self._asking)
        own = EXPRESSIONS[places[0]]
        if not ranked:
            return Verdict(own, (), own, False, 0.0, (), raw)
        among = places[:ranked]
        names = tuple(EXPRESSIONS[place] for place in among)
        refused = Verdict(own, names, own, True, 0.0, (), raw)
        if aus is None or not aus.reliable:
            return refused
        contest = tuple(sorted(among.tolist()))
        seen = self._sees[contest]
        values = aus.raw[self._columns]
        if not len(seen) or not np.isfinite(values[seen]).all():
            return refused
        # What the contest's machines do not see is of no account, known or not.
        x = self._model.standardise(np.where(np.isfinite(values), values, 0.0))
        rows = np.tile(x, (1 + len(seen), 1))
        rows[np.arange(len(seen)) + 1, seen] = 0.0
        evidence = self._model.evidence(contest, rows)
        return self._verdict(
            raw, among, evidence[:, [contest.index(place) for place in among]], self._units[seen]
        )

    def _verdict(
        self,
        raw: FloatArray,
        among: NDArray[np.intp],
        evidence: Doubles,
        units: NDArray[np.int64],
    ) -> Verdict:
        """What follows from the evidence.

        Its first row, (1 + units, contested), is that of all units, and each other one has a unit
        at its mean: a linear machine loses weight x value by that, and of any other it is what the
        unit added.
        """
        weight, least = 1.0, 0.0
        scores = evidence[0]
        if isinstance(self._asking, Stack):
            own, weight = self._asking.weights(len(among))
            scores = stacked_scores(raw[among], evidence[0], own, weight)
            least = self._asking.least
        first, second = np.argsort(-scores, kind="stable")[:2]
        weak = scores[first] - scores[second] < least
        if weak:
            first, second = 0, int(np.argmax(scores[1:])) + 1
        leads = weight * (evidence[:, first] - evidence[:, second])
        names = tuple(EXPRESSIONS[place] for place in among)
        if weak:
            return Verdict(names[0], names, names[0], True, float(leads[0]), (), raw)
        added = zip(units.tolist(), (leads[0] - leads[1:]).tolist(), strict=True)
        reasons = tuple(
            Reason(unit, weight)
            for unit, weight in sorted(added, key=lambda pair: -abs(pair[1]))
            if weight
        )
        return Verdict(
            names[0],
            names,
            names[first],
            False,
            float(leads[0]),
            reasons,
            self._redistributed(raw, among, scores, int(first)),
        )

    def _redistributed(
        self, raw: FloatArray, among: NDArray[np.intp], scores: Doubles, first: int
    ) -> FloatArray:
        """What the contested have together, given out anew."""
        shares = raw[among]
        after = raw.copy()
        if isinstance(self._asking, Stack):
            odds = np.exp(scores - scores.max())
            after[among] = shares.sum() * odds / odds.sum()
        else:
            # `among` is sorted: the chosen one moves to the front.
            moved = [first, *(place for place in range(len(among)) if place != first)]
            after[among[moved]] = shares
        return after


def contested(ranked: FloatArray, asking: Asking) -> int:
    """How many of the best contest an answer.

    Args:
        ranked: (8,) probabilities, largest first.
        asking: the thresholds.

    Returns:
        2 or 3, or 0 for none.
    """
    two = 2 if ranked[0] - ranked[1] < asking.t2 else 0
    three = 3 if ranked[0] - ranked[2] < asking.t3 else 0
    return (two or three) if asking.order == "pairs-first" else (three or two)


def stacked_scores(
    probabilities: NDArray[np.floating], evidence: Doubles, own: float, units: float
) -> Doubles:
    """What the net and the units say together, in log-odds, of (..., contested) values each.

    Args:
        probabilities: the net's, of the contested.
        evidence: the machines', in the same order.
        own: weight of the net's log probability.
        units: weight of the evidence.
    """
    logs = np.log(np.maximum(probabilities, SMALLEST).astype(np.float64))
    return np.asarray(own * logs + units * evidence)
