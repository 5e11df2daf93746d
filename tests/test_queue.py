"""The queue with real processes: what is done, cancelled, killed, tried again, done before."""

import csv
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import pytest
from queue_child import COMMAND, clip
from typer.testing import CliRunner

from ferdesk import batch
from ferdesk.cli import app
from ferdesk.queue import child as child_module
from ferdesk.queue import ledger
from ferdesk.queue.analyses import AnalysisQueue
from ferdesk.queue.child import Child
from ferdesk.queue.command import Order, arguments, ferdesk_command, files_at_once
from ferdesk.queue.items import Item, totals
from ferdesk.settings import Settings
from ferdesk.summary import Summary

PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def any_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the nets are is another test's matter: no face models are needed."""
    for module in (ledger, batch):
        monkeypatch.setattr(module, "setup_of", lambda *what: repr(what))


@contextmanager
def a_queue() -> Iterator[AnalysisQueue]:
    before = set(threading.enumerate())
    queue = AnalysisQueue(COMMAND)
    try:
        yield queue
    finally:
        pids = queue.pids()
        assert queue.close()
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        assert not [one for one in set(threading.enumerate()) - before if "ferdesk" in one.name]


def wait_until(done: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.01)


def states(queue: AnalysisQueue) -> list[str]:
    return [item.state for item in queue.snapshot().items]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def an_order(out: Path, **changes: object) -> Order:
    return replace(Order(out, Settings(), at_once=2), **changes)


def test_two_at_once_while_the_list_changes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with a_queue() as queue:
        first, second = clip(tmp_path / "a" / "x.mp4"), clip(tmp_path / "b" / "x.mp4", 7)
        assert queue.add(map(str, (first, second, first))) == 2
        assert queue.add([str(first)]) == 0
        queue.start(an_order(out, session="none"))
        third = clip(tmp_path / "slow.mp4", 3)
        queue.add([str(third)])
        assert queue.busy
        wait_until(lambda: not queue.busy)
        found = queue.snapshot()
    assert [item.state for item in found.items] == ["done"] * 3
    assert [item.summary and item.summary.frames for item in found.items] == [5, 7, 3]
    assert found.totals == (3, 3, 1.0, None)
    assert {len(rows(out / f"{name}.csv")) for name in ("x", "x-2")} == {5, 7}
    assert pictures(out / "slow_annotated.mp4") == 3
    assert found.items[2].session == out / "slow.ferdesk"
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_what_is_done_is_left_out_and_keeps_its_name(tmp_path: Path) -> None:
    source, out = clip(tmp_path / "x.mp4"), tmp_path / "out"
    for expected in ("done", "before"):
        with a_queue() as queue:
            queue.add([str(source)])
            queue.start(an_order(out))
            wait_until(lambda: not queue.busy)
            assert states(queue) == [expected]
            assert queue.snapshot().items[0].share == 1
    command = ["analyze", str(source), "-o", str(out), "--resume"]
    assert "done before" in CliRunner().invoke(app, command).stdout
    clip(source, 9)
    with a_queue() as queue:
        queue.add([str(clip(tmp_path / "other" / "x.mp4", 2)), str(source)])
        queue.start(an_order(out))
        wait_until(lambda: not queue.busy)
        assert states(queue) == ["done", "done"]
    assert len(rows(out / "x.csv")) == 9  # a name stays with its file, whoever comes first
    assert len(rows(out / "x-2.csv")) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes at once")
