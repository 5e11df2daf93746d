"""JAFFE, the Japanese Female Facial Expression set.

M. J. Lyons, S. Akamatsu, M. Kamachi, J. Gyoba. "Coding Facial Expressions with Gabor Wavelets."
FG 1998. Pictures of posed expressions, named like KA.AN1.39.tiff: who, which expression and take,
and a running number.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Final

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DataSet, Sample, Table, add_dataset
from trainer.datasets.listing import BadRows, is_picture, make_table, picture, some
from trainer.datasets.store import open_store

NAME: Final = "jaffe"
CODES: Final = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
_PICTURE: Final = re.compile(
    rf"([A-Z]{{2}})\.({'|'.join(CODES)})\d{{1,2}}\.\d{{1,3}}\.tiff?", re.ASCII | re.IGNORECASE
)


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All pictures that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: a folder or zip with the pictures, however deep they lie.
        skip_bad: leave pictures of other names out, and list them, instead of stopping there.

    Raises:
        DataError: nothing there, another layout, or a picture that is there twice.
    """
    store = open_store(path)
    names = store.names()
    bad = BadRows(skip_bad)
    samples: list[Sample] = []
    seen: dict[str, str] = {}
    pictures = [name for name in names if is_picture(name)]
    if not any(_PICTURE.fullmatch(PurePosixPath(name).name) for name in pictures):
        raise DataError(
            f"{path} is not laid out like JAFFE: expected KA.AN1.39.tiff and the like; "
            f"found {some(names)}."
        )
    for name in pictures:
        plain = PurePosixPath(name).name
        match = _PICTURE.fullmatch(plain)
        if match is None:
            bad.add(
                DataError(
                    f"{store.where(name)}: expected a name like KA.AN1.39.tiff with one of "
                    f"{', '.join(CODES)}."
                )
            )
            continue
        if plain.upper() in seen:
            bad.add(DataError(f"{store.where(name)} is there twice: also {seen[plain.upper()]}."))
            continue
        seen[plain.upper()] = name
        label = EXPRESSIONS.index(CODES[match[2].upper()])
        samples.append(Sample(name, picture(store, name), label=label, subject=match[1].upper()))
    return make_table(path, "official", samples, bad, cropped=False)


add_dataset(
    DataSet(
        name=NAME,
        title="JAFFE (Lyons et al. 1998): posed expressions of Japanese women",
        where="from its authors, on request",
        terms="for non-commercial research; not to be passed on",
        layout=("KA.AN1.39.tiff and the like, in a folder or zip",),
        published={},
        source="",
        read=read,
        classes=tuple(CODES.values()),
    )
)
