"""Decoding through FFmpeg (PyAV), for video files, streams and the demo clip alike."""

import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self, cast

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from ferdesk.core.types import ImageU8

_FILE_FORMATS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,m4v,flv,live_flv,"
    "asf,ogg,gif,mjpeg,ivf,mxf,nut,rm,dv,av1,obu,yuv4mpegpipe"
)
_MAX_THREADS: Final = 4
_NEW_CLOCK_S: Final = 1.0
"""Times that jump back by more than this belong to a recording or sender that began anew."""
_ROTATIONS: Final = {
    # Degrees counter-clockwise, as FFmpeg gives them.
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}

FILE_OPTIONS: Final = {
    # A playlist or a text file is no video, and a file must never make us open the network:
    # FFmpeg would draw README.md as pictures and fetch what a playlist names.
    "format_whitelist": _FILE_FORMATS,
    "protocol_whitelist": "file",
}

STREAM_OPTIONS: Final = {
    "format_whitelist": _FILE_FORMATS + ",hls,dash,mpjpeg,rtsp,rtp,sdp,aac,mp3",
    "protocol_whitelist": "http,https,tls,tcp,udp,rtp,srtp,rtsp,crypto,data,httpproxy",
    "rtsp_flags": "prefer_tcp",
}


class NoVideoError(Exception):
    """The container is readable but has no pictures."""


class Picture(NamedTuple):
    """One decoded picture.

    Attributes:
        image: (height, width, 3) uint8, BGR, turned upright.
        time_s: when it is shown, in seconds after the first one.
        duration_s: for how long it is shown, 0 where that is unknown.
    """

    image: ImageU8
    time_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class VideoTraits:
    """What the container says about its pictures.

    Attributes:
        width: upright, in pixels.
        height: upright, in pixels.
        fps: nominal rate, None where it is unknown.
        frames: how many there should be, None where it is unknown.
        duration_s: how long they should last, None where it is unknown.
    """

    width: int
    height: int
    fps: float | None
    frames: int | None
    duration_s: float | None


class VideoDecoder:
    """Gives one picture after the other, with its true time.

    Damaged packets are left out and counted in `skipped`.

    Args:
        address: a file's path or a URL.
        options: FFmpeg's options, such as FILE_OPTIONS.
        timeout_s: limits for opening and for each read; None for files, which do not block.
        threading: AUTO decodes several pictures at once, at the price of as many pictures' delay;
            SLICE has no delay.

    Raises:
        av.FFmpegError: it cannot be opened.
        NoVideoError: it holds no pictures at all.
    """

    def __init__(
        self,
        address: str,
        *,
        options: Mapping[str, str] = FILE_OPTIONS,
        timeout_s: tuple[float, float] | None = None,
        threading: Literal["AUTO", "SLICE"] = "AUTO",
    ) -> None:
        self.skipped = 0
        self._reformatter = VideoReformatter()
        self._ready: deque[VideoFrame] = deque()
        self._decoded = 0
        self._zero_s: float | None = None
        self._last_s = 0.0
        self._container: InputContainer = av.open(
            address, "r", options=dict(options), timeout=timeout_s
        )
        try:
            self._stream = _video_stream(self._container)
            self._stream.thread_type = cast("av.codec.context.ThreadType", threading)
            self._stream.codec_context.thread_count = min(_MAX_THREADS, os.cpu_count() or 1)
            self._packets: Iterator[Packet[VideoStream]] = self._container.demux(self._stream)
            # The first picture tells how the video is turned, and that there is one at all.
            self._fill()
            if not self._ready:
                raise NoVideoError("no picture can be decoded")
            self._rotation = _ROTATIONS.get(self._ready[0].rotation % 360)
            self.traits = self._read_traits(self._ready[0])
        except BaseException:
            self._container.close()
            raise

    @property
    def format(self) -> str:
        """FFmpeg's name of the container's format."""
        return self._container.format.name

    def read(self) -> Picture | None:
        """The next picture, or None at the end.

        Raises:
            av.FFmpegError: the medium cannot be read on (not: damaged content).
        """
        while True:
            self._fill()
            if not self._ready:
                return None
            frame = self._ready.popleft()
            time_s = self._time_of(frame)
            if time_s < self._last_s:
                # Pictures around a damaged one may come out of their order.
                self.skipped += 1
                continue
            self._last_s = time_s
            self._decoded += 1
            return Picture(self._to_bgr(frame), time_s, _duration_of(frame))

    def close(self) -> None:
        """Let go of the file or connection."""
        self._ready.clear()
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fill(self) -> None:
        """Decode until a picture is ready or the end is reached."""
        while not self._ready:
            packet = next(self._packets, None)
            if packet is None:
                return
            if packet.is_corrupt:
                # What is left of it would decode to a smeared picture.
                self.skipped += 1
                continue
            try:
                self._ready.extend(packet.decode())
            except av.error.InvalidDataError:
                self.skipped += 1

    def _time_of(self, frame: VideoFrame) -> float:
        step_s = 1.0 / (self.traits.fps or 25.0)
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is None or frame.time_base is None:
            # Raw streams carry no times; their nominal rate is all there is.
            return self._decoded * step_s
        time_s = float(stamp * frame.time_base)
        if self._zero_s is None:
            self._zero_s = time_s
        if time_s - self._zero_s < self._last_s - _NEW_CLOCK_S:
            self._zero_s = time_s - self._last_s - step_s
        return time_s - self._zero_s

    def _to_bgr(self, frame: VideoFrame) -> ImageU8:
        # One thread: starting more for one small picture costs more than it saves.
        converted = self._reformatter.reformat(frame, format="bgr24", threads=1)
        image = cast(ImageU8, converted.to_ndarray())
        if self._rotation is not None:
            image = np.asarray(cv2.rotate(image, self._rotation), np.uint8)
        return image

    def _read_traits(self, first: VideoFrame) -> VideoTraits:
        turned = self._rotation in (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE)
        width, height = first.width, first.height
        rate = self._stream.average_rate or self._stream.guessed_rate
        fps = float(rate) if rate else None
        duration_s = _expected_duration(self._container, self._stream)
        frames: int | None = self._stream.frames or None
        if frames is None and fps and duration_s:
            frames = max(1, round(fps * duration_s))
        return VideoTraits(
            height if turned else width, width if turned else height, fps, frames, duration_s
        )


def _video_stream(container: InputContainer) -> VideoStream:
    """The container's main video, never the cover picture of a song."""
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or av.stream.Disposition.attached_pic in (
        av.stream.Disposition(stream.disposition)
    ):
        raise NoVideoError("it has no video track")
    return stream


def _duration_of(frame: VideoFrame) -> float:
    if not frame.duration or frame.time_base is None:
        return 0.0
    return float(frame.duration * frame.time_base)


def _expected_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the pictures last by the container's own account, in seconds."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if tag := stream.metadata.get("DURATION"):  # Matroska
        return _clock_seconds(tag)
    if container.duration and not container.streams.audio:
        # With sound it would be the sound's length, which may be another.
        return container.duration / av.time_base
    return None


def _clock_seconds(text: str) -> float | None:
    """Read "00:00:12.345"."""
    try:
        hours, minutes, seconds = (float(part) for part in text.split(":"))
    except ValueError:
        return None
    total = hours * 3600 + minutes * 60 + seconds
    return total if math.isfinite(total) and total > 0 else None
