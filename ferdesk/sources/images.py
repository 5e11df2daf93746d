"""Single pictures and folders of them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame, ImageU8
from ferdesk.sources.base import BaseSource, SourceInfo
from ferdesk.sources.imagesize import ORIENTATION_TAG, image_size, tiff_value
from ferdesk.sources.quiet import hush

IMAGE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff"}
    | {".pnm", ".ppm", ".pgm", ".pbm"}
)
"""What is read, by file name."""

_OTHER_SUFFIXES: Final = frozenset({".heic", ".heif", ".avif", ".gif", ".jp2", ".jxl", ".exr"})
"""Pictures to a user, but not to us: counted as unreadable, not passed over in silence."""

PICTURE_SUFFIXES: Final = IMAGE_SUFFIXES | _OTHER_SUFFIXES
"""What counts as a picture in a folder, by file name."""

_PICTURE_SEQUENCES: Final = frozenset({".gif", ".mjpg", ".mjpeg"})
"""Alone, these are videos."""

MAX_PIXELS: Final = 100_000_000
"""300 MB once decoded."""

MAX_SIDE: Final = 32_766
"""OpenCV's warps address pixels with 16 bits."""

_MAX_BYTES: Final = 1_000_000_000
_HEADER_BYTES: Final = 16


class ImageFolder(BaseSource):
    """Pictures as frames: a folder's, in natural order of their names, or just one.

    Grey and alpha become BGR, 16 bits become 8 (divided by 256), transparent parts become black,
    and pictures that carry an EXIF orientation are turned upright. Folders below are not entered.

    Args:
        path: a picture's file, or a folder.

    Raises:
        SourceError: a single picture cannot be read; a folder has no pictures.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        hush()
        self._single = not path.is_dir()
        self._paths: Sequence[Path] = [path] if self._single else _pictures_in(path)
        self._at = 0
        self._closed = False
        self._skipped = 0
        self._first_reason = ""
        # One is decoded ahead, so that a single bad picture is known before work begins.
        self._ahead: ImageU8 | None = load_image(path) if self._single else None
        height, width = self._ahead.shape[:2] if self._ahead is not None else (0, 0)
        self._info = SourceInfo(
            name=path.absolute().name or str(path),
            kind="images",
            live=False,
            width=width,
            height=height,
            fps=None,
            frames=len(self._paths),
        )

    @property
    def info(self) -> SourceInfo:
        """What is known about the pictures."""
        return self._info

    @property
    def warning(self) -> str | None:
        """How many pictures could not be read so far, and why the first could not."""
        if not self._skipped:
            return None
        total = len(self._paths)
        return f"{self._skipped} of {total} pictures were skipped, first: {self._first_reason}"

    def read(self) -> Frame | None:
        """The next picture that can be read, or None after the last.

        Raises:
            SourceError: not one picture of the folder could be read.
        """
        while not self._closed and self._at < len(self._paths):
            path = self._paths[self._at]
            self._at += 1
            try:
                image = self._ahead if self._ahead is not None else load_image(path)
            except SourceError as error:
                self._first_reason = self._first_reason or str(error)
                self._skipped += 1
                continue
            self._ahead = None
            return self._frame(image, name=path.name, still=True)
        if not self._closed and self._skipped == len(self._paths):
            raise SourceError(f"No picture in {self._info.name} can be read: {self._first_reason}")
        return None

    def close(self) -> None:
        """Forget what has not been read yet."""
        self._closed = True
        self._ahead = None


def looks_like_image(path: Path) -> bool:
    """Whether a file is to be read as a picture: by its content, or its name if that is broken."""
    suffix = path.suffix.lower()
    if suffix in _PICTURE_SEQUENCES:
        return False
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        start = b""
    if image_size(start) is not None or start.startswith((b"\xff\xd8\xff", b"II*\0", b"MM\0*")):
        return True
    return suffix in PICTURE_SUFFIXES


def load_image(path: Path) -> ImageU8:
    """Read one picture.

    Args:
        path: a PNG, JPEG, BMP, WebP, TIFF or PNM file.

    Returns:
        (height, width, 3) uint8, BGR, upright.

    Raises:
        SourceError: it cannot be read, is no such picture, or is too large.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SourceError(f"{path} is too large to be read as a picture.")
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, where: str) -> ImageU8:
    """Decode one picture, its size judged before anything is unpacked.

    Args:
        data: the content of a PNG, JPEG, BMP, WebP, TIFF or PNM file.
        where: its name, for messages.

    Returns:
        (height, width, 3) uint8, BGR, upright.

    Raises:
        SourceError: it is damaged, is no such picture, or is too large.
    """
    if not data:
        raise SourceError(f"{where} is empty.")
    size = image_size(data)
    if size is None:
        raise SourceError(f"{where} is damaged or no PNG, JPEG, BMP, WebP, TIFF or PNM picture.")
    width, height = size
    if max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise SourceError(
            f"{where} has {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} million, "
            f"and {MAX_SIDE} a side, are read. Scale it down first."
        )
    buffer = np.frombuffer(data, np.uint8)
    try:
        decoded, kinds, blocks = cv2.imdecodeWithMetadata(buffer, cv2.IMREAD_UNCHANGED)
        if decoded is None:
            raise SourceError(f"{where} is damaged or cut short.")
        exif = next(
            (
                np.asarray(block, np.uint8).tobytes()
                for kind, block in zip(kinds, blocks, strict=True)
                if kind == cv2.IMAGE_METADATA_EXIF
            ),
            b"",
        )
        return _upright(_to_bgr(np.asarray(decoded), where), tiff_value(exif, ORIENTATION_TAG))
    except (cv2.error, MemoryError) as error:
        raise SourceError(f"{where} is damaged or of an unusual kind.") from error


def _to_bgr(decoded: NDArray[np.generic], where: str) -> ImageU8:
    if decoded.dtype == np.uint16:
        decoded = np.right_shift(decoded, 8).astype(np.uint8)
    if decoded.dtype != np.uint8:
        raise SourceError(f"{where} has {decoded.dtype} pixels; 8 or 16 bits a channel are read.")
    pixels = np.asarray(decoded, np.uint8)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    if channels == 4:
        alpha = cv2.cvtColor(np.ascontiguousarray(pixels[:, :, 3]), cv2.COLOR_GRAY2BGR)
        colour = np.ascontiguousarray(pixels[:, :, :3])
        return np.asarray(cv2.multiply(colour, alpha, scale=1 / 255), np.uint8)
    return pixels


def _upright(image: ImageU8, orientation: int | None) -> ImageU8:
    """Undo an EXIF orientation (EXIF 2.32, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        image = np.asarray(cv2.transpose(image), np.uint8)
    if orientation in (2, 6, 3, 7):
        image = np.asarray(cv2.flip(image, 1), np.uint8)
    if orientation in (4, 8, 3, 7):
        image = np.asarray(cv2.flip(image, 0), np.uint8)
    return image


def _pictures_in(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror or error}.") from error
    # Hidden files are no pictures of the user's (macOS leaves "._name.jpg" beside each).
    found = [path for path in found if not path.name.startswith(".")]
    if not found:
        raise SourceError(f"The folder {folder} has no pictures in it.")
    return sorted(found, key=lambda path: natural_key(path.name))


def natural_key(name: str) -> tuple[tuple[bool, int, str], ...]:
    """A sort key that puts "shot 9" before "shot 10"."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return tuple(
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts
    )
