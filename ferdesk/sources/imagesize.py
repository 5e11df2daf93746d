"""Reads a picture's size from its header, so that a huge one is refused before it is decoded."""

import re
import struct
from typing import Final

ORIENTATION_TAG: Final = 0x0112
"""EXIF and TIFF: how the picture is turned, 1 to 8."""

_WIDTH_TAG: Final = 0x0100
_HEIGHT_TAG: Final = 0x0101
_NO_SIZE: Final = (0xC4, 0xC8, 0xCC)
"""JPEG markers among C0..CF that are no start of frame."""

_PNM: Final = re.compile(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s")


def image_size(data: bytes) -> tuple[int, int] | None:
    """The size of a PNG, JPEG, BMP, WebP, TIFF or PNM picture.

    Args:
        data: the file's bytes.

    Returns:
        (width, height) in pixels as stored, before it is turned upright; None when the bytes are
        of no such format or the header is cut short.
    """
    try:
        return _by_magic(data)
    except (struct.error, IndexError):
        return None


def _by_magic(data: bytes) -> tuple[int, int] | None:
    size: tuple[int, int] | None = None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        size = struct.unpack_from(">II", data, 16)
    elif data.startswith(b"\xff\xd8\xff"):
        size = _jpeg(data)
    elif data.startswith(b"BM"):
        size = _bmp(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        size = _webp(data)
    elif data.startswith((b"II*\0", b"MM\0*")):
        width, height = tiff_value(data, _WIDTH_TAG), tiff_value(data, _HEIGHT_TAG)
        size = (width, height) if width and height else None
    elif match := _PNM.match(data[:4096]):
        size = (int(match[1]), int(match[2]))
    return size


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # fill bytes
            at += 1
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker in (0xD9, 0xDA):  # the end, or pixels without a frame header
            return None
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _bmp(data: bytes) -> tuple[int, int]:
    if struct.unpack_from("<I", data, 14)[0] == 12:  # OS/2
        return struct.unpack_from("<HH", data, 18)
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)  # a negative height means top row first


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        low, high = data[24:27], data[27:30]
        return int.from_bytes(low, "little") + 1, int.from_bytes(high, "little") + 1
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def tiff_value(data: bytes, tag: int) -> int | None:
    """One whole number from the first directory of a TIFF file or an EXIF block.

    Args:
        data: from the byte order mark ("II" or "MM") on.
        tag: its number.

    Returns:
        The value; None when it is not there or no SHORT or LONG.
    """
    order = "<" if data[:2] == b"II" else ">"
    try:
        at = struct.unpack_from(order + "I", data, 4)[0]
        for entry in range(struct.unpack_from(order + "H", data, at)[0]):
            place = at + 2 + 12 * entry
            found, kind = struct.unpack_from(order + "HH", data, place)
            if found == tag and kind in (3, 4):
                value: int = struct.unpack_from(
                    order + ("H" if kind == 3 else "I"), data, place + 8
                )[0]
                return value
    except struct.error:
        return None
    return None
