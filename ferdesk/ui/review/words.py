"""Texts of a session, which may be a stranger's, as they are shown."""

import html
from typing import Final

_LINE: Final = 200
_TIP: Final = 1000
"""Characters; more is not laid out."""


def one_line(text: str) -> str:
    """The beginning of a text, on one line."""
    return " ".join(text[:_LINE].split())


def plain_tip(text: str) -> str:
    """A tool tip that shows a text as it is: Qt would take it for HTML."""
    return f"<p>{html.escape(text[:_TIP])}</p>" if text else ""
