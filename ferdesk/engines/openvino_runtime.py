"""The only place that imports openvino, because importing it must not report home.

`import openvino` loads its model converter, which sends an event to Google Analytics and writes an
id into the user's home, unless the package openvino-telemetry is missing. We do without both: see
docs/decisions/0002-no-telemetry.md.
"""

import logging
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from ferdesk.core.errors import EngineError
from ferdesk.engines.private_folder import private_folder
from ferdesk.resources import user_cache

log = logging.getLogger(__name__)

_KEPT: Final = 32
"""Compiled nets that are kept; each is as large as the net's weights."""
_UNWANTED: Final = ("openvino_telemetry", "openvino.tools.ovc")


def load() -> ModuleType:
    """The openvino package, without its telemetry and its model converter."""
    for name in _UNWANTED:
        # None makes `import name` raise ImportError, which openvino takes for "not installed".
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    import openvino

    found: ModuleType = openvino
    return found


@cache
def core() -> Any:
    """The process's only `openvino.Core`, kept until the process ends.

    On Linux each Core's CPU plugin gives its thread an alternate signal stack, and takes it back in
    the order in which the Cores go. With several of them, a stack that is no longer mapped can be
    what is left, and then the next Ctrl-C kills the process (openvino 2026.4.1; Python runs signal
    handlers on the alternate stack).

    Compiling a net takes twice as long as fetching what was compiled the last time, so that is kept
    in the user's cache folder. OpenVINO compiles anew where the net, the processor, an option or
    its own version is another, and where a kept file is cut short.
    """
    found = load().Core()
    try:
        folder = private_folder(user_cache() / "openvino")
        _thin_out(folder)
    except (EngineError, OSError) as error:
        log.warning("compiled nets are not kept: %s", error)
    else:
        found.set_property({"CACHE_DIR": str(folder)})
    return found


def _thin_out(folder: Path) -> None:
    kept = sorted(folder.glob("*.blob"), key=lambda blob: blob.stat().st_mtime)
    for blob in kept[:-_KEPT]:
        blob.unlink(missing_ok=True)
