"""Light and dark: one table of colours each; Qt's palette and the style sheet follow from it."""

from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QWidget

from ferdesk import resources
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.overlay_colours import USUAL, Palette
from ferdesk.texts import tr

W = TypeVar("W", bound=QWidget)

_ICONS: Final = resources.root() / "icons"
_CHEVRON: Final = (_ICONS / "chevron.svg").as_posix()
_CHEVRON_UP: Final = (_ICONS / "chevron_up.svg").as_posix()
_CHECK: Final = (_ICONS / "check.svg").as_posix()

_HUES: Final = (215, 28, 150, 330, 275, 55, 185, 0)
"""Of curves, in degrees, one after the other."""

_BUTTONS: Final = {
    QDialogButtonBox.StandardButton.Ok: tr("&OK"),
    QDialogButtonBox.StandardButton.Cancel: tr("&Cancel"),
    QDialogButtonBox.StandardButton.Close: tr("&Close"),
}
_NARROW: Final = "narrow"

GAP: Final = 12
"""The space between things, in device-independent pixels; half of it within groups."""


class Mode(StrEnum):
    """What the user asked for."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"

    @property
    def said(self) -> str:
        """What is said when it is chosen."""
        return {
            Mode.SYSTEM: tr("Theme: system"),
            Mode.DARK: tr("Theme: dark"),
            Mode.LIGHT: tr("Theme: light"),
        }[self]

    def next(self) -> "Mode":
        """The mode that the theme button goes to."""
        modes = list(Mode)
        return modes[(modes.index(self) + 1) % len(modes)]


class Colours(NamedTuple):
    """The colours of one theme, as #rrggbb, and the expressions'."""

    window: str
    surface: str
    raised: str
    stage: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    info: str
    warning: str
    error: str
    expressions: Palette = USUAL


DARK: Final = Colours(
    window="#15171c",
    surface="#1d2027",
    raised="#292e38",
    stage="#0c0d10",
    border="#323844",
    text="#e9ecf2",
    muted="#9ba5b5",
    accent="#5b9dff",
    on_accent="#0b1220",
    info="#5b9dff",
    warning="#f0b04a",
    error="#f2777a",
)

LIGHT: Final = Colours(
    window="#f3f4f7",
    surface="#ffffff",
    raised="#e9ecf1",
    stage="#dfe3ea",
    border="#d3d8e0",
    text="#1a1d24",
    muted="#5a6372",
    accent="#1d63d8",
    on_accent="#ffffff",
    info="#1d63d8",
    warning="#a86400",
    error="#c0282d",
)


def named(widget: W, name: str) -> W:
    """The widget, with the name that the style sheet knows it by."""
    widget.setObjectName(name)
    return widget


def resolve(mode: Mode, expressions: Palette = USUAL) -> Colours:
    """The colours for a mode, with these of the expressions; dark where nobody says."""
    light = mode is Mode.LIGHT
    if mode is Mode.SYSTEM:
        light = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Light
    return (LIGHT if light else DARK)._replace(expressions=expressions)


def apply(app: QApplication, colours: Colours) -> None:
    """Give the whole application these colours."""
    app.setPalette(_palette(colours))
    app.setStyleSheet(_style_sheet(colours))


def set_narrow(button: QWidget, narrow: bool) -> None:
    """Leave little room around a button's icon, where it has no words, or the usual room."""
    if button.property(_NARROW) != narrow:
        button.setProperty(_NARROW, narrow)
        button.style().unpolish(button)  # else the style sheet does not look at it again
        button.style().polish(button)


def plain_buttons(box: QDialogButtonBox) -> None:
    """Take the desktop's own icons off a dialog's buttons, which fit neither theme.

    Their words are the window's, not Qt's: so all of them are in one language.
    """
    for button in box.buttons():
        button.setIcon(QIcon())
        if text := _BUTTONS.get(box.standardButton(button)):
            button.setText(text)


def is_light(colours: Colours) -> bool:
    """Whether things are drawn on a light ground."""
    return QColor(colours.surface).lightnessF() > 0.5


def expression_colour(index: int, colours: Colours) -> QColor:
    """The colour of expression number `index`, dark enough to be seen on a light surface."""
    return QColor(*colours.expressions.colours(is_light(colours))[EXPRESSIONS[index]])


def label_colour(label: str, colours: Colours) -> QColor:
    """The colour of an expression's name; muted where the name is "unsure"."""
    if label not in EXPRESSIONS:
        return QColor(colours.muted)
    return expression_colour(EXPRESSIONS.index(label), colours)


def series_colour(place: int, colours: Colours) -> QColor:
    """The colour of curve number `place` of those that are no expressions; then round again."""
    lightness = 0.38 if is_light(colours) else 0.66
    return QColor.fromHslF(_HUES[place % len(_HUES)] / 360, 0.85, lightness)


def _palette(colours: Colours) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, colour in (
        (role.Window, colours.window),
        (role.WindowText, colours.text),
        (role.Base, colours.surface),
        (role.AlternateBase, colours.raised),
        (role.Text, colours.text),
        (role.PlaceholderText, colours.muted),
        (role.Button, colours.surface),
        (role.ButtonText, colours.text),
        (role.BrightText, colours.error),
        (role.ToolTipBase, colours.raised),
        (role.ToolTipText, colours.text),
        (role.Highlight, colours.accent),
        (role.HighlightedText, colours.on_accent),
        (role.Link, colours.accent),
        (role.Mid, colours.border),
        (role.Dark, colours.border),
        (role.Light, colours.raised),
    ):
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(colours.muted))
    return palette


