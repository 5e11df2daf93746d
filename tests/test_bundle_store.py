"""Adding bundles of strangers, removing own ones, and the commands for it."""

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ferdesk import bundle_store, resources
from ferdesk.bundle_store import add, find_installed, list_bundles, remove, verify
from ferdesk.bundles import find_bundle
from ferdesk.commands.bundles import bundles_app
from ferdesk.core.bundle import MANIFEST, MODEL, REFERENCE, sha256
from ferdesk.core.errors import BundleError
from ferdesk.core.svm_bundle import SVMS

SHIPPED = {
    "compact-ferplus",
    "khorrami2015-ferplus",
    "wide-ferplus",
    "au-native",
    "au-svm-native",
    "au-svm-blendshapes",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder of the user's."""
    folder = tmp_path / "user"
    monkeypatch.setattr(resources, "user_data", lambda: folder)
    return folder / "bundles"


def a_bundle(folder: Path, like: str = "khorrami2015-ferplus", **changes: Any) -> Path:
    """A bundle somewhere, named "mine" and otherwise as the shipped one."""
    source = next(one.folder for one in list_bundles() if one.name == like)
    shutil.copytree(source, folder)
    change(folder, **{"name": "mine", **changes})
    return folder


def change(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    content.update(changes)
    (folder / MANIFEST).write_text(json.dumps(content))


def rehash(folder: Path) -> None:
    files = json.loads((folder / MANIFEST).read_text())["files"]
    change(folder, files={name: sha256(folder / name) for name in files})


def nothing_is_left(home: Path) -> bool:
    return {one.name for one in list_bundles()} == SHIPPED and [*home.parent.iterdir()] == [home]


def test_the_shipped_ones_are_listed_with_what_they_say() -> None:
    found = list_bundles()
    assert {one.name for one in found} == SHIPPED
    assert all(one.bundle is not None and not one.own and not one.trouble for one in found)


def test_one_that_cannot_be_read_is_listed_with_the_reason(home: Path) -> None:
    (home / "broken").mkdir(parents=True)
    (home / "broken" / MANIFEST).write_text('{"task": "dreams"}')
    broken = find_installed("broken")
    assert broken.bundle is None
    assert "'dreams'" in broken.trouble
    remove("broken")
    assert {one.name for one in list_bundles()} == SHIPPED


@pytest.mark.parametrize("like", sorted(SHIPPED - {"compact-ferplus"}))
def test_a_bundle_is_added_and_removed(home: Path, tmp_path: Path, like: str) -> None:
    folder = a_bundle(tmp_path / "somewhere", like)
    (folder / "diary.txt").write_text("not listed, so none of our business")
    added = add(folder)
    assert added.own
    assert added.folder == home / "mine"
    assert added == find_installed("mine")
    assert not (added.folder / "diary.txt").exists()
    if os.name == "posix":
        assert stat.S_IMODE(added.folder.stat().st_mode) == 0o700
        modes = {stat.S_IMODE(path.stat().st_mode) for path in added.folder.iterdir()}
        assert modes == {0o600}
    assert find_bundle("mine", added.bundle.task) == added.folder  # type: ignore[arg-type, union-attr]
    assert verify(added.folder) == added.bundle
    remove("mine")
    assert nothing_is_left(home)


@pytest.mark.parametrize("name", ["au-native", "AU-Native"])
def test_a_taken_name_is_refused(home: Path, tmp_path: Path, name: str) -> None:
    folder = a_bundle(tmp_path / "somewhere", name=name)
    with pytest.raises(BundleError, match="already"):
        add(folder)
    assert not home.exists()


def test_an_added_one_is_not_replaced(tmp_path: Path) -> None:
    folder = a_bundle(tmp_path / "somewhere")
    add(folder)
    with pytest.raises(BundleError, match="already"):
        add(folder)


def test_what_came_with_the_app_is_not_removed() -> None:
    with pytest.raises(BundleError, match="came with ferdesk"):
        remove("compact-ferplus")
    with pytest.raises(BundleError, match="Installed: "):
        remove("../bundles")
    assert {one.name for one in list_bundles()} == SHIPPED


def test_links_are_not_followed(home: Path, tmp_path: Path) -> None:
    folder = a_bundle(tmp_path / "somewhere")
    (folder / MODEL).rename(tmp_path / "elsewhere.onnx")
    (folder / MODEL).symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(BundleError, match="link"):
        add(folder)
    assert nothing_is_left(home)


@pytest.mark.skipif(os.name != "posix", reason="there are no named pipes")
def test_what_is_no_file_is_not_waited_for(home: Path, tmp_path: Path) -> None:
    folder = a_bundle(tmp_path / "somewhere")
    (folder / MODEL).unlink()
    os.mkfifo(folder / MODEL)
    with pytest.raises(BundleError, match="no plain file"):
        add(folder)
    assert nothing_is_left(home)


def test_too_much_is_refused_before_it_fills_the_disk(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_bundle(tmp_path / "somewhere")
    with (folder / MODEL).open("r+b") as file:
        file.truncate(20_000_000_000)  # a hole: takes no room here, would there
    with pytest.raises(BundleError, match="1,000 MB at most"):
        add(folder)
    assert nothing_is_left(home)
    monkeypatch.setattr(bundle_store, "MAX_BYTES", 100_000)
    with pytest.raises(BundleError, match="at most"):
        add(a_bundle(tmp_path / "another"))


def test_files_that_no_bundle_has_are_refused(home: Path, tmp_path: Path) -> None:
    folder = a_bundle(tmp_path / "somewhere")
    (folder / "run.sh").write_text("echo hello")
    files = json.loads((folder / MANIFEST).read_text())["files"]
    change(folder, files={**files, "run.sh": "0" * 64})
    with pytest.raises(BundleError, match=r"run\.sh, which no bundle has"):
        add(folder)
    assert not home.exists()


def test_a_missing_or_altered_file_is_refused(home: Path, tmp_path: Path) -> None:
    folder = a_bundle(tmp_path / "somewhere")
    (folder / REFERENCE).write_bytes(b"x")
    with pytest.raises(BundleError, match="altered or cut short"):
        add(folder)
    (folder / REFERENCE).unlink()
    with pytest.raises(BundleError, match="No such file"):
        add(folder)
    assert nothing_is_left(home)


def test_a_net_that_does_not_answer_as_it_did_is_refused(home: Path, tmp_path: Path) -> None:
    folder = a_bundle(tmp_path / "somewhere")
    with np.load(folder / REFERENCE) as stored:
        arrays = dict(stored)
    arrays["logits"] = arrays["logits"][:, ::-1]
    np.savez(folder / REFERENCE, **arrays)
    rehash(folder)
    with pytest.raises(BundleError, match="somewhere: the net does not give"):
        add(folder)
    assert nothing_is_left(home)


def test_machines_that_are_not_sound_are_refused(home: Path, tmp_path: Path) -> None:
    folder = a_bundle(tmp_path / "somewhere", "au-svm-native")
    with np.load(folder / SVMS) as stored:
        arrays = dict(stored)
    arrays["bias"] = np.full_like(arrays["bias"], np.nan)
    np.savez(folder / SVMS, **arrays)
    rehash(folder)
    with pytest.raises(BundleError, match="no numbers"):
        add(folder)
    assert nothing_is_left(home)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No bundle at"):
        add(tmp_path)


def test_a_link_to_a_bundle_is_removed_and_the_bundle_stays(home: Path, tmp_path: Path) -> None:
    folder = a_bundle(tmp_path / "somewhere")
    home.mkdir(parents=True)
    (home / "mine").symlink_to(folder)
    remove("mine")
    assert (folder / MODEL).is_file()
    assert not (home / "mine").exists()


def test_the_commands(tmp_path: Path) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(bundles_app, list(arguments))
        assert done.exit_code == code, done.output
        return done.output

    folder = a_bundle(tmp_path / "somewhere")
    assert "mine" in run("add", str(folder))
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))}
    assert set(rows) == {*SHIPPED, "mine"}
    assert rows["mine"]["own"]
    assert rows["mine"]["bundle"]["metrics"][0]["n"] == 3555
    line = next(line for line in run("list").splitlines() if line.startswith("compact-ferplus"))
    assert "84.2% on ferplus valid (plurality, n = 3,555)" in line
    checked = run("verify", "mine", "au-svm-native").split()
    assert checked == ["mine", "whole", "au-svm-native", "whole"]
    (find_installed("mine").folder / MODEL).write_bytes(b"")
    bad = json.loads(run("verify", "mine", "--json", code=1))
    assert "altered or cut short" in bad[0]["trouble"]
    run("remove", "mine")
    assert "mine" not in run("list")
