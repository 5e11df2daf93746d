"""The only place that imports openvino, because importing it must not report home.

`import openvino` loads its model converter, which sends an event to Google Analytics and writes an
id into the user's home, unless the package openvino-telemetry is missing. We do without both: see
docs/decisions/0002-no-telemetry.md.
"""

import sys
from types import ModuleType
from typing import Final

_UNWANTED: Final = ("openvino_telemetry", "openvino.tools.ovc")


def load() -> ModuleType:
    """The openvino package, without its telemetry and its model converter."""
    for name in _UNWANTED:
        # None makes `import name` raise ImportError, which openvino takes for "not installed".
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    import openvino

    found: ModuleType = openvino
    return found