def _style_sheet(colours: Colours) -> str:
    return f"""
QPushButton, QComboBox {{
    background: {colours.surface}; color: {colours.text};
    border: 1px solid {colours.border}; border-radius: 7px; padding: 6px 12px; min-height: 20px;
}}
QPushButton[{_NARROW}="true"] {{ padding: 6px 7px; }}
QPushButton:hover, QComboBox:hover {{ background: {colours.raised}; }}
QPushButton:pressed {{ background: {colours.border}; }}
QPushButton:checked {{ background: {colours.raised}; border-color: {colours.accent}; }}
QPushButton:focus, QComboBox:focus {{ border-color: {colours.accent}; }}
QPushButton:disabled {{ color: {colours.muted}; }}
QComboBox {{ padding-right: 26px; }}
QComboBox::drop-down {{ border: none; width: 26px; }}
QComboBox::down-arrow {{ image: url("{_CHEVRON}"); width: 12px; height: 12px; }}
QComboBox QAbstractItemView {{
    background: {colours.surface}; border: 1px solid {colours.border}; padding: 4px;
    selection-background-color: {colours.accent}; selection-color: {colours.on_accent};
}}
QLineEdit, QPlainTextEdit, QAbstractSpinBox {{
    background: {colours.surface}; color: {colours.text};
    border: 1px solid {colours.border}; border-radius: 7px; padding: 4px 8px;
}}
QLineEdit, QAbstractSpinBox {{ min-height: 22px; }}
QLineEdit:focus, QPlainTextEdit:focus, QAbstractSpinBox:focus {{ border-color: {colours.accent}; }}
QLineEdit:disabled, QPlainTextEdit:disabled, QAbstractSpinBox:disabled {{ color: {colours.muted}; }}
QComboBox QLineEdit, QAbstractSpinBox QLineEdit, QAbstractItemView QLineEdit {{
    border: none; border-radius: 0; padding: 0; min-height: 0; background: transparent;
}}
QAbstractSpinBox {{ padding-right: 22px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{
    width: 22px; border: none; background: transparent; subcontrol-origin: border;
}}
QAbstractSpinBox::up-arrow {{ image: url("{_CHEVRON_UP}"); width: 10px; height: 10px; }}
QAbstractSpinBox::down-arrow {{ image: url("{_CHEVRON}"); width: 10px; height: 10px; }}
QCheckBox::indicator, #units::indicator {{
    width: 16px; height: 16px; border: 1px solid {colours.muted}; border-radius: 4px;
    background: {colours.surface};
}}
QCheckBox::indicator:checked, #units::indicator:checked {{
    background: {colours.accent}; border-color: {colours.accent}; image: url("{_CHECK}");
}}
QCheckBox::indicator:focus {{ border: 2px solid {colours.accent}; }}
QCheckBox::indicator:checked:focus {{ border-color: {colours.text}; }}
QCheckBox::indicator:disabled {{ border-color: {colours.border}; }}
#units {{
    background: {colours.surface}; border: 1px solid {colours.border}; border-radius: 7px;
    padding: 4px; outline: none;
}}
#units::item {{ padding: 2px; border: 1px solid transparent; border-radius: 5px; }}
#units::item:hover {{ background: {colours.raised}; }}
#units::item:selected {{ background: {colours.raised}; color: {colours.text}; }}
#units:focus::item:selected {{ border-color: {colours.accent}; }}
#sections {{ background: transparent; border: none; outline: none; }}
#sections::item {{ padding-left: 8px; border: 1px solid transparent; border-radius: 7px; }}
#sections::item:hover {{ background: {colours.raised}; }}
#sections::item:selected {{ background: {colours.raised}; color: {colours.text}; }}
#sections:focus::item:selected {{ border-color: {colours.accent}; }}
QToolTip {{
    background: {colours.raised}; color: {colours.text};
    border: 1px solid {colours.border}; padding: 4px;
}}
#rail {{ background: {colours.surface}; border-right: 1px solid {colours.border}; }}
#rail QToolButton {{
    border: 1px solid transparent; border-radius: 7px; padding: 6px 2px; background: transparent;
    color: {colours.muted};
}}
#rail QToolButton:hover {{ background: {colours.raised}; }}
#rail QToolButton:checked {{
    background: {colours.raised}; color: {colours.text}; border-color: {colours.accent};
}}
#rail QToolButton:focus {{ border-color: {colours.accent}; }}
#card, #banner {{
    background: {colours.surface}; border: 1px solid {colours.border}; border-radius: 10px;
}}
#banner[level="info"] {{ border-left: 4px solid {colours.info}; }}
#banner[level="warning"] {{ border-left: 4px solid {colours.warning}; }}
#banner[level="error"] {{ border-left: 4px solid {colours.error}; }}
#dismiss {{ border: none; background: transparent; padding: 4px; }}
#section {{
    border: 1px solid transparent; border-radius: 5px; background: transparent;
    color: {colours.text}; padding: 2px 4px 2px 0;
}}
#section:hover {{ background: {colours.raised}; }}
#section:focus {{ border-color: {colours.accent}; }}
#heading {{ color: {colours.muted}; font-weight: 600; }}
#fieldError {{ color: {colours.error}; }}
#muted, #cardId {{ color: {colours.muted}; }}
#status {{ background: {colours.surface}; border-top: 1px solid {colours.border}; }}
#status QLabel {{ color: {colours.muted}; }}
#status #statusRecording {{ color: {colours.error}; font-weight: 600; }}
#status #statusOutputs {{ color: {colours.accent}; }}
#status #statusSource {{ color: {colours.text}; }}
QScrollArea, #cards {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{
    background: {colours.border}; border-radius: 5px; min-height: 24px;
}}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""
