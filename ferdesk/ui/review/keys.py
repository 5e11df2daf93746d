"""What the keyboard can do in the review: one table, for shortcuts, tool tips and the help."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from ferdesk.texts import tr
from ferdesk.ui import words
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
    KeySpec("open", tr("Open a recorded session…"), ("Ctrl+O",)),
    KeySpec("close", tr("Close the session, back to the list"), ("Ctrl+W",)),
    KeySpec("export", tr("Export for another program…"), ("Ctrl+E",)),
    KeySpec("play", tr("Play or pause"), ("Space",)),
    KeySpec("frame_back", tr("One frame back"), ("Left",), True),
    KeySpec("frame_on", tr("One frame on"), ("Right",), True),
    KeySpec("second_back", tr("One second back"), ("Shift+Left",), True),
    KeySpec("second_on", tr("One second on"), ("Shift+Right",), True),
    KeySpec("to_start", tr("To the first frame"), ("Home",)),
    KeySpec("to_end", tr("To the last frame"), ("End",)),
    KeySpec("slower", tr("Play more slowly"), (",",)),
    KeySpec("faster", tr("Play faster"), (".",)),
    KeySpec("overlay", tr("Show or hide what was found, in the picture"), ("V",)),
    KeySpec("next_change", tr("To the next change of expression"), ("E",), True),
    KeySpec("change_before", tr("To the change of expression before"), ("Shift+E",), True),
    KeySpec("next_contest", tr("To the next contested face"), ("C",), True),
    KeySpec("contest_before", tr("To the contested face before"), ("Shift+C",), True),
    KeySpec("next_annotation", tr("To the next annotation"), ("N",), True),
    KeySpec("annotation_before", tr("To the annotation before"), ("Shift+N",), True),
    KeySpec("set_in", tr("Begin a span here"), ("I",)),
    KeySpec("set_out", tr("End the span here"), ("O",)),
    KeySpec("annotate", tr("Annotate this span or moment"), ("A",)),
    KeySpec("delete", tr("Delete the chosen annotations"), ("Delete",)),
    KeySpec("undo", tr("Take the last change of an annotation back"), ("Ctrl+Z",)),
    KeySpec("redo", tr("Make it again"), ("Ctrl+Shift+Z", "Ctrl+Y")),
    KeySpec("zoom_in", tr("Show less time in the plots"), ("+", "="), True),
    KeySpec("zoom_out", tr("Show more time in the plots"), ("-",), True),
    KeySpec("fit", tr("Show all time in the plots"), ("0",)),
)


def spec_of(name: KeyName) -> KeySpec:
    """The table's row of this name."""
    return next(spec for spec in KEYS if spec.name == name)


def tip(name: KeyName) -> str:
    """A tool tip that teaches the shortcut."""
    spec = spec_of(name)
    return words.with_key(spec.text, spec.keys[0])


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
