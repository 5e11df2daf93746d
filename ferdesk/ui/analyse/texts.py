"""What is said of a file in the queue. No Qt."""

from pathlib import Path
from typing import Final

from ferdesk.queue.items import Item, State, Totals
from ferdesk.summary import Summary
from ferdesk.ui.recording import clock

NOTHING: Final = "–"

_STATES: Final[dict[State, str]] = {
    "waiting": "waiting",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "before": "done before",
}


def state_text(item: Item) -> str:
    """How far it is."""
    if item.stopping:
        return "stopping"
    if item.state == "running" and not item.frames:
        return "starting"
    return _STATES[item.state]


def rate_text(item: Item) -> str:
    """Frames a second."""
    return f"{item.fps:.0f}" if item.fps and item.state != "before" else NOTHING


def left_text(item: Item) -> str:
    """How long it still takes."""
    return NOTHING if item.left_s is None else clock(item.left_s)


def faces_text(item: Item) -> str:
    """How many faces were found."""
    summary = item.summary
    if summary is None or not summary.frames:
        return NOTHING
    share = summary.frames_with_face / summary.frames
    return f"{summary.faces_max}, in {share:.0%}" if summary.faces_max else "none"


def result_text(item: Item) -> str:
    """What was written, or why not; one line."""
    if item.error:
        return item.error.partition("\n")[0].replace(item.spec, item.name)
    if item.summary is None:
        return ""
    return ", ".join(Path(file).name for file in item.summary.files)


def details_text(item: Item) -> str:
    """All that is known of a file, in lines."""
    lines = [item.spec]
    if item.error:
        lines.append(item.error)
    if item.summary is not None:
        lines += _summary_lines(item.summary)
    return "\n".join(lines)


def copied_text(item: Item) -> str:
    """A failed file with its error, the results' paths of a finished one, else the file."""
    if item.error:
        return f"{item.spec}: {item.error}"
    return "\n".join(item.summary.files) if item.summary is not None else item.spec


def totals_text(totals: Totals) -> str:
    """How far all is."""
    if not totals.files:
        return ""
    words = f"{totals.share:.0%}, {totals.ended} of {totals.files} ended"
    return words if totals.left_s is None else f"{words}, about {clock(totals.left_s)} left"


def _summary_lines(summary: Summary) -> list[str]:
    lines = []
    if summary.frames:
        lines.append(
            f"{summary.frames} frames, {summary.frames_with_face} with a face, at most "
            f"{summary.faces_max} in one; {summary.seconds:.1f} s, "
            f"{summary.fps:.0f} frames a second"
        )
        stages = " · ".join(f"{name} {ms:.1f}" for name, ms in summary.stage_ms.items())
        lines.append(f"Milliseconds a frame: {stages}")
        lines.append(
            f"Faces: {summary.faces_backend}; net: {summary.bundle} ({summary.engine}); action "
            f"units: {summary.au_estimator or 'none'}; neutral face: {summary.neutral or 'none'}"
        )
    if summary.warning:
        lines.append(f"Note: {summary.warning}")
    return lines + [str(file) for file in summary.files]
