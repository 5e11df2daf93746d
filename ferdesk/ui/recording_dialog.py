"""Asks how to record."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.preferences.annotations import MOST_TEXT
from ferdesk.preferences.table import by_key
from ferdesk.sessions.readings import VideoMode
from ferdesk.texts import tr
from ferdesk.ui.tap import RecordingChoice
from ferdesk.ui.theme import GAP, plain_buttons

_MODES: Final = by_key("recording.video").translated()


class RecordingDialog(QDialog):
    """Video, consent, folder.

    Args:
        choice: what was chosen last.
        folder: where sessions go.
        parent: the window.
    """

    def __init__(
        self, choice: RecordingChoice, folder: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("recording")
        self.setWindowTitle(tr("Recording"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.video = QComboBox()
        for mode in _MODES.choices:
            self.video.addItem(_MODES.text_of(mode), mode)
        self.video.setCurrentIndex(_MODES.choices.index(choice.video))
        self.lossless = QCheckBox(tr("Keep every pixel's value (many times as large)"))
        self.lossless.setChecked(choice.lossless)
        self.consent = QPlainTextEdit(choice.consent)
        self.consent.setPlaceholderText(
            tr("Who is in the picture, and what they agreed to: stored with the session")
        )
        self.consent.setTabChangesFocus(True)
        self.place = QLineEdit(str(folder))
        browse = QPushButton(tr("Choose…"))
        browse.clicked.connect(self._ask_folder)
        place = QHBoxLayout()
        place.addWidget(self.place, 1)
        place.addWidget(browse)
        form = QFormLayout()
        form.setSpacing(GAP)
        form.addRow(tr("Video"), self.video)
        form.addRow("", self.lossless)
        form.addRow(tr("Consent"), self.consent)
        form.addRow(tr("Folder"), place)
        note = QLabel(
            tr(
                "Numbers and face points are stored whatever the video shows; they describe a "
                "person."
            )
        )
        note.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        plain_buttons(buttons)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP * 2, GAP * 2, GAP * 2, GAP)
        column.addLayout(form)
        column.addWidget(note)
        column.addWidget(buttons)
        self.resize(560, 360)

    def choice(self) -> RecordingChoice:
        """What the user chose."""
        video: VideoMode = self.video.currentData()
        consent = self.consent.toPlainText().strip()[:MOST_TEXT]
        return RecordingChoice(video, self.lossless.isChecked(), consent)

    def folder(self) -> Path:
        """Where sessions are to go."""
        return Path(self.place.text()).expanduser()

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Where sessions go"), self.place.text())
        if chosen:
            self.place.setText(chosen)
