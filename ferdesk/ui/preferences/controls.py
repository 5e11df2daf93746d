"""A control for each kind of preference: what it shows, and that the user changed it."""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from ferdesk.overlay_colours import Palette
from ferdesk.preferences.display import OWN_COLOUR
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import AUTO, Preference, Value
from ferdesk.texts import tr
from ferdesk.ui.preferences.pickers import ColourButton, UnitsButton
from ferdesk.ui.theme import GAP

Tell = Callable[[Value], None]

_WIDEST: Final = 360
_LETTERS: Final = 18
"""A list of choices is at least so wide."""
_LINES_HEIGHT: Final = 84
_STEP: Final = 0.05


class Control:
    """A widget, and how to show a value in it without its being taken for the user's.

    Attributes:
        widget: for the layout.
        focus: what takes the keyboard, and has the name for screen readers.
        show: shows a value.
        follow: looks at the other preferences, where what is shown depends on them.
    """

    def __init__(
        self,
        widget: QWidget,
        focus: QWidget,
        show: Callable[[Value], None],
        follow: Callable[[Preferences], None] = lambda _: None,
    ) -> None:
        self.widget = widget
        self.focus = focus
        self.follow = follow
        self._show = show

    def show(self, value: Value) -> None:
        """Show a value; nobody is told."""
        before = self.focus.blockSignals(True)
        self._show(value)
        self.focus.blockSignals(before)


def control_for(row: Preference, tell: Tell) -> Control:
    """The control of a preference.

    Args:
        row: which.
        tell: is called with each value that the user gives.
    """
    if row.kind == "switch":
        made = _switch(tell)
    elif row.kind == "choice":
        made = _choice(row, tell)
    elif row.kind in ("integer", "number"):
        made = _number(row, tell)
    elif row.shown.widget == "lines":
        made = _lines(tell)
    elif row.shown.widget == "folder":
        made = _folder(row, tell)
    elif row.shown.widget == "colour":
        made = _colour(row, tell)
    elif row.shown.widget == "units":
        made = _units(tell)
    elif row.shown.suggestions is not None:
        made = _suggested(row, row.shown.suggestions(), tell)
    else:
        made = _line(row, tell)
    made.focus.setAccessibleName(row.title)
    made.focus.setAccessibleDescription(row.help)
    made.focus.setObjectName(row.key)
    return made


def _switch(tell: Tell) -> Control:
    box = QCheckBox(tr("On"))
    box.toggled.connect(lambda on: tell(bool(on)))
    return Control(box, box, lambda value: box.setChecked(bool(value)))


def _choice(row: Preference, tell: Tell) -> Control:
    combo = QComboBox()
    for choice in row.choices:
        combo.addItem(row.text_of(choice), choice)
    combo.activated.connect(lambda index: tell(str(combo.itemData(index))))
    _narrow(combo)
    return Control(combo, combo, lambda value: combo.setCurrentIndex(combo.findData(value)))


def _number(row: Preference, tell: Tell) -> Control:
    whole = row.kind == "integer"
    box: QSpinBox | QDoubleSpinBox = QSpinBox() if whole else QDoubleSpinBox()
    low, high = row.minimum or 0.0, row.maximum or 0.0
    if row.shown.auto:
        return _number_or_auto(row, low, high, tell)
    if isinstance(box, QSpinBox):
        box.setRange(int(low), int(high))
        box.valueChanged.connect(lambda value: tell(int(value)))
    else:
        box.setRange(low, high)
        box.setSingleStep(_STEP if high <= 10 else 1.0)
        box.valueChanged.connect(lambda value: tell(float(value)))
    _dress(box, row)
    return Control(box, box, lambda value: box.setValue(value))  # type: ignore[arg-type]


def _number_or_auto(row: Preference, low: float, high: float, tell: Tell) -> Control:
    """A number below whose least value there is one more step: auto."""
    box = QDoubleSpinBox()
    auto = low - _STEP
    box.setRange(auto, high)
    box.setSingleStep(_STEP)
    box.setSpecialValueText(row.shown.auto)
    box.valueChanged.connect(lambda value: tell(AUTO if value < low else round(value, 2)))
    _dress(box, row)
    return Control(box, box, lambda value: box.setValue(auto if value == AUTO else float(value)))


