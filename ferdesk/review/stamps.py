"""Times in a session as people read and write them: 1:02:03.450."""

import math
from typing import Final

from ferdesk.texts import tr

_LONGEST_S: Final = 1e9


def stamp(seconds: float) -> str:
    """Minutes, seconds and milliseconds, with hours where there are any: "02:03.450"."""
    sign = "-" if seconds < 0 else ""
    minutes, rest = divmod(round(abs(seconds) * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{minutes:02}:{rest / 1000:06.3f}"
    return f"{sign}{hours}:{tail}" if hours else sign + tail


def seconds_of(text: str) -> float:
    """Read a time, "75.5", "1:15.5" or "0:01:15.5".

    Raises:
        ValueError: it is none; the message says how one is written.
    """
    total = 0.0
    parts = text.strip().split(":")
    try:
        if len(parts) > 3:
            raise ValueError
        for part in parts:
            total = total * 60 + float(part)
    except ValueError:
        total = math.nan
    if not 0 <= total <= _LONGEST_S:
        wrong = tr("{text!r} is no time. Write minutes and seconds: 1:15.5")
        raise ValueError(wrong.format(text=text[:20]))
    return total
