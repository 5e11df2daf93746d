"""The rail at the left: which workspace is shown, and what holds for all of them."""

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ferdesk.texts import tr
from ferdesk.ui import actions, icons
from ferdesk.ui.actions import ActionName
from ferdesk.ui.theme import DARK, GAP, Colours

_WORKSPACES: Final[Mapping[ActionName, tuple[icons.Name, str]]] = {
    "go_live": ("camera", tr("Live")),
    "go_analyse": ("films", tr("Analyse")),
    "go_review": ("curve", tr("Review")),
}
_COMMON: Final[Mapping[ActionName, tuple[icons.Name, str]]] = {
    "models": ("net", tr("Models")),
    "settings": ("sliders", tr("Settings")),
    "theme": ("theme", tr("Theme")),
    "help": ("help", tr("Keys")),
}
_WIDTH: Final = 72


class Rail(QFrame):
    """Buttons, workspaces above and the rest below; those that nobody answers are left out.

    Args:
        run: what each action does.
    """

    def __init__(
        self, run: Mapping[ActionName, Callable[[], None]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setAccessibleName(tr("Workspaces"))
        self.setMinimumWidth(_WIDTH)
        self._colours = DARK
        self._icons = {
            name: icon
            for name, (icon, _) in (*_WORKSPACES.items(), *_COMMON.items())
            if name in run
        }
        self.buttons: dict[ActionName, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP // 2, GAP, GAP // 2, GAP)
        column.setSpacing(GAP // 2)
        for table in (_WORKSPACES, _COMMON):
            for name, (_, text) in table.items():
                if name in run:
                    self.buttons[name] = _button(name, text, run[name])
                    column.addWidget(self.buttons[name])
            if table is _WORKSPACES:
                column.addStretch(1)
        for name in _WORKSPACES:
            if name in self.buttons:
                self.buttons[name].setCheckable(True)
        self._show_icons()

    @property
    def workspaces(self) -> dict[str, ActionName]:
        """What shows each workspace, by its name."""
        return {name: name for name in _WORKSPACES if name in self.buttons}

    @property
    def shown(self) -> str:
        """The name of the workspace that is shown; empty for none."""
        return next((one for one in self.workspaces.values() if self.buttons[one].isChecked()), "")

    def show_workspace(self, name: ActionName) -> None:
        """Show which workspace is shown."""
        for one in _WORKSPACES:
            if one in self.buttons:
                self.buttons[one].setChecked(one == name)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self._show_icons()

    def _show_icons(self) -> None:
        for name, button in self.buttons.items():
            button.setIcon(icons.icon(self._icons[name], self._colours.text))


def _button(name: ActionName, text: str, run: Callable[[], None]) -> QToolButton:
    spec = actions.spec_of(name)
    button = QToolButton()
    button.setText(text)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    button.setIconSize(QSize(22, 22))
    # As wide as the widest: the words of another language may be longer.
    button.setMinimumWidth(_WIDTH - GAP)
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    button.setToolTip(actions.tip(spec))
    button.setAccessibleName(spec.text)
    button.clicked.connect(lambda _=False: run())
    return button
