"""Reading a data set's files from a folder or straight out of a zip, which is not to be trusted."""

import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Final, Protocol

from ferdesk.core.errors import DataError

MAX_MEMBERS: Final = 500_000


class Store(Protocol):
    """Files by plain name."""

    def read(self, name: str, limit: int) -> bytes:
        """The file's bytes; DataError if it is missing, unreadable or over `limit` bytes."""

    def stream(self, name: str) -> IO[bytes]:
        """The file, open for reading, for those too large to hold; DataError if it is missing."""

    def names(self) -> list[str]:
        """All files, by their path with forward slashes, sorted."""

    def where(self, name: str) -> str:
        """The file's full name, for messages."""


@dataclass(frozen=True, slots=True)
class FolderStore:
    """The files that lie in one folder.

    Attributes:
        folder: which one.
    """

    folder: Path

    def read(self, name: str, limit: int) -> bytes:
        """The file's bytes."""
        path = self.folder / name
        try:
            with path.open("rb") as file:
                return _capped(file.read(limit + 1), limit, str(path))
        except OSError as error:
            raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error

    def stream(self, name: str) -> IO[bytes]:
        """The file, open for reading."""
        path = self.folder / name
        try:
            return path.open("rb")
        except OSError as error:
            raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error

    def names(self) -> list[str]:
        """All files below the folder, with forward slashes, sorted; hidden ones are left out."""
        try:
            found = [p.relative_to(self.folder) for p in self.folder.rglob("*") if p.is_file()]
        except OSError as error:
            raise DataError(
                f"Cannot look into {self.folder}: {error.strerror or error}."
            ) from error
        return sorted(p.as_posix() for p in found if not any(q.startswith(".") for q in p.parts))

    def where(self, name: str) -> str:
        """The file's path."""
        return str(self.folder / name)


@dataclass(frozen=True, slots=True)
class ZipStore:
    """The members of one folder inside a zip; nothing is extracted.

    It holds the zip's path, not the open zip, so that it can be sent to another process.

    Attributes:
        path: the zip.
        prefix: the folder inside it, "" or ending with a slash.
    """

    path: Path
    prefix: str = ""

    def read(self, name: str, limit: int) -> bytes:
        """The member's bytes, never more than `limit` of them unpacked."""
        try:
            with open_zip(self.path).open(self.prefix + name) as file:
                return _capped(file.read(limit + 1), limit, self.where(name))
        except KeyError as error:
            raise DataError(f"Cannot read {self.where(name)}: there is no such member.") from error
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            # RuntimeError: encrypted; NotImplementedError, its child: unknown compression.
            raise DataError(f"Cannot read {self.where(name)}: {error}.") from error

    def stream(self, name: str) -> IO[bytes]:
        """The member, open for reading; reading it raises the errors of `zipfile`."""
        try:
            return open_zip(self.path).open(self.prefix + name)
        except KeyError as error:
            raise DataError(f"Cannot read {self.where(name)}: there is no such member.") from error
        except (OSError, RuntimeError, zipfile.BadZipFile) as error:
            raise DataError(f"Cannot read {self.where(name)}: {error}.") from error

    def names(self) -> list[str]:
        """All members below the prefix, sorted; hidden ones and folders are left out."""
        below = (
            name.removeprefix(self.prefix)
            for name in open_zip(self.path).namelist()
            if name.startswith(self.prefix) and not name.endswith("/")
        )
        return sorted(n for n in below if not any(q.startswith(".") for q in n.split("/")))

    def where(self, name: str) -> str:
        """Zip and member."""
        return f"{self.path}:{self.prefix}{name}"


def open_store(path: Path) -> Store:
    """The files of a folder, or of a zip from its top.

    Raises:
        DataError: there is nothing, or it is neither.
    """
    if path.is_dir():
        return FolderStore(path)
    if not path.exists():
        raise DataError(f"{path} does not exist.")
    open_zip(path)
    return ZipStore(path)


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip for reading; the last few stay open, since their tables take a while to read.

    Raises:
        DataError: not a zip, cut short, or with more members than any data set here has.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise DataError(f"Cannot open {path} as a zip: {error.strerror or error}.") from error
    return _opened(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _opened(path: Path, _modified_ns: int, _size: int) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise DataError(f"Cannot open {path} as a zip: {error}. Copy it again.") from error
    members = len(archive.NameToInfo)
    if members > MAX_MEMBERS:
        archive.close()
        raise DataError(f"{path} has {members:,} members; more than {MAX_MEMBERS:,} are refused.")
    return archive


def _capped(data: bytes, limit: int, where: str) -> bytes:
    if len(data) > limit:
        raise DataError(f"{where} is larger than {limit:,} bytes; that is not such a file.")
    return data
