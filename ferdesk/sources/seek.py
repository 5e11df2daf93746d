"""Single pictures of a video file, by their times."""

from collections import OrderedDict
from pathlib import Path
from typing import Final, Self

import av
from av.video.frame import VideoFrame

from ferdesk.core.errors import SourceError
from ferdesk.core.types import ImageU8
from ferdesk.sources.decode import NoVideoError, VideoDecoder
from ferdesk.sources.quiet import hush

SAME_TIME_S: Final = 5e-5
"""Half of the least time between two frames of a session; a video counts in 1.1e-5 s."""

_ONWARD_S: Final = 0.5
"""A picture so little later is reached by decoding on: key frames are hardly closer."""
_CACHE_BYTES: Final = 64_000_000
_LEAST_CACHED: Final = 4


class SeekableVideo:
    """A video file whose pictures are asked for by time; the last ones are kept.

    A picture is found exactly, whatever the rate: the file is read from the key frame before. A
    file without an index, of a recording that was cut off, is read from its start where FFmpeg
    finds no way to the place.

    Not thread-safe; blocks while it decodes.

    Args:
        path: the file.

    Raises:
        SourceError: it is missing, unreadable or no video.
    """

    def __init__(self, path: Path) -> None:
        hush()
        self._path = path
        try:
            if not path.is_file():
                raise SourceError(f"There is no {path}.")
            self._decoder = _Decoder(str(path.absolute()))
        except (av.FFmpegError, NoVideoError, ValueError, OSError) as error:
            raise SourceError(f"{path} cannot be played: {error}.") from error

    def picture_at(self, time_s: float) -> ImageU8 | None:
        """The picture of a time.

        Args:
            time_s: its time, in seconds after the first one.

        Returns:
            (height, width, 3) uint8, BGR; None where the video has no picture at this time.

        Raises:
            SourceError: the file cannot be read.
        """
        try:
            return self._decoder.picture_at(time_s)
        except av.FFmpegError as error:
            raise SourceError(f"{self._path} cannot be read: {error}.") from error

    @property
    def decoded(self) -> int:
        """How many pictures were decoded so far."""
        return self._decoder.decoded

    def close(self) -> None:
        """Let go of the file; may be called more than once."""
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Decoder(VideoDecoder):
    """Decodes from any key frame on."""

    def __init__(self, address: str) -> None:
        # Slices have no delay: the picture that is decoded is the one that comes out.
        super().__init__(address, threading="SLICE")
        self.decoded = 0
        self._start_s = _seconds(self._ready[0])  # it waits since the file was opened
        self._kept = OrderedDict[float, VideoFrame]()
        self._reached_s = 0.0

    def picture_at(self, time_s: float) -> ImageU8 | None:
        if (frame := self._cached(time_s)) is None:
            frame = self._decode_to(time_s)
        return None if frame is None else self._to_bgr(frame)

    def _cached(self, time_s: float) -> VideoFrame | None:
        found = (key for key in reversed(self._kept) if abs(key - time_s) <= SAME_TIME_S)
        return self._kept.get(next(found, -1.0))

    def _decode_to(self, time_s: float) -> VideoFrame | None:
        near = self._reached_s <= time_s <= self._reached_s + _ONWARD_S
        if near and (frame := self._decode_on(time_s)) is not None:
            return frame
        self._seek(time_s)
        self._fill()
        if not self._ready or self._time(self._ready[0]) > time_s + SAME_TIME_S:
            self._seek(0.0)
        return self._decode_on(time_s)

    def _decode_on(self, time_s: float) -> VideoFrame | None:
        """Decode until a time; None where there is a later picture and none of that time."""
        while True:
            self._fill()
            if not self._ready:
                return None
            own_s = self._time(self._ready[0])
            if own_s > time_s + SAME_TIME_S:
                return None
            frame = self._ready.popleft()
            self._keep(own_s, frame)
            if own_s >= time_s - SAME_TIME_S:
                return frame

    def _seek(self, time_s: float) -> None:
        base = self._stream.time_base or 1 / av.time_base
        self._ready.clear()
        stamp = int((time_s + SAME_TIME_S + self._start_s) / base)
        self._container.seek(stamp, stream=self._stream)
        self._packets = self._container.demux(self._stream)
        self._reached_s = time_s

    def _keep(self, time_s: float, frame: VideoFrame) -> None:
        self.decoded += 1
        self._reached_s = time_s
        self._kept[time_s] = frame
        self._kept.move_to_end(time_s)
        room = max(_LEAST_CACHED, _CACHE_BYTES // max(1, 2 * frame.width * frame.height))
        while len(self._kept) > room:
            self._kept.popitem(last=False)

    def _time(self, frame: VideoFrame) -> float:
        return _seconds(frame) - self._start_s


def _seconds(frame: VideoFrame) -> float:
    stamp = frame.pts if frame.pts is not None else frame.dts
    if stamp is None or frame.time_base is None:
        return 0.0
    return float(stamp * frame.time_base)
