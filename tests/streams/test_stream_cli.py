"""`ferdesk stream`, as a user starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from material import ROOT
from stream_fakes import Listed
from typer.testing import CliRunner
from websockets.sync.client import connect

from ferdesk.cli import app
from ferdesk.core.errors import FerdeskError, OutputError
from ferdesk.core.types import FrameResult
from ferdesk.streams.choice import StreamChoice, open_outputs
from ferdesk.streams.payload import FrameMessage

TOKEN = "a token of some length"  # noqa: S105
EVERYWHERE = "0.0.0.0"  # noqa: S104


def command(*args: str, **env: str) -> dict[str, object]:
    return {
        "args": [sys.executable, "-m", "ferdesk", *args],
        "env": {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **env},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "Nobody would hear this: add --lsl, --osc, --websocket or --virtual-camera."),
        (("--osc", "--port", "9000"), "--port belongs to --websocket"),
        (("--lsl", "--host", EVERYWHERE), "--host belongs to --websocket"),
        (("--lsl", "--origin", "https://lab.example"), "--origin belongs to --websocket"),
        (("--osc-to", "localhost"), "localhost is no address to send to: HOST:PORT"),
        (("--osc-to", "localhost:0"), "is no address to send to"),
        (("--osc-to", ":99999"), "is no address to send to"),
    ],
)
def test_what_makes_no_sense_is_told(args: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, ["stream", *args])
    assert isinstance(result.exception, FerdeskError)
    assert said in str(result.exception)


def test_a_source_that_is_none_is_refused(models: str) -> None:
    args = ("stream", "--source", "nothing.mp4", "--websocket", "--port", "0", "--aus", "off")
    result = CliRunner().invoke(app, args)
    assert isinstance(result.exception, FerdeskError)
    assert "No such file" in str(result.exception)
    assert result.output == ""


@pytest.fixture
def models(landmarker_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    return str(landmarker_folder)


@pytest.fixture
def running(models: str) -> Iterator["subprocess.Popen[str]"]:
    """The demo, sent on without end."""
    args = ("stream", "--loop", "--websocket", "--port", "0", "--osc")
    process = subprocess.Popen(**command(*args, FERDESK_TOKEN=TOKEN))  # type: ignore
    yield process
    process.kill()
    process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_others_listen_until_it_is_ended(
    running: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    assert running.stdout is not None
    assert running.stdout.readline() == "OSC: osc.udp://127.0.0.1:9000\n"
    name, address = running.stdout.readline().split(": ", 1)
    assert name == "WebSocket"
    assert address.endswith("/?token=a%20token%20of%20some%20length\n")
    with connect(address.strip(), proxy=None) as listener:
        frames = [FrameMessage.model_validate_json(listener.recv(60)) for _ in range(5)]
        running.send_signal(number)
        list(listener)
    said, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert errors == ""
    assert frames[0].source == "demo"
    assert frames[0].frame < frames[-1].frame
    assert frames[-1].faces[0].aus is not None
    # In real time: not faster than the clip's thirty frames a second.
    took = (frames[-1].captured_ns - frames[0].captured_ns) / 1e9
    assert took > 0.8 * (frames[-1].frame - frames[0].frame) / 30
    assert said.splitlines()[0].startswith("demo: ")
    assert len(said.splitlines()) == 3


def test_json_has_what_programs_need(models: str) -> None:
    args = (
        "stream",
        "--seconds",
        "1",
        "--websocket",
        "--port",
        "0",
        "--host",
        EVERYWHERE,
        "--json",
    )
    done = subprocess.run(**command(*args), timeout=100, check=False)  # type: ignore
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["source"] == "demo"
    assert summary["frames"] > 0
    assert summary["seconds"] < 60
    (output,) = summary["outputs"]
    assert output["sent"] + output["dropped"] == summary["frames"]
    assert not output["trouble"]
    warning, address = done.stderr.splitlines()
    assert warning.startswith("ferdesk: The WebSocket on 0.0.0.0 can be reached from the network")
    assert "?token=" in address


def test_it_ends_when_no_output_is_left(models: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Listed):
        def send(self, result: FrameResult) -> None:
            raise RuntimeError("the plug was pulled")

    monkeypatch.setattr("ferdesk.commands.streams.open_outputs", lambda *_, **__: [Broken("bad")])
    result = CliRunner().invoke(app, ["stream", "--osc", "--loop", "--aus", "off"])
    assert isinstance(result.exception, OutputError)
    assert str(result.exception) == (
        "No output was left: bad is off: RuntimeError: the plug was pulled"
    )
    assert result.stdout.startswith("bad: nowhere\ndemo: ")


def test_what_leaves_the_machine_is_warned_of() -> None:
    assert StreamChoice(osc=True, websocket=True, virtual_camera=True).warnings() == ()
    assert StreamChoice(osc=True, osc_host="localhost").warnings() == ()
    assert StreamChoice(websocket=True, websocket_host="::1").warnings() == ()
    away = StreamChoice(
        lsl=True, osc=True, osc_host="10.0.0.9", websocket=True, websocket_host=EVERYWHERE
    )
    assert len(away.warnings()) == 3


def test_all_is_off_by_default() -> None:
    assert not StreamChoice().any
    assert open_outputs(StreamChoice(), units=(12,), estimator="fake", bundle="a net") == []


QUIET = textwrap.dedent(
    """
    import sys
    def hook(event, args):
        assert event not in ("socket.bind", "socket.connect", "socket.getaddrinfo"), event
    sys.addaudithook(hook)
    import ferdesk.cli
    from ferdesk.streams.choice import StreamChoice, open_outputs
    from ferdesk.streams.hub import StreamHub
    hub = StreamHub(open_outputs(StreamChoice(), units=(), estimator="", bundle=""))
    hub.close()
    loaded = {"pylsl", "websockets", "pythonosc", "pyvirtualcam"} & sys.modules.keys()
    assert not loaded, loaded
    """
)


def test_what_is_off_opens_no_port_and_loads_no_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUIET],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_an_output_that_cannot_be_opened_closes_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        choice = StreamChoice(osc=True, websocket=True, websocket_port=taken.getsockname()[1])
        with pytest.raises(OutputError, match="cannot listen on"):
            open_outputs(choice, units=(), estimator="", bundle="")
