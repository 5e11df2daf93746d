"""The app opens no network connection. It watches people's faces: this is a promise.

Python's own connections are caught by an audit hook; what native libraries open is seen in the
process's table of sockets, looked at all the time, and, where strace is there, in its system calls.
"""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

WATCHED = textwrap.dedent(
    """
    import os, sys, threading, time

    seen = set()

    def hook(event, args):
        # Told at once, since it may be a forked child that does it.
        if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
            os.write(2, f"NETWORK {event} {args!r}\\n".encode())
        if event in ("socket.connect", "socket.bind") and isinstance(args[1], tuple):
            os.write(2, f"NETWORK {event} {args[1]!r}\\n".encode())

    sys.addaudithook(hook)

    def own_inet_sockets():
        mine = set()
        for name in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue
            if target.startswith("socket:["):
                mine.add(target[8:-1])
        for table in ("tcp", "tcp6", "udp", "udp6", "raw"):
            try:
                lines = open(f"/proc/self/net/{table}").read().splitlines()[1:]
            except OSError:
                continue
            for line in lines:
                if line.split()[9] in mine:
                    seen.add(f"{table} {line.split()[2]}")

    stop = threading.Event()

    def watch():
        while not stop.wait(0.005):
            own_inet_sockets()

    def report():
        stop.set()
        watcher.join()
        sys.stderr.write("\\n".join(f"NETWORK {one}" for one in sorted(seen)))

    if sys.platform == "linux":
        watcher = threading.Thread(target=watch)
        watcher.start()
    else:
        watcher = threading.Thread(target=lambda: None)
        watcher.start()
    """
)

ANALYSE = """
try:
    sys.argv = ["ferdesk", "analyze", "demo", "-o", "out"]
    from ferdesk.cli import main
    main()
finally:
    report()
"""

ONNX_RUNTIME = ANALYSE.replace('"out"]', '"out", "--engine", "onnxruntime"]')

WINDOW = """
try:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from ferdesk.settings import Settings
    from ferdesk.ui.app import WindowOptions, run
    run(Settings(), WindowOptions(exit_after_s=4.0))
finally:
    report()
"""

PROBE = """
try:
    import ctypes, socket
    libc = ctypes.CDLL(None)
    fd = libc.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
    address = (ctypes.c_ubyte * 16)(2, 0, 0, 9, 127, 0, 0, 1)
    libc.connect(fd, address, 16)
    time.sleep(0.2)
    try:
        socket.create_connection(("127.0.0.1", 9), 0.2)
    except OSError:
        pass
finally:
    report()
"""


FORK = """
try:
    import multiprocessing, socket
    def child():
        try:
            socket.getaddrinfo("localhost", 9)
        except OSError:
            pass
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
finally:
    report()
"""


def run(body: str, folder: Path, *wrapper: str) -> str:
    done = subprocess.run(
        [*wrapper, sys.executable, "-c", WATCHED + body],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("body", [ANALYSE, WINDOW], ids=["analyze", "window"])
def test_the_app_opens_no_connection(tmp_path: Path, body: str) -> None:
    assert "NETWORK" not in run(body, tmp_path)


def test_onnx_runtime_opens_no_connection(tmp_path: Path) -> None:
    """It would: its official builds send events to their maker unless they are told not to."""
    pytest.importorskip("onnxruntime")
    assert "NETWORK" not in run(ONNX_RUNTIME, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's table of sockets")
def test_the_watch_sees_python_and_native_connections(tmp_path: Path) -> None:
    said = run(PROBE, tmp_path)
    assert "NETWORK socket.connect ('127.0.0.1', 9)" in said
    assert "NETWORK udp 0100007F:0009" in said


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_the_watch_sees_a_forked_child(tmp_path: Path) -> None:
    assert "NETWORK socket.getaddrinfo" in run(FORK, tmp_path)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("body", [ANALYSE, WINDOW], ids=["analyze", "window"])
def test_no_system_call_reaches_out(tmp_path: Path, body: str) -> None:
    log = tmp_path / "calls"
    traced = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,bind", "-o", str(log))
    try:
        run(body, tmp_path, *traced)
    except AssertionError as error:
        if "ptrace" in str(error):
            pytest.skip("strace may not trace here")
        raise
    reached = [line for line in log.read_text().splitlines() if "AF_INET" in line]
    assert reached == []
