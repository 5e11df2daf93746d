"""The bar that moves through a session."""

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from ferdesk.review.playhead import SPEEDS
from ferdesk.review.stamps import stamp
from ferdesk.texts import tr
from ferdesk.ui import icons
from ferdesk.ui.review.keys import KeyName, key_button, tip
from ferdesk.ui.theme import DARK, GAP, Colours, named

_MOVES: Final[Mapping[KeyName, icons.Name]] = {
    "to_start": "to_start",
    "frame_back": "frame_back",
    "play": "play",
    "frame_on": "frame_on",
    "to_end": "to_end",
}
_MOVE_WIDTH: Final = 36
_JUMP_WIDTH: Final = 26
_JUMPS: Final[tuple[tuple[str, KeyName, KeyName], ...]] = (
    (tr("Change"), "change_before", "next_change"),
    (tr("Contested"), "contest_before", "next_contest"),
    (tr("Note"), "annotation_before", "next_annotation"),
)


class Transport(QWidget):
    """Slider, buttons, time and speed.

    Its signals: `index_wanted` gives a place in the timeline, `speed_wanted` times of real time.

    Args:
        run: what each key does.
    """

    index_wanted = Signal(int)
    speed_wanted = Signal(float)

    def __init__(self, run: Mapping[KeyName, Callable[[], None]]) -> None:
        super().__init__()
        self._colours = DARK
        self._playing = False
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Place in the session"))
        self.slider.valueChanged.connect(self.index_wanted)
        self.place = named(QLabel(), "statusSource")
        self.place.setAccessibleName(tr("Time and frame"))
        self.place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.speed = QComboBox()
        self.speed.setAccessibleName(tr("Speed"))
        self.speed.setToolTip(f"{tip('slower')}\n{tip('faster')}")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g}×", speed)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.currentIndexChanged.connect(
            lambda index: self.speed_wanted.emit(self.speed.itemData(index))
        )
        self.buttons = {name: key_button(name, "", run[name]) for name in _MOVES}
        self.jumps = {
            name: key_button(name, text, run[name])
            for _, before, after in _JUMPS
            for name, text in ((before, "‹"), (after, "›"))
        }
        for button in self.buttons.values():
            button.setFixedWidth(_MOVE_WIDTH)
        for button in self.jumps.values():
            button.setFixedWidth(_JUMP_WIDTH)
        self._lay_out()
        self.show_playing(False)

    def show_length(self, frames: int) -> None:
        """Begin a session of so many frames."""
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, frames - 1))
            self.slider.setPageStep(max(1, frames // 20))
            self.slider.setValue(0)

    def show_place(self, index: int, number: int, time_s: float, length_s: float) -> None:
        """Show where the review is."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(index)
        text = tr("{time} / {length}   frame {number}")
        self.place.setText(text.format(time=stamp(time_s), length=stamp(length_s), number=number))

    def show_playing(self, playing: bool) -> None:
        """Offer to pause, or to play."""
        self._playing = playing
        self.buttons["play"].setAccessibleName(tr("Pause") if playing else tr("Play"))
        self._show_icons()

    def step_speed(self, step: int) -> None:
        """Choose the next speed, or the one before."""
        index = self.speed.currentIndex() + step
        self.speed.setCurrentIndex(min(max(index, 0), len(SPEEDS) - 1))

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self._show_icons()

    def _show_icons(self) -> None:
        for name, icon in _MOVES.items():
            shown: icons.Name = "pause" if name == "play" and self._playing else icon
            self.buttons[name].setIcon(icons.icon(shown, self._colours.text))

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.setSpacing(GAP)
        above.addWidget(self.slider, 1)
        above.addWidget(self.place)
        below = QHBoxLayout()
        below.setSpacing(GAP // 3)
        for button in self.buttons.values():
            below.addWidget(button)
        below.addWidget(self.speed)
        below.addStretch(1)
        for text, before, after in _JUMPS:
            below.addSpacing(GAP // 2)
            below.addWidget(self.jumps[before])
            below.addWidget(named(QLabel(text), "muted"))
            below.addWidget(self.jumps[after])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 3)
        column.addLayout(above)
        column.addLayout(below)
