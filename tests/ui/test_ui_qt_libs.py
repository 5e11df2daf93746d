"""What is said where Qt cannot start."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ferdesk.ui import qt_libs

linux = pytest.mark.skipif(sys.platform != "linux", reason="about Linux's system libraries")


def test_the_helper_itself_needs_no_qt() -> None:
    code = (
        "import sys; import ferdesk.ui.qt_libs; "
        "assert not any(m.startswith('PySide6') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@linux
def test_a_missing_library_gives_the_apt_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qt_libs, "missing_libraries", lambda *_: ("libEGL.so.1", "libGL.so.1"))
    error = ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")
    text = qt_libs.explain_qt_import_error(error)
    assert text.endswith("sudo apt-get install -y libegl1 libgl1")
    assert "libEGL.so.1" in text


@linux
def test_a_library_that_is_not_in_the_table_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qt_libs, "missing_libraries", lambda *_: ())
    error = ImportError("libnew.so.3: cannot open shared object file: No such file or directory")
    assert "libnew.so.3" in qt_libs.explain_qt_import_error(error)


def test_another_import_error_is_passed_on() -> None:
    text = qt_libs.explain_qt_import_error(ImportError("No module named 'PySide6'"))
    assert "No module named 'PySide6'" in text
    assert "pip install" in text


def test_missing_libraries_are_those_that_do_not_load() -> None:
    def load(name: str) -> None:
        if name != "there.so":
            raise OSError(name)

    assert qt_libs.missing_libraries({"there.so": "a", "gone.so": "b"}, load) == ("gone.so",)


@linux
def test_the_platform_plugin_is_checked_for_x_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qt_libs, "missing_libraries", lambda *_: ("libxcb-cursor.so.0",))
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    text = qt_libs.explain_missing_platform()
    assert text is not None
    assert text.endswith("sudo apt-get install -y libxcb-cursor0")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert qt_libs.explain_missing_platform() is None


@linux
@pytest.mark.parametrize(
    ("env", "there"),
    [
        ({}, False),
        ({"DISPLAY": ":987"}, False),
        ({"DISPLAY": "nonsense"}, False),
        ({"QT_QPA_PLATFORM": "offscreen"}, True),
        ({"QT_QPA_PLATFORM": "vnc:port=5901"}, True),
        ({"QT_QPA_PLATFORM": "xcb"}, False),
        ({"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": "/nowhere"}, False),
    ],
)
def test_display_available(env: dict[str, str], there: bool) -> None:
    assert qt_libs.display_available(env) is there


@linux
def test_a_wayland_socket_that_answers_is_a_display(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-7"))
        server.listen()
        env = {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(tmp_path)}
        assert qt_libs.display_available(env)


@linux
def test_without_libx11_the_socket_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(qt_libs.ctypes, "CDLL", absent)
    assert not qt_libs.display_available({"DISPLAY": ":987"})
    assert not qt_libs.display_available({"DISPLAY": "no-number"})
