"""Protocols of ours, for sets that lie at hand: draws, each with its number as the seed.

They ask the papers' questions where the papers' sets are missing. A fold is a draw of its own, and
is trained with its own seed, so that the deviation over them holds both kinds of chance.

* `ferplus-1308`: as many faces of FER+ as CK+ has (Ding et al. 2017, table II: 1,308), to learn
  from, as many others to choose the epoch on, all of valid to test on. Each class has the share of
  either that it has of FER+'s train part, but at least one face.
* `fer32`: FER2013's train and valid parts to learn from, and its test part to choose on (Ng et al.
  2015, section 3.3). Its FER28 is the parts as they are.
* `faces-7`: a small target out of photographs, whose people differ from part to part: of each of
  FER2013's classes at most 150 pictures, drawn; three fifths of the people are learnt from, one
  chooses the epoch, one is tested on.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from trainer.datasets.base import Sample
from trainer.datasets.folds import (
    ALL,
    FOLD_PROTOCOLS,
    SEVEN,
    Fold,
    FoldProtocol,
    Samples,
    pick_labelled,
)

FEW: Final = 1_308
"""Faces of CK+ in Ding et al. 2017."""
A_CLASS: Final = 150
"""Most pictures of a class in a small target: SFEW's seven classes have as many on average."""

_DRAWS: Final = 3
_FIFTHS: Final = 5


def _few(_protocol: FoldProtocol, samples: Samples) -> tuple[Fold, ...]:
    """Two draws without a common face out of train, and all of valid."""
    train = [sample for sample in samples if sample.part == "train"]
    test = tuple(sample for sample in samples if sample.part == "valid")
    folds = []
    for number in range(_DRAWS):
        learnt, rest = _draw(train, FEW, number)
        chosen_on, _ = _draw(rest, FEW, number)
        folds.append(Fold(number, learnt, chosen_on, test))
    return tuple(folds)


def _draw(samples: Sequence[Sample], count: int, seed: int) -> tuple[Samples, Samples]:
    """About `count` of the samples, each class by its share but at least once, and the rest.

    Of fewer than twice as many samples, half are drawn.
    """
    count = min(count, len(samples) // 2)
    rng = np.random.default_rng(seed)
    drawn: set[int] = set()
    labels = np.array([sample.label for sample in samples], np.int64)
    for label in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == label))
        drawn.update(places[: max(1, round(count * len(places) / len(samples)))].tolist())
    return (
        tuple(sample for place, sample in enumerate(samples) if place in drawn),
        tuple(sample for place, sample in enumerate(samples) if place not in drawn),
    )


def _to_the_last(_protocol: FoldProtocol, samples: Samples) -> tuple[Fold, ...]:
    """Train and valid to learn from, test to choose on."""
    learnt = tuple(sample for sample in samples if sample.part in ("train", "valid"))
    return (Fold(0, learnt, tuple(s for s in samples if s.part == "test"), ()),)


def _small(protocol: FoldProtocol, samples: Samples) -> tuple[Fold, ...]:
    """Some of each class, and their people in three parts."""
    folds = []
    for number in range(_DRAWS):
        rng = np.random.default_rng(number)
        kept: list[Sample] = []
        for label in protocol.classes:
            found = [sample for sample in samples if sample.label == label]
            kept += [found[place] for place in rng.permutation(len(found))[:A_CLASS]]
        people = sorted({sample.subject for sample in kept})
        fifth = {
            people[who]: place % _FIFTHS for place, who in enumerate(rng.permutation(len(people)))
        }
        parts: list[list[Sample]] = [[], [], []]
        for sample in kept:
            parts[max(0, fifth[sample.subject] - (_FIFTHS - len(parts)))].append(sample)
        folds.append(Fold(number, *(tuple(part) for part in parts)))
    return tuple(folds)


for _protocol in (
    FoldProtocol(
        name="ferplus-1308",
        dataset="ferplus",
        title=f"draws of {FEW:,} faces of train, tested on all of valid (plurality)",
        paper="the size of CK+ in Ding et al. 2017, table II",
        classes=ALL,
        count=_DRAWS,
        pick=pick_labelled,
        cut=_few,
        seeded=True,
    ),
    FoldProtocol(
        name="fer32",
        dataset="fer2013",
        title="train and valid to learn from, test to choose on",
        paper="Ng et al. 2015, section 3.3",
        classes=SEVEN,
        count=1,
        pick=pick_labelled,
        cut=_to_the_last,
        seeded=True,
    ),
    FoldProtocol(
        name="faces-7",
        dataset="faces",
        title=f"draws of at most {A_CLASS} pictures a class, divided by people",
        paper="a small target as in Ng et al. 2015",
        classes=SEVEN,
        count=_DRAWS,
        pick=pick_labelled,
        cut=_small,
        seeded=True,
    ),
):
    FOLD_PROTOCOLS.add(_protocol.name, _protocol)
