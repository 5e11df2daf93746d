"""From FER+'s ten votes to labels and training targets (Barsoum et al. 2016).

Two labelling protocols are in use, and accuracies under them differ by several points, so every
figure names its protocol:

* plurality: the label is the column with the most votes, the first one of equals; an image whose
  column is unknown or not-a-face is dropped.
* majority: the rule of Microsoft's own code. Single votes are zeroed as outliers; the label must
  hold more than half of what is left, else the image is dropped; unknown and not-a-face likewise.

Sets without votes have a third, "label": the set's own labels as they are.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray
from trainer.datasets.base import DROPPED, Labels, Votes
from trainer.labelling import VoteProtocol, VoteRule

_OUTLIER: Final = 1  # votes
_N: Final = len(EXPRESSIONS)


def labels(votes: Votes, protocol: VoteProtocol) -> Labels:
    """Each image's class under a protocol.

    Args:
        votes: (n, 10) uint8, columns as in `ferdesk.core.labels.FERPLUS_VOTES`.
        protocol: which rule.

    Returns:
        (n,) int64, 0..7 in the canonical order, or DROPPED.
    """
    counted = _without_outliers(votes) if protocol == "majority" else votes.astype(np.int64)
    best = counted.argmax(axis=1)
    keep = best < _N
    if protocol == "majority":
        keep &= 2 * counted.max(axis=1) > counted.sum(axis=1)
    return np.where(keep, best, DROPPED).astype(np.int64)


def targets(votes: Votes, rule: VoteRule) -> FloatArray:
    """The distribution over the eight expressions that a net is trained towards.

    Votes for unknown and not-a-face are left out and the rest is scaled to sum to 1: the net has no
    such output, and images that are mostly that are not trained on.

    Args:
        votes: (n, 10) uint8, of images whose plurality label was not dropped.
        rule: "all" counts every vote; "without_outliers" zeroes single votes first, as Microsoft's
            code does, where that leaves any.

    Returns:
        (n, 8) float32, rows sum to 1.
    """
    counted: NDArray[Any] = votes[:, :_N].astype(np.float64)
    if rule == "without_outliers":
        cleaned = _without_outliers(votes)[:, :_N]
        counted = np.where(cleaned.sum(axis=1, keepdims=True) > 0, cleaned, counted)
    return np.asarray(counted / counted.sum(axis=1, keepdims=True), np.float32)


def _without_outliers(votes: Votes) -> NDArray[np.int64]:
    return np.where(votes <= _OUTLIER, 0, votes).astype(np.int64)
