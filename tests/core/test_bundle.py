import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ferdesk.bundles import find_bundle, installed_bundles
from ferdesk.core.bundle import MANIFEST, PROGRAM, ModelBundle, read_bundle, sha256
from ferdesk.core.errors import BundleError
from ferdesk.core.labels import EXPRESSIONS

SHIPPED = installed_bundles()
LOGITS = {"name": "logits", "shape": [8]}
CAM = {"name": "cam", "shape": [8, 3, 3]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound bundle that a test may break."""
    return Path(shutil.copytree(find_bundle("khorrami2015-ferplus"), tmp_path / "bundle"))


def change(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    content.update(changes)
    (folder / MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_bundle_is_sound_and_says_what_it_is(path: Path) -> None:
    bundle = read_bundle(path, ModelBundle)
    assert bundle.name == path.name
    assert bundle.labels == EXPRESSIONS
    assert {metric.protocol for metric in bundle.metrics} >= {"plurality", "majority"}
    assert all(metric.part == "valid" for metric in bundle.metrics)
    assert all(low <= m.accuracy <= high for m in bundle.metrics for low, high in [m.accuracy_ci95])
    assert bundle.training_data
    assert all(data.terms for data in bundle.training_data)


def test_an_altered_net_is_refused(folder: Path) -> None:
    net = folder / "model.onnx"
    data = bytearray(net.read_bytes())
    data[len(data) // 2] ^= 1
    net.write_bytes(data)
    with pytest.raises(BundleError, match="altered or cut short"):
        read_bundle(folder, ModelBundle)


def test_a_net_cut_short_is_refused(folder: Path) -> None:
    net = folder / "model.onnx"
    net.write_bytes(net.read_bytes()[:-1])
    with pytest.raises(BundleError, match="altered or cut short"):
        read_bundle(folder, ModelBundle)


def test_a_missing_net_is_refused(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    with pytest.raises(BundleError, match="is missing"):
        read_bundle(folder, ModelBundle)


def test_a_program_is_checked_like_every_file(folder: Path) -> None:
    program = folder / PROGRAM
    program.write_bytes(b"a program")
    files = json.loads((folder / MANIFEST).read_text())["files"]
    change(folder, files={**files, PROGRAM: sha256(program)})
    assert PROGRAM in read_bundle(folder, ModelBundle).files
    program.write_bytes(b"another")
    with pytest.raises(BundleError, match=r"model\.pt2 was altered or cut short"):
        read_bundle(folder, ModelBundle)
    program.unlink()
    program.symlink_to(folder / "model.onnx")
    with pytest.raises(BundleError, match=r"model\.pt2 is missing"):
        read_bundle(folder, ModelBundle)


def test_maps_are_an_output_of_their_own(folder: Path) -> None:
    assert read_bundle(folder, ModelBundle).map_shape is None
    change(folder, outputs=[LOGITS, CAM])
    assert read_bundle(folder, ModelBundle).map_shape == (8, 3, 3)


def test_a_recipe_s_values_may_be_anything_plain(folder: Path) -> None:
    recipe = {"text": "", "whole": 0, "number": 0.5, "yes": True, "none": None}
    change(folder, recipe=recipe)
    read = read_bundle(folder, ModelBundle).recipe
    assert read == recipe
    assert [type(value) for value in read.values()] == [str, int, float, bool, type(None)]


def test_other_labels_are_refused(folder: Path) -> None:
    change(folder, labels=list(reversed(EXPRESSIONS)))
    with pytest.raises(BundleError, match="labels must be neutral"):
        read_bundle(folder, ModelBundle)


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {"../model.onnx": "0" * 64}},
        {"files": {}},
        {"temperature": 0},
        {"schema_version": 2},
        {"name": "../../evil"},
        {"surprise": 1},
        {"outputs": []},
        {"outputs": [{"name": "logits", "shape": [7]}]},
        {"outputs": [{"name": "cam", "shape": [8, 3, 3]}]},
        {"outputs": [LOGITS, {"name": "cam", "shape": [8, 9]}]},
        {"outputs": [LOGITS, {"name": "cam", "shape": [7, 3, 3]}]},
        {"outputs": [LOGITS, {"name": "heat", "shape": [8, 3, 3]}]},
        {"outputs": [LOGITS, CAM, CAM]},
        {"recipe": {"lr": [1]}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_manifest_from_a_stranger_is_checked(folder: Path, changes: dict[str, Any]) -> None:
    change(folder, **changes)
    with pytest.raises(BundleError):
        read_bundle(folder, ModelBundle)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '"bundle"'])
def test_a_broken_manifest_gets_one_line(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(BundleError) as error:
        read_bundle(folder, ModelBundle)
    assert str(folder) in str(error.value)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No bundle at"):
        read_bundle(tmp_path, ModelBundle)
