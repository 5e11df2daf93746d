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

from ferdesk.texts import tr
from ferdesk.ui import words
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
    ActionSpec("go_live", tr("Show what a camera or file gives now"), ("Ctrl+1",)),
    ActionSpec("go_analyse", tr("Analyse many files"), ("Ctrl+2",)),
    ActionSpec("go_review", tr("Look at recorded sessions"), ("Ctrl+3",)),
    ActionSpec("models", tr("Nets and face models…"), ("Ctrl+M",)),
    ActionSpec("settings", tr("Settings…"), ("Ctrl+,",)),
    ActionSpec("pause", tr("Pause or go on"), ("Space",)),
    ActionSpec("snapshot", tr("Save a snapshot: picture and numbers"), ("S",)),
    ActionSpec("record", tr("Record a session, or end it"), ("R",)),
    ActionSpec("record_options", tr("How to record: video, consent, folder…"), ("Shift+R",)),
    ActionSpec("mark", tr("Mark this moment of the recording"), ("B",)),
    ActionSpec("outputs", tr("Let other programs listen…"), ("L",)),
    ActionSpec("open_file", tr("Open a video or picture"), ("O",)),
    ActionSpec("demo", tr("Show the built-in demo"), ("D",)),
    ActionSpec("units", tr("Show or hide the action units"), ("A",)),
    ActionSpec("choose_units", tr("Choose and sort the action units…"), ("Shift+A",)),
    ActionSpec("tint", tr("Tint the muscles that act"), ("M",)),
    ActionSpec("maps", tr("Tint what speaks for the shown expression"), ("C",)),
    ActionSpec("neutral", tr("Neutral faces: record, choose, delete…"), ("N",)),
    ActionSpec("plots", tr("Show or hide the plots of the last minute"), ("P",)),
    ActionSpec("mirror", tr("Show the picture as in a mirror"), ("X",)),
    ActionSpec("stage", tr("Stage: picture and large words alone, full screen"), ("Shift+F",)),
    ActionSpec("theme", tr("Change the theme: system, dark, light"), ("T",)),
    ActionSpec("full_screen", tr("Full screen and back"), ("F", "F11")),
    ActionSpec("leave", tr("Leave full screen"), ("Escape",)),
    ActionSpec("help", tr("Show these shortcuts"), ("?", "F1")),
    ActionSpec("quit", tr("Quit"), ("Ctrl+Q",)),
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
    return words.with_key(spec.text, spec.keys[0])


class ShortcutsDialog(QDialog):
    """The list of shortcuts."""

    def __init__(self, parent: QWidget | None = None, specs: Sequence[Shortcut] = ACTIONS) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP * 3)
        grid.setVerticalSpacing(GAP // 2)
        for row, spec in enumerate(specs):
            keys = QLabel(words.keys(spec.keys))
            font = keys.font()
            font.setBold(True)
            keys.setFont(font)
            grid.addWidget(keys, row, 0)
            grid.addWidget(QLabel(spec.text), row, 1)
        close = QPushButton(tr("Close"))
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
