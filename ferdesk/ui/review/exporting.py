"""Exports the open session for other programs."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QFileDialog, QMenu, QProgressBar, QWidget

from ferdesk.exports.formats import FORMATS, export
from ferdesk.sessions.session import Session
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerStack
from ferdesk.ui.review.keys import key_button
from ferdesk.ui.worker import Jobs

KEY: Final = "export"
"""Of the messages."""


class Exporting:
    """A button with a list of formats, and a bar that moves while an export runs.

    Args:
        parent: of the dialog that asks for the file.
        jobs: runs the export.
        banners: where what came of it is said.
    """

    def __init__(self, parent: QWidget, jobs: Jobs, banners: BannerStack) -> None:
        self._parent = parent
        self._jobs = jobs
        self._banners = banners
        self._folder: Path | None = None
        self._running = False
        self.menu = QMenu(parent)
        for name, form in FORMATS.items():
            action = self.menu.addAction(f"{tr(form.title)}…")
            action.setObjectName(name)
            action.triggered.connect(self._asker(name))
        self.button = key_button("export", tr("Export"), self.open_menu)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setMaximumSize(90, 8)
        self.busy.setAccessibleName(tr("An export is being written"))
        self._show()

    @property
    def running(self) -> bool:
        """Whether an export is being written."""
        return self._running

    def begin(self, folder: Path | None) -> None:
        """Export this session from now on; None for none."""
        self._folder = folder
        self._show()

    def open_menu(self) -> None:
        """Let the user choose a format."""
        if self.button.isEnabled():
            self.menu.popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))

    def ask(self, name: str) -> None:
        """Ask for the file that a format is written to."""
        if self._folder is None:
            return
        form, folder = FORMATS[name], self._folder
        suggested = folder.with_name(f"{folder.stem}-{name}{form.ending}")
        dialog = QFileDialog(self._parent, tr("Export: {format}").format(format=tr(form.title)))
        dialog.setObjectName("export")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(form.ending.removeprefix("."))
        dialog.setDirectory(str(suggested.parent))
        dialog.selectFile(suggested.name)
        dialog.fileSelected.connect(lambda path: self.write(folder, name, Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def write(self, folder: Path, name: str, path: Path) -> None:
        """Write a session's export in a job, and say what came of it."""

        def work() -> tuple[str, ...]:
            with Session(folder) as session:
                return export(session, name, path)

        def done(left_out: tuple[str, ...]) -> None:
            text = tr("Exported to {path}.").format(path=path)
            if left_out:
                missing = tr("Left out, for the format has no place for it: {what}.")
                text = f"{text} {missing.format(what='; '.join(left_out))}"
            self._end(lambda: self._banners.show_message(KEY, text))

        def failed(error: Exception) -> None:
            self._end(lambda: self._banners.show_message(KEY, str(error), "error"))

        self._banners.clear(KEY)
        self._running = True
        self._show()
        self._jobs.submit(work, done, failed)

    def _asker(self, name: str) -> Callable[[], None]:
        return lambda: self.ask(name)

    def _end(self, tell: Callable[[], None]) -> None:
        self._running = False
        self._show()
        tell()

    def _show(self) -> None:
        self.button.setEnabled(self._folder is not None and not self._running)
        self.busy.setVisible(self._running)
