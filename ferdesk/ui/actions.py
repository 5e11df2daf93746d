"""What the keyboard can do: one table, from which shortcuts, tool tips and the help are made."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ferdesk.ui.theme import GAP, named

ActionName = Literal[
    "go_live",
    "go_analyse",
    "go_review",
    "models",
    "settings",
    "pause",
    "snapshot",
    "record",
    "record_options",
    "mark",
    "outputs",
    "open_file",
    "demo",
    "units",
    "choose_units",
    "tint",
    "maps",
    "neutral",
    "plots",
    "mirror",
    "stage",
    "theme",
    "full_screen",
    "leave",
    "help",
    "quit",
]


class Shortcut(Protocol):
    """What the list of shortcuts shows."""

    @property
    def text(self) -> str:
        """What it does."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """Which keys do it."""
        ...


class ActionSpec(NamedTuple):
    """One thing the user can do.

    Attributes:
        name: how the code calls it.
        text: how the user reads it.
        keys: its shortcuts, the first one shown in tool tips.
    """

    name: ActionName
    text: str
    keys: tuple[str, ...]


ACTIONS: Final = (
    ActionSpec("go_live", "Show what a camera or file gives now", ("Ctrl+1",)),
    ActionSpec("go_analyse", "Analyse many files", ("Ctrl+2",)),
    ActionSpec("go_review", "Look at recorded sessions", ("Ctrl+3",)),
    ActionSpec("models", "Nets and face models…", ("Ctrl+M",)),
    ActionSpec("settings", "Settings…", ("Ctrl+,",)),
    ActionSpec("pause", "Pause or go on", ("Space",)),
    ActionSpec("snapshot", "Save a snapshot: picture and numbers", ("S",)),
    ActionSpec("record", "Record a session, or end it", ("R",)),
    ActionSpec("record_options", "How to record: video, consent, folder…", ("Shift+R",)),
    ActionSpec("mark", "Mark this moment of the recording", ("B",)),
    ActionSpec("outputs", "Let other programs listen…", ("L",)),
    ActionSpec("open_file", "Open a video or picture", ("O",)),
    ActionSpec("demo", "Show the built-in demo", ("D",)),
    ActionSpec("units", "Show or hide the action units", ("A",)),
    ActionSpec("choose_units", "Choose and sort the action units…", ("Shift+A",)),
    ActionSpec("tint", "Tint the muscles that act", ("M",)),
    ActionSpec("maps", "Tint what speaks for the shown expression", ("C",)),
    ActionSpec("neutral", "Neutral faces: record, choose, delete…", ("N",)),
    ActionSpec("plots", "Show or hide the plots of the last minute", ("P",)),
    ActionSpec("mirror", "Show the picture as in a mirror", ("X",)),
    ActionSpec("stage", "Stage: picture and large words alone, full screen", ("Shift+F",)),
    ActionSpec("theme", "Change the theme: system, dark, light", ("T",)),
    ActionSpec("full_screen", "Full screen and back", ("F", "F11")),
    ActionSpec("leave", "Leave full screen", ("Escape",)),
    ActionSpec("help", "Show these shortcuts", ("?", "F1")),
    ActionSpec("quit", "Quit", ("Ctrl+Q",)),
)


def spec_of(name: ActionName) -> ActionSpec:
    """The table's row of this name."""
    return next(spec for spec in ACTIONS if spec.name == name)


def install(window: QWidget, slots: Mapping[ActionName, Callable[[], None]]) -> tuple[QAction, ...]:
    """Give the window the actions of the table that `slots` has a function for."""
    installed = []
    for spec in ACTIONS:
        if spec.name not in slots:
            continue
        action = QAction(spec.text, window)
        action.setObjectName(spec.name)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        # A key that is held down must not save thirty snapshots a second.
        action.setAutoRepeat(False)
        action.triggered.connect(lambda _=False, run=slots[spec.name]: run())
        window.addAction(action)
        installed.append(action)
    return tuple(installed)


def tip(spec: ActionSpec) -> str:
    """A tool tip that teaches the shortcut."""
    return f"{spec.text} ({spec.keys[0]})"


class ShortcutsDialog(QDialog):
    """The list of shortcuts."""

    def __init__(self, parent: QWidget | None = None, specs: Sequence[Shortcut] = ACTIONS) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP * 3)
        grid.setVerticalSpacing(GAP // 2)
        for row, spec in enumerate(specs):
            keys = QLabel(" or ".join(spec.keys))
            font = keys.font()
            font.setBold(True)
            keys.setFont(font)
            grid.addWidget(keys, row, 0)
            grid.addWidget(QLabel(spec.text), row, 1)
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        inner = named(QWidget(), "cards")
        inner.setLayout(grid)
        grid.setContentsMargins(0, 0, GAP, 0)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the arrow keys scroll
        area.setMinimumWidth(inner.sizeHint().width() + GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP * 2, GAP * 2, GAP * 2, GAP)
        column.setSpacing(GAP * 2)
        column.addWidget(area, 1)
        column.addWidget(close, alignment=Qt.AlignmentFlag.AlignRight)
        around = self.sizeHint().height() - area.sizeHint().height()
        high = inner.sizeHint().height() + around + GAP
        # As high as the list where the screen is; a small one scrolls.
        self.resize(
            self.sizeHint().width(), min(high, round(self.screen().availableSize().height() * 0.9))
        )
