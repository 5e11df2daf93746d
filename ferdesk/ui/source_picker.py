"""Choosing what is watched: cameras by name, the demo, files, folders, streams."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QPushButton,
    QWidget,
)

from ferdesk.core.errors import SourceError
from ferdesk.sources import is_device
from ferdesk.sources.modes import Mode
from ferdesk.sources.stream import is_stream, public_name
from ferdesk.texts import tr
from ferdesk.ui import icons, words
from ferdesk.ui.theme import GAP, Colours, set_narrow

DEMO: Final = "demo"
"""The spec of the built-in demo."""

_WIDEST: Final = 350


class Choice(NamedTuple):
    """Something that can be opened: what `open_source` takes, and how people call it."""

    spec: str
    name: str


class SourcePicker(QWidget):
    """The list of sources and the button that looks for cameras again.

    Attributes:
        folder: where a file was opened last; empty for the folder that the program was started in.
    """

    chosen = Signal(str)
    """A spec for `open_source`, chosen by the user."""

    refresh_wanted = Signal()
    """Cameras should be looked for again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cameras: tuple[Choice, ...] = ()
        self.folder = ""
        self._modes: Mapping[str, Sequence[Mode]] = {}
        self._current: Choice | None = None
        self.combo = QComboBox()
        self.combo.setAccessibleName(tr("Source"))
        self.combo.setToolTip(
            tr("What is watched: a camera, the demo, a file, a folder or a stream")
        )
        self.combo.setMinimumWidth(110)
        self.combo.activated.connect(self._activated)
        self.refresh = QPushButton()
        self.refresh.setIconSize(QSize(18, 18))
        set_narrow(self.refresh, True)
        self.refresh.setToolTip(tr("Look for cameras again"))
        self.refresh.setAccessibleName(tr("Look for cameras again"))
        self.refresh.clicked.connect(self.refresh_wanted)
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.combo.setSizeAdjustPolicy(policy)  # a long name must not make the window wider
        self.combo.setMinimumContentsLength(12)
        self._dialogs = {
            tr("Open file…"): self.ask_file,
            tr("Open folder of pictures…"): self.ask_folder,
            tr("Open stream address…"): self.ask_stream,
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP // 2)
        row.addWidget(self.combo, 1)
        row.addWidget(self.refresh)
        self.setMaximumWidth(_WIDEST)
        self._fill()

    @property
    def cameras(self) -> tuple[Choice, ...]:
        """The cameras that were found last."""
        return self._cameras

    def set_cameras(self, cameras: Sequence[Choice]) -> None:
        """List these cameras."""
        self._cameras = tuple(cameras)
        self._fill()

    def set_modes(self, modes: Mapping[str, Sequence[Mode]]) -> None:
        """Say which sizes and rates cameras offer.

        Args:
            modes: by spec, the largest first; cameras of which nothing is known are left out.
        """
        self._modes = modes
        self._fill()

    def show_current(self, spec: str) -> None:
        """Mark this source as the one that is watched; the user did not choose it here."""
        self._current = Choice(spec, self.name_of(spec))
        self._fill()

    def name_of(self, spec: str) -> str:
        """How people call a source that need not be open yet."""
        for choice in (*self._cameras, Choice(DEMO, tr("Built-in demo"))):
            if choice.spec == spec:
                return choice.name
        return public_label(spec)

    def open_list(self) -> None:
        """Let the user choose from the list."""
        self.combo.setFocus()
        self.combo.showPopup()

    def ask_file(self) -> None:
        """Let the user choose a video or a picture."""
        where = self.folder
        path, _ = QFileDialog.getOpenFileName(
            self, tr("Open a video or picture"), where, words.media_filter()
        )
        self._chose_in(path)

    def ask_folder(self) -> None:
        """Let the user choose a folder of pictures."""
        where = self.folder
        title = tr("Open a folder of pictures")
        self._chose_in(QFileDialog.getExistingDirectory(self, title, where))

    def ask_stream(self) -> None:
        """Let the user type the address of a stream."""
        address, ok = QInputDialog.getText(
            self, tr("Open a stream"), tr("Address, such as rtsp://camera.local/live or http://…")
        )
        self._choose(address.strip() if ok else "")

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.refresh.setIcon(icons.icon("refresh", colours.text))

    def _chose_in(self, path: str) -> None:
        if path:
            self.folder = str(Path(path).parent)
        self._choose(path)

    def _choose(self, spec: str) -> None:
        if spec:
            self.chosen.emit(spec)
        else:
            self._mark_current()  # nothing chosen: do not leave "Open file…" standing there

    def _activated(self, index: int) -> None:
        spec = self.combo.itemData(index, Qt.ItemDataRole.UserRole)
        if spec:
            self.chosen.emit(spec)
        elif dialog := self._dialogs.get(self.combo.itemText(index)):
            dialog()

    def _fill(self) -> None:
        choices = [*self._cameras, Choice(DEMO, self.name_of(DEMO))]
        if self._current is not None and self._current.spec not in {c.spec for c in choices}:
            choices.insert(0, self._current)
        with QSignalBlocker(self.combo):
            self.combo.clear()
            for choice in choices:
                modes = self._modes.get(choice.spec, ())
                best = tr("{name}   up to {size}") if modes else "{name}"
                text = best.format(name=choice.name, size=modes[0].text if modes else "")
                self.combo.addItem(text, choice.spec)
                tip = "\n".join([choice.name, *(mode.text for mode in modes)])
                self.combo.setItemData(self.combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            # The list may be wider than the box.
            self.combo.view().setMinimumWidth(self.combo.view().sizeHintForColumn(0) + 2 * GAP)
            self.combo.insertSeparator(self.combo.count())
            for text in self._dialogs:
                self.combo.addItem(text)
            self._mark_current()

    def _mark_current(self) -> None:
        spec = self._current.spec if self._current is not None else None
        self.combo.setCurrentIndex(self.combo.findData(spec) if spec is not None else -1)


def public_label(spec: str) -> str:
    """What may be shown of a spec; of an address its host alone, as it may hold a password."""
    if is_stream(spec):
        try:
            return public_name(spec)
        except SourceError:
            return tr("stream")
    if not is_device(spec):
        return Path(spec).name or spec
    wanted = spec.partition(":")[2] or spec
    return tr("Camera {number}").format(number=wanted) if wanted.isdigit() else wanted
