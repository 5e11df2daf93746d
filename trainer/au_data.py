"""What an action-unit net learns from: faces of two data sets, and an estimator's answers to them.

Photographs (the data set `faces`) are divided by who they show: SHA-256 of the identity decides, so
that the same person is in the same part on every machine. FER+'s train part, whose people nobody
knows, is learnt from as well, and its valid part is looked at in the end.
"""

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ferdesk.core.align import CropRecipe, eye_aligned
from ferdesk.core.au_bundle import AuOutput, Side
from ferdesk.core.aus import ACTION_UNITS, AU_INDEX
from ferdesk.core.errors import DataError
from ferdesk.core.preprocess import extract
from ferdesk.core.types import FloatArray, Frame, ImageU8
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load
from trainer import au_extract, files
from trainer.au_table import AuTable, read_au_table
from trainer.datasets import DATASETS
from trainer.datasets.base import Part, Sample
from trainer.datasets.faces import load_faces
from trainer.datasets.people import People, people
from trainer.recipes.au import AuRecipe

PHOTOGRAPHS: Final = "faces"
CROPS: Final = "ferplus"
MARGIN: Final = 1.5
"""Side of the kept patches over the net's: what random moves bring in from beside the patch is then
the photograph, not a repeated border."""


@dataclass(frozen=True, slots=True, eq=False)
class AuSet:
    """Faces and what is asked of them.

    Attributes:
        dataset: whose they are.
        part: which of them, in words.
        images: (n, 1, side, side) uint8, side MARGIN times the net's; the net's patch is in the
            middle.
        targets: (n, outputs) float32, 0..1.
    """

    dataset: str
    part: str
    images: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True, eq=False)
class AuSets:
    """All of a training.

    Attributes:
        outputs: what each column of the targets is.
        train: what is learnt from, the photographs first.
        valid: photographs of other people, on which the best epoch is chosen.
        judged: what is reported: photographs of yet other people, and FER+'s valid part.
        seen: images by data set in `train`.
    """

    outputs: tuple[AuOutput, ...]
    train: AuSet
    valid: AuSet
    judged: tuple[AuSet, ...]
    seen: dict[str, int]


def load_sets(recipe: AuRecipe, data: Path, tables: Path, *, skip_bad: bool = False) -> AuSets:
    """Read faces and answers.

    Args:
        recipe: names the estimator and the size.
        data: a folder with FER+ in one of its layouts and the photographs as faces.zip or faces/.
        tables: where the estimator's answers are kept, DATASET-PART-ESTIMATOR.csv; those that are
            missing or not whole are estimated first, which takes a while.
        skip_bad: leave bad rows and images out.

    Raises:
        DataError: a data set or a table cannot be read.
        ModelError: the face models are not installed.
        StoppedError: a signal while units were estimated; what is there is kept.
    """
    photographs = _photographs(data)
    ask = _Asker(recipe, tables, skip_bad)
    answers = ask.answers(PHOTOGRAPHS, photographs, None)
    outputs = outputs_of(answers)
    listed = DATASETS.get(PHOTOGRAPHS).read(photographs, skip_bad=skip_bad).samples
    patches = _patches(listed, answers, recipe, tables / f"{PHOTOGRAPHS}-patches.npz")
    parts = np.array([people(sample.subject) for sample in listed])

    def of(part: People) -> AuSet:
        chosen = np.flatnonzero((parts == part) & answers.at(names).reliable)
        images = torch.from_numpy(patches[chosen])[:, None]
        values = _columns(answers.at([names[i] for i in chosen]), outputs)
        return AuSet(PHOTOGRAPHS, f"{part} people", images, values)

    names = [sample.name for sample in listed]
    crops = {part: _crops(ask, data, part, outputs) for part in ("train", "valid")}
    own = of("train")
    train = AuSet(
        f"{PHOTOGRAPHS} and {CROPS}",
        "train",
        torch.cat([own.images, crops["train"].images]),
        torch.cat([own.targets, crops["train"].targets]),
    )
    seen = {PHOTOGRAPHS: len(own), CROPS: len(crops["train"])}
    return AuSets(outputs, train, of("valid"), (of("held out"), crops["valid"]), seen)


def outputs_of(answers: AuTable) -> tuple[AuOutput, ...]:
    """What can be learnt from a table: each unit that it has, both sides where it has sides."""
    found: list[AuOutput] = []
    for unit in ACTION_UNITS:
        index = AU_INDEX[unit.number]
        if not np.isnan(answers.left[:, index]).all():
            found += [AuOutput(au=unit.number, side="left"), AuOutput(au=unit.number, side="right")]
        elif not np.isnan(answers.activation[:, index]).all():
            found.append(AuOutput(au=unit.number))
    return tuple(found)


