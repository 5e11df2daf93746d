"""Copies H.264 from MP4 files into one, without encoding it again."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import av
from av.video.stream import VideoStream

from ferdesk.core.errors import SessionError
from ferdesk.outputs.files import PrivateFile
from ferdesk.sources.decode import FILE_OPTIONS


class VideoPart(NamedTuple):
    """A video, and when in the new one it begins."""

    path: Path
    start_s: float


def join_videos(parts: Sequence[VideoPart], target: Path) -> None:
    """Write one video after the other into a new file, with an index; for the user alone.

    Args:
        parts: in their order; all of one size and encoded the same way.
        target: the new file.

    Raises:
        SessionError: the parts differ.
        av.FFmpegError: one of them cannot be read.
        OutputError: the new file cannot be made.
    """
    with PrivateFile(target) as file, av.open(file, "w", format="mp4") as writer:
        out: VideoStream | None = None
        for part in parts:
            with av.open(str(part.path), "r", options=dict(FILE_OPTIONS)) as reader:
                stream = reader.streams.video[0]
                if out is None:
                    out = writer.add_stream_from_template(stream)
                    kind = _kind(stream)
                elif _kind(stream) != kind:
                    raise SessionError(
                        f"{part.path} is encoded in another way than {parts[0].path}: "
                        "their videos cannot be joined."
                    )
                shift = round(part.start_s / stream.time_base) if stream.time_base else 0
                for packet in reader.demux(stream):
                    if packet.dts is None or packet.pts is None or packet.is_corrupt:
                        continue
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = out
                    writer.mux(packet)


def _kind(stream: VideoStream) -> tuple[object, ...]:
    context = stream.codec_context
    return (context.name, context.width, context.height, context.pix_fmt, context.extradata)
