"""What is written of an input besides its table: pictures, an annotated video, a session."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from ferdesk.core.errors import OutputError
from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.outputs.files import failed
from ferdesk.outputs.names import ResultFiles
from ferdesk.outputs.picture import PictureFolder, write_picture
from ferdesk.outputs.video import VideoWriter
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_verdict import VerdictMemory
from ferdesk.sessions import schema
from ferdesk.sessions.describe import PipelineFacts, session_meta
from ferdesk.sessions.library import delete
from ferdesk.sessions.readings import SessionMeta, VideoMode
from ferdesk.sessions.recorder import Recorder
from ferdesk.sessions.session import Session
from ferdesk.settings import Settings
from ferdesk.sources.base import SourceInfo

DEFAULT_FPS: Final = 30.0
"""For the bit rate of an annotated video whose source does not say its rate."""

Sink = Callable[[FrameResult, float], None]
"""Takes a result and its time in seconds."""

_OVERLAY: Final = OverlayOptions()


class SessionPlan(NamedTuple):
    """How an input becomes a session.

    Attributes:
        video: what the session's video shows.
        settings: how frames are analysed, for the session's description.
    """

    video: VideoMode
    settings: Settings


def open_sinks(
    stack: ExitStack,
    info: SourceInfo,
    files: ResultFiles,
    pipeline: PipelineFacts,
    *,
    video: bool,
    session: SessionPlan | None,
) -> Iterator[tuple[Path, Sink]]:
    """Open what is to be written, one after the other.

    Args:
        stack: closes it all.
        info: the source that is analysed.
        files: where results go.
        pipeline: what analyses it.
        video: whether to write an annotated video or pictures.
        session: how it becomes a session; None for no session. Pictures have no times and become
            none.

    Yields:
        The path, and what takes the results.

    Raises:
        OutputError: one of them cannot be made.
    """
    if video and info.kind == "images":
        yield _pictures(info, files)
    elif video:
        # A verdict's line stays long enough to be read.
        drawn = partial(draw, options=_OVERLAY, memory=VerdictMemory())
        writer = VideoWriter(files.video, fps=info.fps or DEFAULT_FPS, draw=drawn)
        yield files.video, stack.enter_context(writer).write
    if session is not None and info.kind != "images":
        meta = session_meta(info, session.settings, pipeline, video=session.video)
        yield files.session, stack.enter_context(SessionSink(files.session, meta)).write


class SessionSink:
    """Stores every result in a session, in order; waits where the disk or the encoder is behind.

    Args:
        folder: the session's; nothing may be there, see `make_way`.
        meta: what is known before the first frame.

    Raises:
        OutputError: something is there, or the folder cannot be made.
    """

    def __init__(self, folder: Path, meta: SessionMeta) -> None:
        self._recorder = Recorder(folder, meta)

    def write(self, result: FrameResult, _time_s: float) -> None:
        """Hand a result over; the session has a clock of its own.

        Raises:
            OutputError: an earlier one could not be written; what was before it is whole.
        """
        if not self._recorder.write(result, wait=True):
            raise OutputError(self._recorder.state.trouble)

    def close(self) -> None:
        """Store what still waits and finish the session; of no frames none is left.

        Raises:
            OutputError: not all could be written.
        """
        state = self._recorder.close()
        if state.trouble:
            raise OutputError(state.trouble)
        if not state.frames:
            _remove(self._recorder.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def make_way(folder: Path) -> None:
    """Delete the session of an earlier run, unless people said something about it.

    Raises:
        OutputError: it has annotations, or cannot be deleted.
        SessionError: it is damaged, so that nobody knows whether it has any.
    """
    if (folder / schema.DATABASE).is_file():
        with Session(folder) as session:
            annotated = any(note.kind != "event" for note in session.annotations())
        if annotated:
            raise OutputError(
                f"{folder} has annotations and is not replaced. Move it, or choose another folder "
                "for the results."
            )
        delete(folder)
    elif folder.is_dir() and not any(folder.iterdir()):
        _remove(folder)


def _remove(empty: Path) -> None:
    try:
        empty.rmdir()
    except OSError as error:
        raise failed(empty, error) from error


def _pictures(info: SourceInfo, files: ResultFiles) -> tuple[Path, Sink]:
    if info.width > 0:  # a single one; those of a folder differ in size
        return files.picture, lambda result, _: write_picture(files.picture, _drawn(result))
    folder = PictureFolder(files.folder, _drawn)
    return files.folder, lambda result, _: folder.write(result)


def _drawn(result: FrameResult) -> ImageU8:
    return draw(result, _OVERLAY)
