"""What every live output offers, and what several of them need."""

import ipaddress
import time
from typing import Protocol

from ferdesk.core.types import FrameResult


class LiveOutput(Protocol):
    """Passes results on to other programs. `send` and `close` are called by one thread."""

    @property
    def name(self) -> str:
        """What it is called, for people: "OSC". Two of one name do not run side by side."""
        ...

    @property
    def capacity(self) -> int:
        """How many results may wait for it; 1 where only the newest counts."""
        ...

    @property
    def status(self) -> str:
        """How it goes, for people, such as "WebSocket on 127.0.0.1:8765, 2 clients"; any thread."""
        ...

    @property
    def address(self) -> str:
        """What a listener needs to find it; may hold a token, so it is shown and never logged."""
        ...

    def send(self, result: FrameResult) -> None:
        """Pass a result on; may take its time.

        Raises:
            Exception: it cannot go on; nothing more is sent to it.
        """
        ...

    def close(self) -> None:
        """Let go of ports, threads and devices; called once, after the last `send`."""
        ...


def age_s(result: FrameResult) -> float:
    """Seconds since the result's frame was captured."""
    return (time.monotonic_ns() - result.frame.captured_ns) / 1e9


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, so that nothing leaves it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_and_port(host: str, port: int) -> str:
    """A host and port as in an address: IPv6 hosts stand in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
