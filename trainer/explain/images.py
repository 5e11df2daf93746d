"""The faces that a net is asked about, and which action units each of them shows."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ferdesk.core.aus import ACTION_UNITS, AU_INDEX, unit
from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.au_table import AuTable
from trainer.datasets import DATASETS
from trainer.datasets.base import DROPPED, Faces, Part, Sample, Table
from trainer.datasets.faces import gather
from trainer.datasets.folds import FOLD_PROTOCOLS, folds
from trainer.errors import TrainError
from trainer.svm_data import check_matches, units_in

ALL: Final = "all"
_PEAK: Final = 3  # frames that show what the last one was coded for, as protocols of CK+ take it
_ESTIMATED: Final = 0.5

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wish:
    """Which faces.

    Attributes:
        data: where the data set lies.
        dataset: its name.
        part: one of its parts, or of a fold's, or all.
        protocol: how folds are cut, or "" for the set's own parts.
        fold: which of them.
        skip_bad: leave bad rows and images out.
    """

    data: Path
    dataset: str
    part: Part | Literal["all"]
    protocol: str = ""
    fold: int = 0
    skip_bad: bool = False

    @property
    def words(self) -> str:
        """The same for people."""
        fold = f", {self.protocol}, fold {self.fold}" if self.protocol else ""
        return f"{self.dataset}{fold}, {self.part}"


@dataclass(frozen=True, slots=True, eq=False)
class Coding:
    """Which action units faces show.

    Attributes:
        source: who says so.
        units: their numbers in FACS, ascending.
        present: (n, units) whether a face shows it.
        known: (n, units) whether that is known; where not, `present` is False.
    """

    source: str
    units: tuple[int, ...]
    present: Bools
    known: Bools

    def pick(self, kept: Bools) -> "Coding":
        """Only some of the units."""
        numbers = tuple(number for number, keep in zip(self.units, kept, strict=True) if keep)
        return Coding(self.source, numbers, self.present[:, kept], self.known[:, kept])


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Faces in memory with what the set says about their action units.

    Attributes:
        faces: n of them.
        units: each face's units with their strength above 0, all others being absent; or None
            where the set does not say. Of sets that say it unit by unit, the others are unknown.
        whole: whether a unit that is not in a face's `units` is absent, not unknown.
    """

    faces: Faces
    units: tuple[Mapping[int, float] | None, ...]
    whole: bool

    @property
    def images(self) -> Tensor:
        """(n, 1, size, size) uint8."""
        return torch.from_numpy(self.faces.images)[:, None]

    @property
    def labelled(self) -> "Gallery":
        """Only the faces that have a label.

        Raises:
            DataError: there is none.
        """
        kept = np.flatnonzero(self.faces.labels != DROPPED)
        if not len(kept):
            raise DataError(f"No face of {self.faces.dataset} has a label here.")
        units = tuple(self.units[place] for place in kept)
        return Gallery(self.faces.pick(kept), units, self.whole)

    def coded(self, threshold: float | None) -> Coding:
        """What the set itself says.

        Args:
            threshold: the strength from which a unit counts; None for any above 0.

        Raises:
            DataError: it says nothing.
        """
        numbers = tuple(sorted({n for units in self.units if units for n in units}))
        if not numbers:
            raise DataError(
                f"{self.faces.dataset} says nothing about the action units of these faces: "
                "estimate them (ferdesk-train au extract) and name the table with --aus."
            )
        absent = 0.0 if self.whole else np.nan
        rows = [
            [np.nan if units is None else units.get(number, absent) for number in numbers]
            for units in self.units
        ]
        return _coding("the set's own codes", numbers, np.array(rows), threshold)

    def estimated(self, table: AuTable, threshold: float | None) -> Coding:
        """What an estimator says.

        Args:
            table: its answers, by the pictures' names.
            threshold: the activation from which a unit counts; None for 0.5.

        Raises:
            DataError: the table is of other pictures, or no face in it is reliable.
        """
        check_matches(self.faces, table)
        found = table.at(self.faces.names)
        values = np.where(found.reliable[:, None], found.activation, np.nan)
        numbers = units_in(table)
        columns = [AU_INDEX[number] for number in numbers]
        least = _ESTIMATED if threshold is None else threshold
        return _coding(table.estimator, numbers, values[:, columns], least)


