"""Neutral faces in the live view: opens their dialog, feeds it, and puts a profile to use."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from ferdesk.core.types import FrameResult
from ferdesk.texts import tr
from ferdesk.ui.live import PipelineState
from ferdesk.ui.neutral.dialog import NeutralDialog
from ferdesk.ui.theme import DARK, Colours
from ferdesk.ui.worker import Jobs


class Calibration:
    """The neutral faces of the live view.

    Args:
        parent: the view.
        jobs: records, and reads and writes profiles.
        say: says something for a moment.
        use: puts the profile of a name to use; none where the name is empty.
    """

    def __init__(
        self,
        parent: QWidget,
        jobs: Jobs,
        say: Callable[[str], None],
        use: Callable[[str], None],
    ) -> None:
        self._parent = parent
        self._jobs = jobs
        self._say = say
        self._use = use
        self._state = PipelineState()
        self._colours = DARK
        self.dialog: NeutralDialog | None = None

    def open(self) -> None:
        """Show the neutral faces, beside the picture."""
        if self.dialog is None:
            self.dialog = NeutralDialog(self._jobs, self._colours, self._parent)
            self.dialog.use_wanted.connect(self._wanted)
            self.dialog.finished.connect(lambda _: self._closed())
            self._tell()
            self.dialog.show()
        self.dialog.activateWindow()

    def feed(self, result: FrameResult) -> None:
        """Take in what is shown; cheap enough for every frame."""
        if self.dialog is not None:
            self.dialog.wizard.feed(result)

    def pipeline_changed(self, state: PipelineState) -> None:
        """Other profiles fit another estimator."""
        if not state.error:
            self._state = state
            self._tell()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        if self.dialog is not None:
            self.dialog.set_colours(colours)

    def end(self) -> None:
        """The source has ended: make do with what was recorded."""
        if self.dialog is not None:
            self.dialog.wizard.end()

    def cancel(self) -> None:
        """Stop a recording, and keep nothing of it."""
        if self.dialog is not None:
            self.dialog.wizard.cancel()

    def close(self) -> None:
        """Close the dialog, if it is open."""
        if self.dialog is not None:
            self.dialog.close()

    def _tell(self) -> None:
        if self.dialog is not None:
            self.dialog.show_in_use(self._state.neutral, self._state.au_estimator)

    def _wanted(self, name: str) -> None:
        self._use(name)
        said = tr("{name}'s neutral face is taken off the largest face's action units")
        self._say(said.format(name=name) if name else tr("Action units are shown as estimated"))

    def _closed(self) -> None:
        self.dialog = None


def other_units(name: str) -> str:
    """Why a neutral face is not used any more once something else estimates the units."""
    return tr("{name}'s neutral face was recorded with other action units.").format(name=name)
