import hashlib
import http.server
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ferdesk import resources
from ferdesk.core.errors import ModelError
from ferdesk.faces import install, store
from ferdesk.faces.install import DownloadStopped
from ferdesk.faces.store import CLASSIC, LANDMARKER, ModelFile, ModelSet

REAL_FOLDERS = resources.face_model_folders()
CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store."""
    path = tmp_path / "models"
    monkeypatch.setenv("FERDESK_MODELS", str(path))
    monkeypatch.setattr(resources, "user_data", lambda: tmp_path / "user")
    return path


def test_folders_named_by_the_user_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERDESK_MODELS", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    monkeypatch.setattr("os.pathsep", ":")
    assert resources.face_model_folders()[:2] == (tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("damage", ["cut", "altered"])
def test_a_damaged_model_is_refused(folder: Path, damage: str) -> None:
    folder.mkdir()
    source = _installed(CLASSIC)
    for file in CLASSIC.files:
        data = (source / file.name).read_bytes()
        if file is CLASSIC.landmarks:
            data = data[:-10] if damage == "cut" else b"x" + data[1:]
        (folder / file.name).write_bytes(data)
    with pytest.raises(ModelError, match="altered or cut short"):
        store.load("classic")
    assert store.verify(CLASSIC.landmarks) == "altered or cut short"


def _installed(model_set: ModelSet) -> Path:
    for path in REAL_FOLDERS:
        if all((path / file.name).is_file() for file in model_set.files):
            return path
    pytest.skip(f"the {model_set.name} set is not installed")


def test_unpack_refuses_another_net(tmp_path: Path) -> None:
    archive = tmp_path / "face_landmarker.task"
    with zipfile.ZipFile(archive, "w") as content:
        for file in LANDMARKER.files:
            content.writestr(file.member, b"not a net")
    with pytest.raises(ModelError, match="is not the net it should be"):
        store.unpack(archive, LANDMARKER, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all"])
def test_unpack_refuses_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "face_landmarker.task"
    archive.write_bytes(content)
    with pytest.raises(ModelError, match="does not hold"):
        store.unpack(archive, LANDMARKER, tmp_path / "out")


def test_unpack_takes_the_nets_out(tmp_path: Path) -> None:
    archive = tmp_path / "some.whl"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("deep/a.tflite", CONTENT)
        content.writestr("deep/b.tflite", CONTENT[::-1])
    digest = [hashlib.sha256(data).hexdigest() for data in (CONTENT, CONTENT[::-1])]
    nets = ModelSet(
        "test",
        "",
        ModelFile("a.tflite", "deep/a.tflite", digest[0]),
        ModelFile("b.tflite", "deep/b.tflite", digest[1]),
        468,
    )
    store.unpack(archive, nets, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.tflite", "b.tflite"]


class _Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT, with ranges; breaks off once when told to."""

    break_at: int | None = None
    ranges: list[str | None] = []  # noqa: RUF012 - a test's notes

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        _Server.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end, _Server.break_at = _Server.break_at, None
        self.wfile.write(CONTENT[start:end])

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=server.serve_forever, name="test server")
    thread.start()
    _Server.ranges, _Server.break_at = [], None
    yield f"http://127.0.0.1:{server.server_port}/face_landmarker.task"
    server.shutdown()
    server.server_close()
    thread.join()


def test_download_goes_on_where_it_broke_off(address: str, tmp_path: Path) -> None:
    target, digest = tmp_path / "net", hashlib.sha256(CONTENT).hexdigest()
    _Server.break_at = 300_000
    with pytest.raises(ModelError):
        install.download(address, target, digest, lambda done, total: None)
    assert not target.exists()
    seen: list[tuple[int, int | None]] = []
    install.download(address, target, digest, lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert _Server.ranges == [None, "bytes=300000-"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_download_of_another_file_leaves_nothing(address: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not the file it should be"):
        install.download(address, tmp_path / "net", "0" * 64, lambda done, total: None)
    assert list(tmp_path.iterdir()) == []


def test_download_wants_a_secure_address(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a secure address"):
        install.download("http://example.org/net", tmp_path / "net", "0" * 64, lambda d, t: None)


def test_install_from_a_file_of_the_user(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        install.install_from(tmp_path / "nothing.task")
    (tmp_path / "x.task").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="does not hold"):
        install.install_from(tmp_path / "x.task")
    assert not install.whole(LANDMARKER)


def test_a_download_that_is_stopped_goes_on_later(address: str, tmp_path: Path) -> None:
    target, digest = tmp_path / "net", hashlib.sha256(CONTENT).hexdigest()

    def stop_half_way(done: int, total: int | None) -> None:
        if done > 300_000:
            raise DownloadStopped("enough")

    with pytest.raises(DownloadStopped):
        install.download(address, target, digest, stop_half_way)
    assert not target.exists()
    kept = (tmp_path / "net.part").stat().st_size
    install.download(address, target, digest, lambda done, total: None)
    assert target.read_bytes() == CONTENT
    assert _Server.ranges == [None, f"bytes={kept}-"]


def test_stopping_ends_pip_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pip = tmp_path / "pip.sh"
    pip.write_text("#!/bin/sh\nexec sleep 600\n")
    pip.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(pip))
    monkeypatch.setattr(install, "download", _unreachable)
    monkeypatch.setenv("FERDESK_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(resources, "user_data", lambda: tmp_path / "user")

    def stop(done: int, total: int | None) -> None:
        raise DownloadStopped("enough")

    begun = time.monotonic()
    with pytest.raises(DownloadStopped):
        install.install(stop, lambda message: None)
    assert time.monotonic() - begun < 60


def test_a_self_contained_app_asks_no_pip(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(install, "download", _unreachable)
    with pytest.raises(ModelError, match="no pip"):
        install.install(lambda done, total: None, lambda message: None)


def _unreachable(*_: object) -> None:
    raise ModelError("The host cannot be reached.")
