"""SFEW 2.0, stills of films.

A. Dhall, R. Goecke, S. Lucey, T. Gedeon. "Static Facial Expression Analysis in Tough Conditions:
Data, Evaluation Protocol and Benchmark." ICCV Workshops 2011; version 2.0 is that of the EmotiW
2015 challenge. There are whole pictures and faces that the challenge's makers aligned. The labels
of the test part were never given out: its pictures have the label DROPPED.
"""

from pathlib import Path
from typing import Final

from ferdesk.core.errors import DataError
from trainer.datasets.base import DROPPED, DataSet, Part, Sample, Table, add_dataset
from trainer.datasets.listing import BadRows, expression, is_picture, make_table, picture
from trainer.datasets.sequences import below, roots, tops
from trainer.datasets.store import Store

NAME: Final = "sfew"
FOLDERS: Final[dict[Part, str]] = {"train": "Train", "valid": "Val", "test": "Test"}

_ALIGNED: Final = "_Aligned_Faces"
_PLACES: Final[dict[bool, tuple[str, ...]]] = {
    # Whole pictures first: where both lie, the app's own crop is the better one to train on.
    False: ("{0}",),
    True: (
        "{0}" + _ALIGNED,
        "{0}" + _ALIGNED + "_new",
        "{0}/{0}" + _ALIGNED,
        "{0}/{0}" + _ALIGNED + "_new",
    ),
}
"""Where a part may lie, by whether its pictures are faces already."""
_EXPECTED: Final = (
    "expected Train and Val, or Train_Aligned_Faces and Val_Aligned_Faces, each with the folders "
    "Angry, Disgust, Fear, Happy, Neutral, Sad and Surprise"
)


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All parts that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: the folder, or a zip, with the parts. Where whole pictures and aligned faces lie
            there, the whole pictures are read.
        skip_bad: leave bad pictures out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, a folder that is no expression's, or a picture
            that is in two parts.
    """
    folders, cropped = _find(path)
    bad = BadRows(skip_bad)
    samples: list[Sample] = []
    seen: dict[str, str] = {}
    for part, (folder, store) in folders.items():
        _read_part(part, folder, store, seen, samples, bad)
    layout = "aligned faces" if cropped else "whole pictures"
    return make_table(path, layout, samples, bad, cropped=cropped)


def _find(path: Path) -> tuple[dict[Part, tuple[str, Store]], bool]:
    """Each part's folder by its name, and whether the pictures are faces already."""
    stores = roots(path)
    for store in stores:
        for cropped, places in _PLACES.items():
            found: dict[Part, tuple[str, Store]] = {}
            for part, name in FOLDERS.items():
                for place in places:
                    inner = below(store, place.format(name))
                    if inner is not None and part not in found and _has_pictures(inner, part):
                        found[part] = place.format(name), inner
            if found.keys() - {"test"}:
                return found, cropped
    names = ", ".join(tops(stores[0])[:5]) or "nothing"
    raise DataError(f"{path} is not laid out like SFEW 2.0: {_EXPECTED}; found {names}.")


def _has_pictures(store: Store, part: Part) -> bool:
    names = tops(store)
    direct = part == "test" and any(is_picture(name) for name in names)
    return direct or any(expression(name) is not None for name in names)


def _read_part(
    part: Part, folder: str, store: Store, seen: dict[str, str], samples: list[Sample], bad: BadRows
) -> None:
    """Add a part's pictures; one whose name another part has is refused."""
    own: dict[str, str] = {}
    for name in store.names():
        above, _, file = name.rpartition("/")
        if not is_picture(name) or _ALIGNED in above:
            continue
        label = DROPPED if part == "test" and not above else expression(above)
        if label is None:
            bad.add(
                DataError(f"{store.where(name)} is in no expression's folder: {above or 'none'}.")
            )
        elif file in seen:
            bad.add(DataError(f"{store.where(name)} is in two parts: {seen[file]} too."))
        else:
            own[file] = store.where(name)
            samples.append(Sample(f"{folder}/{name}", picture(store, name), label=label, part=part))
    seen.update(own)


add_dataset(
    DataSet(
        name=NAME,
        title="SFEW 2.0 (Dhall et al. 2011; EmotiW 2015)",
        where="from its makers at the Australian National University, after a licence agreement",
        terms=(
            "licence agreement with its makers: academic research only, not to be passed on; the "
            "pictures are stills of commercial films"
        ),
        layout=(
            "Train/, Val/ and perhaps Test/, each with Angry, Disgust, Fear, Happy, Neutral, Sad "
            "and Surprise (Test: pictures only), in a folder or a zip",
            "Train_Aligned_Faces/, Val_Aligned_Faces/ and perhaps Test_Aligned_Faces/ with the "
            "same: faces that are cut out already",
        ),
        # Fewer than lie in the folders: the paper counts those that it could use.
        published={
            "train": 891,
            "anger": 255,
            "disgust": 75,
            "fear": 124,
            "happiness": 256,
            "sadness": 234,
            "surprise": 150,
            "neutral": 228,
        },
        source="Ding et al. 2017, section IV-F (train) and table II (expressions)",
        read=read,
    )
)
