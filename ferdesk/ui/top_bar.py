"""The bar on top: what is watched, and buttons for what is done most."""

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLayout, QPushButton, QWidget

from ferdesk.texts import tr
from ferdesk.ui import actions, icons, theme
from ferdesk.ui.actions import ActionName
from ferdesk.ui.theme import DARK, GAP, Colours

_ICONS: Final[Mapping[ActionName, icons.Name]] = {
    "pause": "pause",
    "snapshot": "snapshot",
    "record": "record",
    "outputs": "outputs",
    "mirror": "mirror",
    "plots": "plots",
    "units": "units",
    "tint": "tint",
    "maps": "maps",
    "neutral": "neutral",
    "stage": "stage",
}
_WORDS: Final[dict[ActionName, str]] = {"snapshot": tr("Snapshot"), "record": tr("Record")}
_NARROW: Final = 320
_EAGER: Final = 100
"""The picker takes what room there is, up to its greatest width, before it is left empty."""
_LEFT: Final = 4
"""So many of the buttons stand beside the picker; the others at the right."""
_SWITCHES: Final = frozenset(
    {"units", "tint", "maps", "record", "outputs", "mirror", "plots", "neutral"}
)
"""What stays pressed while it is on."""


class TopBar(QWidget):
    """The picker and the buttons.

    Args:
        picker: what chooses the source.
        run: what each action does.
    """

    def __init__(self, picker: QWidget, run: Mapping[ActionName, Callable[[], None]]) -> None:
        super().__init__()
        self.buttons = {name: _button(name, run[name]) for name in _ICONS}
        self._colours = DARK
        self._paused = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP // 2)
        row.addWidget(picker, _EAGER)
        for index, button in enumerate(self.buttons.values()):
            if index == _LEFT:
                row.addStretch(1)
            row.addWidget(button)
        self._compact = False
        self.show_paused(False)
        self._wide = self.sizeHint().width()
        # Else the words would keep the window from becoming narrow.
        row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)

    def show_paused(self, paused: bool) -> None:
        """Offer to pause, or to go on."""
        self._paused = paused
        self._show_words()
        self._show_icons()

    def show_on(self, name: ActionName, on: bool) -> None:
        """Show a switch as pressed, or not."""
        self.buttons[name].setChecked(on)

    def set_possible(self, name: ActionName, why_not: str) -> None:
        """Let a button be pressed, unless there is a reason why not; its tool tip says it."""
        button = self.buttons[name]
        button.setEnabled(not why_not)
        button.setToolTip(why_not or actions.tip(actions.spec_of(name)))
        button.setAccessibleDescription(why_not)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self._show_icons()

    def minimumSizeHint(self) -> QSize:
        """Hardly any width: where there is little, the buttons lose their words."""
        return QSize(_NARROW, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show words on buttons where there is room."""
        super().resizeEvent(event)
        compact = event.size().width() < self._wide
        if compact != self._compact:
            self._compact = compact
            self._show_words()

    def _show_words(self) -> None:
        words = {"pause": tr("Resume") if self._paused else tr("Pause"), **_WORDS}
        for name, word in words.items():
            button = self.buttons[name]
            button.setText("" if self._compact else word)
            theme.set_narrow(button, self._compact)

    def _show_icons(self) -> None:
        for name, button in self.buttons.items():
            icon = "play" if name == "pause" and self._paused else _ICONS[name]
            button.setIcon(icons.icon(icon, self._colours.text))


def _button(name: ActionName, run: Callable[[], None]) -> QPushButton:
    spec = actions.spec_of(name)
    button = QPushButton()
    button.setIconSize(QSize(18, 18))
    theme.set_narrow(button, True)
    button.setToolTip(actions.tip(spec))
    button.setAccessibleName(spec.text)
    button.setCheckable(name in _SWITCHES)
    button.clicked.connect(lambda _=False: run())
    return button