def load_gallery(wish: Wish, size: int) -> Gallery:
    """Read the faces that are wished for.

    Args:
        wish: which.
        size: side of their patches in pixels.

    Raises:
        DataError: the data set cannot be read, or has no such part.
        TrainError: no such data set, protocol or fold.
    """
    table = DATASETS.get(wish.dataset).read(wish.data, skip_bad=wish.skip_bad)
    samples = _of_fold(wish, table) if wish.protocol else _of_part(wish, table)
    faces = gather(wish.dataset, wish.part, samples, table, size, skip_bad=wish.skip_bad)
    clips = _coded_clips(table)
    told = {sample.name: _units(sample, clips) for sample in samples}
    units = tuple(told[name] for name in faces.names)
    return Gallery(faces, units, whole=bool(clips))


def unit_name(number: int) -> str:
    """A unit's code and, where it is one of the thirty, its name: AU12: Lip Corner Puller."""
    code = f"AU{number:02d}"
    known = {one.number for one in ACTION_UNITS}
    return f"{code}: {unit(number).name}" if number in known else code


def _of_part(wish: Wish, table: Table) -> list[Sample]:
    found = [s for s in table.samples if wish.part in (ALL, s.part)]
    if not found:
        there = ", ".join(sorted({s.part for s in table.samples} - {""})) or "no parts"
        raise DataError(
            f"{wish.data} has no {wish.part} part of {wish.dataset} (it has {there}): say --part "
            f"{ALL}, or how folds are cut with --protocol."
        )
    return found


def _of_fold(wish: Wish, table: Table) -> list[Sample]:
    protocol = FOLD_PROTOCOLS.get(wish.protocol)
    if protocol.dataset != wish.dataset:
        raise TrainError(f"{protocol.name} is for {protocol.dataset}, not for {wish.dataset}.")
    cut = folds(protocol, table)
    if not 0 <= wish.fold < len(cut):
        raise TrainError(f"{protocol.name} has folds 0 to {len(cut) - 1}, no fold {wish.fold}.")
    fold = cut[wish.fold]
    parts = {"train": fold.train, "valid": fold.valid, "test": fold.test}
    found = [s for name, part in parts.items() if wish.part in (ALL, name) for s in part]
    if not found:
        raise DataError(f"Fold {wish.fold} of {protocol.name} has no {wish.part} part.")
    return found


def _coded_clips(table: Table) -> dict[str, dict[int, Mapping[int, float]]]:
    """Sequence -> its coded frames and their units."""
    found: defaultdict[str, dict[int, Mapping[int, float]]] = defaultdict(dict)
    for sample in table.samples:
        if sample.sequence and sample.aus:
            found[sample.sequence][sample.frame] = sample.aus
    return dict(found)


def _units(
    sample: Sample, clips: Mapping[str, Mapping[int, Mapping[int, float]]]
) -> Mapping[int, float] | None:
    """A face's units, or None where nobody knows.

    CK+ codes the last frame of a sequence, and the paper calls it "which FAUs are present in each
    image sequence": so the last three have them, the first, a neutral face, has none, and of those
    in between it is not known. Sets that code all along a clip mean it where they say nothing.
    """
    if sample.aus:
        return sample.aus
    clip = clips.get(sample.sequence)
    if clip is None:
        return None
    if list(clip) != [sample.frames - 1]:
        return {}
    if sample.frame >= sample.frames - _PEAK and sample.label != EXPRESSIONS.index("neutral"):
        return clip[sample.frames - 1]
    return {} if sample.frame == 0 else None


def _coding(
    source: str, numbers: tuple[int, ...], values: NDArray[np.floating], threshold: float | None
) -> Coding:
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    present = filled > 0 if threshold is None else filled >= threshold
    return Coding(source, numbers, np.asarray(present & known), np.asarray(known))
