"""Protocols that cut a data set into folds whose people do not mix.

How the papers' open points are settled here:

* Subjects are sorted by name, ascending, and cut into consecutive groups whose sizes differ by one
  at most: "the subjects are divided into ten groups by ID in ascending order" (Ding et al. 2017,
  IV.C). Only subjects with a picked sample count. Ali et al. 2020 ask for no more than groups
  without common identities.
* Khorrami et al. 2015, Ding et al. 2017 and Ali et al. 2020 use no validation part on CK+,
  Oulu-CASIA and MMI. Here the epoch is chosen on `valid`, never on what is reported: fold k tests
  on group k, validates on group k + 1 (the first after the last) and trains on the other eight, so
  a training sees one group less than the papers' does.
* TFD brings its own five folds with train, valid and test.
* SFEW's test labels are not public: Ding et al. 2017 (IV.F) report on its valid part, Ng et al.
  2015 on valid and, through the challenge, on test. The fold of `sfew` has no test part unless the
  set has labels for one; a figure on valid is then one on what the epoch was chosen on, which has
  to be said beside it.
* Photographs with identities (`faces`) are in no paper: their people are divided as
  `trainer.datasets.people` has it, and classes with fewer than 50 pictures are left out.
* BU-4DFE has no protocol: Ali et al. 2020 only pre-train on it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.sources.images import natural_key
from trainer.datasets.base import PARTS, Part, Sample, Table
from trainer.datasets.people import People, people
from trainer.recipes import Recipe
from trainer.registry import Registry

Samples = tuple[Sample, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One cut of a data set.

    Attributes:
        number: from 0.
        train: what is learnt from.
        valid: what the best epoch is chosen on.
        test: what is reported; none for SFEW, where `valid` is.
    """

    number: int
    train: Samples
    valid: Samples
    test: Samples


@dataclass(frozen=True, slots=True, eq=False)
class FoldProtocol:
    """How a data set becomes folds.

    Attributes:
        name: what recipes call it.
        dataset: the data set that it is for.
        title: what is picked and how it is cut.
        paper: who uses it, and where that is said.
        classes: the labels that may occur, 0..7 in the canonical order, ascending.
        count: how many folds there are.
        pick: the samples that take part, with their labels as the protocol has them.
        cut: the picked samples as folds.
        seeded: each fold is a draw of its own, and is trained with a seed of its own.
        least: classes with fewer samples are left out; with 1 each class has to be there.
    """

    name: str
    dataset: str
    title: str
    paper: str
    classes: tuple[int, ...]
    count: int
    pick: "Callable[[FoldProtocol, Table], Samples]"
    cut: "Callable[[FoldProtocol, Samples], tuple[Fold, ...]]"
    seeded: bool = False
    least: int = 1


FOLD_PROTOCOLS: Final[Registry[FoldProtocol]] = Registry("fold protocol")


def folds(protocol: FoldProtocol, table: Table) -> tuple[Fold, ...]:
    """Cut a data set.

    Args:
        protocol: how.
        table: what its data set's reader found.

    Returns:
        `protocol.count` folds; labels are the protocol's, still in the canonical order.

    Raises:
        DataError: too few frames in a sequence or too few subjects, no subject or role where one
            is needed, a subject in two parts of a fold, or a class that a train part lacks.
    """
    cut = protocol.cut(protocol, protocol.pick(protocol, table))
    for fold in cut:
        _check(protocol, fold)
    return cut


def left_out(protocol: FoldProtocol, table: Table) -> tuple[str, ...]:
    """The classes that a set has too little of for a protocol, one line each."""
    counts = Counter(sample.label for sample in table.samples)
    return tuple(
        f"{EXPRESSIONS[label]}: {counts[label]} pictures, of {protocol.least} that "
        f"{protocol.name} asks for; the class is left out"
        for label in protocol.classes
        if 0 < counts[label] < protocol.least
    )


def protocols_of(dataset: str) -> tuple[FoldProtocol, ...]:
    """The papers' protocols for a data set, the one with most classes first; no draws of ours."""
    known = (FOLD_PROTOCOLS.get(name) for name in FOLD_PROTOCOLS.names())
    found = [p for p in known if p.dataset == dataset and not p.seeded]
    return tuple(sorted(found, key=lambda p: (-len(p.classes), p.name)))


def of_fold(recipe: Recipe, number: int) -> Recipe:
    """A recipe for one of its protocol's folds; of draws, each has a seed of its own."""
    seeded = FOLD_PROTOCOLS.get(recipe.protocol).seeded
    seed = recipe.seed + (number if seeded else 0)
    return recipe.model_copy(update={"fold": number, "seed": seed})


