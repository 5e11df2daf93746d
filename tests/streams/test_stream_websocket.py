"""The WebSocket lets in whom it should, and nobody keeps it or others waiting."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from stream_fakes import a_live_result, eventually
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from ferdesk.core.errors import OutputError
from ferdesk.streams.hub import StreamHub
from ferdesk.streams.payload import FrameMessage
from ferdesk.streams.websocket import WebSocketOutput

TOKEN = "a token of some length"  # noqa: S105


@pytest.fixture
def output() -> Iterator[WebSocketOutput]:
    opened = WebSocketOutput("127.0.0.1", 0, token=TOKEN, origins=("https://lab.example",))
    yield opened
    opened.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", opened.port), 5).close()


def client(output: WebSocketOutput, token: str = TOKEN, **options: object) -> ClientConnection:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return connect(
        f"ws://127.0.0.1:{output.port}/",
        additional_headers=headers,
        proxy=None,
        open_timeout=20,
        **options,
    )


def arrived(output: WebSocketOutput, clients: int) -> bool:
    end = "1 client" if clients == 1 else f"{clients} clients"
    return eventually(lambda: end in output.status)


def refusal(output: WebSocketOutput, token: str = TOKEN, **options: object) -> int:
    with pytest.raises(InvalidStatus) as refused:
        client(output, token, **options)
    return refused.value.response.status_code


def test_clients_get_every_frame(output: WebSocketOutput) -> None:
    assert output.status == f"WebSocket on 127.0.0.1:{output.port}, 0 clients"
    with client(output) as one, connect(output.address, proxy=None) as other:
        assert arrived(output, 2)
        for index in range(3):
            output.send(a_live_result(index, faces=2))
        for listener in (one, other):
            got = [FrameMessage.model_validate_json(listener.recv(10)) for _ in range(3)]
            assert [message.frame for message in got] == [0, 1, 2]
            assert [face.id for face in got[0].faces] == [1, 2]
            assert got[0].faces[0].verdict is not None
    assert arrived(output, 0)


def test_closing_says_goodbye(output: WebSocketOutput) -> None:
    with client(output) as listener:
        assert arrived(output, 1)
        output.close()
        with pytest.raises(ConnectionClosed) as closed:
            listener.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


@pytest.mark.parametrize("token", ["", "a wrong token", TOKEN[:-1], f"{TOKEN}x", "tokén"])
def test_a_wrong_token_is_refused(output: WebSocketOutput, token: str) -> None:
    headers = {} if not token else {"Authorization": f"Bearer {token}".encode().decode("latin1")}
    if token.isascii():
        assert refusal(output, token) == 401
    for query in (f"?token={token}".encode().decode("latin1"), "?token=%00", "?toke=", "//["):
        with socket.create_connection(("127.0.0.1", output.port), 10) as raw:
            raw.sendall(handshake(query.replace(" ", "+"), headers))
            assert not raw.recv(100).startswith(b"HTTP/1.1 101")
    assert output.status.endswith("0 clients")


def handshake(target: str = "", headers: dict[str, str] | None = None) -> bytes:
    lines = [
        f"GET /{target} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin1")


def test_a_web_page_is_refused_unless_its_origin_was_named(output: WebSocketOutput) -> None:
    assert refusal(output, origin="https://evil.example") == 403
    assert refusal(output, origin="null") == 403
    assert refusal(output, origin=f"http://127.0.0.1:{output.port}") == 403
    assert refusal(output, token="", origin="https://lab.example") == 401
    with client(output, origin="https://lab.example"):
        assert arrived(output, 1)


def test_a_browser_that_asks_for_a_page_gets_none(output: WebSocketOutput) -> None:
    with pytest.raises(OSError, match="401"):
        urlopen(f"http://127.0.0.1:{output.port}/", timeout=10)


def test_there_is_a_limit_of_clients(output: WebSocketOutput) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(8):
            stack.enter_context(client(output))
            assert arrived(output, number + 1)
        assert refusal(output) == 503
    assert arrived(output, 0)


def test_silent_connections_do_not_pile_up(output: WebSocketOutput) -> None:
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", output.port), 10))
            for _ in range(80)
        ]
        refused = 0
        for connection in silent[64:]:
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            refused += 1
        assert refused == 16
        for connection in silent:
            connection.close()
    assert eventually(lambda: can_join(output))


def can_join(output: WebSocketOutput) -> bool:
    try:
        with client(output):
            return True
    except (OSError, ConnectionClosed, InvalidMessage):
        return False


def test_a_client_that_floods_is_thrown_out(output: WebSocketOutput) -> None:
    with client(output) as healthy, client(output) as flooding:
        assert arrived(output, 2)
        with pytest.raises(ConnectionClosed):
            for _ in range(100_000):
                flooding.send("x" * 500)
        assert arrived(output, 1)
        assert "1 thrown out" in output.status
        output.send(a_live_result(5))
        assert json.loads(healthy.recv(10))["frame"] == 5


def test_a_client_that_pings_without_end_is_thrown_out(output: WebSocketOutput) -> None:
    with client(output) as flooding:
        assert arrived(output, 1)
        with pytest.raises(ConnectionClosed):
            for number in range(100_000):
                flooding.ping(f"{number:0100}")
        assert arrived(output, 0)


def test_a_large_message_ends_the_connection(output: WebSocketOutput) -> None:
    with client(output) as listener:
        assert arrived(output, 1)
        listener.send("y" * 2000)
        with pytest.raises(ConnectionClosed) as closed:
            listener.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_a_few_messages_are_ignored(output: WebSocketOutput) -> None:
    with client(output) as listener:
        assert arrived(output, 1)
        for _ in range(20):
            listener.send("hello")
        output.send(a_live_result(3))
        assert json.loads(listener.recv(10))["frame"] == 3


def test_a_reader_that_never_reads_is_dropped_and_holds_up_nobody(output: WebSocketOutput) -> None:
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", output.port))
    stuck.sendall(handshake(headers={"Authorization": f"Bearer {TOKEN}"}))
    got: list[int] = []
    hub = StreamHub([output])
    longest = 0.0
    with client(output) as healthy:
        assert arrived(output, 2)
        reader = threading.Thread(target=read_all, args=(healthy, got))
        reader.start()
        for index in range(400):  # each of about 16 KiB
            result = a_live_result(index, faces=10)
            started = time.perf_counter()
            hub.send(result)
            longest = max(longest, time.perf_counter() - started)
            assert eventually(lambda index=index: got[-1:] == [index])
            if "thrown out" in output.status:
                break
        assert "1 client, 1 thrown out" in output.status
        assert longest < 0.5
        hub.send(a_live_result(1000))
        assert eventually(lambda: got[-1] == 1000)
    reader.join()
    stuck.close()
    assert hub.counts()[0].dropped == 0
    assert got == [*range(index + 1), 1000]
    assert hub.close()


def read_all(listener: ClientConnection, got: list[int]) -> None:
    for message in listener:
        got.append(json.loads(message)["frame"])


def test_a_port_that_is_taken_is_told(output: WebSocketOutput) -> None:
    with pytest.raises(OutputError, match=f"cannot listen on 127.0.0.1:{output.port}"):
        WebSocketOutput("127.0.0.1", output.port)
    with pytest.raises(OutputError, match=r"cannot listen on 203\.0\.113\.9:0"):
        WebSocketOutput("203.0.113.9", 0)


def test_a_token_is_long_and_new_each_time() -> None:
    with pytest.raises(OutputError, match="at least 16 characters"):
        WebSocketOutput("127.0.0.1", 0, token="x" * 15)
    tokens = set[str]()
    for _ in range(2):
        output = WebSocketOutput("127.0.0.1", 0)
        tokens.add(output.token)
        assert output.token in output.address
        assert output.token not in output.status
        output.close()
    assert len(tokens) == 2
    assert min(map(len, tokens)) >= 32


def test_a_server_that_has_ended_takes_nothing_more() -> None:
    output = WebSocketOutput("127.0.0.1", 0)
    output.close()
    with pytest.raises(OutputError, match="has ended"):
        output.send(a_live_result())