def test_cancelled_in_the_midst_leaves_whole_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with a_queue() as queue:
        queue.add([str(clip(tmp_path / "slow.mp4", 250)), str(clip(tmp_path / "late.mp4"))])
        queue.start(an_order(out, at_once=1, session="raw"))
        wait_until(lambda: queue.snapshot().items[0].frames > 3)
        running = queue.snapshot()
        assert running.items[0].left_s is not None
        assert 0 < (running.items[0].share or 0) < 1
        assert running.totals[:2] == (0, 2)
        queue.remove([1])  # is being analysed, and stays
        queue.cancel([1])
        assert queue.snapshot().items[0].stopping
        wait_until(lambda: not queue.busy)
        first, second = queue.snapshot().items
        assert (first.state, second.state) == ("cancelled", "done")
        assert first.summary is not None
        assert 3 < first.summary.frames < 250
        done = len(rows(out / "slow.csv"))
        assert done == first.summary.frames == pictures(out / "slow_annotated.mp4")
        assert pictures(out / "slow.ferdesk" / "video.mp4") == done
        queue.add([str(clip(tmp_path / "slow2.mp4", 250))])
        queue.start(an_order(out))
        wait_until(lambda: queue.snapshot().items[2].frames)
    assert states(queue) == ["cancelled", "done", "cancelled"]


def test_a_broken_file_a_mended_one_and_one_that_is_killed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    slow = clip(tmp_path / "slow.mp4", 100)
    with a_queue() as queue:
        queue.add(map(str, (broken, slow, clip(tmp_path / "a.mp4"), tmp_path / "gone.mp4")))
        queue.start(an_order(tmp_path / "out"))
        wait_until(lambda: queue.snapshot().items[1].frames)
        wait_until(lambda: queue.snapshot().items[0].state == "failed")
        (pid,) = [
            pid for pid in queue.pids() if b"slow.mp4" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not queue.busy)
        failed, killed, good, gone = queue.snapshot().items
        assert good.state == "done"
        assert (failed.state, killed.state, gone.state) == ("failed",) * 3
        assert "is not a video" in failed.error
        assert "SIGKILL" in killed.error
        assert "gone.mp4 cannot be read" in gone.error
        clip(broken)
        clip(slow, 2)
        assert queue.retry([item.id for item in queue.snapshot().items]) == 3
        assert states(queue) == ["waiting", "waiting", "done", "waiting"]
        queue.start(an_order(tmp_path / "out"))
        wait_until(lambda: not queue.busy)
        assert states(queue) == ["done", "done", "done", "failed"]
        assert queue.snapshot().totals[:2] == (3, 3)


def test_what_keeps_all_from_being_done_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with a_queue() as queue:
        queue.add([str(clip(tmp_path / "a.mp4"))])
        queue.start(an_order(tmp_path / "out"))
        wait_until(lambda: not queue.busy)
        assert "cannot be written" in queue.snapshot().trouble
        assert states(queue) == ["waiting"]


def test_a_command_that_cannot_be_started(tmp_path: Path) -> None:
    queue = AnalysisQueue([str(tmp_path / "nothing")])
    queue.add([str(clip(tmp_path / "a.mp4"))])
    queue.start(an_order(tmp_path / "out"))
    wait_until(lambda: not queue.busy)
    assert "nothing" in queue.snapshot().items[0].error
    assert queue.close()


STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('{"event": "begin"}', file=sys.stderr, flush=True)
print("no progress, but a message", file=sys.stderr, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes at once")
def test_a_process_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "GRACE_S", 0.2)
    child = Child([sys.executable, "-c", STUBBORN], lambda step: child.stop())
    ending = child.run()
    assert (ending.code, ending.summary) == (-signal.SIGKILL, None)
    assert "no progress, but a message" in ending.why
    assert child.pid is None
    child.stop()  # nobody is there any more


def test_a_process_that_is_stopped_before_it_starts_does_not() -> None:
    child = Child(["/nothing"], lambda step: None)
    child.stop()
    assert child.run().code == -signal.SIGTERM


