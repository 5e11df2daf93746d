"""Support vector machines on action units: one for every two and every three expressions.

G. Kyritsis's thesis, chapter 8: a pair's machine sees only the units that table 3.1 associates with
the two, a triple's those of the three. They are evaluated with NumPy alone, for one face in the app
and for a whole data set in the trainer.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.aus import units_of
from ferdesk.core.labels import EXPRESSIONS

Doubles = NDArray[np.float64]

_PLACES: Final = range(len(EXPRESSIONS))
CONTESTS: Final = (*combinations(_PLACES, 2), *combinations(_PLACES, 3))
"""The 28 pairs and 56 triples of expressions, as places in `EXPRESSIONS`, ascending."""
CONTEST_INDEX: Final = {contest: index for index, contest in enumerate(CONTESTS)}
N_PAIRS: Final = 28
WIDTH: Final = 3
"""Machines of a contest at most: a pair has one, a triple one for each against the other two."""


@dataclass(frozen=True, slots=True, eq=False)
class AuSvms:
    """The machines of all contests; as `ferdesk.core.svm_file.ARRAYS` has them."""

    units: tuple[int, ...]
    mean: Doubles
    deviation: Doubles
    weights: Doubles
    bias: Doubles
    gamma: Doubles
    start: NDArray[np.int64]
    vectors: Doubles
    coefficients: Doubles

    def standardise(self, activations: NDArray[np.floating]) -> Doubles:
        """(n, units) activations to zero mean and unit variance over the images learnt from."""
        return (activations - self.mean) / self.deviation

    def evidence(self, contest: tuple[int, ...], x: Doubles) -> Doubles:
        """What the machines say for each of the contested.

        Args:
            contest: ascending places in `EXPRESSIONS`.
            x: (n, units) standardised values.

        Returns:
            (n, 2) or (n, 3): of a pair half the machine's margin and its negative, of a triple each
            one's margin against the other two.
        """
        margins = self.margins(contest, x)
        if len(contest) == WIDTH:
            return margins
        return np.concatenate([margins, -margins], axis=1) / 2

    def margins(self, contest: tuple[int, ...], x: Doubles) -> Doubles:
        """The machines' decision values: (n, 1) for a pair's first, (n, 3) for a triple's each."""
        index = CONTEST_INDEX[contest]
        machines = 1 if index < N_PAIRS else WIDTH
        bias = self.bias[index, :machines]
        if self.gamma[index] == 0:
            return np.asarray(x @ self.weights[index, :machines].T + bias)
        span = slice(self.start[index], self.start[index + 1])
        vectors = self.vectors[span]
        seen = x * self.sees(contest)
        apart = (
            (seen * seen).sum(axis=1)[:, None]
            - 2 * (seen @ vectors.T)
            + (vectors * vectors).sum(axis=1)
        )
        return np.asarray(
            np.exp(-self.gamma[index] * apart) @ self.coefficients[span, :machines] + bias
        )

    def sees(self, contest: tuple[int, ...]) -> NDArray[np.bool_]:
        """(units,) bool: which units a contest's machines see."""
        return _sight(contest, self.units)


@lru_cache(maxsize=1024)
def _sight(contest: tuple[int, ...], units: tuple[int, ...]) -> NDArray[np.bool_]:
    wanted = units_of(*(EXPRESSIONS[place] for place in contest))
    found = np.array([unit in wanted for unit in units])
    found.setflags(write=False)
    return found
