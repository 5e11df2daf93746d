"""What is said of a file in the queue. No Qt."""

from pathlib import Path
from typing import Final

from ferdesk.queue.items import Item, State, Totals
from ferdesk.summary import Summary
from ferdesk.texts import tr
from ferdesk.ui.recording import clock

NOTHING: Final = "–"

_STATES: Final[dict[State, str]] = {
    "waiting": tr("waiting"),
    "running": tr("running"),
    "done": tr("done"),
    "failed": tr("failed"),
    "cancelled": tr("cancelled"),
    "before": tr("done before"),
}


def state_text(item: Item) -> str:
    """How far it is."""
    if item.stopping:
        return tr("stopping")
    if item.state == "running" and not item.frames:
        return tr("starting")
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
    if not summary.faces_max:
        return tr("none")
    return tr("{n}, in {share:.0%}").format(n=summary.faces_max, share=share)


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
    if totals.left_s is None:
        text = tr("{share:.0%}, {ended} of {files} ended")
    else:
        text = tr("{share:.0%}, {ended} of {files} ended, about {time} left")
    return text.format(
        share=totals.share, ended=totals.ended, files=totals.files, time=clock(totals.left_s or 0)
    )


def _summary_lines(summary: Summary) -> list[str]:
    lines = []
    if summary.frames:
        lines.append(
            tr(
                "{frames} frames, {with_face} with a face, at most {faces} in one; "
                "{seconds:.1f} s, {fps:.0f} frames a second"
            ).format(
                frames=summary.frames,
                with_face=summary.frames_with_face,
                faces=summary.faces_max,
                seconds=summary.seconds,
                fps=summary.fps,
            )
        )
        stages = " · ".join(f"{name} {ms:.1f}" for name, ms in summary.stage_ms.items())
        lines.append(tr("Milliseconds a frame: {stages}").format(stages=stages))
        lines.append(
            tr(
                "Faces: {faces}; net: {net} ({engine}); action units: {units}; "
                "neutral face: {neutral}"
            ).format(
                faces=summary.faces_backend,
                net=summary.bundle,
                engine=summary.engine,
                units=summary.au_estimator or tr("none"),
                neutral=summary.neutral or tr("none"),
            )
        )
    if summary.warning:
        lines.append(tr("Note: {warning}").format(warning=summary.warning))
    return lines + [str(file) for file in summary.files]