def mirrored(outputs: Sequence[AuOutput]) -> list[int]:
    """Which column takes the place of which when a face is mirrored: left and right change."""
    place = {(one.au, one.side): index for index, one in enumerate(outputs)}
    other: dict[Side, Side] = {"": "", "left": "right", "right": "left"}
    return [place[one.au, other[one.side]] for one in outputs]


def _photographs(data: Path) -> Path:
    for name in (f"{PHOTOGRAPHS}.zip", PHOTOGRAPHS):
        if (data / name).exists():
            return data / name
    raise DataError(
        f"{data} has no photographs: expected {PHOTOGRAPHS}.zip or {PHOTOGRAPHS}/ beside FER+."
    )


@dataclass(frozen=True, slots=True)
class _Asker:
    """Gives an estimator's answers, from a table where there is a whole one."""

    recipe: AuRecipe
    tables: Path
    skip_bad: bool

    def answers(self, dataset: str, data: Path, part: Part | None) -> AuTable:
        """The whole table of a part of a data set, or of all of it."""
        name = "-".join(filter(None, (dataset, part, self.recipe.estimator)))
        output = self.tables / f"{name}.csv"
        request = au_extract.Request(
            dataset, data, part, self.recipe.estimator, output, skip_bad=self.skip_bad
        )
        au_extract.run(request)
        return read_au_table(output)


def _crops(ask: _Asker, data: Path, part: Part, outputs: tuple[AuOutput, ...]) -> AuSet:
    """The faces of a part of FER+ that were found, with a border as wide as the margin."""
    answers = ask.answers(CROPS, data, part)
    faces = load_faces(CROPS, data, part, ask.recipe.size, skip_bad=ask.skip_bad)
    known = answers.at(faces.names)
    width = (_side(ask.recipe) - ask.recipe.size) // 2
    padded = np.pad(faces.images, ((0, 0), (width, width), (width, width)), mode="edge")
    chosen = np.flatnonzero(known.reliable)
    images = torch.from_numpy(padded[chosen])[:, None]
    return AuSet(CROPS, part, images, _columns(known, outputs)[chosen])


def _columns(answers: AuTable, outputs: Sequence[AuOutput]) -> Tensor:
    source: dict[str, FloatArray] = {
        "": answers.activation,
        "left": answers.left,
        "right": answers.right,
    }
    columns = [source[one.side][:, AU_INDEX[one.au]] for one in outputs]
    return torch.from_numpy(np.stack(columns, axis=1))


def _side(recipe: AuRecipe) -> int:
    """Of the kept patches; as far beyond the net's on either side."""
    return recipe.size + 2 * math.ceil(recipe.size * (MARGIN - 1) / 2)


def _patches(samples: Sequence[Sample], answers: AuTable, recipe: AuRecipe, cache: Path) -> ImageU8:
    """The patch of each sample's largest face, grey; black where the table has no face.

    Finding faces takes minutes, so the patches are kept beside the tables.

    Returns:
        (n, side, side) uint8.
    """
    names = np.array([sample.name for sample in samples])
    side = _side(recipe)
    kept = _read_patches(cache, names, side)
    if kept is not None:
        return kept
    patches = np.zeros((len(samples), side, side), np.uint8)
    reliable = answers.at(names.tolist()).reliable
    finder = OpenVinoFinder(load("auto"), au_extract.MAX_FACES)
    chosen = np.flatnonzero(reliable).tolist()
    for index in au_extract.shown(chosen, "patches"):
        frame = Frame(samples[index].picture(), index, 0, None, "", still=True)
        face = finder.find(frame)[0]
        place = eye_aligned(face.landmarks, CropRecipe(), recipe.size)
        place[:, 2] += (side - recipe.size) / 2
        patches[index] = extract(frame.image, place, side).image
    finder.close()

    def fill(path: Path) -> None:
        np.savez_compressed(path, allow_pickle=False, names=names, patches=patches)

    files.write_with(cache, fill)
    return patches


def _read_patches(cache: Path, names: np.ndarray, side: int) -> ImageU8 | None:
    """The patches of an earlier call, None where there are none of these samples and this size."""
    try:
        with np.load(cache, allow_pickle=False) as stored:
            if not np.array_equal(stored["names"], names):
                return None
            patches: ImageU8 = stored["patches"]
    except FileNotFoundError:
        return None
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{cache} holds no patches: {error}. Remove it.") from error
    return patches if patches.shape == (len(names), side, side) else None