def _check(protocol: FoldProtocol, fold: Fold) -> None:
    where = f"{protocol.name}, fold {fold.number}"
    homes: dict[str, str] = {}
    groups = {"train": fold.train, "valid": fold.valid, "test": fold.test}
    for part, group in groups.items():
        for sample in group:
            if sample.subject and homes.setdefault(sample.subject, part) != part:
                raise DataError(
                    f"{where}: subject {sample.subject} is in {homes[sample.subject]} and in "
                    f"{part} ({sample.name})."
                )
    there = {sample.label for sample in fold.train}
    asked = {sample.label for sample in (*fold.valid, *fold.test)}
    for label in protocol.classes:
        if label not in there and (protocol.least == 1 or label in asked):
            raise DataError(f"{where}: its train part has no {EXPRESSIONS[label]}.")
    if not fold.valid:
        raise DataError(f"{where}: its valid part is empty.")


def pick_labelled(protocol: FoldProtocol, table: Table) -> Samples:
    """Every sample whose label is one of the classes, less those that are too small."""
    counts = Counter(sample.label for sample in table.samples)
    classes = {label for label in protocol.classes if counts[label] >= protocol.least}
    found = tuple(sample for sample in table.samples if sample.label in classes)
    return _some(protocol, table, found)


def _pick_last(protocol: FoldProtocol, table: Table) -> Samples:
    """The last three frames of each labelled sequence."""
    found = [
        frame
        for clip in _clips(protocol, table)
        for frame in _frames(protocol, table, clip, range(clip.length - 3, clip.length))
    ]
    return _some(protocol, table, found)


def _pick_first_and_last(protocol: FoldProtocol, table: Table) -> Samples:
    """The last three frames of each labelled sequence, and its first as a neutral one."""
    found: list[Sample] = []
    for clip in _clips(protocol, table):
        last = range(clip.length - 3, clip.length)
        # A frame cannot be neutral and expressive at once, so three are too few: CK+48 has three.
        wanted = (0, *last) if 0 not in last else (-1,)
        first, *rest = _frames(protocol, table, clip, wanted)
        found += [replace(first, label=_index("neutral")), *rest]
    return _some(protocol, table, found)


def _pick_middle(protocol: FoldProtocol, table: Table) -> Samples:
    """The three middle frames of each labelled sequence."""
    found: list[Sample] = []
    for clip in _clips(protocol, table):
        start = (clip.length - 3) // 2
        found += _frames(protocol, table, clip, range(start, start + 3))
    return _some(protocol, table, found)


@dataclass(frozen=True, slots=True, eq=False)
class _Clip:
    """The frames of a sequence by their place; after bad files were skipped, not all of them."""

    name: str
    frames: dict[int, Sample]
    length: int


def _clips(protocol: FoldProtocol, table: Table) -> list[_Clip]:
    """The sequences that show one of the expressions."""
    found: dict[str, _Clip] = {}
    for sample in table.samples:
        # Neutral faces are first frames of the others; a neutral sequence has no peak to take.
        if sample.label in protocol.classes and sample.label != _index("neutral"):
            if not sample.sequence:
                raise DataError(f"{protocol.name} needs sequences; {sample.name} is in none.")
            clip = found.setdefault(sample.sequence, _Clip(sample.sequence, {}, sample.frames))
            clip.frames[sample.frame] = sample
    return list(found.values())


def _frames(
    protocol: FoldProtocol, table: Table, clip: _Clip, wanted: Iterable[int]
) -> list[Sample]:
    """Some frames of a sequence, if it has them all."""
    places = list(wanted)
    if not set(places) <= set(clip.frames):
        raise DataError(
            f"Sequence {clip.name} lacks frames for {protocol.name}: expected "
            f"{protocol.title.partition(',')[0]}, found {len(clip.frames)} frames "
            f"of {clip.length}; layout: {table.layout}."
        )
    return [clip.frames[place] for place in places]


def _some(protocol: FoldProtocol, table: Table, found: Sequence[Sample]) -> Samples:
    if not found:
        raise DataError(
            f"{protocol.name} finds no sample of its {len(protocol.classes)} classes; "
            f"layout: {table.layout}."
        )
    return tuple(found)


def _by_subject(protocol: FoldProtocol, samples: Samples) -> tuple[Fold, ...]:
    """Consecutive groups of subjects; fold k tests on group k and validates on the next one."""
    for sample in samples:
        if not sample.subject:
            raise DataError(f"{protocol.name} needs subjects; {sample.name} has none.")
    subjects = sorted({sample.subject for sample in samples}, key=natural_key)
    if len(subjects) < protocol.count:
        raise DataError(
            f"{protocol.name} needs at least {protocol.count} subjects, found {len(subjects)}."
        )
    small, larger = divmod(len(subjects), protocol.count)
    sizes = [small + (group < larger) for group in range(protocol.count)]
    group_of = dict(
        zip(subjects, (g for g, size in enumerate(sizes) for _ in range(size)), strict=True)
    )
    groups: list[list[Sample]] = [[] for _ in sizes]
    for sample in samples:
        groups[group_of[sample.subject]].append(sample)
    return tuple(_held_out(groups, number) for number in range(protocol.count))


