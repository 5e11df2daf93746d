"""Writes H.264 into an MP4 with true times that survives being cut off."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ferdesk.core.errors import OutputError
from ferdesk.core.types import ImageU8
from ferdesk.outputs.files import PrivateFile, failed

TIME_BASE: Final = Fraction(1, 90_000)

_KEY_FRAME_EVERY: Final = 15
"""Frames. A program that is killed loses at most so many, and what the encoder still holds."""

_MUXER: Final = {"movflags": "hybrid_fragmented+frag_keyframe", "flush_packets": "1"}
_BT601: Final = 6
"""The matrix that OpenCV converts by, as H.264 numbers it (SMPTE 170M)."""
_LIMITED: Final = 1


class Mp4File:
    """An MP4 file of one H.264 track. Not thread-safe; blocks while it encodes.

    The size is that of the first picture, made even by repeating the last row or column; pictures
    of another size are scaled to it.

    Args:
        path: the file; what it held before is lost.
        fps: nominal rate, for the encoder's bit rate; true times are given with each picture.
        threads: for the encoder.

    Raises:
        OutputError: the file cannot be made.
    """

    def __init__(self, path: Path, *, fps: float, threads: int = 1) -> None:
        self._file = PrivateFile(path)
        self._rate = Fraction(fps).limit_denominator(1001) or Fraction(1)
        self._threads = threads
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._last_pts = -1

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
            size = (self._stream.width, self._stream.height)
            frame = VideoFrame.from_ndarray(_to_yuv(image, size), format="yuv420p")
            frame.colorspace = _BT601
            frame.color_range = _LIMITED
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
        options = {"preset": "veryfast", "crf": "20", "threads": str(self._threads)}
        # A fragmented MP4 has no edit list to take back the delay that B frames cause.
        options["bf"] = "0"
        stream = container.add_stream("libx264", self._rate, options)
        height, width = image.shape[:2]
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.gop_size = _KEY_FRAME_EVERY
        stream.time_base = TIME_BASE
        context = stream.codec_context
        context.time_base = TIME_BASE
        context.colorspace = context.color_primaries = context.color_trc = _BT601
        context.color_range = _LIMITED
        return stream

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


def _to_yuv(image: ImageU8, size: tuple[int, int]) -> ImageU8:
    """(height * 3 / 2, width) uint8, planar YUV 4:2:0 of an even size."""
    width, height = size
    rows, columns = image.shape[:2]
    if (rows + rows % 2, columns + columns % 2) != (height, width):
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    elif (rows, columns) != (height, width):
        padded = cv2.copyMakeBorder(
            image, 0, height - rows, 0, width - columns, cv2.BORDER_REPLICATE
        )
        image = np.asarray(padded, np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
