"""Temperature scaling: C. Guo et al. "On Calibration of Modern Neural Networks." ICML 2017."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.types import FloatArray
from trainer.datasets.base import Labels

_RANGE: Final = (0.05, 20.0)
_STEPS: Final = 60


def fit_temperature(logits: FloatArray, labels: Labels) -> float:
    """The temperature that makes the labels most likely (section 4.2, eq. 9).

    The negative log-likelihood is convex in 1 / T, and its slope there is the mean of the expected
    logit minus the label's logit, so bisection on that slope finds the minimum.

    Args:
        logits: (n, 8).
        labels: (n,) int64, 0..7.

    Returns:
        T, at least 0.05 and at most 20.
    """
    z = logits.astype(np.float64)
    own = z[np.arange(len(z)), labels]
    low, high = 1 / _RANGE[1], 1 / _RANGE[0]
    for _ in range(_STEPS):
        middle = (low * high) ** 0.5
        if _slope(z, own, middle) > 0:
            high = middle
        else:
            low = middle
    return float(1 / (low * high) ** 0.5)


def _slope(z: NDArray[np.float64], own: NDArray[np.float64], inverse: float) -> float:
    odds = np.exp(inverse * (z - z.max(axis=1, keepdims=True)))
    expected = (odds * z).sum(axis=1) / odds.sum(axis=1)
    return float((expected - own).mean())
