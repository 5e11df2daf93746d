"""Reads the few kinds of variables that data sets keep in MATLAB's .mat files, and trusts none.

SciPy reads them in a process of its own, `trainer/datasets/mat_child.py`. What a damaged file does
to it ends that process, not this one (docs/decisions/0007-mat-files.md). Plain data comes back.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.errors import DataError
from trainer.errors import TrainError

Value: TypeAlias = NDArray[Any] | str | list["Value"] | dict[str, "Value"]
"""Numbers are an array of the shape that MATLAB shows; text is a str; a cell array is a list in
column order; a struct (1 x 1) is a dict."""

_CHILD: Final = Path(__file__).with_name("mat_child.py")
_DAMAGED: Final = "{} cannot be read as a MATLAB file: it is damaged."
_HEADER: Final = 128  # bytes
_TIMEOUT: Final = 600.0  # seconds
_SPARE: Final = 2 << 30
"""Bytes for Python and SciPy themselves, beyond those for the file's content."""


def read_mat(
    path: Path, wanted: Sequence[str], *, limit: int, fields: Collection[str] = ()
) -> dict[str, Value]:
    """Read variables of a .mat file as MATLAB's `save` writes it with -v6 and -v7.

    Args:
        path: the file.
        wanted: the variables' names.
        limit: how many bytes the file, and the numbers in it once unpacked, may have.
        fields: which fields of structs are read; the others are passed over.

    Returns:
        Those of the variables that are there.

    Raises:
        DataError: missing, too large, not of this format, damaged, or of a kind that no data set
            here uses (sparse or complex numbers, objects, structs in arrays).
        TrainError: SciPy is not installed.
    """
    if importlib.util.find_spec("scipy") is None:
        raise TrainError('scipy is not installed: pip install "ferdesk[train]"')
    try:
        _check(path, limit)
        with tempfile.TemporaryDirectory(prefix="ferdesk-mat-") as folder:
            asked = {
                "path": str(path),
                "wanted": list(wanted),
                "fields": sorted(fields),
                "limit": limit,
                "memory": 3 * limit + _SPARE,  # MATLAB's doubles may be stored in fewer bytes
                "folder": folder,
            }
            _run(asked, path)
            return _taken(Path(folder), path)
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    except MemoryError as error:
        raise DataError(f"{path} does not fit into memory.") from error


def _check(path: Path, limit: int) -> None:
    """Refuse what can be told by the size and the first bytes."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise DataError(f"{path} is larger than {limit:,} bytes; that is not such a file.")
        header = file.read(_HEADER)
    if header.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise DataError(
            f"{path} is a MATLAB 7.3 (HDF5) file; load it in MATLAB and save it again with -v7."
        )
    if not header.startswith(b"MATLAB 5.0") or header[126:] not in (b"IM", b"MI"):
        raise DataError(f"{path} is not a MATLAB file: expected one saved with -v6 or -v7.")


def _run(asked: dict[str, Any], path: Path) -> None:
    """Let the child read. It is run by its path: as a module it would load every data set's."""
    # -P: the child's own folder has modules whose names others use too. Nothing is computed there,
    # and each thread of OpenBLAS would take of the child's memory.
    command = [sys.executable, "-P", str(_CHILD), json.dumps(asked)]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=env,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(
            f"{path} cannot be read as a MATLAB file: no end after {_TIMEOUT:g} seconds."
        ) from error
    if done.returncode:
        damaged = DataError(_DAMAGED.format(path))
        damaged.add_note(f"exit code {done.returncode}: {done.stderr[-2000:]!r}")
        raise damaged


def _taken(folder: Path, path: Path) -> dict[str, Value]:
    """What the child left in the folder."""
    try:
        answer = json.loads((folder / "found.json").read_text(encoding="ascii"))
        if "refused" in answer:
            raise DataError(f"{path} cannot be used: {answer['refused']}.")
        return {name: _value(content, folder) for name, content in answer["found"].items()}
    except (ValueError, EOFError) as error:  # no JSON, or an .npy file cut short or with objects
        raise DataError(_DAMAGED.format(path)) from error


def _value(content: Any, folder: Path) -> Value:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return [_value(cell, folder) for cell in content]
    if "struct" in content:
        return {name: _value(field, folder) for name, field in content["struct"].items()}
    array: NDArray[Any] = np.load(folder / f"{int(content['array'])}.npy", allow_pickle=False)
    return array
