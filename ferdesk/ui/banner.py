"""Messages above the picture. Each has a key: showing a key again replaces its message."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.texts import tr
from ferdesk.ui import icons
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.theme import DARK, GAP, Colours, named

Level = Literal["info", "warning", "error"]


class BannerAction(NamedTuple):
    """A button in a banner."""

    text: str
    run: Callable[[], None]


class Banner(QFrame):
    """One message."""

    def __init__(
        self,
        text: str,
        level: Level,
        actions: Sequence[BannerAction],
        dismiss: Callable[[], None],
        colours: Colours,
    ) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setProperty("level", level)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)
        self.text = text
        words = QLabel(text)
        words.setWordWrap(True)
        words.setMinimumWidth(1)  # a long path must not make the window wider
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP, GAP // 2, GAP // 2, GAP // 2)
        row.setSpacing(GAP // 2)
        row.addWidget(words, 1)
        self.buttons = []
        for action in actions:
            button = SpaceButton(action.text)
            button.clicked.connect(lambda _=False, run=action.run: run())
            row.addWidget(button)
            self.buttons.append(button)
        self.close_button = named(QToolButton(), "dismiss")
        self.close_button.setToolTip(tr("Dismiss this message"))
        self.close_button.setAccessibleName(tr("Dismiss this message"))
        self.close_button.clicked.connect(lambda: dismiss())
        self.set_colours(colours)
        row.addWidget(self.close_button)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.close_button.setIcon(icons.icon("close", colours.muted))


class BannerStack(QWidget):
    """The messages that are shown now, the oldest on top."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours = DARK
        self._banners: dict[str, Banner] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GAP // 2)
        self.setVisible(False)

    def show_message(
        self,
        key: str,
        text: str,
        level: Level = "info",
        actions: Sequence[BannerAction] = (),
        detail: str = "",
    ) -> None:
        """Show a message until `clear(key)` or until it is dismissed.

        Args:
            key: what the message is about.
            text: the message.
            level: how bad it is.
            actions: buttons that mend it.
            detail: more for those who want to know, as a tool tip.
        """
        if key in self._banners and self._banners[key].text == text:
            return
        self.clear(key)
        banner = Banner(text, level, actions, lambda: self.clear(key), self._colours)
        banner.setToolTip(detail)
        self._banners[key] = banner
        self._column.addWidget(banner)
        self.setVisible(True)

    def clear(self, key: str) -> None:
        """Take the message of this key away, if there is one."""
        banner = self._banners.pop(key, None)
        if banner is None:
            return
        self._column.removeWidget(banner)
        banner.setVisible(False)
        # Not at once: it may be its own button that asked for this.
        QTimer.singleShot(0, banner, banner.deleteLater)
        self.setVisible(bool(self._banners))

    def message(self, key: str) -> str | None:
        """The text that is shown under this key."""
        banner = self._banners.get(key)
        return banner.text if banner is not None else None

    def buttons(self, key: str) -> dict[str, QPushButton]:
        """The buttons of the message under this key, by text."""
        banner = self._banners.get(key)
        return {button.text(): button for button in banner.buttons} if banner is not None else {}

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        for banner in self._banners.values():
            banner.set_colours(colours)
