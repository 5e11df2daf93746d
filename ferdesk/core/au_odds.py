"""What all action units together say for each expression, whatever two or three are contested.

A multinomial logistic model on the units and on their products: a lowered brow means something else
with a smile than without. Activations lie close to 0 most of the time, so their square roots are
looked at, which spreads them.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.au_svm import Doubles

CLIP: Final = 4.0
"""Standard deviations that a unit counts at most, so that none outvotes all others by a product."""


@dataclass(frozen=True, slots=True, eq=False)
class UnitOdds:
    """Log-odds of the eight expressions from action units.

    Attributes:
        mean: (units,) mean square roots of the activations.
        deviation: (units,) their standard deviations.
        weights: (8, terms) of what `terms` gives.
    """

    mean: Doubles
    deviation: Doubles
    weights: Doubles

    def standardise(self, activations: NDArray[np.floating]) -> Doubles:
        """(n, units) activations 0..1 to square roots of zero mean and unit variance, clipped."""
        roots = np.sqrt(np.maximum(activations, 0.0))
        return np.asarray(((roots - self.mean) / self.deviation).clip(-CLIP, CLIP))

    def evidence(self, contest: tuple[int, ...], x: Doubles) -> Doubles:
        """(n, contested) log-odds, up to a number common to a row, of (n, units) standardised."""
        return np.asarray(terms(x) @ self.weights[list(contest)].T)


def n_terms(units: int) -> int:
    """How many terms there are for so many units."""
    return 1 + units + units * (units + 1) // 2


def terms(x: Doubles) -> Doubles:
    """1, each unit, and each product of two (or of one with itself), row by row.

    Args:
        x: (n, units) standardised.

    Returns:
        (n, terms).
    """
    n, units = x.shape
    first, second = _pairs(units)
    found = np.empty((n, n_terms(units)))
    found[:, 0] = 1.0
    found[:, 1 : units + 1] = x
    np.multiply(x[:, first], x[:, second], out=found[:, units + 1 :])
    return found


@lru_cache(maxsize=64)
def _pairs(units: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which two units each product is of."""
    first, second = np.triu_indices(units)
    return first, second
