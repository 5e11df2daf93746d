import pickle

import numpy as np
import pytest
from dataset_trees import crop, drawing, jaffe_tree, pack, save

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.faces import gather
from trainer.datasets.jaffe import read


@pytest.fixture
def tree(tmp_path):
    return jaffe_tree(tmp_path / "jaffe")


@pytest.mark.parametrize("packed", [False, True])
def test_pictures(tree, tmp_path, packed):
    (tree / "README").write_text("about")
    found = read(pack(tree, tmp_path / "jaffe.zip") if packed else tree)
    assert not found.cropped
    assert len(found.samples) == 14
    assert {s.subject for s in found.samples} == {"KA", "KL"}
    angry = found.samples[0]
    assert angry.name.endswith("KA.AN1.1.tiff")
    assert [EXPRESSIONS[s.label] for s in found.samples[:7]] == [
        "anger",
        "disgust",
        "fear",
        "happiness",
        "neutral",
        "sadness",
        "surprise",
    ]
    assert np.array_equal(angry.picture()[:, :, 0], drawing(1, 64))


def test_faces_are_cut_out(tree):
    found = read(tree)
    faces = gather("jaffe", "all", found.samples, found, 16, crop=crop)
    assert faces.images.shape == (14, 16, 16)


def test_a_sample_survives_pickling(tree):
    sample = read(tree).samples[3]
    again = pickle.loads(pickle.dumps(sample))  # noqa: S301  (our own bytes)
    assert np.array_equal(again.picture(), sample.picture())


def test_bad_names_stop_or_are_skipped(tree):
    save(tree / "KA.XX1.99.tiff", drawing(99))
    with pytest.raises(DataError, match=r"KA\.XX1\.99\.tiff: expected a name like KA\.AN1\.39"):
        read(tree)
    save(tree / "again" / "KA.AN1.1.tiff", drawing(98))
    found = read(tree, skip_bad=True)
    assert len(found.samples) == 14
    assert len(found.skipped) == 2
    assert "is there twice" in found.skipped[1]


def test_another_layout(tmp_path):
    save(tmp_path / "x" / "face.png", drawing(1))
    with pytest.raises(DataError, match=r"not laid out like JAFFE: expected .* found face\.png"):
        read(tmp_path / "x")


def test_damaged_picture(tree):
    (tree / "KA.AN1.1.tiff").write_bytes(b"II*\0nothing")
    found = read(tree)
    with pytest.raises(DataError, match=r"KA\.AN1\.1\.tiff"):
        gather("jaffe", "all", found.samples, found, 16, crop=crop)
    left = gather("jaffe", "all", found.samples, found, 16, crop=crop, skip_bad=True)
    assert len(left) == 13
    assert len(left.skipped) == 1
