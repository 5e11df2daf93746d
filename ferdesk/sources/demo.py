"""The built-in demo clip, for machines without a camera."""

from ferdesk import resources
from ferdesk.core.errors import SourceError
from ferdesk.sources.video import VideoFile


def open_demo(loop: bool = False) -> VideoFile:
    """Open the demo clip.

    Args:
        loop: whether to begin again at the end.

    Raises:
        SourceError: the installation lacks it.
    """
    path = resources.demo_clip()
    if not path.is_file():
        raise SourceError(f"The demo clip is missing ({path}). Install ferdesk again.")
    return VideoFile(path, name="demo", kind="demo", loop=loop)
