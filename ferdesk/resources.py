"""Where the files that ship with ferdesk lie, and where the user's own go."""

import os
import sys
from pathlib import Path

import platformdirs

_APP = "ferdesk"


def root() -> Path:
    """The resources folder: inside the installed package or a frozen app, else the checkout's."""
    package = Path(__file__).resolve().parent
    candidates = [package / "_resources", package.parent / "resources"]
    if frozen := getattr(sys, "_MEIPASS", None):
        candidates.insert(0, Path(frozen) / "resources")
    return next((path for path in candidates if path.is_dir()), candidates[-1])


def demo_clip() -> Path:
    """The built-in demo clip, an MP4."""
    return root() / "demo" / "demo.mp4"


def bundle_folders() -> tuple[Path, ...]:
    """Where bundles are looked for, the user's own first."""
    return user_data() / "bundles", root() / "models"


def face_model_folders() -> tuple[Path, ...]:
    """Where face models are looked for.

    The folders that FERDESK_MODELS names, the user's own, and what a self-contained app came with.
    """
    named = os.environ.get("FERDESK_MODELS", "")
    return (
        *(Path(part) for part in named.split(os.pathsep) if part),
        user_data() / "face-models",
        root() / "face-models",
    )


def user_data() -> Path:
    """The user's data folder for ferdesk; it need not exist yet."""
    return platformdirs.user_data_path(_APP, appauthor=False)


def user_cache() -> Path:
    """The user's folder for what can be made again, or FERDESK_CACHE; it need not exist yet."""
    if named := os.environ.get("FERDESK_CACHE"):
        return Path(named).expanduser()
    return platformdirs.user_cache_path(_APP, appauthor=False)
