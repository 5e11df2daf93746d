"""The command line of one analysis."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ferdesk.cores import usable_cores
from ferdesk.sessions.readings import VideoMode
from ferdesk.settings import Settings

_CORES_A_FILE: Final = 2
"""Finding faces and judging them run side by side."""

_OPTIONS: Final = {field: f"--{field.replace('_', '-')}" for field in Settings.model_fields} | {
    "smoothing_s": "--smoothing"
}


@dataclass(frozen=True, slots=True)
class Order:
    """How the files of a queue are analysed.

    Attributes:
        out: the folder for the results.
        settings: how frames are analysed.
        video: whether to write annotated videos and pictures, not the table alone.
        session: what the videos of sessions show; None for no sessions.
        at_once: how many files are analysed at the same time, at least 1.
        resume: leave out what an earlier run did.
    """

    out: Path
    settings: Settings
    video: bool = True
    session: VideoMode | None = None
    at_once: int = 1
    resume: bool = True


def files_at_once() -> int:
    """How many files this machine can well analyse at the same time."""
    return max(1, usable_cores() // _CORES_A_FILE)


def ferdesk_command() -> list[str]:
    """What starts another ferdesk like this one: Python, or the packaged app itself."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    # -P: a folder called ferdesk in the folder we are in is not ours.
    return [sys.executable, "-P", "-m", "ferdesk"]


def arguments(spec: str, name: str, order: Order) -> list[str]:
    """What the command is told to analyse one file.

    Args:
        spec: the file or folder.
        name: what its results are called.
        order: how it is analysed.
    """
    settings = order.settings
    if not settings.threads and order.at_once > 1:
        threads = max(1, usable_cores() // order.at_once)
        settings = settings.model_copy(update={"threads": threads})
    words = ["analyze", f"--out={order.out}", f"--name={name}", "--progress=json"]
    words += [f"{_OPTIONS[field]}={value}" for field, value in settings.model_dump().items()]
    if not order.video:
        words.append("--no-video")
    if order.session is not None:
        words.append(f"--session={order.session}")
    return [*words, "--", spec]
