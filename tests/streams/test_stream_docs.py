"""The snippets of docs/streams.md run as they stand there, but for names and ports."""

import os
import re
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from material import ROOT
from stream_fakes import UNITS, a_live_result

from ferdesk.streams.base import LiveOutput
from ferdesk.streams.hub import StreamHub
from ferdesk.streams.osc import OscOutput
from ferdesk.streams.websocket import WebSocketOutput

DOCS = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


def snippet(word: str) -> str:
    (found,) = (text for text in SNIPPETS if word in text)
    return found


def run(text: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def sending(output: LiveOutput) -> Iterator[None]:
    """A camera that gives a frame every 20 ms."""
    hub = StreamHub([output])
    stop = threading.Event()

    def send() -> None:
        for index in count():
            hub.send(a_live_result(index))
            if stop.wait(0.02):
                return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        assert hub.close()


def test_lsl() -> None:
    pytest.importorskip("pylsl", exc_type=ImportError)
    from ferdesk.streams.lsl import LslOutput

    name = f"test-{uuid.uuid4().hex}"
    with sending(LslOutput(UNITS, name=name)):
        said = run(snippet("ferdesk-expressions").replace("ferdesk-", f"{name}-"))
    assert said.count("face 1: 0.40, ") == 5


def test_markers() -> None:
    pytest.importorskip("pylsl", exc_type=ImportError)
    said = run(snippet("MarkerInlet").replace("my experiment", f"test {uuid.uuid4().hex}"))
    assert re.fullmatch(r"stimulus at \d+\.\d{3}\n", said)


def test_osc() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with sending(OscOutput("127.0.0.1", port)):
        said = run(snippet("pythonosc").replace("9000", str(port)))
    assert said.startswith("/ferdesk/face/1/expression/happiness 0.4")
    assert len(said.splitlines()) == 5


def test_websocket() -> None:
    output = WebSocketOutput("127.0.0.1", 0)
    with sending(output):
        said = run(
            snippet("websockets").replace("8765", str(output.port)), FERDESK_TOKEN=output.token
        )
    assert len(said.splitlines()) == 5
    assert said.splitlines()[0].endswith("Z 1 happiness 0.40")
