"""A verdict in one line, and for how long it stays: for the cards and for the drawn picture."""

from collections.abc import Callable
from typing import Final

from ferdesk.core.types import AuValues, FaceResult, Verdict

READ_S: Final = 0.3
"""A line stays as it is for so long, else its figures change too fast to be read."""
HOLD_S: Final = 1.0
"""A line stays for so long after its contest has ended."""

_LEAST_SHOWN: Final = 0.005
"""Smaller weights would be shown as 0."""


def verdict_line(
    verdict: Verdict, aus: AuValues | None, most: int = 2, tr: Callable[[str], str] = str
) -> str:
    """What was contested, what tipped it, and what came out.

    Args:
        verdict: the verdict.
        aus: the units that it was made with.
        most: so many units at most, the strongest first.
        tr: translates; what is drawn into pictures stays English.

    Returns:
        "fear vs surprise: AU20 +0.41, AU4 +0.22 → fear"; where the units did not decide, why not,
        "fear vs surprise: units do not tell → net: fear"; empty where nothing was contested.
    """
    if not verdict.contested:
        return ""
    against = tr("vs")
    contest = f" {against} ".join(map(tr, verdict.contested))
    chosen = tr(verdict.chosen)
    if verdict.abstained:
        text = tr("{contest}: {why} → net: {expression}")
        return text.format(contest=contest, why=_silence(verdict, aus, tr), expression=chosen)
    reasons = [
        f"AU{reason.au} {reason.weight:+.2f}".replace("-", "−")
        for reason in verdict.reasons
        if abs(reason.weight) >= _LEAST_SHOWN
    ]
    why = ", ".join(reasons[:most]) or tr("no unit stands out")
    return f"{contest}: {why} → {chosen}"


def _silence(verdict: Verdict, aus: AuValues | None, tr: Callable[[str], str]) -> str:
    """Why the units were not asked, or not followed."""
    if aus is None:
        return tr("no units yet")
    if not aus.reliable:
        return tr("units not reliable")
    if verdict.margin == 0:
        return tr("units not estimated")
    return tr("units do not tell")


class VerdictMemory:
    """Keeps each track's line until it can be read; takes its time from the frames.

    Lines that are out of date are forgotten as time goes on, so it stays small.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, float, FaceResult]] = {}

    def recall(self, result: FaceResult, time_s: float) -> FaceResult | None:
        """Which result of this track to show the line of.

        Args:
            result: the face now.
            time_s: its frame's time on the source's clock.

        Returns:
            This result, or an earlier one of the track; None where there is no line to show.
        """
        self._forget(time_s)
        track = result.face.track_id
        since_s, _, shown = self._kept.get(track, (time_s, time_s, result))
        if result.verdict is None or not result.verdict.contested:
            return shown if track in self._kept else None
        if time_s - since_s >= READ_S:
            since_s, shown = time_s, result
        self._kept[track] = since_s, time_s, shown
        return shown

    def _forget(self, time_s: float) -> None:
        # A clip that begins again is at an earlier time.
        self._kept = {
            track: kept for track, kept in self._kept.items() if 0 <= time_s - kept[1] < HOLD_S
        }
