"""Writes H.264 into an MP4 with true times that survives being cut off."""

import math
import os
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from ferdesk.core.errors import OutputError
from ferdesk.core.types import ImageU8
from ferdesk.outputs.files import PrivateFile, failed

TIME_BASE: Final = Fraction(1, 90_000)

_KEY_FRAME_S: Final = 0.4
"""A program that is killed loses at most the pictures of so long, and what the encoder holds."""

_NO_OTHER_KEYS: Final = 100_000
"""Frames: key frames come by the clock, not by the count."""

_MUXER: Final = {"movflags": "hybrid_fragmented+frag_keyframe", "flush_packets": "1"}
_BT601: Final = 6
"""The matrix that OpenCV converts by, as H.264 numbers it (SMPTE 170M)."""
_LIMITED: Final = 1


class Mp4File:
    """An MP4 file of one H.264 track. Not thread-safe; blocks while it encodes.

    The size is that of the first picture, made even by repeating the last row or column (not where
    nothing is lost); pictures of another size are scaled to it.

    Args:
        path: the file; what it held before is lost.
        fps: nominal rate, for the encoder's bit rate; true times are given with each picture.
        threads: for the encoder.
        lossless: keep every pixel's value; many times as large, and not every player shows it.

    Raises:
        OutputError: the file cannot be made.
    """

    def __init__(self, path: Path, *, fps: float, threads: int = 1, lossless: bool = False) -> None:
        self._file = PrivateFile(path)
        self._rate = Fraction(fps).limit_denominator(1001) or Fraction(1)
        self._threads = threads
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._lossless = lossless
        self._last_pts = -1
        self._next_key_s = -math.inf

    def write(self, image: ImageU8, time_s: float) -> None:
        """Add a picture.

        Args:
            image: (height, width, 3) uint8, BGR.
            time_s: when it is shown; times that do not rise are moved on by one tick.

        Raises:
            OutputError: the disk is full or gone; what was written so far can be played.
        """
        try:
            if self._stream is None:
                self._stream = self._start(image)
            frame = self._frame(image, (self._stream.width, self._stream.height))
            if time_s >= self._next_key_s:
                frame.pict_type = PictureType.I
                self._next_key_s = time_s + _KEY_FRAME_S
            frame.pts = max(round(time_s / TIME_BASE), self._last_pts + 1)
            frame.time_base = TIME_BASE
            self._last_pts = frame.pts
            self._mux(frame)
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Write what the encoder still holds, and the index; may be called more than once.

        Raises:
            OutputError: not all could be written; what was written so far can be played.
        """
        if self._file.closed:
            return
        trouble: Exception | None = None
        try:
            if self._container is not None:
                if self._file.error is None:
                    self._mux(None)
                self._container.close()
        except (av.FFmpegError, OSError) as error:
            trouble = error
        finally:
            self._file.close()
            if self._stream is None:  # not one picture came
                self._file.path.unlink(missing_ok=True)
            self._container = self._stream = None
        if trouble is not None:
            raise self._failure(trouble) from trouble

    def _start(self, image: ImageU8) -> VideoStream:
        # PrivateFile swallows all after a failed write, so that closing a container whose disk is
        # full cannot spoil the fragments that are on it.
        container = av.open(self._file, "w", format="mp4", options=_MUXER)
        self._container = container
        codec: Literal["libx264"] = "libx264"
        if self._lossless:  # the same encoder, which PyAV's table of names does not list
            codec = cast("Literal['libx264']", "libx264rgb")
        stream = container.add_stream(codec, self._rate, self._options())
        stream.width, stream.height = self._size(image)
        stream.pix_fmt = "bgr24" if self._lossless else "yuv420p"
        stream.gop_size = _NO_OTHER_KEYS
        stream.time_base = TIME_BASE
        context = stream.codec_context
        context.time_base = TIME_BASE
        if not self._lossless:
            context.colorspace = context.color_primaries = context.color_trc = _BT601
            context.color_range = _LIMITED
        return stream

    def _options(self) -> dict[str, str]:
        options = {"preset": "veryfast", "threads": str(self._threads), "forced-idr": "1"}
        # Nothing is held back in the encoder, where a killed program would lose it; and a
        # fragmented MP4 has no edit list to take back the delay that B frames cause.
        options |= {"tune": "zerolatency", "bf": "0"}
        options["qp" if self._lossless else "crf"] = "0" if self._lossless else "20"
        return options

    def _size(self, image: ImageU8) -> tuple[int, int]:
        """(width, height) of the track: even where colours are stored at half the size."""
        height, width = image.shape[:2]
        return (width, height) if self._lossless else (width + width % 2, height + height % 2)

    def _frame(self, image: ImageU8, size: tuple[int, int]) -> VideoFrame:
        if self._lossless:
            return VideoFrame.from_ndarray(_fitted(image, size), format="bgr24")
        yuv = np.asarray(cv2.cvtColor(_fitted(image, size), cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = VideoFrame.from_ndarray(yuv, format="yuv420p")
        frame.colorspace = _BT601
        frame.color_range = _LIMITED
        return frame

    def _mux(self, frame: VideoFrame | None) -> None:
        if self._container is not None and self._stream is not None:
            self._container.mux(self._stream.encode(frame))
            # The muxer writes a fragment at once and flushes: no half of one is in the file now.
            self._file.keep()

    def _failure(self, error: Exception) -> OutputError:
        # FFmpeg reports a failed write as it likes; the file knows the true reason.
        reason = self._file.error or error
        if isinstance(reason, OSError):
            return failed(self._file.path, reason)
        return OutputError(f"{self._file.path} cannot be written: {reason}.")


def encoder_threads() -> int:
    """Encoder threads that leave most of the machine to the analysis."""
    return max(1, min(4, (os.cpu_count() or 1) // 4))


def _fitted(image: ImageU8, size: tuple[int, int]) -> ImageU8:
    """The picture in a (width, height); where one column or row lacks, the last is repeated."""
    width, height = size
    rows, columns = image.shape[:2]
    if (rows, columns) == (height, width):
        return image
    if not (0 <= height - rows <= 1 and 0 <= width - columns <= 1):
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    padded = cv2.copyMakeBorder(image, 0, height - rows, 0, width - columns, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8)
