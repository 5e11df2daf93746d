"""What a session holds, in short."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.sessions.readings import Annotation, SessionMeta
from ferdesk.sessions.session import Session

UNKNOWN: Final = "expression unknown"
"""Numbers of another program need not have any."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A session in short.

    Attributes:
        folder: the session's.
        meta: what it says about itself.
        frames: how many.
        seconds: time of the last.
        labels: by person, on how many frames each expression was shown.
        annotations: by time.
    """

    folder: Path
    meta: SessionMeta
    frames: int
    seconds: float
    labels: dict[int, Counter[str]]
    annotations: tuple[Annotation, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "folder": str(self.folder),
            "meta": self.meta.model_dump(mode="json"),
            "frames": self.frames,
            "seconds": self.seconds,
            "labels": {str(person): dict(counts) for person, counts in self.labels.items()},
            "annotations": [
                {name: getattr(note, name) for name in Annotation.__slots__}
                for note in self.annotations
            ],
        }

    def lines(self, tr: Callable[[str], str] = str) -> Iterator[str]:
        """The same for people.

        Args:
            tr: translates; English where it is left out.
        """
        meta = self.meta
        yield f"{self.folder.name}: {meta.source}, {meta.started.astimezone():%Y-%m-%d %H:%M:%S}"
        if meta.finished:
            length = tr("{frames} frames, {seconds:.2f} s; video: {video}")
        else:
            length = tr(
                "{frames} frames, {seconds:.2f} s (cut off, or still recording); video: {video}"
            )
        yield length.format(frames=self.frames, seconds=self.seconds, video=meta.video)
        yield tr("net {net}; action units: {units}").format(
            net=meta.bundle or tr("none"), units=meta.au_estimator or tr("none")
        )
        yield tr("consent: {text}").format(text=meta.consent or tr("nothing was noted"))
        for person, counts in sorted(self.labels.items()):
            total = counts.total()
            named = (*EXPRESSIONS, UNKNOWN)
            shares = (f"{tr(name)} {counts[name] / total:.0%}" for name in named if counts[name])
            yield tr("person {number}: {frames} frames; {shares}").format(
                number=person, frames=total, shares=", ".join(shares)
            )
        for note in self.annotations:
            until = "" if note.end_s is None else f"-{note.end_s:.2f}"
            by = f" ({note.author})" if note.author else ""
            yield f"{note.start_s:9.2f}{until} s  {note.kind}: {note.text}{by}"


def overview(folder: Path) -> Overview:
    """Look at a session.

    Raises:
        SessionError: it is none, or damaged.
    """
    labels: dict[int, Counter[str]] = {}
    with Session(folder) as session:
        for frame in session.frames():
            for face in frame.faces:
                counts = labels.setdefault(face.face.track_id, Counter())
                counts[face.label or UNKNOWN] += 1
        return Overview(
            folder,
            session.meta,
            session.count("frames"),
            session.duration_s(),
            labels,
            session.annotations(),
        )