def test_moving_and_removing(tmp_path: Path) -> None:
    queue = AnalysisQueue(COMMAND)
    queue.add(str(tmp_path / name) for name in "abcd")

    def names() -> str:
        return "".join(item.name for item in queue.snapshot().items)

    queue.move([3, 4], -1)
    assert names() == "acdb"
    queue.move([1, 3], -1)
    assert names() == "acdb"
    queue.move([1, 3], 1)
    assert names() == "dacb"
    queue.move([2], 1)
    assert names() == "dacb"
    queue.remove([1, 2, 9])
    assert names() == "dc"
    queue.cancel([4])
    assert states(queue) == ["cancelled", "waiting"]
    assert queue.retry([3, 4, 9]) == 1


def test_totals_go_by_size() -> None:
    items = [
        Item(1, "a", "done", 100, in_run=True),
        Item(2, "b", "running", 300, 50, 100, 5.0, in_run=True),
        Item(3, "c", "waiting", 100, in_run=True),
        Item(4, "d", "failed", 900, in_run=True),
        Item(5, "e", "done", 900),
    ]
    assert totals(items, 10.0) == (2, 4, 0.5, 10.0)
    assert (items[1].fps, items[1].left_s) == (10.0, 5.0)
    assert totals(items[2:3], 10.0).left_s is None
    assert totals([], 0.0) == (0, 0, 1.0, None)


def test_every_setting_reaches_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        faces="classic",
        max_faces=3,
        bundle="-b",
        aus="off",
        disambiguate="off",
        neutral="anna",
        smoothing_s=0.5,
        precision="f32",
        threads=2,
    )
    seen: list[object] = []

    def analyze_batch(found: object, out: object, got: Settings, *_: object, **more: object):
        seen.extend((found, out, got, more["video"], more["session"], more["name"]))
        raise SystemExit(0)

    monkeypatch.setattr("ferdesk.batch.analyze_batch", analyze_batch)
    order = Order(tmp_path, settings, video=False, session="blurred", at_once=2)
    source = str(clip(tmp_path / "in" / "a.mp4"))
    CliRunner().invoke(app, arguments(source, "-name", order))
    assert seen == [(source,), tmp_path, settings, False, "blurred", "-name"]


def test_files_at_once_share_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferdesk.queue.command.usable_cores", lambda: 12)
    assert files_at_once() == 6
    order = an_order(tmp_path, at_once=5)
    assert "--threads=2" in arguments("x", "x", order)
    assert "--threads=0" in arguments("x", "x", replace(order, at_once=1))
    monkeypatch.setattr("ferdesk.queue.command.usable_cores", lambda: 1)
    assert files_at_once() == 1


def test_the_packaged_app_is_its_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ferdesk_command()[1:] == ["-P", "-m", "ferdesk"]
    monkeypatch.setattr("sys.frozen", True, raising=False)
    assert len(ferdesk_command()) == 1


def test_only_a_session_can_be_reviewed() -> None:
    plain = Summary(input="x", faces_backend="", engine="", bundle="", files=("a.csv",))
    assert Item(1, "x", "done", summary=plain).session is None
    with_one = plain.model_copy(update={"files": ("a.csv", "a.ferdesk")})
    assert Item(1, "x", "done", summary=with_one).session == Path("a.ferdesk")


def test_nothing_runs_on_when_the_app_was_killed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = arguments(str(clip(tmp_path / "slow.mp4", 500)), "slow", an_order(out))
    with subprocess.Popen(
        [*COMMAND, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stderr is not None
        while "frames" not in child.stderr.readline():
            pass
        child.stderr.close()  # as the system does
        assert child.wait(PATIENCE_S) == 1
    assert 0 < len(rows(out / "slow.csv")) == pictures(out / "slow_annotated.mp4") < 500


@pytest.mark.skipif(sys.platform != "linux", reason="file systems that take any bytes")
def test_names_that_are_no_valid_text(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"bad\xff.mp4")
    clip(tmp_path / "plain.mp4").rename(odd)
    with a_queue() as queue:
        queue.add([str(odd)])
        queue.start(an_order(tmp_path / "out"))
        wait_until(lambda: not queue.busy)
        assert states(queue) == ["done"], queue.snapshot()
