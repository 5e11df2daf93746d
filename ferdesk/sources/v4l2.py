"""Asks a Video4Linux driver which sizes and rates a camera has; takes no picture.

The numbers and places are those of the kernel's linux/videodev2.h, which do not change. All of it
is unsigned 32-bit words.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from typing import Final

_CAPTURE: Final = 1
"""V4L2_BUF_TYPE_VIDEO_CAPTURE."""
_DISCRETE: Final = 1
"""V4L2_FRMSIZE_TYPE_DISCRETE; else a range of sizes is given."""
_MOST: Final = 256
"""Entries of a list; a driver that has more is at fault."""


def _request(number: int, words: int) -> int:
    """What `_IOWR('V', number, ...)` is for a structure of so many words."""
    return 3 << 30 | 4 * words << 16 | ord("V") << 8 | number


_FORMATS: Final = _request(2, 16)
"""VIDIOC_ENUM_FMT, struct v4l2_fmtdesc: index, type, flags, description (8 words), format..."""
_SIZES: Final = _request(74, 11)
"""VIDIOC_ENUM_FRAMESIZES, struct v4l2_frmsizeenum: index, format, type, then width and height, or
least, greatest and step of the width and of the height..."""
_INTERVALS: Final = _request(75, 13)
"""VIDIOC_ENUM_FRAMEINTERVALS, struct v4l2_frmivalenum: index, format, width, height, type, then the
interval, or first the shortest, as a fraction..."""


def ask_driver(path: str) -> list[tuple[int, int, float]]:
    """Width, height and pictures a second of all that a camera offers, in any order.

    Args:
        path: the device's.

    Raises:
        OSError: it cannot be opened, or does not answer.
    """
    device = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return [
            (width, height, rate)
            for form in (entry[11] for entry in _list(device, _FORMATS, _CAPTURE))
            for width, height in map(_size, _list(device, _SIZES, form))
            for rate in map(_rate, _list(device, _INTERVALS, form, width, height))
        ]
    finally:
        os.close(device)


def _list(device: int, request: int, *wanted: int) -> Iterator[tuple[int, ...]]:
    """The entries of one of the driver's lists."""
    for index in range(_MOST):
        entry = _entry(device, request, index, *wanted)
        if entry is None:
            return
        yield entry


def _entry(device: int, request: int, *head: int) -> tuple[int, ...] | None:
    """The words of one entry; None where the list has ended, or there is none."""
    size = request >> 16 & 0x3FFF
    words = bytearray(size)
    struct.pack_into(f"={len(head)}I", words, 0, *head)
    try:
        fcntl.ioctl(device, request, words)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTTY):
            return None
        raise
    return struct.unpack(f"={size // 4}I", words)


def _size(entry: tuple[int, ...]) -> tuple[int, int]:
    """The size, or of a range the largest one."""
    return (entry[3], entry[4]) if entry[2] == _DISCRETE else (entry[4], entry[7])


def _rate(entry: tuple[int, ...]) -> float:
    numerator, denominator = entry[5], entry[6]
    return denominator / numerator if numerator else 0.0
