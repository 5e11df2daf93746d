"""Results over OSC, as UDP datagrams. docs/streams.md has the address space."""

import math
import socket
import time
from collections.abc import Iterator
from typing import Final

from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import UDPClient

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.errors import OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.streams.base import age_s, host_and_port

_LARGEST_BUNDLE: Final = 8192
"""Bytes. Many receivers take no larger datagram."""


class OscOutput:
    """Sends each frame as a bundle with the time of its capture as time tag.

    Nobody answers to UDP, so a receiver may come and go. A frame with so many faces that a bundle
    would exceed 8 KiB goes as several bundles of the same time tag.

    Args:
        host: name or address of the receiver.
        port: its UDP port.

    Raises:
        OutputError: there is no such host.
    """

    name: Final = "OSC"
    capacity: Final = 8

    def __init__(self, host: str, port: int) -> None:
        try:
            # Once: a name would be looked up again with every datagram.
            family, _, _, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"OSC cannot be sent to {host}: {reason}. Name the host that listens."
            ) from error
        self._client = UDPClient(str(found[0]), port, family=family)
        self._to = host_and_port(host, port)
        self._lost = 0
        self._reason = ""

    @property
    def status(self) -> str:
        """Where it sends, and what could not be sent."""
        lost = f", {self._lost} not sent ({self._reason})" if self._lost else ""
        return f"OSC to {self._to}{lost}"

    @property
    def address(self) -> str:
        """Where a receiver has to listen."""
        return f"osc.udp://{self._to}"

    def send(self, result: FrameResult) -> None:
        """Send a frame's faces; a network that is down loses it and is tried again with the next.

        Args:
            result: what the frame gave.
        """
        captured = time.time() - age_s(result)
        try:
            for bundle in _bundles(captured, messages(result)):
                self._client.send(bundle.build())
        except OSError as error:
            self._lost += 1
            self._reason = error.strerror or str(error)

    def close(self) -> None:
        """Close the socket."""
        self._client.close()


def messages(result: FrameResult) -> Iterator[OscMessage]:
    """A frame's messages, in the order that they are sent."""
    frame = result.frame
    height, width = frame.image.shape[:2]
    yield _message("/ferdesk/frame", frame.index, len(result.faces), width, height)
    for face in result.faces:
        yield from _face(f"/ferdesk/face/{face.face.track_id}", face)


def _face(root: str, face: FaceResult) -> Iterator[OscMessage]:
    yield _message(f"{root}/label", face.label)
    yield _message(f"{root}/confidence", face.confidence)
    for name, value in zip(EXPRESSIONS, face.probabilities.tolist(), strict=True):
        yield _message(f"{root}/expression/{name}", value)
    yield _message(f"{root}/box", *map(float, face.face.box))
    yield _message(f"{root}/pose", *map(float, face.face.pose))
    if face.aus is None:
        return
    yield _message(f"{root}/au_reliable", int(face.aus.reliable))
    for unit, value in zip(ACTION_UNITS, face.aus.activation.tolist(), strict=True):
        if not math.isnan(value):
            yield _message(f"{root}/au/{unit.number}", value)


def _message(address: str, *values: float | str) -> OscMessage:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build()


def _bundles(time_s: float, contents: Iterator[OscMessage]) -> Iterator[OscBundleBuilder]:
    # The library's annotation says int; the function takes seconds with their fraction.
    bundle, size = OscBundleBuilder(time_s), 16  # type: ignore[arg-type]
    for message in contents:
        if size + 4 + message.size > _LARGEST_BUNDLE:
            yield bundle
            bundle, size = OscBundleBuilder(time_s), 16  # type: ignore[arg-type]
        bundle.add_content(message)
        size += 4 + message.size
    yield bundle
