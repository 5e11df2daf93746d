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
from ferdesk.texts import tr
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.status import ElidedLabel
from ferdesk.ui.theme import GAP

_SESSIONS: Final[dict[VideoMode | None, str]] = {
    None: tr("No session"),
    "raw": tr("Picture as it is"),
    "blurred": tr("Faces blurred"),
    "pixelated": tr("Faces pixelated"),
    "annotated": tr("Findings drawn in"),
    "none": tr("Numbers alone"),
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
        self.place.setAccessibleName(tr("Folder for the results"))
        self.place.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.choose = SpaceButton(tr("Choose…"))
        self.choose.setAccessibleName(tr("Choose the folder for the results"))
        self.choose.clicked.connect(lambda: self._ask_folder())
        self.open = SpaceButton(tr("Open folder"))
        self.open.setAccessibleName(tr("Open the folder with the results"))
        self.open.clicked.connect(lambda: self.open_folder())
        self.table = QCheckBox(tr("Table (CSV)"))
        self.table.setToolTip(tr("A row for each face in each frame; always written"))
        self.table.setChecked(True)
        self.table.setEnabled(False)
        self.video = QCheckBox(tr("Annotated video"))
        self.video.setToolTip(tr("A video, or picture, with what was found drawn in"))
        self.video.setChecked(True)
        self.session = QComboBox()
        self.session.setAccessibleName(tr("Session"))
        self.session.setToolTip(
            tr(
                "Of each video a session for Review, and what its own video shows; pictures give "
                "none"
            )
        )
        for mode, text in _SESSIONS.items():
            self.session.addItem(text, mode)
        self.session.setCurrentIndex(self.session.findData("raw"))
        self.at_once = QComboBox()
        self.at_once.setAccessibleName(tr("Files at once"))
        self.at_once.setToolTip(tr("How many files are analysed at the same time"))
        for number in range(1, usable_cores() + 1):
            self.at_once.addItem(str(number), number)
        self.at_once.setCurrentIndex(self.at_once.findData(files_at_once()))
        self.resume = QCheckBox(tr("Skip what is done"))
        self.resume.setToolTip(
            tr(
                "Leave out files that were analysed before, with the same settings and nets, whose "
                "results are still there"
            )
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
            self.trouble.emit(tr("There are no results yet."))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._out))):
            text = tr("Nothing here shows folders; it is {folder}")
            self.trouble.emit(text.format(folder=self._out))

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Where results go"), str(self._out))
        if chosen:
            self.set_out(Path(chosen))

    def _lay_out(self) -> None:
        place = QHBoxLayout()
        place.setSpacing(GAP)
        place.addWidget(QLabel(tr("Results in")))
        place.addWidget(self.place, 1)
        place.addWidget(self.choose)
        place.addWidget(self.open)
        place.addWidget(self.resume)
        what = QHBoxLayout()
        what.setSpacing(GAP)
        what.addWidget(self.table)
        what.addWidget(self.video)
        what.addWidget(_label(tr("&Session"), self.session))
        what.addWidget(self.session)
        what.addWidget(_label(tr("&At once"), self.at_once))
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
