"""Where frames come from: cameras, video files, pictures, network streams, the demo clip."""

from ferdesk.core.errors import SourceError
from ferdesk.sources.base import Source
from ferdesk.sources.camera import Camera, CameraInfo, list_cameras, matching
from ferdesk.sources.demo import open_demo
from ferdesk.sources.folders import existing
from ferdesk.sources.images import ImageFolder, looks_like_image
from ferdesk.sources.stream import SCHEMES, Stream, is_stream
from ferdesk.sources.video import VideoFile

__all__ = ["SCHEMES", "CameraInfo", "Source", "is_device", "list_cameras", "open_source"]

_CAMERA = "camera:"


def open_source(
    spec: str,
    loop: bool = False,
    *,
    paced: bool = True,
    size: tuple[int, int] = (1280, 720),
    fps: float = 30.0,
) -> Source:
    """Open what the user named.

    Args:
        spec: "demo"; a camera's number ("0", "camera:0") or name ("camera:HD Webcam"); the address
            of an http, https, rtsp or rtsps stream; a video file, picture or folder of pictures;
            and where there is no such file, a camera's name or a part of it.
        loop: let videos and the demo begin again at their end.
        paced: let streams that come too fast keep to their own times.
        size: wished width and height of a camera's pictures.
        fps: wished rate of a camera.

    Raises:
        SourceError: there is no such thing, or it cannot be read.
    """
    if not spec.strip():
        raise SourceError("No source was named.")
    if spec == "demo":
        return open_demo(loop)
    if is_stream(spec):
        return Stream(spec, paced=paced)
    named = spec[len(_CAMERA) :] if spec.lower().startswith(_CAMERA) else None
    if named is not None or _is_number(spec):
        wanted = spec if named is None else named
        return Camera(int(wanted) if _is_number(wanted) else wanted, size=size, fps=fps)
    if "://" in spec:
        raise SourceError(
            f"Streams of the kind {spec.partition('://')[0]}:// are not read, only "
            f"{', '.join(SCHEMES)}."
        )
    path = existing(spec)
    if path is not None and (path.is_dir() or (path.is_file() and looks_like_image(path))):
        return ImageFolder(path)
    if path is not None and path.is_file():
        return VideoFile(path, loop=loop)
    cameras = list_cameras()
    if matching(spec, cameras):
        return Camera(spec, size=size, fps=fps)
    connected = ", ".join(camera.name for camera in cameras) or "none"
    raise SourceError(
        f"No such file, and no camera of that name: {spec} (connected cameras: {connected})."
    )


def is_device(spec: str) -> bool:
    """Whether a spec can only mean a camera or a stream: one that may come (back) later."""
    return spec.lower().startswith(_CAMERA) or _is_number(spec) or is_stream(spec)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4
