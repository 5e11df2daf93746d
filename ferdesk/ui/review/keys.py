"""What the keyboard can do in the review: one table, for shortcuts, tool tips and the help."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from ferdesk.ui.buttons import SpaceButton

KeyName = Literal[
    "open",
    "close",
    "export",
    "play",
    "frame_back",
    "frame_on",
    "second_back",
    "second_on",
    "to_start",
    "to_end",
    "slower",
    "faster",
    "overlay",
    "next_change",
    "change_before",
    "next_contest",
    "contest_before",
    "next_annotation",
    "annotation_before",
    "set_in",
    "set_out",
    "annotate",
    "delete",
    "undo",
    "redo",
    "zoom_in",
    "zoom_out",
    "fit",
]


class KeySpec(NamedTuple):
    """One thing the user can do.

    Attributes:
        name: how the code calls it.
        text: how the user reads it.
        keys: its shortcuts, the first one shown in tool tips.
        repeats: whether a key that is held down does it again and again.
    """

    name: KeyName
    text: str
    keys: tuple[str, ...]
    repeats: bool = False


KEYS: Final = (
    KeySpec("open", "Open a recorded session…", ("Ctrl+O",)),
    KeySpec("close", "Close the session, back to the list", ("Ctrl+W",)),
    KeySpec("export", "Export for another program…", ("Ctrl+E",)),
    KeySpec("play", "Play or pause", ("Space",)),
    KeySpec("frame_back", "One frame back", ("Left",), True),
    KeySpec("frame_on", "One frame on", ("Right",), True),
    KeySpec("second_back", "One second back", ("Shift+Left",), True),
    KeySpec("second_on", "One second on", ("Shift+Right",), True),
    KeySpec("to_start", "To the first frame", ("Home",)),
    KeySpec("to_end", "To the last frame", ("End",)),
    KeySpec("slower", "Play more slowly", (",",)),
    KeySpec("faster", "Play faster", (".",)),
    KeySpec("overlay", "Show or hide what was found, in the picture", ("V",)),
    KeySpec("next_change", "To the next change of expression", ("E",), True),
    KeySpec("change_before", "To the change of expression before", ("Shift+E",), True),
    KeySpec("next_contest", "To the next contested face", ("C",), True),
    KeySpec("contest_before", "To the contested face before", ("Shift+C",), True),
    KeySpec("next_annotation", "To the next annotation", ("N",), True),
    KeySpec("annotation_before", "To the annotation before", ("Shift+N",), True),
    KeySpec("set_in", "Begin a span here", ("I",)),
    KeySpec("set_out", "End the span here", ("O",)),
    KeySpec("annotate", "Annotate this span or moment", ("A",)),
    KeySpec("delete", "Delete the chosen annotations", ("Delete",)),
    KeySpec("undo", "Take the last change of an annotation back", ("Ctrl+Z",)),
    KeySpec("redo", "Make it again", ("Ctrl+Shift+Z", "Ctrl+Y")),
    KeySpec("zoom_in", "Show less time in the plots", ("+", "="), True),
    KeySpec("zoom_out", "Show more time in the plots", ("-",), True),
    KeySpec("fit", "Show all time in the plots", ("0",)),
)


def spec_of(name: KeyName) -> KeySpec:
    """The table's row of this name."""
    return next(spec for spec in KEYS if spec.name == name)


def tip(name: KeyName) -> str:
    """A tool tip that teaches the shortcut."""
    spec = spec_of(name)
    return f"{spec.text} ({spec.keys[0]})"


def install(
    workspace: QWidget, slots: Mapping[KeyName, Callable[[], None]]
) -> dict[KeyName, QAction]:
    """Give the workspace every action of the table; its keys hold while it has the focus."""
    installed = {}
    for spec in KEYS:
        action = QAction(spec.text, workspace)
        action.setObjectName(f"review_{spec.name}")
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setAutoRepeat(spec.repeats)
        action.triggered.connect(lambda _=False, run=slots[spec.name]: run())
        workspace.addAction(action)
        installed[spec.name] = action
    return installed


def key_button(name: KeyName, text: str, run: Callable[[], None]) -> SpaceButton:
    """A small button that does what a key does."""
    button = SpaceButton(text)
    button.setToolTip(tip(name))
    button.setAccessibleName(spec_of(name).text)
    button.clicked.connect(lambda: run())
    return button
