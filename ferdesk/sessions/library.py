"""Where sessions lie: the user's folder of recordings, their names, listing and deleting."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import platformdirs

from ferdesk.core.errors import OutputError, SessionError
from ferdesk.sessions import schema
from ferdesk.sessions.session import Session

_OURS: Final = re.compile(
    r"(session\.db|video\.mp4|README\.txt)(-wal|-shm|-journal)?(\.damaged|\.new)?(-wal|-shm)?"
)


WHOLE: Final = "whole"
CUT_OFF: Final = "cut off, or still recording"
"""States of a session that can be read."""


class Listed(NamedTuple):
    """A session in a folder of them.

    Attributes:
        folder: the session's.
        started: wall clock at its first frame; None where it cannot be read.
        seconds: time of its last frame.
        frames: how many it has.
        source: what was watched.
        video: what its video shows.
        state: `WHOLE`, `CUT_OFF`, or why it cannot be read.
        megabytes: on the disk.
    """

    folder: Path
    started: datetime | None
    seconds: float
    frames: int
    source: str
    video: str
    state: str
    megabytes: float

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            **self._asdict(),
            "folder": str(self.folder),
            "started": self.started and self.started.isoformat(),
        }


def default_folder() -> Path:
    """Where recordings go unless the user says otherwise; it need not exist yet."""
    return platformdirs.user_videos_path() / "ferdesk"


def new_name(parent: Path, now: datetime) -> Path:
    """A free name for a recording that begins now."""
    start = f"{now:%Y-%m-%d_%H-%M-%S}"
    for number in count(1):
        path = parent / f"{start}{'' if number == 1 else f'-{number}'}{schema.ENDING}"
        if not path.exists():
            break
    return path


def with_ending(path: Path) -> Path:
    """A session's folder as the user named it, with the ending that sessions have."""
    return path if path.suffix == schema.ENDING else path.with_name(path.name + schema.ENDING)


def sessions_in(parent: Path) -> Iterator[Listed]:
    """The sessions of a folder, by name.

    Raises:
        SessionError: there is no such folder.
    """
    if not parent.is_dir():
        raise SessionError(f"There is no folder {parent}.")
    for folder in sorted(parent.iterdir()):
        if (folder / schema.DATABASE).is_file():
            yield listed(folder)


def listed(folder: Path) -> Listed:
    """A session's line in a list, whatever state it is in."""
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6
    try:
        with Session(folder) as session:
            meta = session.meta
            state = WHOLE if meta.finished else CUT_OFF
            return Listed(
                folder,
                meta.started,
                session.duration_s(),
                session.count("frames"),
                meta.source,
                meta.video,
                state,
                size,
            )
    except SessionError as error:
        return Listed(folder, None, 0.0, 0, "", "", str(error), size)


def delete(folder: Path) -> None:
    """Delete a session; what else lies in its folder stays.

    Raises:
        SessionError: it is no session.
        OutputError: it cannot be deleted.
    """
    if not (folder / schema.DATABASE).is_file() or folder.is_symlink():
        raise SessionError(f"{folder} is no session: it has no {schema.DATABASE}.")
    try:
        for path in folder.iterdir():
            if path.is_file() and not path.is_symlink() and _OURS.fullmatch(path.name):
                path.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise OutputError(f"{folder} cannot be deleted: {error.strerror}.") from error
