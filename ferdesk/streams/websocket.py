"""Results as JSON over a WebSocket, to those who know the token."""

import asyncio
import contextlib
import hmac
import http
import logging
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError
from websockets.http11 import Request, Response
from websockets.typing import Origin

from ferdesk.core.errors import OutputError
from ferdesk.core.types import FrameResult
from ferdesk.streams.base import host_and_port
from ferdesk.streams.payload import frame_message, to_json

log = logging.getLogger(__name__)

SHORTEST_TOKEN: Final = 16
"""Characters."""

_MOST_CLIENTS: Final = 8
_MOST_CONNECTIONS: Final = 64
"""With those that have not shown a token yet."""
_MOST_WAITING: Final = 1 << 20
"""Bytes that may wait for a client to read them; one that is further behind is dropped."""
_KERNEL_BUFFER: Final = 1 << 18
_LARGEST_MESSAGE: Final = 1024
"""Bytes of a message from a client; all are ignored."""
_MOST_RECEIVED: Final = 1 << 16
"""Bytes that a client may send at once..."""
_MOST_RECEIVED_A_SECOND: Final = 1 << 12
"""...and goes on to send: pings, and what a chatty library may say."""
_PING_S: Final = 10.0
_ANSWER_S: Final = 5.0
"""The server's own thread answers within this time, or something is wrong with it."""


class WebSocketOutput:
    """A server in a thread of its own that sends each frame to all clients, as a JSON text message.

    A client shows the token as `Authorization: Bearer TOKEN` or in the address, `?token=TOKEN`. A
    page in a browser is let in only where its origin was named; programs send no origin. Nobody is
    waited for: a client that does not read is dropped, and so is one that floods.

    Args:
        host: address to listen on; other than a loopback one, others in the network reach it, and
            read what is sent: nothing is encrypted.
        port: TCP port; 0 for any that is free.
        token: what clients must know; by default a new one.
        origins: web pages that are let in besides programs, such as "https://lab.example".

    Raises:
        OutputError: the port is taken, there is no such address here, or the token is too short.
    """

    name: Final = "WebSocket"
    capacity: Final = 8

    def __init__(
        self,
        host: str,
        port: int,
        *,
        token: str = "",
        origins: Sequence[str] = (),
    ) -> None:
        if token and len(token) < SHORTEST_TOKEN:
            raise OutputError(f"A token needs at least {SHORTEST_TOKEN} characters.")
        self.token = token or secrets.token_urlsafe(24)
        self._origins = [None, *map(Origin, origins)]
        self._host = host
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._clients = 0
        self._dropped = 0
        self._server: Server
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(opened,), name="ferdesk-websocket", daemon=True
        )
        self._thread.start()
        opened.result(_ANSWER_S)

    @property
    def status(self) -> str:
        """Where it listens, and who is there."""
        clients = "1 client" if self._clients == 1 else f"{self._clients} clients"
        dropped = f", {self._dropped} thrown out" if self._dropped else ""
        return f"WebSocket on {host_and_port(self._host, self.port)}, {clients}{dropped}"

    @property
    def address(self) -> str:
        """The address to connect to, with the token."""
        return f"ws://{host_and_port(self._host, self.port)}/?token={quote(self.token, safe='')}"

    def send(self, result: FrameResult) -> None:
        """Send a result to all clients.

        Args:
            result: what the frame gave.

        Raises:
            TimeoutError: the server's thread hangs.
            OutputError: it has ended.
        """
        if not self._thread.is_alive():
            raise OutputError("The WebSocket server has ended; the log says why.")
        if self._clients:
            message = to_json(frame_message(result))
            asyncio.run_coroutine_threadsafe(self._broadcast(message), self._loop).result(_ANSWER_S)

    def close(self) -> None:
        """Say goodbye to all clients and free the port; may be called more than once."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_ANSWER_S)

    def _run(self, opened: "Future[None]") -> None:
        try:
            asyncio.run(self._serve(opened))
        except Exception as error:
            log.exception("the WebSocket server ended")
            if not opened.done():
                opened.set_exception(error)

    async def _serve(self, opened: "Future[None]") -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve(
            self._handle,
            sock=self._socket,
            process_request=self._admit,
            origins=self._origins,
            compression=None,
            create_connection=_Connection,
            max_size=_LARGEST_MESSAGE,
            open_timeout=_ANSWER_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
            close_timeout=1.0,
            server_header=None,
        ) as self._server:
            opened.set_result(None)
            await self._stop.wait()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if not self._knows_token(request):
            refusal = connection.respond(http.HTTPStatus.UNAUTHORIZED, "Wrong or no token.\n")
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        if self._clients >= _MOST_CLIENTS:
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many clients.\n")
        return None

    def _knows_token(self, request: Request) -> bool:
        try:
            given = parse_qs(urlsplit(request.path).query).get("token", [])
        except ValueError:  # no address at all
            return False
        for header in request.headers.get_all("Authorization"):
            scheme, _, token = header.partition(" ")
            if scheme.lower() == "bearer":
                given.append(token.strip())
        known = self.token.encode()
        return any(
            hmac.compare_digest(one.encode("utf-8", "surrogateescape"), known) for one in given
        )

    async def _handle(self, connection: ServerConnection) -> None:
        self._clients += 1
        try:
            with contextlib.suppress(ConnectionClosedError):  # clients may end as they like
                async for _ in connection:
                    pass  # what a client says is ignored
        finally:
            self._clients -= 1
            if isinstance(connection, _Connection) and connection.thrown_out:
                self._dropped += 1

    async def _broadcast(self, message: str) -> None:
        broadcast(self._server.connections, message)
        for connection in self._server.connections:
            if isinstance(connection, _Connection):
                connection.check()


class _Connection(ServerConnection):
    """A connection that ends itself when its client does not read, or sends too much."""

    thrown_out = False
    _received = 0.0
    _since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self.server.handler_tasks) > _MOST_CONNECTIONS:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        now = time.monotonic()
        forgiven = (now - self._since) * _MOST_RECEIVED_A_SECOND
        self._received = max(0.0, self._received - forgiven) + len(data)
        self._since = now
        if self._received > _MOST_RECEIVED:
            self._throw_out("floods")
        self.check()

    def check(self) -> None:
        """End the connection where too much waits to be read."""
        if self.transport.get_write_buffer_size() > _MOST_WAITING:
            self._throw_out("reads nothing")

    def _throw_out(self, reason: str) -> None:
        if not self.thrown_out:
            self.thrown_out = True
            log.warning("a client of the WebSocket was thrown out: it %s", reason)
            self.transport.abort()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.create_server(address[:2], family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"The WebSocket cannot listen on {host_and_port(host, port)}: {reason}. "
            "Choose another port or address."
        ) from error
    # Accepted connections inherit it: what a slow client has not read yet stays little.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
    return listening
