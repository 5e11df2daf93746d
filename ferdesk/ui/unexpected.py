"""Errors that nobody foresaw: said in a line, and in a dialog with details to copy."""

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from ferdesk import __version__
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.theme import GAP

KEY: Final = "unexpected"
"""Of the message."""

_MOST: Final = 20
"""Different errors that are kept; what goes wrong in every frame must not fill the memory."""


class Unexpected:
    """Shows each error once; the dialog lets the window go on.

    Args:
        parent: the window.
        banners: where messages go.
    """

    def __init__(self, parent: QWidget, banners: BannerStack) -> None:
        self._parent = parent
        self._banners = banners
        self._details: dict[str, str] = {}
        self.dialog: ErrorDialog | None = None

    def report(self, text: str, details: str) -> None:
        """Show an error; the same one again is shown no second time.

        Args:
            text: for people.
            details: for whoever mends it.
        """
        more = BannerAction(tr("Details…"), self.show)
        self._banners.show_message(KEY, text, "error", (more,))
        if text not in self._details and len(self._details) < _MOST:
            self._details[text] = details
            self.show()

    def show(self) -> None:
        """Show the details of all errors so far."""
        if self.dialog is None:
            self.dialog = ErrorDialog(self._parent)
            self.dialog.finished.connect(lambda _: self._closed())
        self.dialog.show_details("\n".join(self._details.values()))
        self.dialog.show()

    def _closed(self) -> None:
        self.dialog = None


class ErrorDialog(QDialog):
    """What went wrong, to be read and copied.

    Args:
        parent: the window.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("unexpected")
        self.setWindowTitle(tr("Something unexpected went wrong"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        words = QLabel(
            tr(
                "ferdesk goes on. Who mends it needs the text below; it stays on this computer "
                "unless you pass it on. File names in it may say something about you."
            )
        )
        words.setWordWrap(True)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setTabChangesFocus(True)
        self.details.setAccessibleName(tr("Details"))
        self.details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.copy_button = SpaceButton(tr("Copy details"))
        self.copy_button.clicked.connect(lambda _=False: self._copy())
        self.close_button = SpaceButton(tr("Close"))
        self.close_button.clicked.connect(lambda _=False: self.close())
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.setSpacing(GAP)
        column.addWidget(words)
        column.addWidget(self.details, 1)
        column.addLayout(buttons)
        self.resize(640, 360)

    def show_details(self, text: str) -> None:
        """Show this text, with what else is needed to mend it."""
        self.details.setPlainText(f"ferdesk {__version__}\n{text}")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())
        self.copy_button.setText(tr("Copied"))
