"""Gives persons names in the window, and notes them in the recording."""

from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QInputDialog, QLineEdit, QWidget

from ferdesk.core.types import FaceResult
from ferdesk.texts import tr
from ferdesk.ui.face_names import LONGEST, FaceNames, unnamed
from ferdesk.ui.live import LiveResult
from ferdesk.ui.tap import Tap

_LABEL: Final = tr("Name, until another source is shown (empty for none):")


class Naming(QObject):
    """The names of those in the picture.

    Args:
        parent: what dialogs lie above.
        tap: knows the recording that runs.
    """

    changed = Signal()
    """Somebody has another name, or another number."""

    def __init__(self, parent: QWidget, tap: Tap) -> None:
        super().__init__(parent)
        self.names = FaceNames()
        self._window = parent
        self._tap = tap
        self._numbering = 0
        self._faces: tuple[FaceResult, ...] = ()

    def ask(self, number: int) -> None:
        """Ask what a person is to be called."""
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setObjectName("naming")
        dialog.setWindowTitle(unnamed(number))
        dialog.setLabelText(_LABEL)
        dialog.setTextValue(self.names.given.get(number, ""))
        edit = dialog.findChild(QLineEdit)
        if edit is not None:
            edit.setMaxLength(LONGEST)
            edit.setAccessibleName(tr("Name of face {number}").format(number=number))
        numbering = self._numbering
        dialog.textValueSelected.connect(lambda name: self._give(number, name, numbering))
        dialog.open()

    def take_away(self, number: int) -> None:
        """Call a person by the number again."""
        self._give(number, "", self._numbering)

    def follow(self, live: LiveResult) -> None:
        """Take note of who is where; to be called with each result, before it is shown."""
        if live.numbering != self._numbering:
            self._numbering = live.numbering
            if self.names.given:
                self.names.carry_over(self._faces, live.result.faces)
                for number in self.names.given:
                    self._note(number)
                self.changed.emit()
        self._faces = live.result.faces

    def clear(self) -> None:
        """Forget all names: another source is shown."""
        self._faces = ()
        if self.names.given:
            self.names.clear()
            self.changed.emit()

    def _give(self, number: int, name: str, numbering: int) -> None:
        # While the dialog was open, the number may have become another person's.
        if numbering == self._numbering:
            before = self.names.of(number)
            self.names.give(number, name)
            if self.names.of(number) != before:
                self._note(number)
                self.changed.emit()

    def _note(self, number: int) -> None:
        if self._tap.recorder is not None:
            # Recordings are in English, whoever made them.
            name = self.names.given.get(number, f"Face {number}")
            self._tap.recorder.note(f"named {name}", number)
