"""What can be done with chosen files: one table, for keys, the context menu and the buttons."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ferdesk.queue.items import Item
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.theme import GAP

RowAction = Literal["review", "retry", "cancel", "remove", "up", "down", "copy"]


class _Spec(NamedTuple):
    name: RowAction
    text: str
    tip: str
    keys: tuple[str, ...]
    fits: Callable[[Item], bool]


_SPECS: Final = (
    _Spec(
        "review",
        tr("Review"),
        tr("Look at the session"),
        ("Return", "Enter"),
        lambda one: bool(one.session),
    ),
    _Spec(
        "retry",
        tr("Try again"),
        tr("Analyse what failed or was cancelled"),
        ("F5",),
        lambda one: one.state in ("failed", "cancelled"),
    ),
    _Spec(
        "cancel",
        tr("Cancel"),
        tr("Do not analyse it; what was written stays whole"),
        ("Backspace",),
        lambda one: one.state == "waiting" or (one.state == "running" and not one.stopping),
    ),
    _Spec(
        "remove",
        tr("Remove"),
        tr("Take it off the list; its results stay"),
        ("Delete",),
        lambda one: one.state != "running",
    ),
    _Spec("up", tr("Up"), tr("Analyse it earlier"), ("Alt+Up",), lambda _: True),
    _Spec("down", tr("Down"), tr("Analyse it later"), ("Alt+Down",), lambda _: True),
    _Spec(
        "copy", tr("Copy"), tr("Copy the error, or the results' paths"), ("Ctrl+C",), lambda _: True
    ),
)


class RowActions(QWidget):
    """A row of buttons; the same actions belong to the table.

    Args:
        table: gets the keys and the context menu.
        run: what each action does.
    """

    def __init__(self, table: QWidget, run: Mapping[RowAction, Callable[[], None]]) -> None:
        super().__init__()
        self.buttons: dict[RowAction, SpaceButton] = {}
        self._actions: dict[RowAction, QAction] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP // 2)
        for spec in _SPECS:
            action = QAction(spec.text, table)
            action.setShortcuts([QKeySequence(key) for key in spec.keys])
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(lambda _=False, do=run[spec.name]: do())
            table.addAction(action)
            button = SpaceButton(spec.text)
            button.setToolTip(words.with_key(spec.tip, spec.keys[0]))
            button.setAccessibleName(tr("{action}: {what}").format(action=spec.text, what=spec.tip))
            button.clicked.connect(lambda _=False, do=action.trigger: do())
            row.addWidget(button)
            self._actions[spec.name] = action
            self.buttons[spec.name] = button
        row.addStretch(1)
        self.show_for(())

    def show_for(self, chosen: Sequence[Item]) -> None:
        """Offer what fits at least one of the chosen files."""
        for spec in _SPECS:
            fits = any(map(spec.fits, chosen))
            self._actions[spec.name].setEnabled(fits)
            self.buttons[spec.name].setEnabled(fits)
