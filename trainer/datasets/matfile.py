"""Reads the few kinds of variables that data sets keep in MATLAB's .mat files, and trusts none.

The format is that of "MAT-File Format" (The MathWorks), level 5: what MATLAB's `save` writes with
-v6 and -v7. There is a reader of our own because SciPy's trusts the lengths in a file: bytes that
were changed on the way end the whole process there. Here each length is compared with what is
left before anything is read or set aside, and only the variables and fields asked for are unpacked.
"""

import math
import struct
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.errors import DataError

Value: TypeAlias = NDArray[Any] | str | list["Value"] | dict[str, "Value"]
"""Numbers are an array of the shape that MATLAB shows; text is a str; a cell array is a list in
column order; a struct (1 x 1) is a dict."""

_HEADER: Final = 128  # bytes
_MATRIX: Final = 14
_COMPRESSED: Final = 15
_NUMBERS: Final = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
"""How numbers are stored, by the type of their element."""
_CLASSES: Final = {
    6: "f8",
    7: "f4",
    8: "i1",
    9: "u1",
    10: "i2",
    11: "u2",
    12: "i4",
    13: "u4",
    14: "i8",
    15: "u8",
}
"""What numbers are in MATLAB, by the array's class; they may be stored in fewer bytes."""
_CELL: Final = 1
_STRUCT: Final = 2
_CHAR: Final = 4
_COMPLEX: Final = 0x800
_TEXT: Final = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_MAX_DEPTH: Final = 4
_MAX_DIMS: Final = 8
_MAX_FIELDS: Final = 1_000
_MAX_CELLS: Final = 2_000_000
"""In one cell array; an empty one takes eight bytes in a file and many more in memory."""
_PEEK: Final = 4_096
"""Enough of a compressed variable to see its name."""


def read_mat(
    path: Path, wanted: Sequence[str], *, limit: int, fields: Collection[str] = ()
) -> dict[str, Value]:
    """Read variables of a .mat file.

    Args:
        path: the file.
        wanted: the variables' names.
        limit: how many bytes the file, and each variable once unpacked, may have.
        fields: which fields of structs are read; the others are passed over.

    Returns:
        Those of the variables that are there.

    Raises:
        DataError: missing, too large, not of this format, damaged, or of a kind that no data set
            here uses (sparse or complex numbers, objects, structs in arrays).
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size > limit:
                raise DataError(f"{path} is larger than {limit:,} bytes; that is not such a file.")
            order = _order(file.read(_HEADER), path)
            return _variables(file, size, order, path, (wanted, fields, limit))
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    except MemoryError as error:
        raise DataError(f"{path} does not fit into memory.") from error


def _order(header: bytes, path: Path) -> str:
    """The byte order, "<" or ">"."""
    if header.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise DataError(
            f"{path} is a MATLAB 7.3 (HDF5) file; load it in MATLAB and save it again with -v7."
        )
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
    if not header.startswith(b"MATLAB 5.0") or order is None:
        raise DataError(f"{path} is not a MATLAB file: expected one saved with -v6 or -v7.")
    return order


def _variables(
    file: IO[bytes],
    size: int,
    order: str,
    path: Path,
    asked: tuple[Sequence[str], Collection[str], int],
) -> dict[str, Value]:
    """Go through the file's variables."""
    wanted, fields, limit = asked
    found: dict[str, Value] = {}
    at = _HEADER
    while at + 8 <= size:
        kind, length = struct.unpack(order + "II", file.read(8))
        at += 8
        if length > size - at:
            raise DataError(f"{path} is cut short. Copy it again.")
        if kind == _COMPRESSED:
            content, begin = _unpacked(file.read(length), order, path, wanted, limit), 8
        elif kind == _MATRIX:
            content, begin = file.read(length), 0
        else:
            file.seek(length, 1)
            content, begin = b"", 0
        at += length
        if not content:
            continue
        reader = _Reader(content, order, path, fields)
        head = reader.head(begin)
        if head.name in found:
            raise DataError(f"{path} has the variable {head.name} twice.")
        if head.name in wanted:
            found[head.name] = reader.value(head, 0)
    return found


def _unpacked(data: bytes, order: str, path: Path, wanted: Sequence[str], limit: int) -> bytes:
    """A compressed variable with its tag, or nothing where it is none of those wanted."""
    try:
        start = zlib.decompressobj().decompress(data, _PEEK)
        if len(start) < 8:
            raise DataError(f"{path} is cut short. Copy it again.")
        kind, length = struct.unpack_from(order + "II", start)
        if kind != _MATRIX or _Reader(start, order, path, ()).head(8).name not in wanted:
            return b""
        if length > limit:
            raise DataError(f"{path} holds {length:,} bytes; more than {limit:,} are refused.")
        content = zlib.decompressobj().decompress(data, length + 8)
    except zlib.error as error:
        raise DataError(f"{path} is damaged: {error}. Copy it again.") from error
    if len(content) < length + 8:
        raise DataError(f"{path} is cut short. Copy it again.")
    return content


class _Head(NamedTuple):
    """What comes first in an array: its class, shape and name, and where its content begins."""

    kind: int
    shape: tuple[int, ...]
    name: str
    at: int


