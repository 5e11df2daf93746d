"""How far a long work is, on a terminal."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


def images_bar(console: Console) -> Progress:
    """A bar with images a second; its tasks have a field `rate`."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[rate]:.0f} img/s, left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
