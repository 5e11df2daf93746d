"""Network streams, from a server on this machine."""

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ferdesk.core.errors import SourceError
from ferdesk.sources import open_source
from ferdesk.sources.base import Reopenable
from ferdesk.sources.stream import Stream, is_stream, public_name


class Server:
    """Serves one file; it can stop half way and then stay silent, or hang up."""

    def __init__(self, content: bytes, serve: int | None = None, hold: bool = False) -> None:
        released = self.released = threading.Event()
        paths = self.paths = list[str]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                paths.append(self.path)
                if self.path.startswith("/missing"):
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[:serve])
                self.wfile.flush()
                if hold:
                    released.wait(20)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = False
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.http.server_port}"

    def close(self) -> None:
        self.released.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(content: bytes, **options: object) -> Server:
        servers.append(Server(content, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_a_video_on_a_web_server(make_clip, serve):
    server = serve(make_clip(faststart=True).read_bytes())
    with open_source(f"http://user:secret@{server.address}/clip.mp4?token=abc") as source:
        info = source.info
        frames = list(iter(source.read, None))
    assert (info.kind, info.live, info.name) == ("stream", True, server.address)
    assert (info.width, info.height, info.frames) == (96, 64, None)
    assert len(frames) == 25
    assert [frame.index for frame in frames] == list(range(25))
    assert all(frame.source_time_s is None for frame in frames)
    assert all(frame.name == server.address for frame in frames)
    assert isinstance(source, Reopenable)


def test_it_plays_in_real_time_unless_told_otherwise(make_clip, serve):
    server = serve(make_clip(times=[0.0, 0.2, 0.4], faststart=True).read_bytes())
    spec = f"http://{server.address}/clip.mp4"
    spent = {}
    for paced in (True, False):
        with open_source(spec, paced=paced) as source:
            started = time.monotonic()
            assert len(list(iter(source.read, None))) == 3
            spent[paced] = time.monotonic() - started
    assert 0.39 < spent[True] < 1.5
    assert spent[False] < 0.3


def test_reopen_goes_on_counting(make_clip, serve):
    server = serve(make_clip(faststart=True).read_bytes())
    with Stream(f"http://{server.address}/clip.mp4", paced=False) as source:
        for _ in range(3):
            source.read()
        source.reopen()
        frame = source.read()
    assert frame is not None
    assert frame.index == 3


def test_a_sender_that_falls_silent_is_given_up(make_clip, serve):
    whole = make_clip(times=[i / 25 for i in range(100)], faststart=True, noise=True).read_bytes()
    server = serve(whole, serve=len(whole) // 2, hold=True)
    with Stream(f"http://{server.address}/a.mp4", paced=False, timeout_s=(5, 0.5)) as source:
        started = time.monotonic()
        with pytest.raises(SourceError, match=f"stream from {server.address} broke off: no answer"):
            while source.read() is not None:
                pass
        assert time.monotonic() - started < 10
        assert source.read() is None


def test_a_server_that_never_answers(serve):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(SourceError, match="no answer in time"):
            Stream(f"http://{address}/a.mp4", timeout_s=(0.5, 0.5))
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_nobody_there_and_no_secrets_shown(scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError) as caught:
        open_source(f"{scheme}://user:secret@127.0.0.1:{port}/a?token=abc")
    message = str(caught.value)
    assert f"No stream from 127.0.0.1:{port}" in message
    assert "secret" not in message
    assert "abc" not in message
    # Nor may the chain of causes, which a log would show, give them away.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_not_found_and_no_video(serve):
    server = serve(b"<html>hello</html>" * 100)
    for path in ("missing", "page"):
        with pytest.raises(SourceError, match="No stream from"):
            open_source(f"http://{server.address}/{path}")


def test_a_playlist_cannot_reach_local_files(serve, make_clip):
    clip = make_clip(name="secret.ts")
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:1,\nfile://{clip}\n#EXT-X-ENDLIST\n"
    server = serve(text.encode())
    with pytest.raises(SourceError):
        Stream(f"http://{server.address}/list.m3u8", timeout_s=(3, 1))


def test_addresses():
    assert is_stream("RTSP://host/x")
    assert not is_stream("ftp://host/x")
    assert not is_stream("C:/video.mp4")
    assert public_name("rtsps://me:pw@cam.example:322/live?key=1") == "cam.example:322"
    assert public_name("http://[::1]:80/x") == "[::1]:80"
    for bad in ("http:///x", "http://host:port/x", "http://[x/"):
        with pytest.raises(SourceError, match="no valid host"):
            public_name(bad)
