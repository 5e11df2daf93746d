import pickle

import numpy as np
import pytest
from dataset_trees_b import save_mat, tfd_content

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets import DATASETS
from trainer.datasets.base import DROPPED
from trainer.datasets.faces import gather
from trainer.datasets.tfd import read

pytest.importorskip("scipy")


@pytest.fixture
def content():
    return tfd_content()


@pytest.mark.parametrize("compressed", [False, True])
def test_faces_labels_people_and_folds(tmp_path, content, compressed):
    path = save_mat(tmp_path / "TFD_48x48.mat", content, do_compression=compressed)
    table = read(path)
    assert (len(table.samples), table.cropped, table.skipped) == (16, True, ())
    assert table.layout == "TFD_48x48.mat, 48 x 48 pixels"
    assert DATASETS.get("tfd").read is read
    assert [EXPRESSIONS[s.label] for s in table.samples[:7]] == [
        "anger",
        "disgust",
        "fear",
        "happiness",
        "sadness",
        "surprise",
        "neutral",
    ]
    first, last = table.samples[0], table.samples[-1]
    assert (first.name, first.subject, first.part) == ("TFD_48x48.mat:1", "0", "")
    assert first.roles == ("train", "valid", "test", "train", "valid")
    assert (last.label, last.subject, last.roles) == (DROPPED, "", ("",) * 5)
    copy = pickle.loads(pickle.dumps(table.samples[3]))  # noqa: S301
    assert np.array_equal(copy.picture(), content["images"][3])  # upright, as stored
    assert len(pickle.dumps(table.samples[3])) < 5_000
    faces = gather("tfd", "train", table.samples, table, 48)
    assert np.array_equal(faces.images, content["images"])


def test_folder_prefers_the_larger_pictures(tmp_path, content):
    save_mat(tmp_path / "TFD_48x48.mat", content)
    assert read(tmp_path).samples[0].picture().shape == (48, 48)
    save_mat(tmp_path / "TFD_96x96.mat", tfd_content(96))
    assert read(tmp_path).samples[0].picture().shape == (96, 96)


def test_labels_as_doubles_and_in_a_row(tmp_path, content):
    content["labs_ex"] = content["labs_ex"].T.astype(np.float64)
    content["folds"] = content["folds"].astype(np.float64)
    assert len(read(save_mat(tmp_path / "a.mat", content)).samples) == 16


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("images", np.zeros((16, 48, 48)), "expected images of uint8.*found float64, 16 x 48 x 48"),
        ("images", np.zeros((16, 48, 96), np.uint8), "found uint8, 16 x 48 x 96"),
        ("images", np.zeros((16, 2304), np.uint8), "found uint8, 16 x 2304"),
        ("images", "text", "found no numbers"),
        ("labs_ex", np.zeros((15, 1)), "expected labs_ex of whole numbers, 16 x 1; found float64"),
        ("labs_ex", np.full((16, 1), 1.5), "expected labs_ex of whole numbers"),
        ("labs_ex", np.full((16, 1), np.nan), "expected labs_ex of whole numbers"),
        ("labs_id", np.full((16, 1), np.inf), "expected labs_id of whole numbers"),
        ("folds", np.zeros((16, 4), np.uint8), "expected folds of whole numbers, 16 x 5"),
        ("folds", None, "expected folds of whole numbers, 16 x 5; found none"),
    ],
)
def test_variable_of_another_kind(tmp_path, content, name, value, message):
    content[name] = value
    if value is None:
        del content[name]
    with pytest.raises(DataError, match=message) as caught:
        read(save_mat(tmp_path / "TFD_48x48.mat", content))
    assert "\n" not in str(caught.value)
    assert "TFD_48x48.mat" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("labs_ex", 8, "face 3: labs_ex is 8, not -1 or 1 to 7"),
        ("labs_ex", 0, "face 3: labs_ex is 0"),
        ("folds", 4, "face 3: folds has a value that is not 0 to 3"),
    ],
)
def test_bad_face_stops_or_is_skipped(tmp_path, content, name, value, message):
    content[name][2, 0] = value
    path = save_mat(tmp_path / "a.mat", content)
    with pytest.raises(DataError, match=message):
        read(path)
    table = read(path, skip_bad=True)
    assert (len(table.samples), len(table.skipped)) == (15, 1)


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match=r"does not exist; expected TFD_96x96\.mat or"):
        read(tmp_path / "nowhere")
    (tmp_path / "faces.txt").write_text("x")
    with pytest.raises(DataError, match=r"has no TFD_96x96\.mat .*found faces\.txt"):
        read(tmp_path)
