"""What every data set becomes: samples that are not read yet, then faces in memory.

A data set's file offers `read(path, skip_bad=...) -> Table`, which looks at names and labels only
and is quick, and enters a `DataSet` that says what the set is. `trainer.datasets.faces` turns a
table into faces.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.types import FloatArray, ImageU8
from trainer.registry import Registry

Part = Literal["train", "valid", "test"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
DROPPED: Final = -1
"""The label of a sample that has none, or loses it under a protocol."""

Votes = NDArray[np.uint8]
Labels = NDArray[np.int64]
Picture = Callable[[], ImageU8]
"""Reads one picture: (height, width) grey or (height, width, 3) BGR, uint8. Raises DataError."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture of a data set, with all that the set says about it.

    Attributes:
        name: where it lies inside the set; no other sample has it; for messages.
        picture: reads the pixels. Must survive pickling, for workers in other processes.
        label: 0..7 in the canonical order, or DROPPED.
        votes: ten counts in the order of `ferdesk.core.labels.FERPLUS_VOTES`, or none.
        subject: who it shows, or "".
        part: "train", "valid", "test", or "" where the set is not divided.
        fold: the set's own fold from 0, or -1.
        roles: its part in each of the set's own folds, or none.
        sequence: the clip it is a frame of, or "".
        frame: its place in the clip, from 0.
        frames: how many frames the clip has.
        aus: FACS action unit -> 0..1; 1 is present (or intensity E, D is 0.8 and so on).
        gender: 0 woman, 1 man, -1 unknown, as IMDB-WIKI codes it.
        age: in years, or NaN.
    """

    name: str
    picture: Picture
    label: int = DROPPED
    votes: tuple[int, ...] = ()
    subject: str = ""
    part: Part | Literal[""] = ""
    fold: int = -1
    roles: tuple[str, ...] = ()
    sequence: str = ""
    frame: int = 0
    frames: int = 1
    aus: Mapping[int, float] = field(default_factory=dict)
    gender: int = -1
    age: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What lies at a path, nothing decoded.

    Attributes:
        layout: which of the set's layouts was found, in words.
        samples: at least one.
        cropped: whether the pictures are faces already; else the app's finder has to crop them.
        skipped: what was left out and why, one line each; empty unless asked for.
    """

    layout: str
    samples: tuple[Sample, ...]
    cropped: bool
    skipped: tuple[str, ...] = ()


class Reader(Protocol):
    """What a data set's file offers."""

    def __call__(self, path: Path, *, skip_bad: bool = False) -> Table:
        """List what lies at `path`.

        Args:
            path: a folder or file in one of the set's layouts.
            skip_bad: leave bad rows out, and list them, instead of stopping at the first.

        Raises:
            DataError: one line with the file's name: another layout (which was expected, what was
                found), a label out of range, a malformed row, a sample twice or in two parts.
        """


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that the trainer can read.

    Attributes:
        name: what `--set dataset=` and `ferdesk-train datasets check` call it.
        title: its full name and paper.
        where: how one gets it.
        terms: on which terms it may be used; also written into bundles.
        layout: what is expected at the path, one line a layout.
        published: counts that papers give, e.g. {"train": 28709, "happiness": 69}; the keys are
            parts, expressions, "subjects", "sequences" or "images"; of sets with fold protocols,
            expressions and images are what the one with most classes picks.
        source: where those counts are from.
        read: lists what lies at a path.
        classes: the expressions that the set has, where no published count names them.
    """

    name: str
    title: str
    where: str
    terms: str
    layout: tuple[str, ...]
    published: Mapping[str, int]
    source: str
    read: Reader
    classes: tuple[str, ...] = ()


DATASETS: Final[Registry[DataSet]] = Registry("data set")


def add_dataset(dataset: DataSet) -> DataSet:
    """Enter a data set under its name and hand it back."""
    DATASETS.add(dataset.name, dataset)
    return dataset


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Patches in memory, one part or fold of a data set; what a training eats.

    Attributes:
        dataset: its name.
        part: "train", "valid", "test", or what a protocol calls it.
        images: (n, side, side) uint8, grey.
        labels: (n,) int64, 0..7 or DROPPED; for sets with votes the plurality label.
        names: (n,) as in `Sample.name`.
        votes: (n, 10) uint8, columns as in `ferdesk.core.labels.FERPLUS_VOTES`, or None.
        subjects: (n,) who is shown, "" where unknown.
        gender: (n,) int64, 0, 1 or -1, or None.
        age: (n,) float32 years, NaN where unknown, or None.
        skipped: what was left out and why, one line each.
    """

    dataset: str
    part: str
    images: ImageU8
    labels: Labels
    names: tuple[str, ...]
    votes: Votes | None = None
    subjects: tuple[str, ...] = ()
    gender: Labels | None = None
    age: FloatArray | None = None
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def pick(
        self, index: NDArray[np.int64] | NDArray[np.bool_], part: str | None = None
    ) -> "Faces":
        """Some of the faces, in the order of `index`."""
        places = np.arange(len(self))[index]
        return Faces(
            self.dataset,
            self.part if part is None else part,
            self.images[places],
            self.labels[places],
            tuple(self.names[i] for i in places),
            None if self.votes is None else self.votes[places],
            tuple(self.subjects[i] for i in places) if self.subjects else (),
            None if self.gender is None else self.gender[places],
            None if self.age is None else self.age[places],
            self.skipped,
        )
