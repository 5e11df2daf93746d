"""What Qt needs from the system, checked without importing Qt.

Qt aborts the whole process when its platform plugin cannot load or the display does not answer, and
an abort cannot be caught: so it is asked for beforehand.
"""

import ctypes
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_QT_LIBRARIES: Final = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
}
"""What importing PySide6 needs on Linux: shared object -> Debian's package."""

_XCB_LIBRARIES: Final = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""What the X11 platform plugin needs besides."""

_SCREENLESS_PLATFORMS: Final = frozenset(
    {"offscreen", "minimal", "minimalegl", "vnc", "eglfs", "linuxfb", "vkkhrdisplay"}
)
"""Qt platforms that draw without a display server."""

_CONNECT_TIMEOUT_S: Final = 3.0


def explain_qt_import_error(error: ImportError) -> str:
    """The one line to show when importing PySide6 failed.

    Args:
        error: what the import raised, such as "libEGL.so.1: cannot open shared object file".

    Returns:
        What is missing and the exact command that mends it.
    """
    named = str(error).partition(":")[0]
    if sys.platform == "linux" and ".so" in named:
        missing = missing_libraries(_QT_LIBRARIES)
        if missing:
            return _apt_line(missing, _QT_LIBRARIES)
        if "cannot open shared object file" in str(error):
            return (
                f"The window needs the system library {named}, which is missing. "
                f"Its package is told by: apt-file search {named}"
            )
    return (
        f"The window toolkit cannot be loaded ({error}). "
        "Mend it with: pip install --force-reinstall PySide6-Essentials"
    )


def explain_missing_platform() -> str | None:
    """What the X11 platform plugin lacks, or None when a window can be opened on this display."""
    if sys.platform != "linux" or _platform_name(os.environ) != "xcb":
        return None
    needed = _QT_LIBRARIES | _XCB_LIBRARIES
    missing = missing_libraries(needed)
    return _apt_line(missing, needed) if missing else None


def missing_libraries(
    names: Mapping[str, str], load: Callable[[str], object] = ctypes.CDLL
) -> tuple[str, ...]:
    """The shared objects among `names` that the loader cannot load, in order."""
    missing = []
    for name in names:
        try:
            load(name)
        except OSError:
            missing.append(name)
    return tuple(missing)


def display_available(env: Mapping[str, str] | None = None) -> bool:
    """Whether a window can be opened here: a display is named and it answers.

    Args:
        env: the environment to judge; the process's own when None.
    """
    if sys.platform != "linux":
        return True
    env = os.environ if env is None else env
    platform = _platform_name(env)
    if platform in _SCREENLESS_PLATFORMS:
        return True
    if platform == "wayland":
        return _wayland_answers(env)
    return bool(env.get("DISPLAY")) and _x_answers(env["DISPLAY"])


def _platform_name(env: Mapping[str, str]) -> str:
    """The Qt platform that will be used: the one asked for, else by the displays there are."""
    asked = env.get("QT_QPA_PLATFORM", "").split(";")[0].split(":")[0]
    if asked:
        return "wayland" if asked.startswith("wayland") else asked
    if env.get("WAYLAND_DISPLAY") and _wayland_answers(env):
        return "wayland"
    return "xcb"


def _wayland_answers(env: Mapping[str, str]) -> bool:
    name = env.get("WAYLAND_DISPLAY", "wayland-0")
    return _unix_socket_answers(str(Path(env.get("XDG_RUNTIME_DIR", "/")) / name))


def _x_answers(display: str) -> bool:
    """Whether an X server answers at `display`, asked through libX11 where that is there."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return _x_socket_answers(display)
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    handle = x11.XOpenDisplay(display.encode())
    if not handle:
        return False
    x11.XCloseDisplay(handle)
    return True


def _x_socket_answers(display: str) -> bool:
    """Whether something listens where the display's server should (it may still refuse us)."""
    host, _, rest = display.rpartition(":")
    number = rest.split(".")[0]
    if not number.isdigit():
        return False
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"  # noqa: S108 - X11 fixes this path
        return _unix_socket_answers(path) or _unix_socket_answers("\0" + path)
    try:
        socket.create_connection((host, 6000 + int(number)), _CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _unix_socket_answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(_CONNECT_TIMEOUT_S)
        try:
            link.connect(path)
        except OSError:
            return False
    return True


def _apt_line(missing: tuple[str, ...], packages: Mapping[str, str]) -> str:
    names = sorted({packages[name] for name in missing})
    return (
        f"The window needs system libraries that are missing ({', '.join(missing)}). "
        f"On Debian or Ubuntu: sudo apt-get install -y {' '.join(names)}"
    )
