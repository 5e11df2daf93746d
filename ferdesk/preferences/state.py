"""How the window was left: a small file beside the preferences, which nobody edits by hand.

What it holds is convenience, so one that cannot be read is taken for none.
"""

import logging
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ferdesk.core.errors import PreferencesError
from ferdesk.preferences.file import config_path
from ferdesk.preferences.private import read_limited, replace_private

log = logging.getLogger(__name__)

_MOST_BYTES: Final = 262_144

MOST_SESSIONS: Final = 20
"""So many that were opened from elsewhere are remembered."""

Place = Annotated[str, Field(max_length=4096)]
Name = Annotated[str, Field(max_length=100)]
Pixels = Annotated[int, Field(ge=0, le=100_000)]


class WindowState(BaseModel):
    """How the window was left. A change makes a new one with `model_copy(update=...)`.

    Attributes:
        geometry: what `QWidget.saveGeometry` gave; empty for none. Base64 in the file.
        workspace: the name of the one that was shown; empty for none.
        splitters: the sizes of each splitter's parts in pixels, by its name.
        switches: what was switched on or off in the window alone, by name.
        last_camera: the camera that was watched last; empty for none.
        last_folder: where a file was opened last; empty for nowhere.
        sessions: those that were opened from outside the folder of recordings, the newest first.
        welcome_seen: whether the first start's greeting was read.
    """

    # A newer version may have written more.
    model_config = ConfigDict(
        frozen=True, extra="ignore", ser_json_bytes="base64", val_json_bytes="base64"
    )

    geometry: Annotated[bytes, Field(max_length=100_000)] = b""
    workspace: Name = ""
    splitters: dict[Name, tuple[Pixels, ...]] = Field(default_factory=dict)
    switches: dict[Name, bool] = Field(default_factory=dict)
    last_camera: Place = ""
    last_folder: Place = ""
    sessions: Annotated[tuple[Place, ...], Field(max_length=MOST_SESSIONS)] = ()
    welcome_seen: bool = False


def state_path() -> Path:
    """Where the state lies: config.window.json, beside the preferences."""
    return config_path().with_suffix(".window.json")


def load_state(path: Path | None = None) -> WindowState:
    """The state that was saved last; all defaults where there is none that can be read.

    Args:
        path: the file; by default `state_path()`.
    """
    where = path if path is not None else state_path()
    try:
        return WindowState.model_validate_json(read_limited(where, _MOST_BYTES))
    except FileNotFoundError:
        return WindowState()
    except (PreferencesError, ValidationError) as error:
        log.warning("the window's state is not used: %s", error)
        return WindowState()


def save_state(state: WindowState, path: Path | None = None) -> None:
    """Replace the file with this state; readable by the user alone.

    Args:
        state: how the window is left.
        path: the file; by default `state_path()`.

    Raises:
        PreferencesError: it cannot be written.
    """
    where = path if path is not None else state_path()
    replace_private(where, state.model_dump_json(indent=2) + "\n")
