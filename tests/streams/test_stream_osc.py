"""What a receiver of OSC gets."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_server import ThreadingOSCUDPServer
from stream_fakes import a_live_result, eventually

from ferdesk.core.errors import OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.streams.osc import OscOutput

Received = dict[str, tuple[object, ...]]


@pytest.fixture
def receiver() -> Iterator[tuple[int, Received]]:
    """python-osc's own server: its port, and what it was sent last to each address."""
    received: Received = {}
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: received.update({address: values}))
    with ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1], received
        server.shutdown()
        thread.join()


def test_a_receiver_gets_the_documented_addresses(receiver: tuple[int, Received]) -> None:
    port, received = receiver
    output = OscOutput("127.0.0.1", port)
    result = a_live_result(41, faces=2)
    output.send(result)
    assert eventually(lambda: "/ferdesk/face/2/au/25" in received)
    output.close()
    face = result.faces[0]
    root = "/ferdesk/face/1"
    assert received["/ferdesk/frame"] == (41, 2, 320, 180)
    assert received[f"{root}/label"] == (face.label,)
    assert received[f"{root}/confidence"] == pytest.approx((face.confidence,))
    sent = [received[f"{root}/expression/{name}"][0] for name in EXPRESSIONS]
    assert sent == pytest.approx(face.probabilities.tolist())
    assert received[f"{root}/box"] == pytest.approx(tuple(face.face.box))
    assert received[f"{root}/pose"] == pytest.approx(tuple(face.face.pose))
    assert received[f"{root}/au/12"] == (0.75,)
    assert received[f"{root}/au_reliable"] == (1,)
    assert [one for one in received if "/au/" in one and one.startswith(root)] == [
        f"{root}/au/12",
        f"{root}/au/25",
    ]


def test_a_bundle_carries_the_time_of_capture_and_fits_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10)
        output = OscOutput("127.0.0.1", listening.getsockname()[1])
        before = time.time()
        output.send(a_live_result(faces=1, age_s=60.0))
        one = OscBundle(listening.recv(1 << 16))
        assert before - 60.1 < one.timestamp < time.time() - 59.9
        output.send(a_live_result(faces=20))
        bundles, addresses = [], set[str]()
        while "/ferdesk/face/20/au/25" not in addresses:
            data = listening.recv(1 << 16)
            assert len(data) <= 8192
            bundles.append(OscBundle(data))
            addresses |= {message.address for message in bundles[-1]}
        assert len(bundles) > 1
        assert len({bundle.timestamp for bundle in bundles}) == 1
        assert len(addresses) == 1 + 20 * (len(EXPRESSIONS) + 4 + 3)
        output.close()


def test_nobody_listens_and_nothing_happens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    output = OscOutput("127.0.0.1", port)
    for index in range(3):
        output.send(a_live_result(index))
    assert output.status == f"OSC to 127.0.0.1:{port}"
    output.close()


def test_a_network_that_is_down_is_told_and_tried_again() -> None:
    output = OscOutput("255.255.255.255", 9000)  # broadcasting was not allowed
    output.send(a_live_result())
    output.send(a_live_result())
    assert "2 not sent (" in output.status
    output.close()


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(OutputError, match="OSC cannot be sent to"):
        OscOutput("no such host", 9000)
