"""Runs the built program the way a user would, away from the checkout: `try_app.py dist/ferdesk`.

No window is needed for it, and no network; nothing of the environment that built it is seen.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 240
UNWANTED: Final = (
    "torch",
    "libtorch_cpu.so",
    "libc10.so",
    "sklearn",
    "ray",
    "pandas",
    "pyarrow",
    "trainer",
    "scipy",
)
"""Parts of a path that must not occur below the folder."""


def try_app(folder: Path) -> str:
    """Check the folder and run what is in it.

    Args:
        folder: dist/ferdesk.

    Returns:
        One line about what was seen.

    Raises:
        SystemExit: something is there that must not be, is missing, or does not work.
    """
    for name in ("LICENSE", "NOTICE", "licences/LGPL-3.0.txt", "licences/openvino/LICENSE"):
        _demand((folder / name).is_file(), f"{name} is missing")
    for path in folder.rglob("*"):
        foreign = {part.partition("-")[0].lower() for part in path.relative_to(folder).parts}
        _demand(not foreign.intersection(UNWANTED), f"{path} must not be in the folder")
    program = folder / ("ferdesk.exe" if sys.platform == "win32" else "ferdesk")
    with tempfile.TemporaryDirectory(prefix="ferdesk-try-") as scratch:
        home = Path(scratch)
        said = json.loads(_run(program, home, "doctor", "--json", may_fail=True))
        troubles = [one["text"] for one in said if one["ok"] is False]
        with_models = any(one["area"] == "face models" and one["ok"] for one in said)
        allowed = [] if with_models else ["no set is complete"]
        _demand(troubles == allowed, f"ferdesk doctor: {troubles}")
        rows = _analyse(program, home) if with_models else 0
        _show_window(program, home)
    size = sum(path.stat().st_size for path in folder.rglob("*") if not path.is_symlink())
    return f"{folder}: {size / 1e6:.0f} MB, the window opens, {rows} faces in the demo clip"


def _analyse(program: Path, home: Path) -> int:
    """Rows of the table of the demo clip."""
    _run(program, home, "analyze", "demo", "-o", str(home / "out"), "--no-video")
    with (home / "out" / "demo.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    _demand(len({row["frame"] for row in rows}) > 100, "hardly any face was found in the demo clip")
    _demand(all(row["label"] and row["AU12"] for row in rows), "rows without label or units")
    return len(rows)


def _show_window(program: Path, home: Path) -> None:
    """Open the window on the demo clip; it must stay open until it is told to end."""
    with subprocess.Popen(
        [program, "--source", "demo"],
        env=_environment(home) | {"QT_QPA_PLATFORM": "offscreen"},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as window:
        try:
            said, _ = window.communicate(timeout=10)
            raise SystemExit(f"The window closed by itself: {said}")
        except subprocess.TimeoutExpired:
            window.terminate()
        try:
            said, _ = window.communicate(timeout=60)
        finally:
            window.kill()
    _demand("Traceback" not in said and "qt." not in said.lower(), f"the window said: {said}")
    if sys.platform != "win32":  # where to be ended is to be killed
        ended = window.returncode in (0, -signal.SIGTERM)
        _demand(ended, f"the window ended with {window.returncode}: {said}")


def _run(program: Path, home: Path, *arguments: str, may_fail: bool = False) -> str:
    done = subprocess.run(
        [program, *arguments],
        env=_environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    _demand(
        done.returncode == 0 or (may_fail and done.returncode == 1),
        f"ferdesk {' '.join(arguments)} ended with {done.returncode}: {done.stderr}",
    )
    return done.stdout


def _environment(home: Path) -> dict[str, str]:
    """As little as a program can do with, so that nothing of the build's own is found."""
    kept = ("PATH", "SYSTEMROOT", "LANG", "DISPLAY", "OMP_NUM_THREADS")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(home),
        "LOCALAPPDATA": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }


def _demand(held: bool, otherwise: str) -> None:
    if not held:
        raise SystemExit(otherwise)


if __name__ == "__main__":
    sys.stdout.write(try_app(Path(sys.argv[1])) + "\n")
