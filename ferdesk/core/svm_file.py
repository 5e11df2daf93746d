"""svm.npz: what its arrays are, and reading it when it comes from a stranger."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.au_odds import UnitOdds, n_terms
from ferdesk.core.au_svm import CONTESTS, WIDTH, AuSvms, Doubles
from ferdesk.core.errors import BundleError
from ferdesk.core.labels import EXPRESSIONS

MAX_VECTORS: Final = 50_000
"""Support vectors of all contests together; more would neither be quick nor small."""
_MAX_BYTES: Final = 32_000_000
_LARGEST: Final = 1e6
_SMALLEST_DEVIATION: Final = 1e-4
_UNREADABLE: Final = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
_FIX: Final = "Copy the bundle again or fit it anew (ferdesk-train svm fit)."


class ArraySpec(NamedTuple):
    """What an array of svm.npz is.

    Attributes:
        shape: axes by name, or by number where they are always as long.
        meaning: what it holds.
    """

    shape: tuple[str | int, ...]
    meaning: str


ARRAYS: Final = {
    "mean": ArraySpec(("units",), "each unit's mean activation over the images learnt from"),
    "deviation": ArraySpec(("units",), "its standard deviation; values are standardised by both"),
    "weights": ArraySpec(
        (len(CONTESTS), WIDTH, "units"), "of linear machines, on standardised values; else 0"
    ),
    "bias": ArraySpec((len(CONTESTS), WIDTH), "added to what a machine gives"),
    "gamma": ArraySpec(
        (len(CONTESTS),), "of the kernel exp(-gamma |x - v|^2); 0 where machines are linear"
    ),
    "start": ArraySpec(
        (len(CONTESTS) + 1,), "where in vectors each contest's begin, and the last one's end"
    ),
    "vectors": ArraySpec(("vectors", "units"), "support vectors, standardised; 0 for other units"),
    "coefficients": ArraySpec(("vectors", WIDTH), "of support vectors in each machine"),
    "root_mean": ArraySpec(("units",), "mean of each activation's square root"),
    "root_deviation": ArraySpec(("units",), "its standard deviation"),
    "odds": ArraySpec(
        ("decisions", len(EXPRESSIONS), "terms"),
        "what all units and their products add to each expression's log-odds beside each net",
    ),
}
"""The arrays of svm.npz: float64, `start` int64."""


def read_arrays(
    path: Path, units: Sequence[int], decisions: int
) -> tuple[AuSvms, tuple[UnitOdds, ...]]:
    """Read svm.npz and check every array.

    Args:
        path: the file.
        units: the bundle's, in the order of the arrays' columns.
        decisions: how many nets the bundle has an entry for.

    Returns:
        The machines, and the odds beside each net.

    Raises:
        BundleError: no such file, too large, or an array is missing, of another shape or type, not
            finite, or out of range.
    """
    try:
        with zipfile.ZipFile(path) as members:
            if sum(member.file_size for member in members.infolist()) > _MAX_BYTES:
                raise BundleError(f"{path} is too large for support vector machines. {_FIX}")
        with np.load(path, allow_pickle=False) as stored:
            found = {name: np.asarray(stored[name]) for name in ARRAYS}
    except _UNREADABLE as error:
        raise BundleError(f"{path} holds no support vector machines: {error}. {_FIX}") from error
    start, numbers = _checked(found, len(units), decisions, path)
    root_mean, root_deviation, odds = (
        numbers.pop(name) for name in ("root_mean", "root_deviation", "odds")
    )
    svms = AuSvms(tuple(units), start=start, **numbers)
    _check_sight(svms, path)
    return svms, tuple(UnitOdds(root_mean, root_deviation, weights) for weights in odds)


def _checked(
    found: dict[str, NDArray[np.generic]], units: int, decisions: int, path: Path
) -> tuple[NDArray[np.int64], dict[str, Doubles]]:
    """The array `start`, and all the others by name."""
    vectors = len(found["vectors"]) if found["vectors"].ndim else 0
    sizes = {
        "units": units,
        "vectors": vectors,
        "decisions": decisions,
        "terms": n_terms(units),
    }
    for name, spec in ARRAYS.items():
        array = found[name]
        wanted = tuple(sizes[axis] if isinstance(axis, str) else axis for axis in spec.shape)
        kind = np.dtype(np.int64 if name == "start" else np.float64)
        if array.dtype != kind or array.shape != wanted:
            raise BundleError(
                f"{path}: {name} must be {kind} of {wanted}, not {array.dtype} of {array.shape}. "
                f"{_FIX}"
            )
    start = np.asarray(found["start"], np.int64)
    numbers = {
        name: np.asarray(array, np.float64) for name, array in found.items() if name != "start"
    }
    for name, values in numbers.items():
        # Written so that NaN fails too.
        if not (np.abs(values) <= _LARGEST).all():
            raise BundleError(f"{path}: {name} has values that are no numbers or too large. {_FIX}")
    if vectors > MAX_VECTORS or start[0] != 0 or start[-1] != vectors or (np.diff(start) < 0).any():
        raise BundleError(f"{path}: its support vectors are not in order. {_FIX}")
    deviations = np.minimum(numbers["deviation"], numbers["root_deviation"])
    if deviations.min() < _SMALLEST_DEVIATION or numbers["gamma"].min() < 0:
        raise BundleError(f"{path}: a deviation or gamma is out of range. {_FIX}")
    return start, numbers


def _check_sight(svms: AuSvms, path: Path) -> None:
    for index, contest in enumerate(CONTESTS):
        blind = ~svms.sees(contest)
        vectors = svms.vectors[svms.start[index] : svms.start[index + 1]]
        if svms.weights[index][:, blind].any() or vectors[:, blind].any():
            named = ", ".join(EXPRESSIONS[place] for place in contest)
            raise BundleError(f"{path}: a machine for {named} sees units of others. {_FIX}")
