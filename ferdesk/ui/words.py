"""What the window calls the things that have one name everywhere else. No Qt.

In files, on the command line and in drawn pictures they keep that name.
"""

from collections.abc import Iterable
from typing import Final

from ferdesk.core.aus import ActionUnit
from ferdesk.sources.images import IMAGE_SUFFIXES
from ferdesk.sources.video import VIDEO_SUFFIXES
from ferdesk.texts import tr

_KEYS: Final = {
    "Ctrl": tr("Ctrl", "key"),
    "Shift": tr("Shift", "key"),
    "Alt": tr("Alt", "key"),
    "Space": tr("Space", "key"),
    "Escape": tr("Escape", "key"),
    "Return": tr("Return", "key"),
    "Enter": tr("Enter", "key"),
    "Backspace": tr("Backspace", "key"),
    "Delete": tr("Delete", "key"),
    "Home": tr("Home", "key"),
    "End": tr("End", "key"),
    "Left": tr("Left", "key"),
    "Right": tr("Right", "key"),
    "Up": tr("Up", "key"),
    "Down": tr("Down", "key"),
}


def expression(label: str) -> str:
    """An expression, or that it is unsure or unknown."""
    return tr(label)


def unit_name(unit: ActionUnit) -> str:
    """An action unit without its number."""
    return tr(unit.name)


def coded_name(unit: ActionUnit) -> str:
    """An action unit with its code before it, "AU04 Brow Lowerer"."""
    return f"{unit.code} {unit_name(unit)}"


def muscles(unit: ActionUnit) -> str:
    """What moves in an action unit."""
    return tr(unit.muscles)


def key(shortcut: str) -> str:
    """A shortcut as it is printed on the keys, "Ctrl+O"."""
    return "+".join(_KEYS.get(part, part) for part in shortcut.split("+"))


def keys(shortcuts: Iterable[str]) -> str:
    """Shortcuts that do the same, "F or F11"."""
    between = tr("or")
    return f" {between} ".join(map(key, shortcuts))


def with_key(text: str, shortcut: str) -> str:
    """A tool tip that teaches a shortcut."""
    return tr("{text} ({key})").format(text=text, key=key(shortcut))


def media_filter() -> str:
    """What a dialog that opens videos and pictures lists."""
    suffixes = " ".join(f"*{suffix}" for suffix in sorted(VIDEO_SUFFIXES | IMAGE_SUFFIXES))
    return tr("Videos and pictures ({suffixes});;All files (*)").format(suffixes=suffixes)
