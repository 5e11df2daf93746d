"""The page that records a neutral face: why, ten seconds with what is wrong, what came of it."""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from ferdesk.calibrate import DEFAULT_SECONDS
from ferdesk.core.errors import ProfileError
from ferdesk.core.types import FrameResult
from ferdesk.profiles import NeutralProfile, profile_path
from ferdesk.texts import tr
from ferdesk.ui.buttons import SpaceButton
from ferdesk.ui.neutral.run import NeutralRun
from ferdesk.ui.theme import GAP, named
from ferdesk.ui.worker import Jobs

_WHY: Final = tr(
    "{seconds:g} seconds of a face at rest are taken off its action units from then on, "
    "so that they tell how it moves, not how it looks."
)
_HOW: Final = tr("Alone in the picture: look into the camera, mouth closed, and do nothing.")
_GOOD: Final = tr("Good. Keep still.")
_STEPS: Final = 1000


class NeutralWizard(QWidget):
    """Records one neutral face.

    Its signals: `saved` gives the profile, `use_wanted` the name of one to use from now on,
    `left` says that nothing more is to be done here.

    Args:
        jobs: runs the recording.
    """

    saved = Signal(NeutralProfile)
    use_wanted = Signal(str)
    left = Signal()

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._run: NeutralRun | None = None
        self._taken: tuple[str, ...] = ()
        self._recorded = ""
        self.name = QLineEdit("me")
        self.name.setMaxLength(100)
        self.name.setAccessibleName(tr("A name for this face"))
        self.note = named(QLabel(), "muted")
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("How much is recorded"))
        self.words = QLabel()
        self.words.setAccessibleName(tr("How it goes"))
        for label in (self.note, self.words):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.start_button = _button(tr("Start"), self.begin)
        self.use_button = _button(tr("Use it now"), self._use)
        self.again_button = _button(tr("Record again"), self._offer)
        self.leave_button = _button(tr("Cancel"), self.leave)
        self._lay_out()
        self.name.textChanged.connect(lambda _: self._note())
        self.name.returnPressed.connect(self.begin)
        self._offer()

    @property
    def running(self) -> bool:
        """Whether a face is being recorded."""
        return self._run is not None

    def open(self, taken: tuple[str, ...], name: str = "") -> None:
        """Offer to record.

        Args:
            taken: names of the profiles that there are.
            name: what to offer; a free one where it is empty.
        """
        self._taken = taken
        numbers = (f"me-{number}" for number in range(2, len(taken) + 3))
        self.name.setText(name or next(one for one in ("me", *numbers) if one not in taken))
        self._offer()
        self.name.setFocus()
        self.name.selectAll()

    def begin(self) -> None:
        """Record under the name that was typed."""
        name = self.name.text().strip()
        if self._run is not None or not self.start_button.isVisibleTo(self):
            return
        try:
            profile_path(name)
        except ProfileError as error:
            self._say(str(error), wrong=True)
            return
        run = self._run = NeutralRun(name)
        self._show((self.bar, self.leave_button))
        self.leave_button.setText(tr("Cancel"))
        self.leave_button.setFocus()
        self.bar.setValue(0)
        self._say(_HOW)
        self._jobs.submit(
            run.record, lambda profile: self._done(run, profile), lambda e: self._failed(run, e)
        )

    def feed(self, result: FrameResult) -> None:
        """Take in what is shown; cheap enough for every frame."""
        run = self._run
        if run is None:
            return
        run.frames.put(result)
        self.bar.setValue(round(_STEPS * run.progress))
        left = tr("{seconds:.0f} s to go").format(seconds=DEFAULT_SECONDS * (1 - run.progress))
        self._say(f"{run.hint or _GOOD}  {left}", wrong=bool(run.hint))

    def end(self) -> None:
        """The source has ended: make do with what was recorded."""
        if self._run is not None:
            self._run.end()

    def cancel(self) -> None:
        """Stop a recording, and keep nothing of it."""
        if self._run is not None:
            self._run.cancel()
            self._run = None
            self._offer()

    def leave(self) -> None:
        """Go back to the list."""
        self.cancel()
        self.left.emit()

    def _done(self, run: NeutralRun, profile: NeutralProfile | None) -> None:
        if run is not self._run or profile is None:
            return
        self._run = None
        self._recorded = profile.name
        self._show((self.use_button, self.again_button, self.leave_button))
        self.leave_button.setText(tr("Not now"))
        self.use_button.setFocus()
        said = tr("{name} is saved: {seconds:.0f} seconds, {frames} frames, {units} action units.")
        self._say(
            said.format(
                name=profile.name,
                seconds=profile.seconds,
                frames=profile.values,
                units=len(profile.baseline),
            )
        )
        self.saved.emit(profile)

    def _failed(self, run: NeutralRun, error: Exception) -> None:
        if run is self._run:
            self._run = None
            self._show((self.again_button, self.leave_button))
            self.leave_button.setText(tr("Back"))
            self.again_button.setFocus()
            self._say(str(error), wrong=True)

    def _use(self) -> None:
        self.use_wanted.emit(self._recorded)
        self.left.emit()

    def _offer(self) -> None:
        self._show((self.name_row, self.note, self.start_button, self.leave_button))
        self.leave_button.setText(tr("Cancel"))
        self._say(_HOW)
        self._note()

    def _note(self) -> None:
        taken = self.name.text().strip() in self._taken
        self.note.setText(tr("There is one of this name; it is replaced.") if taken else " ")

    def _say(self, text: str, wrong: bool = False) -> None:
        name = "fieldError" if wrong else ""
        if self.words.objectName() != name:
            self.words.setObjectName(name)
            self.words.style().polish(self.words)
        self.words.setText(text)

    def _show(self, parts: tuple[QWidget, ...]) -> None:
        """Show these of the parts that come and go."""
        for part in self._parts:
            part.setVisible(part in parts)

    def _lay_out(self) -> None:
        why = QLabel(_WHY.format(seconds=DEFAULT_SECONDS))
        why.setWordWrap(True)
        self.name_row = QWidget()
        beside = QHBoxLayout(self.name_row)
        beside.setContentsMargins(0, 0, 0, 0)
        label = QLabel(tr("A &name for this face"))
        label.setBuddy(self.name)
        beside.addWidget(label)
        beside.addWidget(self.name, 1)
        buttons = (self.start_button, self.use_button, self.again_button, self.leave_button)
        below = QHBoxLayout()
        below.setSpacing(GAP // 2)
        below.addStretch(1)
        for button in buttons:
            below.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(why)
        column.addWidget(self.name_row)
        column.addWidget(self.note)
        column.addWidget(self.bar)
        column.addWidget(self.words)
        column.addStretch(1)
        column.addLayout(below)
        self._parts = (self.name_row, self.note, self.bar, *buttons)


def _button(text: str, run: Callable[[], None]) -> SpaceButton:
    button = SpaceButton(text)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _=False: run())
    return button
