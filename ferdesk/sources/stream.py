"""Network streams that the user named: http, https, rtsp, rtsps."""

import time
from typing import Final
from urllib.parse import urlsplit

import av

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame
from ferdesk.sources.base import BaseSource, SourceInfo
from ferdesk.sources.decode import STREAM_OPTIONS, NoVideoError, VideoDecoder
from ferdesk.sources.quiet import hush

SCHEMES: Final = ("http", "https", "rtsp", "rtsps")

OPEN_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 5.0

_MAX_WAIT_S: Final = 0.5
_OUT_OF_STEP_S: Final = 5.0
"""A stream whose times run ahead by more than this has jumped: start counting anew."""

_UNTIMED: Final = frozenset({"mpjpeg"})
"""Network cameras' format has no times: FFmpeg supposes 25 pictures a second, and a camera that
sends more would fall further and further behind."""


class Stream(BaseSource):
    """A network stream. Its address may hold a password, so only its host is ever shown.

    Args:
        url: what the user named; nothing else is connected to, except what the stream itself is
            made of (the segments of an HLS playlist, a redirect).
        paced: hold pictures back that arrive before their time, as when the address is a file on a
            web server. Off, they come as fast as they can be had.
        timeout_s: limits for opening and for each read, in seconds.

    Raises:
        SourceError: no such host, no answer in time, or no video.
    """

    def __init__(
        self,
        url: str,
        *,
        paced: bool = True,
        timeout_s: tuple[float, float] = (OPEN_TIMEOUT_S, READ_TIMEOUT_S),
    ) -> None:
        super().__init__()
        hush()
        self._url = url
        self._host = public_name(url)
        self._paced = paced
        self._timeout_s = timeout_s
        self._zero: float | None = None
        self._decoder: VideoDecoder | None = None
        self._info = self._connect()

    @property
    def info(self) -> SourceInfo:
        """What is known about the stream."""
        return self._info

    def read(self) -> Frame | None:
        """The next frame, or None when the sender has ended the stream (and after `close`).

        Raises:
            SourceError: the connection broke, or nothing came for the time limit.
        """
        if self._decoder is None:
            return None
        try:
            picture = self._decoder.read()
        except av.FFmpegError as error:
            self.close()
            # `from None`: FFmpeg's own message has the whole address in it, password and all.
            raise SourceError(
                f"The stream from {self._host} broke off: {_reason(error)}."
            ) from None
        if picture is None:
            return None
        if self._paced and self._decoder.format not in _UNTIMED:
            self._wait_for(picture.time_s)
        return self._frame(picture.image, name=self._info.name)

    def reopen(self) -> None:
        """Connect again; frame numbers go on.

        Raises:
            SourceError: as when it was first opened.
        """
        self.close()
        self._info = self._connect()

    def close(self) -> None:
        """Close the connection."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _connect(self) -> SourceInfo:
        try:
            self._decoder = VideoDecoder(
                self._url, options=STREAM_OPTIONS, timeout_s=self._timeout_s, threading="SLICE"
            )
        except NoVideoError as error:
            raise SourceError(f"The stream from {self._host} cannot be used: {error}.") from None
        except (av.FFmpegError, ValueError, OSError) as error:
            raise SourceError(f"No stream from {self._host}: {_reason(error)}.") from None
        self._zero = None
        traits = self._decoder.traits
        return SourceInfo(
            name=self._host,
            kind="stream",
            live=True,
            width=traits.width,
            height=traits.height,
            fps=traits.fps,
            frames=None,
        )

    def _wait_for(self, time_s: float) -> None:
        now = time.monotonic()
        if self._zero is None:
            self._zero = now - time_s
        ahead = self._zero + time_s - now
        if ahead > _OUT_OF_STEP_S or ahead < 0:
            self._zero = now - time_s
        elif ahead > 0:
            time.sleep(min(ahead, _MAX_WAIT_S))


def is_stream(spec: str) -> bool:
    """Whether a spec is the address of a stream that can be opened."""
    return spec.partition("://")[0].lower() in SCHEMES and "://" in spec


def public_name(url: str) -> str:
    """The part of an address that may be shown: the host, and the port if there is one.

    Raises:
        SourceError: there is no host in it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise SourceError("The stream's address has no valid host in it.")
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def _reason(error: Exception) -> str:
    if isinstance(error, av.error.ExitError):
        return "no answer in time"
    if isinstance(error, av.error.InvalidDataError):
        return "what it sends is no video"
    if isinstance(error, av.FFmpegError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return "it cannot be reached"
