"""What is done of a batch: a record beside the results, so that a later run goes on from there.

A record comes from a folder that others may write to: it is checked, and only ever says that there
is nothing to do for an input whose results are as they were left.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

import ferdesk
from ferdesk.bundles import find_bundle, installed_bundles
from ferdesk.core.bundle import MANIFEST, sha256
from ferdesk.core.errors import BundleError, OutputError
from ferdesk.faces.store import load
from ferdesk.outputs.files import PrivateFile, failed
from ferdesk.profiles import load_profile
from ferdesk.sessions.readings import VideoMode
from ferdesk.sessions.schema import DATABASE
from ferdesk.settings import Settings
from ferdesk.summary import Summary

RECORD: Final = "ferdesk-batch.json"
"""The record's name in the folder of the results."""

_MAX_BYTES: Final = 256_000_000


def _plain(name: str) -> str:
    if Path(name).name != name:
        raise ValueError("must be the name of a file in this folder")
    return name


FileName = Annotated[str, AfterValidator(_plain)]


class Done(BaseModel):
    """One input that was analysed to its end.

    Attributes:
        state: `state_of` the input before it was read.
        setup: `setup_of` the run.
        stem: what the names of its results begin with.
        results: its results, each with its state.
        summary: what the analysis came to; its `input` and `files` are left out, for they depend on
            how both folders were named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str
    setup: str
    stem: str
    results: dict[FileName, str]
    summary: Summary

    def summary_in(self, out: Path, spec: str) -> Summary:
        """The summary, as something that was done before.

        Args:
            out: the folder of the results, as it is named now.
            spec: the input, as it is named now.
        """
        files = tuple(str(out / name) for name in self.results)
        before = {"input": spec, "files": files, "done_before": True}
        return self.summary.model_copy(update=before)


def done_of(
    summary: Summary, state: str, setup: str, stem: str, results: Mapping[str, str]
) -> Done | None:
    """What the record keeps of an input; None if it was not done to its end.

    Args:
        summary: what the analysis came to.
        state: `state_of` the input before it was read.
        setup: `setup_of` the run.
        stem: what the names of its results begin with.
        results: its results, each with its state.
    """
    if summary.error is not None or summary.interrupted:
        return None
    return Done(state=state, setup=setup, stem=stem, results=dict(results), summary=summary)


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    done: dict[str, Done] = {}


def state_of(path: Path) -> str:
    """A digest of a file's size and time of change; of a folder those of all files in it.

    A session's numbers are left out: looking at it, or annotating it, makes it no other result.
    Not of what is in it: looking whether anything is left to do takes no time then, however long
    the videos. A file that is copied anew counts as changed, which costs no more than its analysis.

    Raises:
        OSError: it cannot be read.
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    lines = []
    if (path / DATABASE).is_file():
        lines.append(f"{DATABASE}\n")
        files = [file for file in files if not file.name.startswith(DATABASE)]
    for file in files:
        about = file.stat()
        lines.append(f"{file.name}\0{about.st_size}\0{about.st_mtime_ns}\n")
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def setup_of(settings: Settings, video: bool, session: VideoMode | None = None) -> str:
    """A digest of what decides the results besides the input: nets, settings and our version.

    Args:
        settings: how frames are analysed.
        video: whether there are annotated videos and pictures.
        session: what the videos of sessions show; None where there are no sessions.

    Raises:
        ModelError, BundleError, ProfileError: something is missing.
    """
    bundles = [find_bundle(settings.bundle)]
    if settings.aus == "native":
        bundles.append(find_bundle(settings.au_bundle, "action_units"))
    if settings.disambiguate == "auto":
        bundles += installed_bundles("au_svm")
    elif settings.disambiguate != "off":
        bundles.append(find_bundle(settings.disambiguate, "au_svm"))
    faces = settings.faces
    parts = {
        "version": ferdesk.__version__,
        "video": video,
        "session": session,
        # The number of threads changes no number; a bundle is what it is, wherever it lies.
        "settings": settings.model_dump(exclude={"threads", "bundle", "au_bundle", "disambiguate"}),
        "asking": settings.disambiguate in ("auto", "off") and settings.disambiguate,
        "faces": faces if faces == "mediapipe" else load(faces).set_name,
        "profile": settings.neutral and load_profile(settings.neutral).model_dump(mode="json"),
        "bundles": [_manifest(folder) for folder in bundles],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _manifest(folder: Path) -> str:
    """A digest of a bundle's description, which holds those of its files."""
    try:
        return sha256(folder / MANIFEST)
    except OSError as error:
        raise BundleError(f"{folder} is no bundle: {error.strerror or error}.") from error


class Record:
    """The inputs of a folder of results that are done.

    Args:
        out: the folder.

    Raises:
        OutputError: there is a record that cannot be read.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._path = out / RECORD
        self._content = self._read()

    def find(self, path: Path, setup: str) -> Done | None:
        """An input's entry, if it and its results are as they were and the set-up is the same."""
        done = self._content.done.get(_key(path))
        if done is None or done.setup != setup or not done.results:
            return None
        try:
            same = state_of(path) == done.state and all(
                state_of(self._out / name) == state for name, state in done.results.items()
            )
        except OSError:
            return None
        return done if same else None

    def name_of(self, path: Path) -> str | None:
        """What an input's results are called, whatever became of them; None where it has none."""
        done = self._content.done.get(_key(path))
        return None if done is None else done.stem

    def names(self, path: Path) -> frozenset[str]:
        """What the results of all other inputs are called, without regard to case."""
        own = _key(path)
        return frozenset(
            done.stem.casefold() for key, done in self._content.done.items() if key != own
        )

    def forget(self, paths: Iterable[Path], stems: Collection[str]) -> None:
        """Leave out inputs that are to be analysed, and whatever had the names of their results.

        Raises:
            OutputError: the record cannot be written.
        """
        keys = {_key(path) for path in paths}
        names = {stem.casefold() for stem in stems}
        self._content.done = {
            key: done
            for key, done in self._content.done.items()
            if key not in keys and done.stem.casefold() not in names
        }
        self._write()

    def add(self, path: Path, done: Done) -> None:
        """Keep that an input is done.

        Raises:
            OutputError: the record cannot be written.
        """
        plain = {"input": "", "files": (), "warning": _text(done.summary.warning)}
        summary = done.summary.model_copy(update=plain)
        self._content.done[_key(path)] = done.model_copy(update={"summary": summary})
        self._write()

    def _read(self) -> _Content:
        try:
            if self._path.stat().st_size > _MAX_BYTES:
                raise OutputError(f"{self._path} is too large to be a record of what is done.")
            return _Content.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return _Content()
        except OSError as error:
            raise OutputError(f"{self._path} cannot be read: {error.strerror or error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the top level"
            raise OutputError(
                f"{self._path} cannot be understood ({where}: {first['msg']}). Delete it; then all "
                "inputs are analysed again."
            ) from error

    def _write(self) -> None:
        draft = self._path.with_name(f".{RECORD}.{os.getpid()}")
        try:
            with PrivateFile(draft) as file:
                file.write(self._content.model_dump_json(indent=1).encode())
            draft.replace(self._path)
        except OSError as error:
            raise failed(self._path, error) from error
        finally:
            draft.unlink(missing_ok=True)


def results_of(files: Iterable[Path]) -> Mapping[str, str]:
    """The states of results, by name.

    Raises:
        OutputError: one has gone meanwhile.
    """
    found = {}
    for path in files:
        try:
            found[path.name] = state_of(path)
        except OSError as error:
            raise OutputError(f"{path} cannot be read: {error.strerror or error}.") from error
    return found


def _key(path: Path) -> str:
    return _text(str(path.resolve())) or ""


def _text(text: str | None) -> str | None:
    """A text that JSON takes: names of files need not be valid ones."""
    return text and text.encode("utf-8", "backslashreplace").decode()
