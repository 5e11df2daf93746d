"""What a session says about itself, for programs (`SessionMeta`) and for people (README.txt)."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from ferdesk import __version__
from ferdesk.bundles import find_bundle
from ferdesk.core.errors import BundleError
from ferdesk.outputs.files import PrivateFile, failed
from ferdesk.sessions import schema
from ferdesk.sessions.readings import SessionMeta, VideoMode
from ferdesk.settings import Settings
from ferdesk.sources.base import SourceInfo

WRITTEN_BY: Final = f"ferdesk {__version__}"

_VIDEO: Final[dict[VideoMode, str]] = {
    "raw": "the picture as it came",
    "annotated": "the picture with what was found drawn in",
    "blurred": "the picture with faces blurred",
    "pixelated": "the picture with faces pixelated",
    "none": "",
}

_README: Final = """\
A recording by {written_by}, of {source}, begun {started}.

It says what a program read from faces. That is an estimate, not what somebody felt.

{video}
session.db   the numbers: an SQLite database, in write-ahead mode, with the tables below. Read it
             with ferdesk (ferdesk sessions show, ferdesk export), or with any SQLite program. Keep
             session.db-wal and session.db-shm beside it while they are there: they hold the newest
             rows.
README.txt   this text

Expressions: net {bundle}; faces: {faces}; action units: {estimator}; scale: {scale}.
Decided between contested expressions by: {disambiguator}. Neutral face taken off: {neutral}.
Consent: {consent}

{tables}"""


class PipelineFacts(Protocol):
    """What a session says about the pipeline that made it."""

    @property
    def faces_backend(self) -> str:
        """Which face models run."""
        ...

    @property
    def engine(self) -> str:
        """What runs the nets."""
        ...

    @property
    def bundle(self) -> str:
        """Name of the expression net."""
        ...

    @property
    def au_estimator(self) -> str:
        """What estimates action units; empty where nothing does."""
        ...

    @property
    def units(self) -> tuple[int, ...]:
        """Numbers of the action units that are estimated, ascending."""
        ...

    @property
    def disambiguator(self) -> str:
        """Which SVMs decide between contested expressions; empty where none do."""
        ...

    @property
    def neutral(self) -> str:
        """The neutral profile that is taken off the units; empty for none."""
        ...


def session_meta(
    source: SourceInfo,
    settings: Settings,
    pipeline: PipelineFacts,
    *,
    video: VideoMode,
    lossless: bool = False,
    consent: str = "",
) -> SessionMeta:
    """What is known before the first frame.

    Args:
        source: what is recorded.
        settings: how frames are analysed.
        pipeline: what analyses them.
        video: what the video is to show.
        lossless: whether it is to keep every pixel's value.
        consent: what the people in the picture agreed to.
    """
    return SessionMeta(
        written_by=WRITTEN_BY,
        started=datetime.now(UTC),
        started_ns=0,
        source=source.name,
        source_kind=source.kind,
        live=source.live,
        width=source.width,
        height=source.height,
        fps=source.fps,
        settings=settings,
        faces_backend=pipeline.faces_backend,
        engine=pipeline.engine,
        bundle=pipeline.bundle,
        bundle_sha256=bundle_hash(settings.bundle),
        au_estimator=pipeline.au_estimator,
        units=pipeline.units,
        disambiguator=pipeline.disambiguator,
        neutral=pipeline.neutral,
        video=video,
        lossless=lossless,
        consent=consent,
    )


def bundle_hash(name: str) -> str:
    """SHA-256 of a bundle's bundle.json, which holds those of its files; "" where it is gone."""
    try:
        return hashlib.sha256((find_bundle(name) / "bundle.json").read_bytes()).hexdigest()
    except (BundleError, OSError):
        return ""


def write_readme(folder: Path, meta: SessionMeta) -> None:
    """Explain a session's files and columns to whoever finds it.

    Raises:
        OutputError: it cannot be written.
    """
    shown = _VIDEO[meta.video]
    exact = ", lossless" if meta.lossless else ""
    video = f"video.mp4    {shown} (H.264{exact}, true times)\n" if shown else ""
    text = _README.format(
        written_by=meta.written_by,
        source=meta.source,
        started=meta.started.isoformat(timespec="seconds"),
        video=video or "There is no video.\n",
        bundle=meta.bundle or "none",
        faces=meta.faces_backend or "unknown",
        estimator=meta.au_estimator or "none",
        scale=meta.au_scale,
        disambiguator=_decider(meta),
        neutral=meta.neutral or "none",
        consent=meta.consent or "nothing was noted",
        tables="\n".join(_table(name) for name in schema.TABLES),
    )
    path = folder / schema.README
    with PrivateFile(path) as file:
        try:
            file.write(text.encode("utf-8", "replace"))
        except OSError as error:
            raise failed(path, error) from error


def _decider(meta: SessionMeta) -> str:
    if not meta.disambiguator or meta.settings is None:
        return meta.disambiguator or "nothing"
    asked = {"t2": meta.settings.t2, "t3": meta.settings.t3}
    own = [f"{name} = {value:g}" for name, value in asked.items() if value != "auto"]
    return ", ".join([meta.disambiguator, *own])


def _table(name: str) -> str:
    columns = schema.TABLES[name]
    width = max(len(column) for column, _, _ in columns) + 2
    lines = [f"  {column:{width}}{meaning}" for column, _, meaning in columns]
    return "\n".join([f"Table {name}", *lines, ""])
