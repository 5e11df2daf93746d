"""What was measured is kept; a file that somebody spoilt is taken for none."""

import json
import os
import stat
from pathlib import Path

import pytest

from ferdesk.core.errors import EngineError
from ferdesk.engines import remembered
from ferdesk.engines.machine import Machine
from ferdesk.engines.private_folder import private_folder
from ferdesk.engines.remembered import Plan, Remembered


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FERDESK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entry(digest: str = "a" * 64, machine: str = "b" * 64, median_ms: float = 1.5) -> Remembered:
    return Remembered(
        bundle="small",
        digest=digest,
        machine=machine,
        plan=Plan(engine="onnxruntime", device="CPU", threads=2),
        median_ms=median_ms,
        difference=1e-6,
        measured="2026-11-22T12:00:00+00:00",
    )


def test_what_is_remembered_is_found(cache: Path) -> None:
    assert remembered.load() == ()
    other = entry(machine="c" * 64)
    remembered.remember([entry(), other])
    assert remembered.find("a" * 64, "b" * 64) == entry()
    assert remembered.find("a" * 64, "d" * 64) is None
    remembered.remember([entry(median_ms=2)])
    assert remembered.load() == (entry(median_ms=2), other)
    assert list(cache.iterdir()) == [remembered.path()]
    remembered.remember([entry(digest=f"{number:064x}") for number in range(300)])
    assert len(remembered.load()) == 200


@pytest.mark.skipif(os.name == "nt", reason="Windows has access lists")
def test_the_file_is_the_users_alone(cache: Path) -> None:
    remembered.remember([entry()])
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(remembered.path().stat().st_mode) == 0o600


GOOD = json.loads(entry().model_dump_json())
HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "large": b" " * 300_000,
    "version": {"version": 2, "choices": [GOOD]},
    "unknown key": {"version": 1, "choices": [], "run": "rm"},
    "engine": {"choices": [{**GOOD, "plan": {"engine": "sh", "device": "CPU"}}]},
    "device": {"choices": [{**GOOD, "plan": {"engine": "torch", "device": "/dev/sda"}}]},
    "threads": {
        "choices": [{**GOOD, "plan": {"engine": "torch", "device": "CPU", "threads": 10**9}}]
    },
    "digest": {"choices": [{**GOOD, "digest": "../../etc/passwd"}]},
    "time": {"choices": [{**GOOD, "median_ms": -1}]},
    "too many": {"choices": [GOOD] * 201},
    "name": {"choices": [{**GOOD, "bundle": "x" * 1000}]},
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_content_is_ignored_with_a_line_in_the_log(
    cache: Path, content: object, caplog: pytest.LogCaptureFixture
) -> None:
    cache.mkdir()
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    remembered.path().write_bytes(data)
    assert remembered.load() == ()
    assert f"{remembered.path()} is not used" in caplog.text
    remembered.remember([entry()])
    assert remembered.load() == (entry(),)


def test_not_a_number_is_no_time(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.mkdir()
    text = json.dumps({"choices": [{**GOOD, "difference": float("nan")}]})
    remembered.path().write_text(text)
    assert remembered.load() == ()
    assert "is not used" in caplog.text


def test_a_folder_that_cannot_be_made(cache: Path) -> None:
    cache.write_text("a file")
    with pytest.raises(EngineError, match=r"engines\.json cannot be written"):
        remembered.remember([entry()])


def test_a_machine_is_told_by_all_there_is_of_it() -> None:
    one = Machine(cpu="A", gpus=(), cores=2, versions={"openvino": "1"})
    changes = ({"cpu": "B"}, {"gpus": ("G",)}, {"cores": 4}, {"versions": {"openvino": "2"}})
    keys = {one.key, *(one.model_copy(update=change).key for change in changes)}
    assert len(keys) == 5


@pytest.mark.skipif(os.name == "nt", reason="Windows has access lists")
class TestPrivateFolder:
    def test_is_made_for_the_user_alone(self, tmp_path: Path) -> None:
        found = private_folder(tmp_path / "a" / "b")
        assert stat.S_IMODE(found.stat().st_mode) == 0o700
        (found / "inner").mkdir()
        (found / "inner" / "file").write_text("x")
        (found / "inner" / "file").chmod(0o644)
        assert private_folder(found) == found

    @pytest.mark.parametrize("mode", [0o770, 0o707, 0o750, 0o701])
    def test_that_others_get_into_is_not_trusted(self, tmp_path: Path, mode: int) -> None:
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(mode)
        with pytest.raises(EngineError, match="not yours alone"):
            private_folder(tmp_path / "open")

    def test_in_a_folder_of_everybodys_is_not_trusted(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)
        with pytest.raises(EngineError, match="not yours alone"):
            private_folder(tmp_path / "mine")

    def test_is_made_closed_whatever_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o002)  # as Debian has it for users
        try:
            folder = private_folder(tmp_path / "a" / "mine")
            (folder / "blob.bin").write_bytes(b"")
            assert private_folder(folder) == folder
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700

    def test_that_is_a_link_or_holds_one_is_not_trusted(self, tmp_path: Path) -> None:
        folder = private_folder(tmp_path / "mine")
        (tmp_path / "link").symlink_to(folder)
        with pytest.raises(EngineError, match="link is not yours alone"):
            private_folder(tmp_path / "link")
        (folder / "inner").symlink_to(tmp_path)
        with pytest.raises(EngineError, match="inner is not yours alone"):
            private_folder(folder)

    @pytest.mark.skipif(
        not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away"
    )
    @pytest.mark.parametrize("name", ["", "blob.bin"])
    def test_of_somebody_else_is_not_trusted(self, tmp_path: Path, name: str) -> None:
        folder = private_folder(tmp_path / "mine")
        (folder / "blob.bin").write_bytes(b"")
        os.chown(folder / name, 65534, 65534)
        with pytest.raises(EngineError, match="not yours alone"):
            private_folder(folder)

    def test_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(EngineError, match="cannot be used"):
            private_folder(tmp_path / "file" / "mine")
