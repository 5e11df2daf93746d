"""Faces, a net's answers to them and their action units, put side by side by picture."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from ferdesk.bundles import find_bundle
from ferdesk.core.au_svm import Doubles
from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.bundle import ModelBundle, read_bundle
from ferdesk.core.errors import DataError
from ferdesk.core.types import FloatArray
from trainer.au_table import AuTable, read_au_table
from trainer.datasets import DATASETS
from trainer.datasets.base import Faces, Labels, Part
from trainer.datasets.faces import gather, load_faces
from trainer.datasets.people import people
from trainer.evaluate import bundle_probabilities, truth
from trainer.svm_stack import Bools, Judged, Model, judged

FERPLUS: Final = "ferplus"
PHOTOGRAPHS: Final = "faces"
_LEAST_MATCHED: Final = 0.5
"""Share of a part's pictures that a table must have rows of to be taken for that part's."""


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """An expression net's bundle."""

    folder: Path
    bundle: ModelBundle

    @property
    def size(self) -> int:
        """Side of the patches it takes, in pixels."""
        return self.bundle.input.size


@dataclass(frozen=True, slots=True, eq=False)
class UnitSet:
    """A part of a data set and its action units, picture by picture.

    Attributes:
        faces: with plurality labels, or the set's own.
        labels: (n,) 0..7.
        activations: (n, units); NaN where not estimated.
        usable: (n,) whether all of a face's units could be read.
    """

    faces: Faces
    labels: Labels
    activations: Doubles
    usable: Bools

    def judged(self, probabilities: FloatArray, models: dict[str, Model]) -> Judged:
        """A net's answers to these faces, and what models say to them."""
        return judged(probabilities, self.labels, self.activations, self.usable, models)

    def pick(self, index: Bools) -> "UnitSet":
        """Some of the faces."""
        return UnitSet(
            self.faces.pick(index), self.labels[index], self.activations[index], self.usable[index]
        )


def open_net(name: str) -> Net:
    """An expression net, by name or folder.

    Raises:
        BundleError: there is none, or it is not sound.
    """
    folder = find_bundle(name)
    return Net(folder, read_bundle(folder, ModelBundle))


def units_in(table: AuTable) -> tuple[int, ...]:
    """Numbers of the units that a table gives for its reliable faces.

    Raises:
        DataError: it gives none.
    """
    given: Bools = np.asarray(np.isfinite(table.activation[table.reliable]).any(axis=0))
    units = tuple(unit.number for unit, there in zip(ACTION_UNITS, given, strict=True) if there)
    if not units:
        raise DataError(f"No face in the table of {table.estimator} is reliable.")
    return units


def unit_set(faces: Faces, table: AuTable, units: tuple[int, ...]) -> UnitSet:
    """Join faces that keep a label with their units.

    Raises:
        DataError: no face keeps a label, or the table is of other pictures.
    """
    keep, labels = truth(faces, "plurality" if faces.votes is not None else "label")
    kept = faces.pick(keep)
    check_matches(kept, table)
    rows = table.at(kept.names)
    columns = [index for index, unit in enumerate(ACTION_UNITS) if unit.number in units]
    activations = rows.activation[:, columns].astype(np.float64)
    usable = rows.reliable & np.isfinite(activations).all(axis=1)
    return UnitSet(kept, labels, activations, usable)


def check_matches(faces: Faces, table: AuTable) -> None:
    """Make sure that a table is of these faces.

    Raises:
        DataError: it lacks more than half of them.
    """
    known = set(table.names)
    matched = sum(name in known for name in faces.names)
    if matched < _LEAST_MATCHED * len(faces):
        raise DataError(
            f"The table has only {matched} of the {len(faces)} pictures of {faces.dataset}, "
            f"{faces.part}: extract their action units (ferdesk-train au extract)."
        )


class Material:
    """Reads what a fit needs, each thing once: parts by patch size, tables, probabilities."""

    def __init__(self, *, skip_bad: bool = False) -> None:
        self._skip_bad = skip_bad
        self.table = lru_cache(read_au_table)
        self.part = lru_cache(self._part)
        self.photographs = lru_cache(self._photographs)

    def _part(self, data: Path, part: Part, size: int) -> Faces:
        return load_faces(FERPLUS, data, part, size, skip_bad=self._skip_bad)

    def _photographs(self, data: Path, size: int) -> Faces:
        listed = DATASETS.get(PHOTOGRAPHS).read(data, skip_bad=self._skip_bad)
        # Photographs without a face are passed over: there is nothing to judge.
        return gather(PHOTOGRAPHS, "all", listed.samples, listed, size, skip_bad=True)


def answers(net: Net, faces: Faces) -> FloatArray:
    """(n, 8) float32: the net's calibrated probabilities, by the app's own engine."""
    return bundle_probabilities(net.folder, faces.images)


def learnt_people(faces: Faces) -> Bools:
    """(n,) which photographs are of people that may be learnt from; see `people`."""
    return np.array([people(subject) == "train" for subject in faces.subjects])
