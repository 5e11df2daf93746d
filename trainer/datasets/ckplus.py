"""CK+, the Extended Cohn-Kanade set.

P. Lucey, J. F. Cohn, T. Kanade, J. Saragih, Z. Ambadar, I. Matthews. "The Extended Cohn-Kanade
Dataset (CK+): A complete dataset for action unit and emotion-specified expression." CVPR Workshops
2010. Sequences from a neutral face to the peak of an expression; a file an emotion for some of
them, a file of FACS codes of the peak. Every frame becomes a sample and carries the sequence's
emotion; which frames count as what is for a protocol to say (`trainer.datasets.folds`).

CK+48 is a copy that many people have: the last three frames of each labelled sequence as 48 x 48
faces in a folder a class. It has neither FACS codes nor the neutral first frames.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DROPPED, DataSet, Sample, Table, add_dataset
from trainer.datasets.listing import BadRows, expression, is_picture, make_table, picture, some
from trainer.datasets.store import Store, open_store

NAME: Final = "ckplus"
EMOTIONS: Final = (
    "neutral",
    "anger",
    "contempt",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
)
"""What the numbers in the emotion files mean."""

_FRAME: Final = re.compile(r"(S\d{3})_(\d{3})_(\d{8})\.png", re.ASCII)
_CODES: Final = re.compile(r"(S\d{3})_(\d{3})_\d{8}_(emotion|facs)\.txt", re.ASCII)
_MAX_TEXT: Final = 10_000  # bytes
_MAX_AU: Final = 99
_MAX_INTENSITY: Final = 5  # E; 0 says that the unit is there, its intensity was not coded
_EXPECTED: Final = (
    "expected the trees cohn-kanade-images/S005/001/*.png and Emotion/S005/001/*_emotion.txt, or "
    "CK+48's folders anger, contempt, disgust, fear, happy, sadness, surprise"
)


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All frames that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: a folder or zip with the official trees, whatever they are called and however deep
            they lie, or with CK+48's class folders.
        skip_bad: leave bad files out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, a malformed file, or a frame that is there twice.
    """
    store = open_store(path)
    names = store.names()
    frames = [name for name in names if is_picture(name)]
    bad = BadRows(skip_bad)
    if any(_in_sequence(name) for name in frames):
        return _official(path, store, names, frames, bad)
    if any(_in_class(name) for name in frames):
        return _ck48(path, store, frames, bad)
    raise DataError(f"{path} is not laid out like CK+: {_EXPECTED}; found {some(names)}.")


def _in_sequence(name: str) -> bool:
    """Whether a frame lies in the folders S005/001 that its own name tells."""
    match = _FRAME.fullmatch(PurePosixPath(name).name)
    return match is not None and PurePosixPath(name).parts[-3:-1] == match.groups()[:2]


def _in_class(name: str) -> bool:
    return (
        _FRAME.fullmatch(PurePosixPath(name).name) is not None
        and expression(PurePosixPath(name).parent.name) is not None
    )


def _official(path: Path, store: Store, names: list[str], frames: list[str], bad: BadRows) -> Table:
    sequences = _sequences(store, frames, bad)
    labels: dict[str, int] = {}
    units: dict[str, dict[int, float]] = {}
    known: set[tuple[str, str]] = set()
    for name in names:
        match = _CODES.fullmatch(PurePosixPath(name).name)
        if match is None:
            continue
        sequence, kind = f"{match[1]}_{match[2]}", match[3]
        try:
            if (sequence, kind) in known:
                raise DataError(f"{store.where(name)}: {sequence} has another {kind} file too.")
            known.add((sequence, kind))
            if sequence not in sequences:
                raise DataError(f"{store.where(name)}: there are no frames of {sequence}.")
            if kind == "emotion":
                labels[sequence] = _emotion(store, name)
            else:
                units[sequence] = _units(store, name)
        except DataError as error:
            bad.add(error)
    if not labels:
        raise DataError(
            f"{path} has frames but no emotions: expected a tree of *_emotion.txt, found "
            f"{some(names)}."
        )
    samples = []
    for sequence, found in sequences.items():
        label = labels.get(sequence, DROPPED)
        samples += _clip(store, sequence, found, label, units.get(sequence, {}))
    layout = f"official, {'with' if units else 'without'} FACS codes"
    return make_table(path, layout, samples, bad, cropped=False)


def _sequences(store: Store, frames: Iterable[str], bad: BadRows) -> dict[str, dict[int, str]]:
    """Sequence -> number of a frame -> its name."""
    found: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for name in frames:
        match = _FRAME.fullmatch(PurePosixPath(name).name)
        if match is None or not _in_sequence(name):
            bad.add(
                DataError(
                    f"{store.where(name)} is not where CK+ has frames: expected "
                    "S005/001/S005_001_00000011.png and the like."
                )
            )
            continue
        sequence, number = f"{match[1]}_{match[2]}", int(match[3])
        if number in found[sequence]:
            other = store.where(found[sequence][number])
            bad.add(DataError(f"{store.where(name)} is there twice: also {other}."))
            continue
        found[sequence][number] = name
    return {sequence: found[sequence] for sequence in sorted(found) if found[sequence]}


