"""Video files."""

from pathlib import Path
from typing import Final, Literal

import av

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame
from ferdesk.sources.base import BaseSource, SourceInfo
from ferdesk.sources.decode import NoVideoError, Picture, VideoDecoder
from ferdesk.sources.quiet import hush

VIDEO_SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv"}
    | {".mts", ".m2ts", ".ts", ".3gp", ".mxf"}
)
"""What counts as a video in a folder, by file name; one that is named is read whatever its name."""

_SHORTER_S: Final = 0.15
_SHORTER_FRAMES: Final = 3.0
"""A file that ends earlier than it says by more than this is called cut short."""


class VideoFile(BaseSource):
    """A video file, every frame with its true time, also where the rate varies.

    Args:
        path: the file.
        name: what to call it; its file name by default.
        kind: "demo" for the built-in clip.
        loop: whether to begin again at the end; times go on rising.

    Raises:
        SourceError: it is missing, unreadable, no video, or holds no frames.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        kind: Literal["video", "demo"] = "video",
        loop: bool = False,
    ) -> None:
        super().__init__()
        hush()
        self._path = path
        self._loop = loop
        self._start_s = 0.0
        self._end_s = 0.0
        self._warning: str | None = None
        self._decoder: VideoDecoder | None = _open(path)
        traits = self._decoder.traits
        self._expected_s = traits.duration_s
        self._fps = traits.fps
        self._info = SourceInfo(
            name=name or path.name,
            kind=kind,
            live=False,
            width=traits.width,
            height=traits.height,
            fps=traits.fps,
            frames=None if loop else traits.frames,
        )

    @property
    def info(self) -> SourceInfo:
        """What is known about the file."""
        return self._info

    @property
    def warning(self) -> str | None:
        """How much of the file was missing or damaged, once the end is reached."""
        return self._warning

    def read(self) -> Frame | None:
        """The next frame, or None at the end (and after `close`)."""
        picture = self._next()
        if picture is None and self._loop and self._decoder is not None:
            self._decoder.close()
            self._decoder = _open(self._path)
            self._start_s = self._end_s
            picture = self._next()
        if picture is None:
            return None
        time_s = self._start_s + picture.time_s
        self._end_s = time_s + (picture.duration_s or 1.0 / (self._fps or 25.0))
        return self._frame(picture.image, name=self._info.name, source_time_s=time_s)

    def close(self) -> None:
        """Close the file."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _next(self) -> Picture | None:
        if self._decoder is None:
            return None
        trouble: str | None = None
        try:
            picture = self._decoder.read()
        except av.FFmpegError as error:
            # The medium failed, or the container is broken from here on: keep what was read.
            picture, trouble = None, error.strerror or "unreadable"
        if picture is None:
            self._warning = self._judge(self._decoder, trouble)
        return picture

    def _judge(self, decoder: VideoDecoder, trouble: str | None) -> str | None:
        """Compare what was read with what the file promised."""
        read_s = self._end_s - self._start_s
        expected_s = self._expected_s
        slack_s = max(_SHORTER_S, _SHORTER_FRAMES / (self._fps or 25.0))
        parts = []
        if expected_s is not None and read_s < expected_s - slack_s:
            parts.append(f"the file ends after {read_s:.1f} s of {expected_s:.1f} s")
        elif trouble is not None:
            parts.append(f"the file cannot be read after {read_s:.1f} s")
        if trouble is not None:
            parts[-1] += f" ({trouble})"
        if decoder.skipped:
            some = (
                "1 damaged part was"
                if decoder.skipped == 1
                else (f"{decoder.skipped} damaged parts were")
            )
            parts.append(f"{some} skipped")
        return "; ".join(parts) or None


def _open(path: Path) -> VideoDecoder:
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path} is empty.")
        with path.open("rb") as file:
            start = file.read(12)
        return VideoDecoder(str(path.absolute()))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.") from error
    except NoVideoError as error:
        raise SourceError(f"{path} cannot be analysed: {error}.") from error
    except (av.FFmpegError, ValueError) as error:
        if start[4:8] == b"ftyp":
            raise SourceError(
                f"{path} is a damaged video: its index is missing, as after a recording that was "
                "cut off. Copy it again, or repair it with a tool such as untrunc."
            ) from error
        raise SourceError(f"{path} is not a video that can be read.") from error
