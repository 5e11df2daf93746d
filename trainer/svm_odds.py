"""Fitting what all action units together say: alone, or beside an expression net.

A multinomial logistic regression with an L2 penalty. Beside a net, the net's own log-odds are given
and only what they leave unexplained is learnt.
"""

from typing import Final

import numpy as np
from scipy.optimize import minimize

from ferdesk.core.au_odds import UnitOdds, terms
from ferdesk.core.au_svm import Doubles
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import Labels

PENALTY: Final = 30.0
"""On half the sum of squared weights, against the log-likelihood summed over all faces."""
_STEPS: Final = 150
_LEAST_DEVIATION: Final = 1e-3
_N: Final = len(EXPRESSIONS)


def fit_odds(activations: Doubles, labels: Labels, given: Doubles) -> UnitOdds:
    """Learn weights of units and of their products.

    Args:
        activations: (n, units), of faces whose units are reliable.
        labels: (n,) 0..7.
        given: (n, 8) log-odds that are known already; zeros where the units stand alone.
    """
    roots = np.sqrt(activations)
    mean, deviation = roots.mean(axis=0), roots.std(axis=0).clip(_LEAST_DEVIATION)
    width = terms(np.zeros((1, activations.shape[1]))).shape[1]
    model = UnitOdds(mean, deviation, np.zeros((_N, width)))
    raw = terms(model.standardise(activations))
    # Products are brought to one scale, so that the penalty treats all alike.
    centre, scale = raw.mean(axis=0), raw.std(axis=0).clip(_LEAST_DEVIATION)
    centre[0], scale[0] = 0.0, 1.0
    x = (raw - centre) / scale
    truth = np.eye(_N)[labels]

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        weights = flat.reshape(width, _N)
        logs = given + x @ weights
        logs -= logs.max(axis=1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        value = PENALTY / 2 * float((flat * flat).sum()) - float((logs * truth).sum())
        slope = x.T @ (np.exp(logs) - truth) + PENALTY * weights
        return value, slope.ravel()

    found = minimize(
        loss, np.zeros(width * _N), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}
    )
    weights = found.x.reshape(width, _N) / scale[:, None]
    weights[0] -= centre @ weights
    return UnitOdds(mean, deviation, np.ascontiguousarray(weights.T))
