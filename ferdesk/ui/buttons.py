"""The space bar is a shortcut of the window; a button that has the focus needs it too."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPushButton, QToolButton


class SpaceButton(QPushButton):
    """A button that the space bar presses when it has the focus."""

    def event(self, event: QEvent) -> bool:
        """Claim the space bar before the window's shortcut gets it."""
        return _claimed(event) or super().event(event)


class SpaceToolButton(QToolButton):
    """The same without a frame."""

    def event(self, event: QEvent) -> bool:
        """Claim the space bar before the window's shortcut gets it."""
        return _claimed(event) or super().event(event)


def _claimed(event: QEvent) -> bool:
    if (
        event.type() == QEvent.Type.ShortcutOverride
        and isinstance(event, QKeyEvent)
        and event.key() == Qt.Key.Key_Space
    ):
        event.accept()
        return True
    return False