def _clip(
    store: Store, sequence: str, frames: Mapping[int, str], label: int, units: Mapping[int, float]
) -> list[Sample]:
    """The samples of one sequence; the peak, which is the last frame, has the action units."""
    ordered = [frames[number] for number in sorted(frames)]
    return [
        Sample(
            name,
            picture(store, name),
            label=label,
            subject=sequence.partition("_")[0],
            sequence=sequence,
            frame=place,
            frames=len(ordered),
            aus=dict(units) if place == len(ordered) - 1 else {},
        )
        for place, name in enumerate(ordered)
    ]


def _numbers(store: Store, name: str) -> list[list[float]]:
    """The numbers of a small text, line by line."""
    try:
        text = store.read(name, _MAX_TEXT).decode("ascii")
        return [
            [float(cell) for cell in line.split()] for line in text.splitlines() if line.strip()
        ]
    except ValueError as error:
        raise DataError(f"{store.where(name)} is no text of numbers: {error}.") from error


def _emotion(store: Store, name: str) -> int:
    numbers = [number for line in _numbers(store, name) for number in line]
    if len(numbers) != 1 or numbers[0] not in range(len(EMOTIONS)):
        found = " ".join(f"{number:g}" for number in numbers[:5]) or "nothing"
        raise DataError(
            f"{store.where(name)}: expected one number of 0..{len(EMOTIONS) - 1}, found {found}."
        )
    return EXPRESSIONS.index(EMOTIONS[int(numbers[0])])


def _units(store: Store, name: str) -> dict[int, float]:
    """Action unit -> 0..1, from rows of a unit and its intensity."""
    units: dict[int, float] = {}
    for row in _numbers(store, name):
        if (
            len(row) != 2
            or row[0] not in range(1, _MAX_AU + 1)
            or not 0 <= row[1] <= _MAX_INTENSITY
        ):
            raise DataError(
                f"{store.where(name)}: expected an action unit and an intensity of "
                f"0..{_MAX_INTENSITY}, found {' '.join(f'{cell:g}' for cell in row[:5])}."
            )
        strength = row[1] / _MAX_INTENSITY if row[1] else 1.0
        # A unit can be coded for both sides of the face; the stronger side is the one seen.
        units[int(row[0])] = max(units.get(int(row[0]), 0.0), strength)
    return units


def _ck48(path: Path, store: Store, frames: list[str], bad: BadRows) -> Table:
    found: defaultdict[str, dict[int, str]] = defaultdict(dict)
    labels: dict[str, int] = {}
    for name in frames:
        match = _FRAME.fullmatch(PurePosixPath(name).name)
        label = expression(PurePosixPath(name).parent.name)
        try:
            if match is None or label is None:
                raise DataError(
                    f"{store.where(name)} is not where CK+48 has faces: expected "
                    "anger/S010_004_00000017.png and the like."
                )
            sequence, number = f"{match[1]}_{match[2]}", int(match[3])
            if number in found[sequence]:
                other = store.where(found[sequence][number])
                raise DataError(f"{store.where(name)} is there twice: also {other}.")
            if labels.setdefault(sequence, label) != label:
                raise DataError(
                    f"{store.where(name)}: {sequence} lies under "
                    f"{EXPRESSIONS[labels[sequence]]} too."
                )
        except DataError as error:
            bad.add(error)
            continue
        found[sequence][number] = name
    samples: list[Sample] = []
    for sequence in sorted(labels):
        samples += _clip(store, sequence, found[sequence], labels[sequence], {})
    return make_table(path, "CK+48: a folder a class, peak frames only", samples, bad, cropped=True)


add_dataset(
    DataSet(
        name=NAME,
        title="CK+, Extended Cohn-Kanade (Lucey et al. 2010): posed sequences up to the peak",
        where="from its authors at the University of Pittsburgh, after signing their agreement",
        terms=(
            "by agreement, for non-commercial research; not to be passed on, and only the subjects "
            "it names may be shown in print"
        ),
        layout=(
            "cohn-kanade-images/S005/001/S005_001_00000011.png, Emotion/S005/001/*_emotion.txt, "
            "FACS/S005/001/*_facs.txt (also as Emotion_labels/, FACS_labels/), a folder or zip",
            "CK+48: anger, contempt, disgust, fear, happy, sadness, surprise, each with "
            "S010_004_00000017.png and the like, a folder or zip",
        ),
        published={
            "sequences": 593,
            "subjects": 123,
            "images": 1308,
            "neutral": 327,
            "happiness": 207,
            "surprise": 249,
            "sadness": 84,
            "anger": 135,
            "disgust": 177,
            "fear": 75,
            "contempt": 54,
        },
        # Its 147 for happiness would not sum to its own 1308; three frames of Kyritsis' 69 do.
        source=(
            "sequences, subjects: Kyritsis, section 3.2; images and expressions under ckplus-8: "
            "Ding et al. 2017, table II, with happiness from Kyritsis, table 3.2 (3 x 69)"
        ),
        read=read,
    )
)
