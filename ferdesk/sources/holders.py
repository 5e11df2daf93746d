"""Which programs hold a device open, as far as the system tells this user."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def holders_of(device: str, proc: Path = _PROC) -> tuple[str, ...]:
    """Other programs of this user that have a device open; none where the system does not tell.

    Args:
        device: its path.
        proc: where Linux describes its processes.

    Returns:
        One text a process, such as "ferdesk (process 4711)".
    """
    if not device or sys.platform != "linux":
        return ()
    wanted = os.path.realpath(device)
    return tuple(
        f"{_name(process)} (process {process.name})"
        for process in _others(proc)
        if wanted in _open_files(process)
    )


def _others(proc: Path) -> Iterator[Path]:
    own = str(os.getpid())
    for process in sorted(proc.glob("[0-9]*")):
        if process.name != own:
            yield process


def _open_files(process: Path) -> Iterator[str]:
    """What a process has open; nothing of other users' processes, or of one that has ended."""
    try:
        handles = list((process / "fd").iterdir())
    except OSError:
        return
    for handle in handles:
        try:
            yield str(handle.readlink())
        except OSError:  # closed meanwhile
            continue


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", "replace").strip() or "a program"
    except OSError:
        return "a program"
