"""Batches on two machines, both of them this one."""

import importlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from material import decode

from ferdesk import batch_ray, resources
from ferdesk.batch import Batch, Here, Job, Outcome, analyze_batch
from ferdesk.batch_ray import OnRay, _anywhere, there
from ferdesk.core.errors import ClusterError, ModelError
from ferdesk.faces.store import load
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.settings import Settings

STORE = 80 * 2**20  # bytes, the smallest that Ray takes
SETTINGS = Settings(max_faces=1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of two machines with a CPU each."""
    pytest.importorskip("ray")
    try:
        load("auto")
    except ModelError as error:
        pytest.skip(str(error))
    short = tempfile.mkdtemp(prefix="r", dir="/tmp")  # a socket's path has to be short
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", short)
        patch.delenv("RAY_AUTH_MODE", raising=False)  # this process may have read it already
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=node)
        try:
            started.add_node(**node)
            yield started.address
        finally:
            started.shutdown()
    until = time.monotonic() + 10
    while Path(short).exists() and time.monotonic() < until:  # Ray's processes end a little late
        shutil.rmtree(short, ignore_errors=True)


def clip(path: Path, start: int, frames: int) -> Path:
    """Some frames of the demo clip."""
    path.parent.mkdir(exist_ok=True)
    file = Mp4File(path, fps=25)
    for index, frame in enumerate(
        islice(decode(resources.demo_clip()), start, start + 4 * frames, 4)
    ):
        file.write(frame.image, index / 25)
    file.close()
    return path


def on_ray(
    address: str, inputs: list[Path], out: Path, lines: list[str], **options: object
) -> Batch:
    work = OnRay(address, SETTINGS, video=False, say=lines.append)
    specs = [str(path) for path in inputs]
    return analyze_batch(specs, out, SETTINGS, work, video=False, **options)  # type: ignore[arg-type]


def test_the_same_as_here_also_where_a_worker_dies(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "killed"

    def dies_once(job: Job, settings: Settings, video: bool, setup: str, *rest: object) -> Outcome:
        """Is sent to the workers as it is; the second time it only does its work."""
        from ferdesk.batch_ray import there
        from ferdesk.outputs import table

        if job.spec.endswith("b.mp4") and not marker.exists():
            write = table.Table.write

            def and_die(self: table.Table, *args: object) -> None:
                write(self, *args)  # type: ignore[arg-type]
                marker.write_text(self.path.read_text())
                os.kill(os.getpid(), signal.SIGKILL)

            table.Table.write = and_die  # type: ignore[method-assign, assignment]
        return there(job, settings, video, setup, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(batch_ray, "there", dies_once)
    clip(tmp_path / "in" / "a.mp4", 40, 12)
    clip(tmp_path / "in" / "b.mp4", 130, 8)
    (tmp_path / "in" / "c.mp4").write_bytes(b"no video")
    inputs = [Path("in", name) for name in ("a.mp4", "b.mp4", "c.mp4")]
    specs = [str(path) for path in inputs]
    alone = analyze_batch(specs, Path("one"), SETTINGS, Here(SETTINGS, video=False), video=False)
    lines: list[str] = []
    found = on_ray(cluster, inputs, Path("two"), lines, retries=1)
    assert len(marker.read_text().splitlines()) == 2  # the heads and a face: half done
    for name in ("a.csv", "b.csv"):
        assert Path("two", name).read_bytes() == Path("one", name).read_bytes()
    for far, here in zip(found.summaries, alone.summaries, strict=True):
        assert (far.input, far.frames) == (here.input, here.frames)
        assert (far.error is None) is (here.error is None)
        names = [Path(file).name for file in here.files]
        assert far.files == tuple(str(Path("two", name)) for name in names)
    broken = found.summaries[2]
    assert broken.broken_input
    assert "c.mp4 is not a video" in str(broken.error)
    assert len(lines) == 4  # the broken one is not tried again
    assert any("in/b.mp4 failed: Its worker was lost (WorkerCrashedError)" in one for one in lines)
    assert lines[-1] == "1 of 1: in/b.mp4 done"
    # And what is done there is done for a run here, too.
    again = analyze_batch(
        specs, Path("two"), SETTINGS, Here(SETTINGS, video=False), video=False, resume=True
    )
    assert [one.done_before for one in again.summaries] == [True, True, False]


def test_ctrl_c_ends_it(cluster: str, tmp_path: Path) -> None:
    first = clip(tmp_path / "a.mp4", 0, 80)
    inputs = [first, Path(shutil.copy(first, tmp_path / "b.mp4"))]
    lines: list[str] = []

    def interrupt() -> None:
        until = time.monotonic() + 60
        while not (tmp_path / "out" / "a.csv").exists() and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        found = on_ray(cluster, inputs, tmp_path / "out", lines)
    finally:
        thread.join()
    assert found.stopped
    assert len(found.summaries) < 2
    heads, *rows = (tmp_path / "out" / "a.csv").read_bytes().splitlines(keepends=True)
    assert all(row.endswith(b"\n") and row.count(b",") == heads.count(b",") for row in rows)


def test_a_machine_that_is_not_like_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_ray, "setup_of", lambda *_: "of this machine")
    job = Job(0, "a.mp4", tmp_path / "a.mp4", None)
    unseen = there(job, SETTINGS, False, "of this machine").summary
    assert "does not see" in str(unseen.error)
    (tmp_path / "a.mp4").touch()
    other = there(job, SETTINGS, False, "of another").summary
    assert "has other nets" in str(other.error)
    assert not unseen.broken_input
    assert not other.broken_input


def test_cameras_stay_here() -> None:
    work = OnRay("local", SETTINGS, video=False, say=print)
    with pytest.raises(ClusterError, match=r"^0 is no file or folder"):
        next(work.run([Job(0, "0", None, None)], lambda _: pytest.fail("named")))


def test_settings_mean_the_same_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine", "bundle.json").write_text("{}")
    found = _anywhere(Settings(bundle="mine", disambiguate="off"))
    assert found == Settings(bundle=str(tmp_path / "mine"), disambiguate="off", threads=1)
    assert _anywhere(Settings(threads=3)) == Settings(threads=3)


def test_ray_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with (
        pytest.raises(ClusterError, match=r'pip install "ferdesk\[cluster\]"'),
        OnRay("local", SETTINGS, video=False, say=print),
    ):
        pass
