"""One preference in the dialog: title, control, help, a way back to the default, and errors."""

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from ferdesk.core.errors import PreferencesError
from ferdesk.preferences.annotations import Effect
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import Preference, Value
from ferdesk.texts import tr
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.preferences.controls import control_for
from ferdesk.ui.theme import GAP, named

_EFFECTS: Final[Mapping[Effect, str]] = {
    "now": "",
    "start": tr("Felt at the next start."),
    "source": tr("Felt when the camera is opened next."),
    "pipeline": "",
}
"""What a change waits for; rebuilding the pipeline is not felt as waiting."""

_TITLE_WIDTH: Final = 180
_STRETCH: Final = 1000
"""A control takes all the room up to its greatest width; what is left stays empty."""


class PreferenceRow(QWidget):
    """One row.

    Args:
        row: which preference.
        change: changes it, or raises PreferencesError.
        reset: takes it back to its default.
    """

    def __init__(
        self,
        row: Preference,
        change: Callable[[str, Value], None],
        reset: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.row = row
        self._shown: Value | None = None
        self._change = change
        self.control = control_for(row, self._told)
        self.title = QLabel(row.title)
        self.title.setBuddy(self.control.focus)
        self.help = named(QLabel(f"{row.help} {_EFFECTS[row.shown.effect]}".strip()), "muted")
        self.error = named(QLabel(), "fieldError")
        self.error.setAccessibleName(tr("Error: {title}").format(title=row.title))
        self.back = SpaceButton(tr("Reset"))
        back = tr("Back to the default: {value}")
        self.back.setToolTip(back.format(value=_default_text(row)))
        self.back.setAccessibleName(tr("Reset: {title}").format(title=row.title))
        self.back.clicked.connect(lambda _=False: reset(row.key))
        # Its place stays, so that nothing jumps when it comes and goes.
        policy = self.back.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.back.setSizePolicy(policy)
        for label in (self.help, self.error):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.error.setVisible(False)
        self._lay_out()

    def follow(self, preferences: Preferences) -> None:
        """Show what holds, unless it is shown already: a text being typed stays."""
        self.control.follow(preferences)
        if self.row.value(preferences) != self._shown:
            self.show_value(preferences)

    def show_value(self, preferences: Preferences) -> None:
        """Show what holds, and no error."""
        value = self._shown = self.row.value(preferences)
        self.control.show(value)
        changed = value != self.row.default
        if not changed and self.back.hasFocus():
            self.control.focus.setFocus()  # a button that goes would hand the focus to anyone
        self._say("")
        self.back.setVisible(changed)

    def matches(self, words: list[str]) -> bool:
        """Whether each of the words, in lower case, is said somewhere in the row."""
        row = self.row
        texts = [row.key, row.title, row.help, *(row.text_of(choice) for choice in row.choices)]
        whole = " ".join(texts).casefold()
        return all(word in whole for word in words)

    def _told(self, value: Value) -> None:
        try:
            self._change(self.row.key, value)
        except PreferencesError as error:
            said = str(error).partition(": ")[2]
            self._say(f"{said[:1].upper()}{said[1:]}")
            self.back.setVisible(True)
        else:
            self._say("")

    def _say(self, text: str) -> None:
        self.error.setText(text)
        self.error.setVisible(bool(text))
        self.control.focus.setAccessibleDescription(text or self.row.help)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, GAP // 2, 0, GAP // 2)
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(GAP // 3)
        level = Qt.AlignmentFlag.AlignVCenter
        if self.row.shown.widget == "lines":
            level = Qt.AlignmentFlag.AlignTop
        beside = QHBoxLayout()
        beside.addWidget(self.control.widget, _STRETCH)
        beside.addStretch(1)
        grid.addWidget(self.title, 0, 0, level)
        grid.addLayout(beside, 0, 1)
        grid.addWidget(self.back, 0, 2, Qt.AlignmentFlag.AlignRight | level)
        grid.addWidget(self.help, 1, 0, 1, 3)
        grid.addWidget(self.error, 2, 0, 1, 3)
        grid.setColumnMinimumWidth(0, _TITLE_WIDTH)
        grid.setColumnStretch(1, 1)


def _default_text(row: Preference) -> str:
    if row.kind == "switch":
        return tr("on") if row.default else tr("off")
    return row.text_of(row.default) or row.shown.empty or tr("nothing")
