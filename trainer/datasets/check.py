"""What a data set's folder holds, beside what papers say that the set holds."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DATASETS, DROPPED, PARTS, DataSet, Sample, Table
from trainer.datasets.faces import to_grey
from trainer.datasets.folds import folds, protocols_of

MAX_LISTED: Final = 20
"""How many lines of a kind a report holds; the counts beside them are of all."""


def overview() -> list[dict[str, Any]]:
    """What every known data set is and how one gets it, by name."""
    return [
        {
            "name": entry.name,
            "title": entry.title,
            "where": entry.where,
            "terms": entry.terms,
            "layout": list(entry.layout),
            "published": dict(entry.published),
            "source": entry.source,
            "protocols": [protocol.name for protocol in protocols_of(entry.name)],
        }
        for entry in map(DATASETS.get, DATASETS.names())
    ]


def check(name: str, path: Path, *, skip_bad: bool = False, pixels: bool = False) -> dict[str, Any]:
    """Read a data set's table and count what is in it.

    Args:
        name: the data set's.
        path: where it lies.
        skip_bad: leave bad rows, unreadable pictures and duplicates out, and list them.
        pixels: decode every picture too, and look for the same pixels in two parts.

    Returns:
        What JSON can hold: counts of samples in all, by part and by expression, of subjects,
        sequences and samples with action units; "published", a line a count that papers give;
        "protocols", what each fold protocol makes of it; "counted_as", the one whose samples
        "published" is about, if any; "empty", the set's expressions without a sample; "skipped",
        the first reasons, and how many there are.

    Raises:
        DataError: as the set's reader; with `pixels` also for a picture that cannot be read, or
            that is in two parts, unless bad ones are skipped.
        TrainError: no such data set.
    """
    dataset = DATASETS.get(name)
    table = dataset.read(path, skip_bad=skip_bad)
    skipped = list(table.skipped)
    samples = table.samples
    found = _count(samples)
    repeats = _repeats(path, samples, skip_bad, skipped) if pixels else None
    verdicts, counted_as, picked = _follow_protocols(dataset, table)
    return {
        "name": name,
        "title": dataset.title,
        "terms": dataset.terms,
        "path": str(path),
        "layout": table.layout,
        "cropped": table.cropped,
        **found,
        "empty": _empty(dataset, found["expressions"]),
        "protocols": verdicts,
        "counted_as": counted_as,
        "published": _compare(dataset, found, _count(picked)),
        "source": dataset.source,
        "repeated_pixels": repeats,
        "skipped": skipped[:MAX_LISTED],
        "skipped_count": len(skipped),
    }


def _count(samples: Sequence[Sample]) -> dict[str, Any]:
    parts = Counter(sample.part for sample in samples if sample.part)
    labels = Counter(sample.label for sample in samples)
    return {
        "samples": len(samples),
        "labelled": len(samples) - labels[DROPPED],
        "parts": {part: parts[part] for part in PARTS if parts[part]},
        "expressions": {name: labels[label] for label, name in enumerate(EXPRESSIONS)},
        "subjects": len({sample.subject for sample in samples} - {""}),
        "sequences": len({sample.sequence for sample in samples} - {""}),
        "with_aus": sum(bool(sample.aus) for sample in samples),
    }


def _follow_protocols(
    dataset: DataSet, table: Table
) -> tuple[dict[str, str], str, Sequence[Sample]]:
    """What becomes of the set under each of its fold protocols, and the samples that papers count.

    Papers count what their protocol picks: that is the one with most classes that finds its frames.
    Without any, every sample counts.
    """
    verdicts: dict[str, str] = {}
    counted_as, picked = "", table.samples
    for protocol in protocols_of(dataset.name):
        try:
            chosen = protocol.pick(protocol, table)
            if not counted_as:
                counted_as, picked = protocol.name, chosen
            verdicts[protocol.name] = f"{len(folds(protocol, table))} folds"
        except DataError as error:
            verdicts[protocol.name] = str(error)
    return verdicts, counted_as, picked


def _compare(
    dataset: DataSet, found: dict[str, Any], picked: dict[str, Any]
) -> list[dict[str, Any]]:
    """Published counts beside those found; see `DataSet.published` for what there can be."""
    there = {
        **{part: found["parts"].get(part, 0) for part in PARTS},
        **picked["expressions"],
        "images": picked["samples"],
        "subjects": found["subjects"],
        "sequences": found["sequences"],
    }
    return [
        {"what": what, "published": count, "found": there[what], "differs": there[what] != count}
        for what, count in dataset.published.items()
    ]


def _empty(dataset: DataSet, counts: dict[str, int]) -> list[str]:
    """Expressions that the set should have and of which there is not one."""
    known = {what for what in dataset.published if what in EXPRESSIONS} | set(dataset.classes)
    for protocol in protocols_of(dataset.name):
        known |= {EXPRESSIONS[label] for label in protocol.classes}
    return [name for name in EXPRESSIONS if name in known and not counts[name]]


def _repeats(path: Path, samples: Iterable[Sample], skip_bad: bool, skipped: list[str]) -> int:
    """How many samples have the pixels of an earlier one; it may not be of another part."""
    seen: dict[bytes, dict[tuple[str, ...], str]] = {}
    repeats = 0
    for sample in samples:
        try:
            grey = np.ascontiguousarray(to_grey(sample.picture()))
            same = seen.setdefault(sha256(str(grey.shape).encode() + grey.tobytes()).digest(), {})
            repeats += bool(same)
            home = (sample.part, *sample.roles)
            for other, name in same.items():
                _check_homes(path, sample.name, home, name, other)
            same.setdefault(home, sample.name)
        except DataError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
    return repeats


def _check_homes(
    path: Path, name: str, home: tuple[str, ...], other: str, others: tuple[str, ...]
) -> None:
    """Refuse one image in two parts, of the set as a whole or of one of its folds."""
    for one, two in zip(home, others, strict=False):
        if one and two and one != two:
            raise DataError(
                f"{path}: duplicate image in two parts: {other} ({two}) and {name} ({one})."
            )
