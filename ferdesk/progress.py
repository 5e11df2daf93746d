"""What `ferdesk analyze` shows in the terminal: progress, then what came of it."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ferdesk.summary import Summary


class TerminalProgress:
    """One bar an input, on standard error, so that standard output stays free for --json.

    Args:
        console: where to draw; bars are left out where it is no terminal.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def begin(self, name: str, frames: int | None) -> None:
        """Show a new bar; it only moves to and fro while `frames` is unknown."""
        self._task = self._bars.add_task(name, total=frames)

    def advance(self) -> None:
        """Move the bar on by one frame."""
        if self._task is not None:
            self._bars.advance(self._task)

    def end(self, summary: Summary) -> None:
        """Fill the bar, or leave it where the input broke off."""
        if self._task is not None:
            if summary.error is None and not summary.interrupted:
                # The expected number is only what the file's header said.
                self._bars.update(self._task, total=summary.frames, completed=summary.frames)
            self._bars.stop_task(self._task)
            self._task = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()


def progress_bar() -> TerminalProgress:
    """A progress bar on standard error, for a `with` statement."""
    return TerminalProgress()


def show_summary(console: Console, summaries: Sequence[Summary], quiet: bool = False) -> bool:
    """Say what each input gave, one line each, and its files; then, to standard error, failures.

    Args:
        console: where to write.
        summaries: one an input.
        quiet: say only what went wrong.

    Returns:
        Whether one of the inputs failed.
    """
    errors = Console(stderr=True)
    for summary in summaries:
        if not quiet and (summary.frames or summary.error is None):
            _say(console, _outcome(summary))
            for file in summary.files:
                _say(console, f"  {file}")
        if summary.warning is not None:
            _say(errors, f"{summary.input}: {summary.warning}")
    for summary in summaries:
        if summary.error is not None:
            named = summary.input in summary.error
            _say(errors, summary.error if named else f"{summary.input}: {summary.error}")
    return any(summary.error is not None for summary in summaries)


def _outcome(summary: Summary) -> str:
    many = summary.faces_max != 1
    most = f"at most {summary.faces_max} face{'s' if many else ''} in one"
    pace = "done before" if summary.done_before else f"{summary.fps:.0f} frames a second"
    return (
        f"{summary.input}: {summary.frames} frame{'s' if summary.frames != 1 else ''}, "
        f"{summary.frames_with_face} with a face, {most}; {pace}"
    )


def _say(console: Console, line: str) -> None:
    # As it is: no colours for what happens to be a number, no line breaks within paths.
    console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f} fps" if speed else "")
