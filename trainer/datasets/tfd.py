"""The Toronto Face Database.

J. M. Susskind, A. K. Anderson, G. E. Hinton. "The Toronto Face Database." Technical report,
University of Toronto, 2010. A .mat file holds `images` (n, side, side) of 48 or 96 pixels,
`labs_ex` (n, 1), `labs_id` (n, 1) and `folds` (n, 5): five divisions into train, valid and test,
which hold the labelled faces only.
"""

from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import ImageU8
from trainer.datasets.base import DROPPED, DataSet, Labels, Sample, Table, add_dataset
from trainer.datasets.listing import BadRows, make_table
from trainer.datasets.matfile import Value, read_mat
from trainer.datasets.sequences import kind, tops
from trainer.datasets.store import FolderStore

NAME: Final = "tfd"
FILES: Final = ("TFD_96x96.mat", "TFD_48x48.mat")  # the first that is there is read
SIDES: Final = (48, 96)  # pixels
FOLDS: Final = 5
CODES: Final = {
    -1: DROPPED,
    1: EXPRESSIONS.index("anger"),
    2: EXPRESSIONS.index("disgust"),
    3: EXPRESSIONS.index("fear"),
    4: EXPRESSIONS.index("happiness"),
    5: EXPRESSIONS.index("sadness"),
    6: EXPRESSIONS.index("surprise"),
    7: EXPRESSIONS.index("neutral"),
}
"""`labs_ex` -> label; -1 is a face that was not labelled."""
ROLES: Final = {0: "", 1: "train", 2: "valid", 3: "test"}
"""`folds` -> part; 0 is a face that was not labelled."""

_VARIABLES: Final = ("images", "labs_ex", "labs_id", "folds")
_MAX_BYTES: Final = 2_000_000_000
_MAX: Final = 1 << 31
"""Above any label, person or fold."""


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All faces that lie at `path`, labelled or not; see `trainer.datasets.base.Reader`.

    A sample's `roles` are its parts in the five divisions; its name is the file's and its number
    as MATLAB counts, from 1.

    Args:
        path: the .mat file, or a folder with TFD_96x96.mat or TFD_48x48.mat; the larger is read.
        skip_bad: leave faces with a label that does not exist out, and list them.

    Raises:
        DataError: nothing there, no such file, or variables of another shape or kind.
    """
    file = _find(path)
    found = read_mat(file, _VARIABLES, limit=_MAX_BYTES)
    images = _images(found.get("images"), file)
    count = len(images)
    labels = _whole(found.get("labs_ex"), "labs_ex", (count, 1), file)[:, 0]
    subjects = _whole(found.get("labs_id"), "labs_id", (count, 1), file)[:, 0]
    folds = _whole(found.get("folds"), "folds", (count, FOLDS), file)
    bad = BadRows(skip_bad)
    samples: list[Sample] = []
    for i in range(count):
        name = f"{file.name}:{i + 1}"
        label, roles = CODES.get(int(labels[i])), tuple(ROLES.get(int(f)) for f in folds[i])
        if label is None:
            bad.add(DataError(f"{file}, face {i + 1}: labs_ex is {labels[i]}, not -1 or 1 to 7."))
        elif None in roles:
            bad.add(DataError(f"{file}, face {i + 1}: folds has a value that is not 0 to 3."))
        else:
            samples.append(
                Sample(
                    name,
                    partial(_picture, images[i]),
                    label=label,
                    subject="" if subjects[i] < 0 else str(subjects[i]),
                    roles=tuple(role or "" for role in roles),
                )
            )
    layout = f"{file.name}, {images.shape[1]} x {images.shape[2]} pixels"
    return make_table(file, layout, samples, bad, cropped=True)


def _find(path: Path) -> Path:
    if kind(path) == "file":
        return path
    if kind(path) != "folder":
        raise DataError(f"{path} does not exist; expected {' or '.join(FILES)}.")
    names = tops(FolderStore(path))
    for name in FILES:
        if name in names:
            return path / name
    found = ", ".join(names[:5]) or "nothing"
    raise DataError(f"{path} has no {' or '.join(FILES)}: found {found}.")


def _images(value: Value | None, file: Path) -> ImageU8:
    """(n, side, side) uint8, as MATLAB shows them: row, column."""
    if (
        not isinstance(value, np.ndarray)
        or value.dtype != np.uint8
        or value.ndim != 3
        or value.shape[1] != value.shape[2]
        or value.shape[1] not in SIDES
    ):
        raise DataError(
            f"{file}: expected images of uint8, n x 48 x 48 or n x 96 x 96; found {_said(value)}."
        )
    return value


def _whole(value: Value | None, name: str, shape: tuple[int, int], file: Path) -> Labels:
    """A variable of whole numbers in the shape that it must have; one row will do for a column."""
    if isinstance(value, np.ndarray):
        turned = value.T if shape[1] == 1 and value.shape == (1, shape[0]) else value
        if turned.shape == shape and np.all((turned == np.trunc(turned)) & (abs(turned) < _MAX)):
            return turned.astype(np.int64)
    size = " x ".join(str(side) for side in shape)
    raise DataError(f"{file}: expected {name} of whole numbers, {size}; found {_said(value)}.")


def _said(value: "NDArray[Any] | Value | None") -> str:
    if value is None:
        return "none"
    if isinstance(value, np.ndarray):
        return f"{value.dtype.name}, {' x '.join(str(side) for side in value.shape)}"
    return "no numbers"


def _picture(pixels: ImageU8) -> ImageU8:
    return np.ascontiguousarray(pixels)


add_dataset(
    DataSet(
        name=NAME,
        title="Toronto Face Database (Susskind et al. 2010)",
        where="from its makers at the University of Toronto, on request",
        terms="for research; its faces come from other databases, whose terms hold too",
        layout=(
            "TFD_96x96.mat or TFD_48x48.mat (images, labs_ex, labs_id, folds; saved with -v6 or "
            "-v7), or a folder with one of them",
        ),
        published={
            "anger": 437,
            "disgust": 457,
            "fear": 424,
            "happiness": 758,
            "sadness": 441,
            "surprise": 459,
            "neutral": 1202,
        },
        source="Ding et al. 2017, table II: the 4178 labelled faces",
        read=read,
    )
)
