"""How good probabilities are: the figures that a bundle states about its net."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    recall_score,
)

from ferdesk.core.bundle import Metric
from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FloatArray, ImageU8
from ferdesk.expression import ExpressionNet
from trainer.datasets import protocols
from trainer.datasets.base import DROPPED, Faces, Labels
from trainer.labelling import VOTE_PROTOCOLS, Protocol

ECE_BINS: Final = 15
BOOTSTRAPS: Final = 10_000
_BOOTSTRAP_SEED: Final = 0
_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How one expression fares: n images of it, and precision, recall and F1, 0..1."""

    label: str
    n: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All figures of one net on one part under one protocol.

    Attributes:
        metric: the figures a bundle states.
        per_class: one entry an expression, in the canonical order.
        confusion: (8, 8) int64, rows are the true classes, columns the predicted ones.
    """

    metric: Metric
    per_class: tuple[ClassFigures, ...]
    confusion: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **self.metric.model_dump(mode="json"),
            "per_class": [asdict(figures) for figures in self.per_class],
            "confusion": self.confusion.tolist(),
        }


def protocols_for(faces: Faces) -> tuple[Protocol, ...]:
    """The protocols that fit: those on votes where there are votes, else the set's own labels."""
    return VOTE_PROTOCOLS if faces.votes is not None else ("label",)


def truth(faces: Faces, protocol: Protocol) -> tuple[NDArray[np.bool_], Labels]:
    """Which images keep a label under `protocol`, and those labels.

    Returns:
        (n,) bool over all images, and (kept,) int64, 0..7.

    Raises:
        DataError: the protocol does not fit the data set, or no image keeps a label.
    """
    fitting = protocols_for(faces)
    if protocol not in fitting:
        has = "votes" if faces.votes is not None else "labels and no votes"
        raise DataError(
            f"The protocol {protocol!r} does not fit {faces.dataset}, which has {has}: "
            f"use {' or '.join(fitting)}."
        )
    labels = faces.labels
    if faces.votes is not None and protocol != "label":
        labels = protocols.labels(faces.votes, protocol)
    keep = labels != DROPPED
    if not keep.any():
        raise DataError(
            f"No image of the {faces.part} part of {faces.dataset} keeps a label under {protocol}."
        )
    return keep, labels[keep]


def bundle_probabilities(folder: Path, images: ImageU8) -> FloatArray:
    """What a bundle says through the app's own engine: (n, 8) float32, calibrated.

    Args:
        folder: the bundle's folder.
        images: (n, height, width) uint8, grey.

    Raises:
        BundleError: the bundle is not sound.
        DataError: the images are not of the size the net takes.
    """
    net = ExpressionNet(folder)
    try:
        size = net.bundle.input.size
        if images.shape[1:] != (size, size):
            raise DataError(
                f"{net.bundle.name} takes {size} x {size} patches, but the images are "
                f"{images.shape[2]} x {images.shape[1]}."
            )
        chunks = (images[i : i + _BATCH] for i in range(0, len(images), _BATCH))
        return np.concatenate([net.predict(list(chunk)) for chunk in chunks])
    finally:
        net.close()


def measure(
    probabilities: FloatArray, labels: Labels, *, dataset: str, part: str, protocol: Protocol
) -> Evaluation:
    """Compare probabilities with labels.

    Args:
        probabilities: (n, 8), rows sum to 1.
        labels: (n,) int64, 0..7.
        dataset: whose images these are, for the record.
        part: which part of the data set, for the record.
        protocol: how the labels were made, for the record.
    """
    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)  # a class without images has no recall to average
    accuracy = float((predicted == labels).mean())
    metric = Metric(
        dataset=dataset,
        part=part,
        protocol=protocol,
        n=len(labels),
        accuracy=accuracy,
        accuracy_ci95=bootstrap_interval(accuracy, len(labels)),
        top2=top_k(probabilities, labels, 2),
        top3=top_k(probabilities, labels, 3),
        macro_f1=float(
            f1_score(labels, predicted, labels=present, average="macro", zero_division=0.0)
        ),
        balanced_accuracy=float(recall_score(labels, predicted, labels=present, average="macro")),
        ece=calibration_error(probabilities, labels),
    )
    every = range(len(EXPRESSIONS))
    figures = precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0.0)
    per_class = tuple(
        ClassFigures(name, int(n), float(precision), float(recall), float(f1))
        for name, precision, recall, f1, n in zip(EXPRESSIONS, *figures, strict=True)
    )
    return Evaluation(metric, per_class, confusion_matrix(labels, predicted, labels=every))


def top_k(probabilities: FloatArray, labels: Labels, k: int) -> float:
    """The share of images whose label is among the `k` most probable classes."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(axis=1).mean())


def calibration_error(probabilities: FloatArray, labels: Labels) -> float:
    """Expected calibration error (Guo et al. 2017, eq. 3) over 15 bins of equal width.

    The mean distance between confidence and accuracy in a bin, weighted by the bin's images.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    # Bins are open on the left: a confidence of exactly 1 belongs to the last one.
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def bootstrap_interval(accuracy: float, n: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of an accuracy, from 10,000 seeded resamples.

    Drawing n of n hits and misses with replacement gives a binomial number of hits, so the
    resamples are drawn from that directly.
    """
    hits = np.random.default_rng(_BOOTSTRAP_SEED).binomial(n, accuracy, BOOTSTRAPS)
    low, high = np.percentile(hits / n, [2.5, 97.5])
    return float(low), float(high)