def _held_out(groups: Sequence[Sequence[Sample]], number: int) -> Fold:
    chosen_on = (number + 1) % len(groups)
    train = [
        sample
        for place, group in enumerate(groups)
        if place not in (number, chosen_on)
        for sample in group
    ]
    return Fold(number, tuple(train), tuple(groups[chosen_on]), tuple(groups[number]))


def _by_role(protocol: FoldProtocol, samples: Samples) -> tuple[Fold, ...]:
    """The set's own folds."""
    for sample in samples:
        if len(sample.roles) != protocol.count:
            raise DataError(
                f"{protocol.name} has {protocol.count} folds; {sample.name} has its part in "
                f"{len(sample.roles)}."
            )

    def play(number: int, part: Part) -> Samples:
        return tuple(sample for sample in samples if sample.roles[number] == part)

    return tuple(
        Fold(number, play(number, "train"), play(number, "valid"), play(number, "test"))
        for number in range(protocol.count)
    )


def _by_person(protocol: FoldProtocol, samples: Samples) -> tuple[Fold, ...]:
    """The only fold, in which everybody is where their name puts them."""
    parts: dict[People, list[Sample]] = {"train": [], "valid": [], "held out": []}
    for sample in samples:
        if not sample.subject:
            raise DataError(f"{protocol.name} needs subjects; {sample.name} has none.")
        parts[people(sample.subject)].append(sample)
    return (Fold(0, *(tuple(parts[part]) for part in ("train", "valid", "held out"))),)


def _by_part(_protocol: FoldProtocol, samples: Samples) -> tuple[Fold, ...]:
    """The set's own parts, as the only fold."""
    parts = {part: tuple(s for s in samples if s.part == part) for part in PARTS}
    return (Fold(0, parts["train"], parts["valid"], parts["test"]),)


def _index(name: str) -> int:
    return EXPRESSIONS.index(name)


ALL: Final = tuple(range(len(EXPRESSIONS)))
"""The canonical eight."""
SEVEN: Final = tuple(label for label in ALL if label != _index("contempt"))
"""Those of FER2013, TFD and SFEW."""
_BASIC: Final = tuple(label for label in SEVEN if label != _index("neutral"))

for _protocol in (
    FoldProtocol(
        name="ckplus-6",
        dataset="ckplus",
        title="last three frames of each sequence, six classes, ten groups of subjects",
        paper="Khorrami et al. 2015, section 4.2; Ding et al. 2017, IV.C",
        classes=_BASIC,
        count=10,
        pick=_pick_last,
        cut=_by_subject,
    ),
    FoldProtocol(
        name="ckplus-7",
        dataset="ckplus",
        title="last three frames of each sequence, with contempt, ten groups of subjects",
        paper="Ali et al. 2020, section 4.2",
        classes=(*_BASIC, _index("contempt")),
        count=10,
        pick=_pick_last,
        cut=_by_subject,
    ),
    FoldProtocol(
        name="ckplus-8",
        dataset="ckplus",
        title="last three frames of each sequence and its first as neutral, ten groups of subjects",
        paper="Khorrami et al. 2015, section 4; Ding et al. 2017, IV.C",
        classes=ALL,
        count=10,
        pick=_pick_first_and_last,
        cut=_by_subject,
    ),
    FoldProtocol(
        name="tfd",
        dataset="tfd",
        title="the set's own five folds, seven classes",
        paper="Khorrami et al. 2015, section 4; Ding et al. 2017, IV.E",
        classes=SEVEN,
        count=5,
        pick=pick_labelled,
        cut=_by_role,
    ),
    FoldProtocol(
        name="oulu",
        dataset="oulu",
        title="last three frames of each sequence, six classes, ten groups of subjects",
        paper="Ding et al. 2017, IV.D; Ali et al. 2020, section 4.2",
        classes=_BASIC,
        count=10,
        pick=_pick_last,
        cut=_by_subject,
    ),
    FoldProtocol(
        name="mmi",
        dataset="mmi",
        title="three middle frames of each sequence, six classes, ten groups of subjects",
        paper="Ali et al. 2020, section 4.2",
        classes=_BASIC,
        count=10,
        pick=_pick_middle,
        cut=_by_subject,
    ),
    FoldProtocol(
        name="sfew",
        dataset="sfew",
        title="the set's own train and valid parts, seven classes",
        paper="Ding et al. 2017, IV.F; Ng et al. 2015, section 3.3",
        classes=SEVEN,
        count=1,
        pick=pick_labelled,
        cut=_by_part,
    ),
    FoldProtocol(
        name="faces",
        dataset="faces",
        title="photographs divided by who they show, classes with 50 pictures or more",
        paper="none; after Ali et al. 2020, section 4, for whom identities must not mix",
        classes=ALL,
        count=1,
        pick=pick_labelled,
        cut=_by_person,
        least=50,
    ),
):
    FOLD_PROTOCOLS.add(_protocol.name, _protocol)
