"""The model manager: what is installed at the left, all that is known of it at the right."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from ferdesk.bundle_store import Installed, add, list_bundles, remove, verify
from ferdesk.core.bundle import Bundle
from ferdesk.faces.install import install
from ferdesk.faces.store import SETS, ModelFile, ModelSet
from ferdesk.faces.store import verify as verify_file
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerStack
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.live import PipelineState
from ferdesk.ui.models.about import TASKS, about_bundle, about_faces, as_html
from ferdesk.ui.models.face_models import FaceModels, Install
from ferdesk.ui.theme import GAP, Colours, named
from ferdesk.ui.worker import Jobs

KEY: Final = "models"
"""Of the messages."""

Entry = Installed | ModelSet
R = TypeVar("R")


class ModelsDialog(QDialog):
    """Lists bundles and face models; chooses, checks, adds, removes, fetches.

    Args:
        jobs: does everything that reads or writes files.
        in_use: names of the bundles and of the set of face models that run now.
        parent: the window.
        fetch: see `FaceModels`.
    """

    bundle_chosen = Signal(str)
    """An expression net is to be used; its name."""
    units_chosen = Signal(str)
    """A net is to estimate action units; its name."""
    machines_chosen = Signal(str)
    """SVMs are to settle contested expressions; their name."""
    models_changed = Signal()
    """Face models or bundles were added or removed."""

    def __init__(
        self,
        jobs: Jobs,
        in_use: Collection[str] = (),
        parent: QWidget | None = None,
        fetch: Install = install,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("models")
        self.setWindowTitle(tr("Models"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._jobs = jobs
        self._in_use = frozenset(in_use)
        self._bundles: tuple[Installed, ...] = ()
        self._states: dict[ModelFile, str | None] = {}
        self._wanted = ""
        self._closed = False
        self.banners = BannerStack()
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Installed models"))
        self.title = QLabel()
        self.details = QTextBrowser()
        self.details.setAccessibleName(tr("What is known of it"))
        self.details.setOpenLinks(False)
        self.details.document().setDocumentMargin(GAP)
        self.faces = FaceModels(jobs, self, fetch)
        self.use_button = SpaceButton(tr("Use this one"))
        self.verify_button = SpaceButton(tr("Verify"))
        self.remove_button = SpaceButton(tr("Remove…"))
        self.add_button = SpaceButton(tr("Add a bundle folder…"))
        self.close_button = SpaceButton(tr("Close"))
        self._lay_out()
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """Read anew what is installed."""
        self._submit(list_bundles, self._show_bundles)

    def pipeline_changed(self, state: PipelineState) -> None:
        """Mark what the pipeline runs now."""
        units = state.au_estimator.rpartition(" ")[2]
        names = (state.bundle, units, state.disambiguator, state.faces_backend)
        self.set_in_use([name for name in names if name])

    def set_in_use(self, names: Collection[str]) -> None:
        """Mark the bundles and the set of face models of these names."""
        self._in_use = frozenset(names)
        self._fill()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.banners.set_colours(colours)

    def add_folder(self, folder: Path) -> None:
        """Add the bundle in a folder."""

        def added(one: Installed) -> None:
            self._wanted = one.name
            self._say(tr("{name} was added.").format(name=one.name))
            self._changed()

        self._submit(lambda: add(folder), added)

    def select(self, name: str) -> None:
        """Show the bundle or the set of face models of a name, if it is there."""
        for row in range(self.list.count()):
            entry = _entry(self.list.item(row))
            if entry is not None and entry.name == name:
                self.list.setCurrentRow(row)

    def done(self, result: int) -> None:
        """Stop a download that still runs, and close."""
        self._closed = True
        self.faces.close_down()
        super().done(result)

    @property
    def current(self) -> Entry | None:
        """What is selected."""
        return _entry(self.list.currentItem())

    def _lay_out(self) -> None:
        font = self.title.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.2)
        self.title.setFont(font)
        row = QHBoxLayout()
        for button in (self.use_button, self.verify_button, self.remove_button):
            row.addWidget(button)
        row.addStretch(1)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(GAP // 2, 0, 0, 0)
        column.addWidget(self.title)
        column.addWidget(self.details, 1)
        column.addWidget(self.faces)
        column.addLayout(row)
        split = named(QSplitter(Qt.Orientation.Horizontal), "models")
        split.addWidget(self.list)
        split.addWidget(right)
        split.setSizes([240, 560])
        split.setChildrenCollapsible(False)
        bottom = QHBoxLayout()
        bottom.addWidget(self.add_button)
        bottom.addStretch(1)
        bottom.addWidget(self.close_button)
        body = QVBoxLayout(self)
        body.setContentsMargins(GAP, GAP, GAP, GAP)
        body.setSpacing(GAP)
        body.addWidget(self.banners)
        body.addWidget(split, 1)
        body.addLayout(bottom)
        for button in self.findChildren(SpaceButton):
            button.setAutoDefault(False)
        self.resize(800, 560)

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(lambda *_: self._show_current())
        self.use_button.clicked.connect(self._use)
        self.verify_button.clicked.connect(self._verify)
        self.remove_button.clicked.connect(self._ask_remove)
        self.add_button.clicked.connect(self._ask_folder)
        self.close_button.clicked.connect(self.close)
        self.faces.changed.connect(self._face_models_came)

    def _show_bundles(self, found: tuple[Installed, ...]) -> None:
        self._bundles = found
        self._fill()

    def _fill(self) -> None:
        """List everything, keeping what is selected."""
        current = self.current
        wanted = self._wanted or (current.name if current is not None else "")
        self._wanted = ""
        self.list.blockSignals(True)
        self.list.clear()
        for task, heading in TASKS.items():
            known = [one for one in self._bundles if one.bundle and one.bundle.task == task]
            self._add_group(heading, known)
        self._add_group(tr("Cannot be read"), [one for one in self._bundles if one.bundle is None])
        self._add_group(tr("Face models"), SETS)
        self.list.blockSignals(False)
        self.list.setCurrentRow(1)
        self.select(wanted)
        self._show_current()

    def _add_group(self, heading: str, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        title = QListWidgetItem(heading)
        title.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.addItem(title)
        for entry in entries:
            used = entry.name in self._in_use
            text = tr("{name}  ✓ in use") if used else "{name}"
            item = QListWidgetItem("    " + text.format(name=entry.name))
            item.setData(Qt.ItemDataRole.UserRole, entry)
            self.list.addItem(item)

    def _show_current(self) -> None:
        entry = self.current
        bundle = entry.bundle if isinstance(entry, Installed) else None
        self.title.setText(entry.name if entry is not None else "")
        self.faces.setVisible(isinstance(entry, ModelSet))
        self.verify_button.setEnabled(entry is not None)
        self.remove_button.setVisible(isinstance(entry, Installed))
        self.remove_button.setEnabled(isinstance(entry, Installed) and entry.own)
        self.remove_button.setToolTip(
            "" if self.remove_button.isEnabled() else tr("Came with ferdesk")
        )
        self.use_button.setVisible(isinstance(entry, Installed))
        why_not = self._why_not(bundle)
        self.use_button.setEnabled(not why_not)
        self.use_button.setToolTip(why_not)
        if isinstance(entry, Installed):
            self.details.setHtml(as_html(about_bundle(entry)))
        elif entry is not None:
            self.details.setHtml(as_html(about_faces(entry, self._states)))

    def _why_not(self, bundle: Bundle | None) -> str:
        """Why a bundle cannot be chosen now; empty where it can."""
        if bundle is None:
            return tr("It cannot be read")
        if bundle.name in self._in_use:
            return tr("It is in use")
        return ""

    def _use(self) -> None:
        entry = self.current
        if isinstance(entry, Installed) and entry.bundle is not None:
            task = entry.bundle.task
            if task == "expression":
                self.bundle_chosen.emit(entry.name)
            elif task == "action_units":
                self.units_chosen.emit(entry.name)
            else:
                self.machines_chosen.emit(entry.name)

    def _verify(self) -> None:
        entry = self.current
        if isinstance(entry, Installed):
            folder, name = entry.folder, entry.name
            whole = tr("{name} is whole.").format(name=name)
            self._say(tr("Checking {name}…").format(name=name))
            self._submit(lambda: verify(folder), lambda _: self._say(whole))
        elif entry is not None:
            files = entry.files
            self._submit(lambda: {file: verify_file(file) for file in files}, self._show_states)

    def _show_states(self, states: dict[ModelFile, str | None]) -> None:
        self._states.update(states)
        one = tr("{file} is {trouble}")
        bad = [
            one.format(file=file.name, trouble=tr(trouble))
            for file, trouble in states.items()
            if trouble
        ]
        if bad:
            text = tr("{files}. Fetch the face models.").format(files=", ".join(bad))
            self.banners.show_message(KEY, text, "warning")
        else:
            self._say(tr("The face models are whole."))
        self._show_current()

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("A bundle's folder"))
        if chosen:
            self.add_folder(Path(chosen))

    def _ask_remove(self) -> None:
        entry = self.current
        if not isinstance(entry, Installed):
            return
        name = entry.name
        box = QMessageBox(self)
        box.setObjectName("confirmRemove")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(tr("Remove a bundle"))
        box.setText(tr("Delete {name} and its files?").format(name=name))
        box.setInformativeText(str(entry.folder))
        box.addButton(tr("Delete"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole))
        box.accepted.connect(lambda: self._remove(name))
        box.open()

    def _remove(self, name: str) -> None:
        def removed(_: None) -> None:
            self._say(tr("{name} was removed.").format(name=name))
            self._changed()

        self._submit(lambda: remove(name), removed)

    def _face_models_came(self) -> None:
        self._states.clear()
        self._changed()

    def _changed(self) -> None:
        self.refresh()
        self.models_changed.emit()

    def _say(self, text: str) -> None:
        self.banners.show_message(KEY, text)

    def _submit(self, work: Callable[[], R], done: Callable[[R], None]) -> None:
        def shown(outcome: R) -> None:
            if not self._closed:
                done(outcome)

        self._jobs.submit(work, shown, self._failed)

    def _failed(self, error: Exception) -> None:
        if not self._closed:
            self.banners.show_message(KEY, str(error), "error")


def _entry(item: QListWidgetItem | None) -> Entry | None:
    data = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
    return data if isinstance(data, Installed | ModelSet) else None
