"""Opens a session for review, and says what is wrong with one that cannot be opened."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ferdesk.core.errors import DamagedSessionError, FerdeskError
from ferdesk.review.columns import PersonColumns, Timeline, read_people, read_timeline
from ferdesk.sessions import schema
from ferdesk.sessions.readings import Annotation, SessionMeta
from ferdesk.sessions.session import Session
from ferdesk.texts import tr


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A session, without what its faces express.

    Attributes:
        folder: its folder.
        meta: what it says about itself.
        timeline: its frames.
        notes: its annotations by time.
        video: its video; None where it has none.
        writable: whether annotations can be changed.
    """

    folder: Path
    meta: SessionMeta
    timeline: Timeline
    notes: tuple[Annotation, ...]
    video: Path | None
    writable: bool


class Trouble(NamedTuple):
    """Why a session cannot be shown, or not all of it.

    Attributes:
        text: what happened and what to do.
        repairable: whether a repair may help.
    """

    text: str
    repairable: bool


def open_session(folder: Path) -> Opened:
    """Read all but the faces of a session.

    Raises:
        SessionError: it is none, damaged, of a newer ferdesk, or was changed by hand.
    """
    with Session(folder) as session:
        return Opened(
            folder,
            session.meta,
            read_timeline(session),
            session.annotations(),
            session.video,
            writable(folder),
        )


def people_of(opened: Opened) -> tuple[PersonColumns, ...]:
    """Read what everybody expresses.

    Raises:
        SessionError: the database is damaged.
    """
    with Session(opened.folder) as session:
        return read_people(session, opened.timeline)


def notes_of(folder: Path) -> tuple[Annotation, ...]:
    """Read a session's annotations again.

    Raises:
        SessionError: the database is damaged.
    """
    with Session(folder) as session:
        return session.annotations()


def writable(folder: Path) -> bool:
    """Whether this user may change a session; its log lies beside its database."""
    return os.access(folder, os.W_OK) and os.access(folder / schema.DATABASE, os.W_OK)


def trouble_of(error: Exception) -> Trouble:
    """What to say of an error that came of reading a session."""
    if isinstance(error, DamagedSessionError):
        return Trouble(str(error), True)
    if isinstance(error, FerdeskError):
        return Trouble(str(error), False)
    text = tr("The session cannot be read: {error}. Check its folder's permissions.")
    return Trouble(text.format(error=error), False)


def remark_on(opened: Opened) -> Trouble | None:
    """What the user should know of a session that was opened; None where all is well."""
    if opened.meta.finished is None:
        text = tr(
            "This recording was cut off, or still goes on: what was stored so far is shown. "
            "Once it has ended, a repair gives it its end and its video an index."
        )
        return Trouble(text, True)
    if opened.meta.video != "none" and opened.video is None:
        text = tr(
            "The session's video is gone: the faces are drawn on a plain background. "
            "Put {file} back into {folder} to see it."
        )
        return Trouble(text.format(file=schema.VIDEO, folder=opened.folder), False)
    if opened.meta.lost:
        return Trouble(tr("Lost in a repair: {what}").format(what=opened.meta.lost), False)
    return None
