import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from many_runs import SMALL, make_ck48

from ferdesk.cluster import LOCAL
from ferdesk.core.errors import ClusterError
from trainer import crossval, tasks
from trainer.checkpoint import load_state
from trainer.crossval import CvFolder, cross_validate
from trainer.errors import StoppedError, TrainError
from trainer.fit import new_state
from trainer.precision import default_device
from trainer.recipes import RECIPES
from trainer.runs import RunFolder
from trainer.tasks import Place, Training, run_tasks

STORE = 80 * 2**20  # bytes, the smallest that Ray takes
RECIPE = RECIPES.get("khorrami2015-ckplus8")


@pytest.fixture(scope="module")
def short():
    """A folder for Ray's own files; a socket's path has to be short."""
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")
    yield folder
    until = time.monotonic() + 10
    while Path(folder).exists() and time.monotonic() < until:  # Ray's processes end a little late
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(short):
    """The address of two machines with a CPU each, both of them this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", short)
        patch.delenv("RAY_AUTH_MODE", raising=False)  # this process may have read it already
        pytest.importorskip("ray")
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=node)
        try:
            started.add_node(**node)
            yield started.address
        finally:
            started.shutdown()


@pytest.fixture(scope="module")
def ck(tmp_path_factory):
    return make_ck48(tmp_path_factory.mktemp("ck") / "CK+48")


def recipe(**changes):
    return RECIPE.override({**dict(value.split("=") for value in SMALL), **changes})


def training(folder, **changes):
    return Training(recipe(**changes), folder, folder)


def test_folds_on_two_machines_one_of_which_loses_its_worker(cluster, ck, tmp_path, monkeypatch):
    marker = tmp_path / "killed"

    def dies_once(training):
        """Is sent to the workers as it is; the second time it only does its work."""
        from trainer import runs
        from trainer.crossval import run_fold

        write = runs.RunFolder.write_metrics

        def and_die(run, rows):
            write(run, rows)
            marker.write_text(run.metrics.read_text())
            os.kill(os.getpid(), signal.SIGKILL)

        if training.recipe.fold == 1 and not marker.exists():
            runs.RunFolder.write_metrics = and_die  # after the first epoch's state was saved
        return run_fold(training)

    monkeypatch.setattr(crossval, "run_fold", dies_once)
    folder = CvFolder(tmp_path / "runs")
    place = Place(cluster)
    found = cross_validate(recipe(epochs="2"), folder, ck, place, numbers=range(4))
    assert found.failed == {}
    assert [fold.fold for fold in found.folds] == [0, 1, 2, 3]
    assert [fold.epochs for fold in found.folds] == [2] * 4
    assert len({fold.node for fold in found.folds}) == 2
    assert folder.read().folds == found.folds
    first = marker.read_text()
    assert len(first.splitlines()) == 2  # the heads and an epoch
    whole = RunFolder(folder.fold(1)).metrics.read_text()
    assert whole.startswith(first)  # its seconds are in it: that epoch was not done again


def test_ctrl_c_saves_what_is_being_trained(cluster, ck, tmp_path):
    folder = CvFolder(tmp_path)

    def interrupt():
        while not RunFolder(folder.fold(0)).metrics.is_file():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(StoppedError, match=r"SIGINT at 0 of 3.*The same command") as caught:
            cross_validate(recipe(epochs="9999"), folder, ck, Place(cluster), numbers=range(3))
    finally:
        thread.join()
    assert caught.value.signum == signal.SIGINT
    saved = RunFolder(folder.fold(0))
    state = new_state(recipe(), default_device())
    load_state(saved.last, state, recipe())
    assert state.epoch >= len(saved.read_metrics()) >= 1
    assert state.position > 0  # in the middle of an epoch, not at the last one's end


def test_what_goes_wrong_with_one_does_not_stop_the_others(cluster, tmp_path):
    def work(training):
        from ferdesk.core.errors import DataError

        if training.recipe.fold == 0:
            raise DataError("no such face")
        if training.recipe.fold == 1:
            raise RuntimeError("out of memory\nand more")
        return {"threads": __import__("torch").get_num_threads()}

    trainings = [training(tmp_path / f"{n}", fold=str(n)) for n in range(3)]
    results = run_tasks(work, trainings, Place(cluster))
    nodes = {result.pop("node") for result in results}
    assert all(len(node) == 56 for node in nodes)
    assert results == [
        {"error": "no such face"},
        {"error": "RuntimeError: out of memory"},
        {"threads": 1},
    ]


def test_a_mistake_in_the_program_is_raised(cluster, tmp_path):
    def work(_training):
        raise KeyError("oops")

    with pytest.raises(KeyError):
        run_tasks(work, [training(tmp_path)], Place(cluster))
    with pytest.raises(KeyError):
        run_tasks(work, [training(tmp_path)], Place())


def test_a_worker_that_dies_every_time_fails(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "_RETRIES", 0)

    def work(_training):
        os.kill(os.getpid(), signal.SIGKILL)

    (result,) = run_tasks(work, [training(tmp_path)], Place(cluster))
    assert result["error"].startswith("WorkerCrashedError: ")
    assert "\n" not in result["error"]


def test_too_large_a_task_does_not_wait_for_ever(cluster, tmp_path):
    with pytest.raises(TrainError, match=r"asks for 2 CPUs and 0 GPUs, .* at most 1 and 0"):
        run_tasks(len, [training(tmp_path)], Place(cluster, cpus=2))
    with pytest.raises(TrainError, match=r"asks for 1 CPUs and 0\.5 GPUs"):
        run_tasks(len, [training(tmp_path)], Place(cluster, gpus=0.5))


def test_a_cluster_of_this_machine_alone(tree, tmp_path, short):
    pytest.importorskip("ray")
    words = [
        "sweep",
        "khorrami2015-ferplus",
        "-d",
        tree,
        "-o",
        tmp_path / "sweep",
        "--ray",
        "local",
    ]
    words += ["--epochs", "1", "--grid", "size=16", "--grid", "batch=8,16", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "trainer", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path), "RAY_TMPDIR": short},  # its token is in HOME
        check=True,
    )
    trials = json.loads(done.stdout)
    assert [trial["state"] for trial in trials] == ["finished", "finished"]
    assert "2 of 2: size16-batch" in done.stderr
    assert (tmp_path / ".ray" / "auth_token").is_file()  # nobody else may use it
    assert (tmp_path / "sweep" / "sweep.csv").is_file()


def test_ray_that_is_not_installed(tmp_path, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ClusterError, match=r'pip install "ferdesk\[cluster\]"'):
        run_tasks(len, [training(tmp_path)], Place(LOCAL))


def test_nothing_to_do_starts_nothing(monkeypatch):
    monkeypatch.setattr(tasks, "connect", lambda _: pytest.fail("started"))
    assert run_tasks(len, [], Place(LOCAL)) == []


def test_in_this_process_results_keep_their_order(tmp_path):
    seen = []
    trainings = [training(Path(name)) for name in ("a", "b", "c")]
    results = run_tasks(
        lambda t: {"name": t.folder.name},
        trainings,
        Place(),
        done=lambda number, result: seen.append((number, result["name"])),
    )
    assert [result["name"] for result in results] == ["a", "b", "c"]
    assert seen == [(0, "a"), (1, "b"), (2, "c")]


def test_ctrl_c_outside_a_training_says_how_to_go_on(tmp_path):
    def work(_training):
        raise KeyboardInterrupt

    with pytest.raises(StoppedError, match="Stopped by SIGINT at x; what is finished is kept"):
        run_tasks(work, [training(tmp_path / "x")], Place())
