"""Asks which live outputs are to run."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ferdesk.streams.choice import StreamChoice
from ferdesk.texts import tr
from ferdesk.ui.theme import GAP, plain_buttons

_LAST_PORT = 65_535


class OutputsDialog(QDialog):
    """A switch for each output, with what has to be known of it.

    Args:
        choice: what is on now.
        markers: whether markers of other programs are taken.
        parent: the window.
    """

    def __init__(self, choice: StreamChoice, markers: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("outputs")
        self.setWindowTitle(tr("Live values for other programs"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._before = choice
        self.lsl = _switch(
            tr("Lab Streaming Layer: everyone in this network can listen"), choice.lsl
        )
        self.markers = _switch(tr("Take markers from Lab Streaming Layer into recordings"), markers)
        self.osc = _switch(tr("OSC (UDP), to"), choice.osc)
        self.osc_host = QLineEdit(choice.osc_host)
        self.osc_port = _port(choice.osc_port, 1)
        self.websocket = _switch(tr("WebSocket on this machine, with a token"), choice.websocket)
        self.websocket_port = _port(choice.websocket_port, 0)
        self.camera = _switch(
            tr("Virtual camera with the annotated picture"), choice.virtual_camera
        )
        form = QFormLayout()
        form.setSpacing(GAP)
        form.addRow(self.lsl)
        form.addRow(self.markers)
        form.addRow(self.osc)
        form.addRow(tr("Host"), self.osc_host)
        form.addRow(tr("Port"), self.osc_port)
        form.addRow(self.websocket)
        form.addRow(tr("Port"), self.websocket_port)
        form.addRow(self.camera)
        note = QLabel(
            tr("Everything is off until you switch it on; what is on is shown at the bottom.")
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
        column.setSpacing(GAP)
        column.addLayout(form)
        column.addWidget(note)
        column.addWidget(buttons)

    def choice(self) -> StreamChoice:
        """What the user chose; what is not asked here stays."""
        return replace(
            self._before,
            lsl=self.lsl.isChecked(),
            osc=self.osc.isChecked(),
            osc_host=self.osc_host.text().strip(),
            osc_port=self.osc_port.value(),
            websocket=self.websocket.isChecked(),
            websocket_port=self.websocket_port.value(),
            virtual_camera=self.camera.isChecked(),
        )


def _switch(text: str, on: bool) -> QCheckBox:
    box = QCheckBox(text)
    box.setChecked(on)
    return box


def _port(value: int, first: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(first, _LAST_PORT)
    box.setValue(value)
    return box
