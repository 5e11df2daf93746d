"""Opens the live outputs that the user switched on. All are off by default."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ferdesk.core.errors import FerdeskError
from ferdesk.streams.base import LiveOutput, is_loopback

OSC_HOST: Final = "127.0.0.1"
OSC_PORT: Final = 9000
WEBSOCKET_HOST: Final = "127.0.0.1"
WEBSOCKET_PORT: Final = 8765


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """Which live outputs are wanted, and where.

    Attributes:
        lsl: Lab Streaming Layer streams.
        osc: OSC over UDP.
        osc_host: who listens to OSC.
        osc_port: at which UDP port.
        websocket: a WebSocket server.
        websocket_host: address that it listens on.
        websocket_port: its TCP port; 0 for any that is free.
        token: what its clients must know; empty for a new one.
        origins: web pages that it lets in, besides programs.
        virtual_camera: the annotated picture as a camera.
    """

    lsl: bool = False
    osc: bool = False
    osc_host: str = OSC_HOST
    osc_port: int = OSC_PORT
    websocket: bool = False
    websocket_host: str = WEBSOCKET_HOST
    websocket_port: int = WEBSOCKET_PORT
    token: str = ""
    origins: tuple[str, ...] = ()
    virtual_camera: bool = False

    @property
    def any(self) -> bool:
        """Whether anything is switched on."""
        return self.lsl or self.osc or self.websocket or self.virtual_camera

    def warnings(self, tr: Callable[[str], str] = str) -> tuple[str, ...]:
        """What leaves this machine, for people.

        Args:
            tr: translates; English where it is left out.
        """
        said = []
        if self.lsl:
            said.append(tr("LSL knows no password: everyone in this network can listen."))
        if self.osc and not is_loopback(self.osc_host):
            text = tr("OSC leaves this machine, unencrypted, for {host}.")
            said.append(text.format(host=self.osc_host))
        if self.websocket and not is_loopback(self.websocket_host):
            text = tr(
                "The WebSocket on {host} can be reached from the network, and is not encrypted."
            )
            said.append(text.format(host=self.websocket_host))
        return tuple(said)


def open_outputs(
    choice: StreamChoice, *, units: Sequence[int], estimator: str, bundle: str
) -> list[LiveOutput]:
    """Open what is switched on; the libraries are imported only then.

    Args:
        choice: what is wanted.
        units: numbers of the action units that are estimated.
        estimator: what estimates them.
        bundle: the expression net.

    Returns:
        Open outputs, for a `StreamHub`, which closes them.

    Raises:
        OutputError: one cannot be opened; the others are closed again.
    """
    opened: list[LiveOutput] = []
    try:
        for output in _opened(choice, units, estimator, bundle):
            opened.append(output)
    except FerdeskError:
        for output in opened:
            output.close()
        raise
    return opened


def _opened(
    choice: StreamChoice, units: Sequence[int], estimator: str, bundle: str
) -> Iterator[LiveOutput]:
    if choice.lsl:
        from ferdesk.streams.lsl import LslOutput

        yield LslOutput(units, estimator=estimator, bundle=bundle)
    if choice.osc:
        from ferdesk.streams.osc import OscOutput

        yield OscOutput(choice.osc_host, choice.osc_port)
    if choice.websocket:
        from ferdesk.streams.websocket import WebSocketOutput

        yield WebSocketOutput(
            choice.websocket_host,
            choice.websocket_port,
            token=choice.token,
            origins=choice.origins,
        )
    if choice.virtual_camera:
        from ferdesk.streams.virtual_camera import VirtualCamera

        yield VirtualCamera()
