"""What is written, where to, and how many files are analysed at once."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ferdesk.cores import usable_cores
from ferdesk.queue.command import Order, files_at_once
from ferdesk.sessions.readings import VideoMode
from ferdesk.settings import Settings
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.status import ElidedLabel
from ferdesk.ui.theme import GAP

_SESSIONS: Final[dict[VideoMode | None, str]] = {
    None: "No session",
    "raw": "Picture as it is",
    "blurred": "Faces blurred",
    "pixelated": "Faces pixelated",
    "annotated": "Findings drawn in",
    "none": "Numbers alone",
}


class OptionsRow(QWidget):
    """Two rows: the folder; what goes into it.

    Args:
        out: the folder for the results, until another one is chosen.
    """

    trouble = Signal(str)
    """Something did not work."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self._out = out
        self.place = ElidedLabel()
        self.place.setAccessibleName("Folder for the results")
        self.place.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.choose = SpaceButton("Choose…")
        self.choose.setAccessibleName("Choose the folder for the results")
        self.choose.clicked.connect(lambda: self._ask_folder())
        self.open = SpaceButton("Open folder")
        self.open.setAccessibleName("Open the folder with the results")
        self.open.clicked.connect(lambda: self.open_folder())
        self.table = QCheckBox("Table (CSV)")
        self.table.setToolTip("A row for each face in each frame; always written")
        self.table.setChecked(True)
        self.table.setEnabled(False)
        self.video = QCheckBox("Annotated video")
        self.video.setToolTip("A video, or picture, with what was found drawn in")
        self.video.setChecked(True)
        self.session = QComboBox()
        self.session.setAccessibleName("Session")
        self.session.setToolTip(
            "Of each video a session for Review, and what its own video shows; pictures give none"
        )
        for mode, text in _SESSIONS.items():
            self.session.addItem(text, mode)
        self.session.setCurrentIndex(self.session.findData("raw"))
        self.at_once = QComboBox()
        self.at_once.setAccessibleName("Files at once")
        self.at_once.setToolTip("How many files are analysed at the same time")
        for number in range(1, usable_cores() + 1):
            self.at_once.addItem(str(number), number)
        self.at_once.setCurrentIndex(self.at_once.findData(files_at_once()))
        self.resume = QCheckBox("Skip what is done")
        self.resume.setToolTip(
            "Leave out files that were analysed before, with the same settings and nets, whose "
            "results are still there"
        )
        self.resume.setChecked(True)
        self._lay_out()
        self.set_out(out)

    @property
    def out(self) -> Path:
        """The folder for the results."""
        return self._out

    def set_out(self, out: Path) -> None:
        """Write results into this folder from now on."""
        self._out = out
        self.place.setText(str(out))

    def order(self, settings: Settings) -> Order:
        """How files are to be analysed."""
        return Order(
            self._out.absolute(),
            settings,
            video=self.video.isChecked(),
            session=self.session.currentData(),
            at_once=self.at_once.currentData(),
            resume=self.resume.isChecked(),
        )

    def set_going(self, going: bool) -> None:
        """Nothing can be changed while files are being analysed."""
        for control in (self.choose, self.video, self.session, self.at_once, self.resume):
            control.setEnabled(not going)

    def open_folder(self) -> None:
        """Show the results in the desktop's file manager."""
        if not self._out.is_dir():
            self.trouble.emit("There are no results yet.")
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._out))):
            self.trouble.emit(f"Nothing here shows folders; it is {self._out}")

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Where results go", str(self._out))
        if chosen:
            self.set_out(Path(chosen))

    def _lay_out(self) -> None:
        place = QHBoxLayout()
        place.setSpacing(GAP)
        place.addWidget(QLabel("Results in"))
        place.addWidget(self.place, 1)
        place.addWidget(self.choose)
        place.addWidget(self.open)
        place.addWidget(self.resume)
        what = QHBoxLayout()
        what.setSpacing(GAP)
        what.addWidget(self.table)
        what.addWidget(self.video)
        what.addWidget(_label("&Session", self.session))
        what.addWidget(self.session)
        what.addWidget(_label("&At once", self.at_once))
        what.addWidget(self.at_once)
        what.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 2)
        column.addLayout(place)
        column.addLayout(what)


def _label(text: str, of: QWidget) -> QLabel:
    label = QLabel(text)
    label.setBuddy(of)
    return label