def _dress(box: QSpinBox | QDoubleSpinBox, row: Preference) -> None:
    # Else every digit of 640 would be a value of its own.
    box.setKeyboardTracking(False)
    if row.shown.unit:
        box.setSuffix(f" {row.shown.unit}")
    box.setFixedWidth(_WIDEST // 2)
    box.lineEdit().setTextMargins(GAP // 2, 0, 0, 0)
    _ignore_wheel(box)


def _line(row: Preference, tell: Tell) -> Control:
    edit = _line_edit(row, tell)
    return Control(edit, edit, lambda value: edit.setText(str(value)))


def _line_edit(row: Preference, tell: Tell) -> QLineEdit:
    edit = QLineEdit()
    edit.setPlaceholderText(row.shown.empty)
    edit.setMaximumWidth(_WIDEST)
    edit.editingFinished.connect(lambda: tell(edit.text().strip()))
    return edit


def _suggested(row: Preference, suggestions: tuple[str, ...], tell: Tell) -> Control:
    combo = QComboBox()
    combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    combo.addItems(suggestions)
    edit = QLineEdit()
    combo.setLineEdit(edit)
    edit.setPlaceholderText(row.shown.empty)
    edit.setAccessibleName(row.title)
    combo.activated.connect(lambda _: tell(combo.currentText().strip()))
    edit.editingFinished.connect(lambda: tell(combo.currentText().strip()))
    _narrow(combo)

    def show(value: Value) -> None:
        if combo.currentText().strip() != value:
            combo.setEditText(str(value))

    return Control(combo, combo, show)


def _lines(tell: Tell) -> Control:
    edit = _Lines()
    edit.setTabChangesFocus(True)
    edit.setFixedHeight(_LINES_HEIGHT)
    edit.setMaximumWidth(_WIDEST)
    edit.left = lambda: tell(edit.toPlainText().strip())

    def show(value: Value) -> None:
        if edit.toPlainText().strip() != value:
            edit.setPlainText(str(value))

    return Control(edit, edit, show)


def _folder(row: Preference, tell: Tell) -> Control:
    edit = _line_edit(row, tell)
    browse = QPushButton(tr("Choose…"))
    browse.setAccessibleName(tr("Choose: {title}").format(title=row.title))

    def ask() -> None:
        if chosen := QFileDialog.getExistingDirectory(browse, row.title, edit.text()):
            edit.setText(chosen)
            tell(chosen)

    browse.clicked.connect(lambda _=False: ask())
    whole = QWidget()
    whole.setMaximumWidth(_WIDEST)
    beside = QHBoxLayout(whole)
    beside.setContentsMargins(0, 0, 0, 0)
    beside.setSpacing(GAP // 2)
    beside.addWidget(edit, 1)
    beside.addWidget(browse)
    return Control(whole, edit, lambda value: edit.setText(str(value)))


def _colour(row: Preference, tell: Tell) -> Control:
    button = ColourButton(row.title, row.shown.empty)
    button.setFixedWidth(_WIDEST // 2)
    button.chosen.connect(tell)
    expression = row.name.removeprefix(OWN_COLOUR)

    def follow(preferences: Preferences) -> None:
        usual = Palette(preferences.display.colours).colours()[expression]
        button.show_usual(QColor(*usual))

    return Control(button, button, lambda value: button.show_value(str(value)), follow)


def _units(tell: Tell) -> Control:
    button = UnitsButton()
    button.setFixedWidth(_WIDEST // 2)
    button.chosen.connect(tell)
    return Control(button, button, lambda value: button.show_value(str(value)))


class _Lines(QPlainTextEdit):
    """Text that is finished when it is left, or with Ctrl+Enter."""

    left: Callable[[], None]

    def event(self, event: QEvent) -> bool:
        """Say that it is finished."""
        finished = event.type() == QEvent.Type.FocusOut or (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        )
        if finished:
            self.left()
        return super().event(event)


class _Wheel(QObject):
    """Keeps a wheel that scrolls the page from changing what passes below the pointer."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give the wheel to the page, unless the control has the focus."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget):
            if watched.hasFocus():
                return False
            event.ignore()
            return True
        return False


def _narrow(combo: QComboBox) -> None:
    """Let a list of choices be narrower than its longest text: windows may be small."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(_LETTERS)
    combo.setMaximumWidth(_WIDEST)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    _ignore_wheel(combo)


def _ignore_wheel(widget: QWidget) -> None:
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_Wheel(widget))
