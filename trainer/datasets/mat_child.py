"""The process in which `trainer.datasets.matfile` lets SciPy read a .mat file.

It is run by its path, with one argument: what is asked for, as JSON. It hands back plain data only,
in the folder it is given: `found.json` with texts, lists and structs, and an .npy file for each
array. Where the file is not of a kind that is read here, `found.json` says so; whatever else goes
wrong ends this process, and the one that started it makes the message.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.io import loadmat

if sys.platform != "win32":
    import resource

_COMPLEX: Final = "complex numbers are not expected"
_MAX_DEPTH: Final = 4
_MAX_CELLS: Final = 2_000_000
_MAX_ARRAYS: Final = 1_000


class _RefusedError(Exception):
    """Sound, but of a kind that no data set here uses; the message ends a sentence."""


class _Writer:
    """Turns what SciPy read into plain data: arrays into files, the rest into JSON."""

    def __init__(self, folder: Path, fields: frozenset[str], limit: int) -> None:
        self._folder = folder
        self._fields = fields
        self._limit = limit
        self._cells = 0
        self._bytes = 0
        self._arrays = 0
        self._empty: dict[tuple[str, tuple[int, ...]], dict[str, Any]] = {}

    def plain(self, value: object, depth: int = 0) -> Any:
        """A str, a list, {"struct": fields by name} or {"array": number of its file}."""
        if depth > _MAX_DEPTH:
            raise _RefusedError("arrays within arrays are nested too deeply")
        # SciPy's classes for objects and functions are children of ndarray.
        if type(value) is not np.ndarray:
            raise _RefusedError("it holds something that is not numbers, text, cells or a struct")
        if value.dtype.names is not None:
            if value.size != 1:
                raise _RefusedError("a struct is not a single struct")
            names = [name for name in value.dtype.names if name in self._fields]
            inner = value.reshape(-1)[0]
            return {"struct": {name: self.plain(inner[name], depth + 1) for name in names}}
        if value.dtype.kind == "O":
            self._cells += value.size
            if self._cells > _MAX_CELLS:
                raise _RefusedError(f"it has more than {_MAX_CELLS:,} cells")
            return [self.plain(cell, depth + 1) for cell in value.reshape(-1, order="F")]
        if value.dtype.kind == "U":
            if value.size > 1:
                raise _RefusedError("a text is not one line of text")
            text = str(value.reshape(-1)[0]) if value.size else ""
            return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text
        return self._numbers(value)

    def _numbers(self, value: np.ndarray[Any, Any]) -> dict[str, Any]:
        if value.dtype.kind not in "iufb":
            raise _RefusedError(_COMPLEX)
        key = (value.dtype.str, value.shape)
        if key in self._empty:  # [] may stand in each of many cells
            return self._empty[key]
        self._bytes += value.nbytes
        self._arrays += 1
        if self._bytes > self._limit:
            raise _RefusedError(f"its numbers take more than {self._limit:,} bytes")
        if self._arrays > _MAX_ARRAYS:
            raise _RefusedError(f"it has more than {_MAX_ARRAYS:,} arrays")
        kind = np.dtype(np.uint8) if value.dtype.kind == "b" else value.dtype.newbyteorder("=")
        place = self._folder / f"{self._arrays}.npy"
        np.save(place, value.astype(kind, copy=False), allow_pickle=False)
        found = {"array": self._arrays}
        if not value.size:
            self._empty[key] = found
        return found


def _cap(memory: int) -> None:
    """Let this process have no more than `memory` bytes of addresses, and leave no core behind."""
    if sys.platform == "win32":
        return
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError) as error:  # macOS knows RLIMIT_AS and may refuse to set it
            print(f"no limit {kind}: {error}", file=sys.stderr)  # noqa: T201


def main(asked: dict[str, Any]) -> None:
    """Read what is asked for: path, wanted, fields, limit, memory (bytes), folder."""
    _cap(asked["memory"])
    # SciPy only warns of a variable that is there twice or cannot be read.
    warnings.simplefilter("error")
    for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        warnings.simplefilter("ignore", category)
    folder = Path(asked["folder"])
    writer = _Writer(folder, frozenset(asked["fields"]), asked["limit"])
    answer: dict[str, Any] = {}
    try:
        with Path(asked["path"]).open("rb") as file:
            found = loadmat(file, variable_names=asked["wanted"], mat_dtype=True)
        answer["found"] = {n: writer.plain(found[n]) for n in asked["wanted"] if n in found}
    except _RefusedError as error:
        answer["refused"] = str(error)
    except np.exceptions.ComplexWarning:  # SciPy turns them into the class that the file names
        answer["refused"] = _COMPLEX
    except MemoryError:
        answer["refused"] = "it is damaged, or does not fit into memory"
    (folder / "found.json").write_text(json.dumps(answer), encoding="ascii")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
