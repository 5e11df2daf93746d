"""Reading a data set's files from a folder or straight out of a zip, which is not to be trusted."""

import zipfile
import zlib
from pathlib import Path
from typing import Final, Protocol

from ferdesk.core.errors import DataError

MAX_MEMBERS: Final = 500_000


class Store(Protocol):
    """Files by plain name."""

    def read(self, name: str, limit: int) -> bytes:
        """The file's bytes; DataError if it is missing, unreadable or over `limit` bytes."""

    def where(self, name: str) -> str:
        """The file's full name, for messages."""


class FolderStore:
    """The files that lie in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, limit: int) -> bytes:
        """The file's bytes."""
        path = self._folder / name
        try:
            with path.open("rb") as file:
                return _capped(file.read(limit + 1), limit, str(path))
        except OSError as error:
            raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error

    def where(self, name: str) -> str:
        """The file's path."""
        return str(self._folder / name)


class ZipStore:
    """The members of one folder inside a zip; nothing is extracted.

    Args:
        archive: an open zip.
        prefix: the folder inside it, "" or ending with a slash.
    """

    def __init__(self, archive: zipfile.ZipFile, prefix: str) -> None:
        self._archive = archive
        self._prefix = prefix

    def read(self, name: str, limit: int) -> bytes:
        """The member's bytes, never more than `limit` of them unpacked."""
        try:
            with self._archive.open(self._prefix + name) as file:
                return _capped(file.read(limit + 1), limit, self.where(name))
        except KeyError as error:
            raise DataError(f"Cannot read {self.where(name)}: there is no such member.") from error
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            # RuntimeError: encrypted; NotImplementedError, its child: unknown compression.
            raise DataError(f"Cannot read {self.where(name)}: {error}.") from error

    def where(self, name: str) -> str:
        """Zip and member."""
        return f"{self._archive.filename}:{self._prefix}{name}"


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip for reading.

    Raises:
        DataError: not a zip, cut short, or with more members than any data set here has.
    """
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
