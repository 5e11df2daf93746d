"""Which action unit a filter answers to: how its answers differ between faces with and without it.

P. Khorrami, T. L. Paine, T. S. Huang. "Do Deep Neural Networks Learn Facial Action Units When Doing
Expression Recognition?" ICCV Workshops 2015. Section 4.4, figure 5, table 4.

Where the paper is silent: a filter's answers fall into bins of the same width between its weakest
and its strongest one; half a face is added to each bin, so that no share is 0 and every divergence
is finite; divergences are in nats; and a unit counts only where enough faces have it and enough
have not. A histogram of few faces diverges from any other by chance, so the same is computed for
groups of as many faces that are drawn at random.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy

from trainer.errors import TrainError
from trainer.explain.images import Bools, Coding, Gallery, unit_name
from trainer.explain.inside import Layer
from trainer.explain.responses import responses
from trainer.explain.subject import Subject
from trainer.tables import Result

_PRIOR: Final = 0.5  # faces in a bin before any is counted
_DRAWS: Final = 20

Doubles = NDArray[np.float64]


class UnitCount(Result):
    """How many faces show a unit, and how many do not."""

    unit: str
    present: int
    absent: int


class FilterUnits(Result):
    """A filter's divergences.

    Attributes:
        filter: its number.
        best: the unit of the largest divergence, as in the paper.
        clearest: the unit whose divergence is furthest above what chance gives it.
        divergence: unit -> KL(Q || R) in nats, Q of the faces that show it, R of those that do not.
        chance: unit -> the same of groups drawn at random, their mean.
    """

    filter: int
    best: str
    clearest: str
    divergence: dict[str, float]
    chance: dict[str, float]


class UnitResult(Result):
    """The units of a layer's filters.

    Attributes:
        net: the run, checkpoint or bundle.
        layer: its layer's name.
        faces: which faces were looked at, in words.
        n: how many.
        source: who says which units they show.
        bins: of the histograms.
        units: the units that count.
        left_out: those of too few faces.
        silent: filters that answer alike to all faces, and so to no unit.
        filters: all others.
        shown: those in the table and the picture.
    """

    net: str
    layer: str
    faces: str
    n: int
    source: str
    bins: int
    units: tuple[UnitCount, ...]
    left_out: tuple[UnitCount, ...]
    silent: int
    filters: tuple[FilterUnits, ...]
    shown: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counting:
    """How answers are counted.

    Attributes:
        bins: of a histogram.
        seed: of the groups drawn at random.
    """

    bins: int = 20
    seed: int = 0


def explain_units(
    subject: Subject, gallery: Gallery, coding: Coding, layer: Layer, counting: Counting
) -> tuple[FilterUnits, ...]:
    """Each filter's divergences; see `filter_units`.

    Args:
        subject: the net.
        gallery: the faces.
        coding: their units, those that count.
        layer: the filters'.
        counting: how.

    Raises:
        TrainError: all filters answer alike to all faces.
    """
    answers = responses(subject.inside, gallery.images, layer).strongest
    found = filter_units(answers.numpy().astype(np.float64), coding, counting)
    if not found:
        raise TrainError(f"No filter of {layer} tells one face from another.")
    return found


def shown_filters(
    found: tuple[FilterUnits, ...], layer: Layer, chosen: Sequence[int], rows: int
) -> tuple[int, ...]:
    """The filters to draw: those that were chosen, else those of the largest divergences.

    Raises:
        TrainError: one that was chosen does not exist, or answers alike to all faces.
    """
    there = {one.filter for one in found}
    for number in chosen:
        if number not in there:
            raise TrainError(
                f"{layer} has no filter {number} that tells one face from another; its filters are "
                f"0 to {layer.units - 1}."
            )
    ranked = sorted(found, key=lambda one: (-one.divergence[one.best], one.filter))
    return tuple(chosen) or tuple(one.filter for one in ranked[:rows])


def count_units(coding: Coding) -> tuple[UnitCount, ...]:
    """How many faces show each unit."""
    present = coding.present.sum(axis=0)
    absent = (coding.known & ~coding.present).sum(axis=0)
    return tuple(
        UnitCount(unit=unit_name(number), present=int(p), absent=int(a))
        for number, p, a in zip(coding.units, present, absent, strict=True)
    )


def frequent(coding: Coding, least: int) -> Bools:
    """(units,) those of which enough faces are known to have it, and enough not to.

    Raises:
        TrainError: there is none.
    """
    counts = count_units(coding)
    kept = np.array([min(count.present, count.absent) >= least for count in counts])
    if not kept.any():
        said = ", ".join(f"{c.unit} {c.present} with, {c.absent} without" for c in counts)
        raise TrainError(
            f"No action unit has {least} faces with it and {least} without ({said}): take more "
            "faces, or a smaller --least."
        )
    return kept


def filter_units(answers: Doubles, coding: Coding, counting: Counting) -> tuple[FilterUnits, ...]:
    """Each filter's divergences, filters that answer alike to all faces left out.

    Args:
        answers: (n, filters) the strongest answer of each filter to each face.
        coding: the faces' units, those that count.
        counting: how.
    """
    lively = np.flatnonzero(np.ptp(answers, axis=0) > 0)
    placed = bins_of(answers[:, lively], counting.bins)
    names = [unit_name(number) for number in coding.units]
    found = np.empty((len(lively), len(names)))
    chance = np.empty_like(found)
    rng = np.random.default_rng(counting.seed)
    for column in range(len(names)):
        known = placed[coding.known[:, column]]
        shows = coding.present[coding.known[:, column], column]
        found[:, column] = divergences(known, shows, counting.bins)
        draws = [divergences(known, rng.permutation(shows), counting.bins) for _ in range(_DRAWS)]
        chance[:, column] = np.mean(draws, axis=0)
    return tuple(
        FilterUnits(
            filter=int(number),
            best=names[int(found[row].argmax())],
            clearest=names[int((found[row] - chance[row]).argmax())],
            divergence=dict(zip(names, found[row].tolist(), strict=True)),
            chance=dict(zip(names, chance[row].tolist(), strict=True)),
        )
        for row, number in enumerate(lively)
    )


def bins_of(answers: Doubles, bins: int) -> NDArray[np.int64]:
    """The bin of each answer, 0 to bins - 1, between its filter's weakest and strongest one.

    Args:
        answers: (n, filters), no filter's all alike.
        bins: at least 2.
    """
    low, span = answers.min(axis=0), np.ptp(answers, axis=0)
    found = (answers - low) / span * bins
    return np.asarray(np.minimum(found, bins - 1), np.int64)


def divergences(placed: NDArray[np.int64], shows: Bools, bins: int) -> Doubles:
    """KL(Q || R) of each filter in nats, see `FilterUnits`.

    Args:
        placed: (n, filters) bins of the answers.
        shows: (n,) which faces are in Q; the others are in R.
        bins: how many there are.

    Returns:
        (filters,) at least 0.
    """
    q, r = (_counts(placed[group], bins) + _PRIOR for group in (shows, ~shows))
    return np.asarray(entropy(q, r, axis=1), np.float64)  # scales both to sum to 1


def _counts(placed: NDArray[np.int64], bins: int) -> Doubles:
    """(filters, bins) how many answers are in each."""
    filters = placed.shape[1]
    flat = (placed + np.arange(filters) * bins).ravel()
    return np.bincount(flat, minlength=filters * bins).reshape(filters, bins).astype(np.float64)
