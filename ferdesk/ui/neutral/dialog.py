"""The neutral faces: which there are, whose is used, recording, renaming and deleting them."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.errors import ProfileError
from ferdesk.profiles import (
    Listed,
    NeutralProfile,
    list_profiles,
    profile_names,
    remove_profile,
    rename_profile,
    save_profile,
)
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.neutral.table import NeutralTable
from ferdesk.ui.neutral.wizard import NeutralWizard
from ferdesk.ui.theme import GAP, Colours, named
from ferdesk.ui.worker import Jobs

KEY: Final = "neutral"
"""Of the messages."""

_NONE: Final = tr("No neutral face is recorded yet.")
_WHOSE: Final = tr("One can be used at a time; it is taken off the largest face.")
_NO_UNITS: Final = tr("No action units are estimated now, so no face can be recorded or used.")

R = TypeVar("R")


class NeutralDialog(QDialog):
    """Beside the picture, which goes on meanwhile.

    Its signal `use_wanted` gives the name of the profile to use from the next frame on, empty for
    none.

    Args:
        jobs: reads and writes the profiles, and records.
        colours: the theme's.
        parent: the window.
    """

    use_wanted = Signal(str)

    def __init__(self, jobs: Jobs, colours: Colours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("neutral")
        self.setWindowTitle(tr("Neutral faces"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._jobs = jobs
        self._used = ""
        self._estimator = ""
        self._listed: tuple[Listed, ...] = ()
        self._wanted = ""
        self._closed = False
        self.banners = BannerStack()
        self.banners.set_colours(colours)
        self.table = NeutralTable()
        self.words = named(QLabel(_NONE), "muted")
        self.words.setWordWrap(True)
        self.wizard = NeutralWizard(jobs)
        self.record_button = SpaceButton(tr("Record a face…"))
        self.use_button = SpaceButton(tr("Use"))
        self.rename_button = SpaceButton(tr("Rename…"))
        self.delete_button = SpaceButton(tr("Delete"))
        self.close_button = SpaceButton(tr("Close"))
        self._lay_out()
        self._connect()
        self.refresh()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.banners.set_colours(colours)

    def show_in_use(self, used: str, estimator: str) -> None:
        """Show what the pipeline takes off now.

        Args:
            used: name of a profile; empty for none.
            estimator: what estimates the units; empty where nothing does.
        """
        self._used, self._estimator = used, estimator
        if not estimator:
            self.wizard.cancel()
        self._fill()

    def refresh(self) -> None:
        """Read anew what is recorded."""
        self._submit(list_profiles, self._show_listed)

    def record_one(self, name: str = "") -> None:
        """Go to the page that records.

        Args:
            name: of the profile; a free one is offered where it is empty.
        """
        if self._estimator:
            self.stack.setCurrentWidget(self.wizard)
            self.wizard.open(self.table.names, name)

    def done(self, result: int) -> None:
        """Stop a recording, and close."""
        self._closed = True
        self.wizard.cancel()
        super().done(result)

    def _lay_out(self) -> None:
        page = QWidget()
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP // 2)
        for button in (self.record_button, self.use_button, self.rename_button, self.delete_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self.words)
        column.addWidget(self.table, 1)
        column.addLayout(buttons)
        self.stack = QStackedWidget()
        self.stack.addWidget(page)
        self.stack.addWidget(self.wizard)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(GAP, GAP, GAP, GAP)
        whole.setSpacing(GAP)
        whole.addWidget(self.banners)
        whole.addWidget(self.stack, 1)
        for button in self.findChildren(SpaceButton):
            button.setAutoDefault(False)
        self.resize(680, 320)

    def _connect(self) -> None:
        self.table.currentCellChanged.connect(lambda *_: self._show_current())
        self.table.itemActivated.connect(lambda _: self._use())
        self.record_button.clicked.connect(lambda _=False: self.record_one())
        self.use_button.clicked.connect(lambda _=False: self._use())
        self.rename_button.clicked.connect(lambda _=False: self._ask_name())
        self.delete_button.clicked.connect(lambda _=False: self._delete())
        self.close_button.clicked.connect(lambda _=False: self.close())
        self.wizard.saved.connect(self._recorded)
        self.wizard.use_wanted.connect(self.use_wanted)
        self.wizard.left.connect(lambda: self.stack.setCurrentIndex(0))

    def _show_listed(self, listed: tuple[Listed, ...]) -> None:
        self._listed = listed
        self._fill()
        if self._wanted:
            self.table.select(self._wanted)
            self._wanted = ""

    def _fill(self) -> None:
        self.table.show_profiles(self._listed, self._used, self._estimator)
        self._show_current()

    def _show_current(self) -> None:
        one = self.table.current
        used = one is not None and one.name == self._used
        why_not = one.why_not(self._estimator, tr) if one is not None else _NONE
        self.use_button.setText(tr("Do not use") if used else tr("Use"))
        self.use_button.setEnabled(used or not why_not)
        self.use_button.setToolTip("" if used else why_not)
        self.rename_button.setEnabled(one is not None and one.profile is not None)
        self.delete_button.setEnabled(one is not None)
        self.record_button.setEnabled(bool(self._estimator))
        words = (why_not or _WHOSE) if self._listed else _NONE
        self.words.setText(words if self._estimator else _NO_UNITS)

    def _use(self) -> None:
        one = self.table.current
        if one is None or not self.use_button.isEnabled():
            return
        self.use_wanted.emit("" if one.name == self._used else one.name)

    def _recorded(self, profile: NeutralProfile) -> None:
        self._wanted = profile.name
        self.refresh()
        if profile.name == self._used:  # what is used now is what was recorded before
            self.use_wanted.emit("")

    def _ask_name(self) -> None:
        one = self.table.current
        if one is None:
            return
        name = one.name
        dialog = QInputDialog(self)
        dialog.setObjectName("rename")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Rename a neutral face"))
        dialog.setLabelText(tr("Its new name:"))
        dialog.setTextValue(name)
        dialog.textValueSelected.connect(lambda text: self._rename(name, text.strip()))
        dialog.open()

    def _rename(self, name: str, new: str) -> None:
        if name == new:
            return

        def renamed(profile: NeutralProfile) -> None:
            self._wanted = profile.name
            if name == self._used:
                self.use_wanted.emit(profile.name)
            self.refresh()

        self._submit(lambda: rename_profile(name, new), renamed)

    def _delete(self) -> None:
        one = self.table.current
        if one is None:
            return
        if one.profile is None:
            self._ask_delete(one.name)
        else:
            self._remove(one.name, one.profile)

    def _ask_delete(self, name: str) -> None:
        """What cannot be read cannot be brought back."""
        box = QMessageBox(self)
        box.setObjectName("confirmDelete")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(tr("Delete a neutral face"))
        text = tr("Delete {name}? It cannot be read, so this cannot be undone.")
        box.setText(text.format(name=name))
        box.addButton(tr("Delete"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole))
        box.accepted.connect(lambda: self._remove(name, None))
        box.open()

    def _remove(self, name: str, profile: NeutralProfile | None) -> None:
        def removed(_: None) -> None:
            if name == self._used:
                self.use_wanted.emit("")
            ways = (
                ()
                if profile is None
                else (BannerAction(tr("Undo"), partial(self._put_back, profile)),)
            )
            text = tr("{name} was deleted.").format(name=name)
            self.banners.show_message(KEY, text, "info", ways)
            self.refresh()

        self._submit(lambda: remove_profile(name), removed)

    def _put_back(self, profile: NeutralProfile) -> None:
        def back(_: object) -> None:
            self._wanted = profile.name
            self.banners.clear(KEY)
            self.refresh()

        self._submit(lambda: _restored(profile), back)

    def _submit(self, work: Callable[[], R], done: Callable[[R], None]) -> None:
        def shown(outcome: R) -> None:
            if not self._closed:
                done(outcome)

        self._jobs.submit(work, shown, self._failed)

    def _failed(self, error: Exception) -> None:
        if not self._closed:
            self.banners.show_message(KEY, str(error), "error")


def _restored(profile: NeutralProfile) -> None:
    if profile.name in profile_names():
        text = tr("There is a neutral face named {name} again; it stays.")
        raise ProfileError(text.format(name=profile.name))
    save_profile(profile)
