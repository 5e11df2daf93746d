"""Single frames of video files, for data sets that keep their clips as videos.

A frame is named by its place in the order in which frames are shown. Where the container tells each
frame's time one can jump to it: these are read from the packets, without decoding, when the first
frame of a clip is asked for. The last clip stays open, since its next frame is most likely the one
asked for next.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Final, cast

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ferdesk.core.errors import DataError
from ferdesk.core.types import ImageU8
from ferdesk.sources.decode import FILE_OPTIONS
from trainer.datasets.base import Picture

MAX_FRAMES: Final = 20_000
"""A clip of one expression has some hundred."""

_INDEXED: Final = ("avi", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2")
"""Containers, as FFmpeg names them, that say of each frame when it is shown. In others, such as
MPEG's streams, most times are guessed, and another guess is made after a jump."""

_MAX_PIXELS: Final = 16_000_000
_MAX_AHEAD: Final = 48
"""Frames that are rather decoded in passing than jumped over."""


def count_frames(path: Path) -> int:
    """How many frames a video has: as its header says, else as many as it has packets.

    Args:
        path: the file.

    Raises:
        DataError: it cannot be read, has no video or no frame, or more than any clip.
    """
    container, stream = _open(path)
    with container:
        count = stream.frames or sum(1 for _ in _stamps(container, stream, path))
    if not 0 < count <= MAX_FRAMES:
        raise DataError(f"{path} has {count:,} frames; expected 1 to {MAX_FRAMES:,}.")
    return count


def frame(path: Path, number: int) -> Picture:
    """What reads one frame, from 0; it survives pickling. (h, w, 3) uint8, BGR, upright."""
    return partial(_read, path, number)


class _Clip:
    """An open video; it remembers which frame comes next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        container, stream = _open(path)
        with container:
            stamps = list(_stamps(container, stream, path))
            indexed = container.format.name in _INDEXED
        times = sorted({stamp for stamp in stamps if stamp is not None})
        # Elsewhere frames can only be counted from the start.
        self._times = times if indexed and len(times) == len(stamps) else None
        self._place: dict[int | None, int] = {stamp: i for i, stamp in enumerate(times)}
        self._count = len(stamps)
        self._next = 0
        self._container, self._stream = _open(path)
        self._frames = _decoded(self._container, self._stream)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def frame(self, number: int) -> ImageU8:
        """One frame.

        Raises:
            DataError: there are fewer, or it is damaged.
        """
        if number >= self._count:
            raise DataError(f"{self._path} has {self._count} frames, no frame {number}.")
        try:
            found = self._find(number)
        except av.FFmpegError as error:
            raise DataError(f"Cannot read frame {number} of {self._path}: {error}.") from error
        if found is None or found.is_corrupt:
            raise DataError(f"Frame {number} of {self._path} is damaged or missing.")
        return _to_bgr(found, self._path)

    def _find(self, number: int) -> VideoFrame | None:
        ahead = number - self._next
        if self._times is not None and not 0 <= ahead <= _MAX_AHEAD:
            self._container.seek(self._times[number], stream=self._stream)
            self._frames = _decoded(self._container, self._stream)
        elif ahead < 0:
            self._restart()
        found = self._until(number)
        if (found is None or found.is_corrupt) and self._times is not None:
            # Some containers jump too far, or to where a frame lacks what it is built on.
            self._restart()
            found = self._until(number)
        return found

    def _restart(self) -> None:
        self.close()
        self._container, self._stream = _open(self._path)
        self._frames = _decoded(self._container, self._stream)
        self._next = 0

    def _until(self, number: int) -> VideoFrame | None:
        """The frame of that number, if it comes before a later one does."""
        for found in self._frames:
            if self._times is None:
                at = self._next
            elif found.pts in self._place:
                at = self._place[found.pts]
            else:
                continue
            self._next = at + 1
            if at >= number:
                return found if at == number else None
        self._next = self._count
        return None


_lock = Lock()
_open_clip: list[tuple[tuple[object, ...], _Clip]] = []
"""The last clip, if any, by its file and process: a child must not share its parent's."""


def _read(path: Path, number: int) -> ImageU8:
    try:
        state = path.stat()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    key = (path, state.st_mtime_ns, state.st_size, os.getpid())
    with _lock:
        if not _open_clip or _open_clip[0][0] != key:
            clip = _Clip(path)
            for _, last in _open_clip:
                last.close()
            _open_clip[:] = [(key, clip)]
        return _open_clip[0][1].frame(number)


def _open(path: Path) -> tuple[InputContainer, VideoStream]:
    try:
        container = av.open(str(path), "r", options=dict(FILE_OPTIONS))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise DataError(f"Cannot open {path} as a video: {error}.") from error
    try:
        return container, _video(container, path)
    except DataError:
        container.close()
        raise


def _video(container: InputContainer, path: Path) -> VideoStream:
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise DataError(f"{path} has no video track.")
    if stream.width * stream.height > _MAX_PIXELS:
        raise DataError(
            f"{path} has {stream.width} x {stream.height} pixels; more than {_MAX_PIXELS:,} "
            "are refused."
        )
    return stream


def _stamps(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[int | None]:
    """When each packet's frame is shown, in the order of the file."""
    seen = 0
    try:
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            seen += 1
            if seen > MAX_FRAMES:
                raise DataError(f"{path} has more than {MAX_FRAMES:,} frames.")
            yield packet.pts
    except av.FFmpegError as error:
        raise DataError(f"Cannot read {path}: {error}.") from error


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames from here on; packets that are damaged give none."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue  # whoever waits for its frame is told that it is missing


def _to_bgr(found: VideoFrame, path: Path) -> ImageU8:
    if found.width * found.height > _MAX_PIXELS:  # it may differ from what the header says
        raise DataError(f"{path} has a frame of {found.width} x {found.height} pixels.")
    image = cast(ImageU8, found.to_ndarray(format="bgr24"))
    # FFmpeg gives degrees counter-clockwise, as rot90 turns.
    return np.ascontiguousarray(np.rot90(image, round(found.rotation / 90)))