class _Reader:
    """Reads arrays out of the bytes of one variable."""

    def __init__(self, data: bytes, order: str, path: Path, fields: Collection[str]) -> None:
        self._data = data
        self._order = order
        self._path = path
        self._fields = fields
        self._pair = struct.Struct(order + "II")

    def head(self, at: int) -> _Head:
        """The head of the array whose content begins at `at`."""
        kind, start, size, at = self._tag(at)
        if kind != 6 or size != 8:
            raise self._damaged("an array has no flags")
        flags = self._pair.unpack_from(self._data, start)[0]
        if flags & _COMPLEX:
            raise self._damaged("complex numbers are not expected")
        kind, start, size, at = self._tag(at)
        if kind != 5 or size % 4 or not 2 <= size // 4 <= _MAX_DIMS:
            raise self._damaged("an array has no shape")
        shape = struct.unpack_from(f"{self._order}{size // 4}i", self._data, start)
        if min(shape) < 0:
            raise self._damaged("a shape is negative")
        _, start, size, at = self._tag(at)
        name = self._data[start : start + size].decode("latin-1")
        return _Head(flags & 0xFF, shape, name, at)

    def value(self, head: _Head, depth: int) -> Value:
        """The array's content."""
        if depth > _MAX_DEPTH:
            raise self._damaged("arrays within arrays are nested too deeply")
        if head.kind in _CLASSES:
            return self._numbers(head)
        if head.kind == _CHAR:
            return self._text(head)
        if head.kind == _CELL:
            return self._cells(head, depth)
        if head.kind == _STRUCT:
            return self._struct(head, depth)
        raise self._damaged(f"{head.name or 'an array'} is of a kind that is not expected")

    def _numbers(self, head: _Head) -> NDArray[Any]:
        kind, start, size, _ = self._tag(head.at)
        if kind not in _NUMBERS:
            raise self._damaged(f"{head.name or 'an array'} has no numbers")
        stored = np.dtype(self._order + _NUMBERS[kind])
        count = math.prod(head.shape)
        if size != count * stored.itemsize:
            raise self._damaged(f"{head.name or 'an array'} has another size than it says")
        flat = np.frombuffer(self._data, stored, count, start)
        return flat.astype(_CLASSES[head.kind], copy=False).reshape(head.shape, order="F")

    def _text(self, head: _Head) -> str:
        kind, start, size, _ = self._tag(head.at)
        if kind not in _TEXT or (head.shape[0] > 1 and size):
            raise self._damaged(f"{head.name or 'an array'} is not one line of text")
        code = _TEXT[kind]
        if code in ("utf-16", "utf-32"):
            code += "-le" if self._order == "<" else "-be"
        return self._data[start : start + size].decode(code, errors="replace")

    def _cells(self, head: _Head, depth: int) -> list[Value]:
        cells: list[Value] = []
        at = head.at
        count = math.prod(head.shape)
        if count > _MAX_CELLS:
            raise self._damaged(f"{head.name or 'an array'} has {count:,} cells")
        for _ in range(count):
            start, at = self._inner(at)
            cells.append(self._inner_value(start, at, depth))
        return cells

    def _struct(self, head: _Head, depth: int) -> dict[str, Value]:
        if math.prod(head.shape) != 1:
            raise self._damaged(f"{head.name or 'a struct'} is not a single struct")
        kind, start, size, at = self._tag(head.at)
        if kind != 5 or size != 4:
            raise self._damaged("a struct has no fields")
        width = struct.unpack_from(self._order + "i", self._data, start)[0]
        _, start, size, at = self._tag(at)
        if width < 1 or size % width or size // width > _MAX_FIELDS:
            raise self._damaged("a struct has no fields")
        content: dict[str, Value] = {}
        for place in range(start, start + size, width):
            name = self._data[place : place + width].split(b"\0")[0].decode("latin-1")
            inner, at = self._inner(at)
            if name in self._fields:
                content[name] = self._inner_value(inner, at, depth)
        return content

    def _inner(self, at: int) -> tuple[int, int]:
        """Where the content of an array within this one begins and where the next array is."""
        kind, start, _, end = self._tag(at)
        if kind != _MATRIX:
            raise self._damaged("an array is missing")
        return start, end

    def _inner_value(self, start: int, end: int, depth: int) -> Value:
        if start == end:  # how [] is written
            return np.zeros((0, 0))
        return self.value(self.head(start), depth + 1)

    def _tag(self, at: int) -> tuple[int, int, int, int]:
        """An element's type, where its data begins, their size, and where the next one is."""
        if at + 8 > len(self._data):
            raise self._damaged("it is cut short")
        kind, size = self._pair.unpack_from(self._data, at)
        if kind >> 16:  # up to four bytes lie in the tag itself
            kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise self._damaged("an element is too long for its tag")
        else:
            start = at + 8
            end = start + (size + 7) // 8 * 8
        if start + size > len(self._data):
            raise self._damaged("it is cut short")
        return kind, start, size, end

    def _damaged(self, what: str) -> DataError:
        return DataError(f"{self._path} cannot be used: {what}.")
