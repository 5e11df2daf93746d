"""The first start: what has to be known, face models where they are missing, then the picture."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ferdesk.faces.install import install
from ferdesk.notices import NOTICES, Notice
from ferdesk.texts import tr
from ferdesk.ui import icons
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.models.face_models import FaceModels, Install, any_installed
from ferdesk.ui.theme import GAP, named, plain_buttons
from ferdesk.ui.worker import Jobs

_ICON = 44
_WITHOUT = tr("Without face models there is no live picture, and nothing can be analysed.")


class WelcomeDialog(QDialog):
    """Accepted by "Show the picture" or Enter, rejected by "Quit" or Escape.

    Args:
        jobs: fetches the face models.
        parent: the window.
        fetch: see `FaceModels`.
    """

    models_changed = Signal()
    """Face models were installed: what needs them may be built anew."""

    def __init__(self, jobs: Jobs, parent: QWidget | None = None, fetch: Install = install) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setWindowTitle(tr("Welcome to ferdesk"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.show_button = SpaceButton(tr("Show the picture"))
        self.quit_button = SpaceButton(tr("Quit"))
        self.faces = FaceModels(jobs, self, fetch)
        missing = not any_installed()
        self.faces.setVisible(missing)
        self.without = named(QLabel(_WITHOUT), "muted")
        self.without.setWordWrap(True)
        self.without.setVisible(missing)
        self.faces.changed.connect(self._face_models_came)
        self.faces.busy_changed.connect(lambda busy: self.show_button.setEnabled(not busy))
        buttons = QDialogButtonBox()
        buttons.addButton(self.show_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.quit_button, QDialogButtonBox.ButtonRole.RejectRole)
        plain_buttons(buttons)
        self.show_button.setDefault(True)
        self.quit_button.setAutoDefault(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP * 2, GAP * 2, GAP * 2, GAP)
        column.setSpacing(GAP)
        column.addLayout(_title())
        column.addWidget(self._notices(), 1)
        column.addWidget(self.faces)
        column.addWidget(self.without)
        column.addWidget(buttons)
        self.resize(620, 560 if missing else 400)

    def done(self, result: int) -> None:
        """Stop a download that still runs, and close."""
        self.faces.close_down()
        super().done(result)

    def showEvent(self, event: QShowEvent) -> None:
        """Let Enter go straight to the picture."""
        super().showEvent(event)
        self.show_button.setFocus()

    def _notices(self) -> QScrollArea:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, GAP, 0)
        column.setSpacing(GAP)
        for notice in NOTICES:
            column.addLayout(_paragraph(notice))
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setAccessibleName(tr("What has to be known"))
        area.setWidget(body)
        return area

    def _face_models_came(self) -> None:
        self.without.setVisible(False)
        self.show_button.setFocus()
        self.models_changed.emit()


def _title() -> QHBoxLayout:
    picture = QLabel()
    picture.setPixmap(icons.app_icon().pixmap(_ICON, _ICON))
    words = QLabel(tr("ferdesk shows what faces express"))
    font = words.font()
    font.setPointSizeF(font.pointSizeF() * 1.5)
    font.setBold(True)
    words.setFont(font)
    row = QHBoxLayout()
    row.setSpacing(GAP)
    row.addWidget(picture)
    row.addWidget(words, 1)
    return row


def _paragraph(notice: Notice) -> QVBoxLayout:
    heading = named(QLabel(tr(notice.heading)), "heading")
    text = QLabel(tr(notice.text))
    text.setWordWrap(True)
    text.setTextFormat(Qt.TextFormat.PlainText)
    column = QVBoxLayout()
    column.setSpacing(2)
    column.addWidget(heading)
    column.addWidget(text)
    return column
