"""ferdesk: live facial expression recognition that stays on the user's machine."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferdesk.outputs.dataframe import to_dataframe
    from ferdesk.recognizer import Recognizer
    from ferdesk.sessions.session import Session
    from ferdesk.settings import Settings

__version__ = "0.1.0"

__all__ = ["Recognizer", "Session", "Settings", "__version__", "to_dataframe"]

_HOMES = {
    "Recognizer": "ferdesk.recognizer",
    "Session": "ferdesk.sessions.session",
    "Settings": "ferdesk.settings",
    "to_dataframe": "ferdesk.outputs.dataframe",
}


def __getattr__(name: str) -> Any:
    # Only when it is asked for: the command line has to start at once.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
