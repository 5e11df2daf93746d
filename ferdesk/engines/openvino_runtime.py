"""The only place that imports openvino, because importing it must not report home.

`import openvino` loads its model converter, which sends an event to Google Analytics and writes an
id into the user's home, unless the package openvino-telemetry is missing. We do without both: see
docs/decisions/0002-no-telemetry.md.
"""

import sys
from functools import cache
from types import ModuleType
from typing import Any, Final

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
    """
    return load().Core()
