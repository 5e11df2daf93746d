import pickle
import zipfile

import numpy as np
import pytest
from dataset_trees import crop, pack, photographs_tree

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.faces import gather
from trainer.datasets.photographs import read


@pytest.fixture
def tree(tmp_path):
    return photographs_tree(tmp_path / "faces")


def add(tree, row):
    table = tree / "labels.csv"
    table.write_text(table.read_text() + row + "\n")


@pytest.mark.parametrize("packed", [False, True])
def test_photographs(tree, tmp_path, packed):
    found = read(pack(tree, tmp_path / "faces.zip") if packed else tree)
    assert not found.cropped
    assert [s.name for s in found.samples[:2]] == ["Some_Body_0000.jpg", "Some_Body_0001.jpg"]
    assert [EXPRESSIONS[s.label] for s in found.samples[:2]] == ["happiness", "neutral"]
    assert len({s.subject for s in found.samples}) == 3
    assert {s.part for s in found.samples} == {""}
    faces = gather("faces", "all", found.samples, found, 16, crop=crop)
    assert faces.images.shape == (6, 16, 16)
    assert faces.subjects[5] == "Some_Body_2"


def test_a_sample_survives_pickling(tree, tmp_path):
    sample = read(pack(tree, tmp_path / "faces.zip")).samples[3]
    again = pickle.loads(pickle.dumps(sample))  # noqa: S301  (our own bytes)
    assert np.array_equal(again.picture(), sample.picture())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Some_Body_0000.jpg,x,neutral", "line 8: Some_Body_0000.jpg is listed twice"),
        ("gone.jpg,x,neutral", "gone.jpg is not beside the table"),
        ("../secret.jpg,x,neutral", "expected a plain picture's file name"),
        ("labels.csv,x,neutral", "expected a plain picture's file name"),
        ("new.jpg,,neutral", "new.jpg has no identity"),
        ("new.jpg,x,bored", "expected one of neutral, .* found 'bored'"),
        ("new.jpg,x", "2 columns where there are 3"),
    ],
)
def test_bad_row_stops_or_is_skipped(tree, row, message):
    (tree / "new.jpg").write_bytes(b"never read")
    add(tree, row)
    with pytest.raises(DataError, match=message) as caught:
        read(tree)
    assert "labels.csv" in str(caught.value)
    found = read(tree, skip_bad=True)
    assert len(found.samples) == 6
    assert len(found.skipped) == 1


def test_a_link_is_refused(tree, tmp_path):
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(b"x")
    (tree / "link.jpg").symlink_to(outside)
    add(tree, "link.jpg,x,neutral")
    with pytest.raises(DataError, match=r"link\.jpg leads through a link"):
        read(tree)


def test_another_layout(tree, tmp_path):
    with pytest.raises(DataError, match=r"expected one labels\.csv with the pictures"):
        read(photographs_tree(tree / "again").parent)
    (tree / "again" / "labels.csv").unlink()
    (tree / "labels.csv").write_text("file,who\n")
    with pytest.raises(DataError, match="another header: expected image,identity,expression"):
        read(tree)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(DataError, match="found nothing"):
        read(tmp_path / "empty.zip")


def test_the_shared_photographs(shared):
    found = read(shared("data/faces.zip"))
    assert len({s.subject for s in found.samples}) > 1
    assert found.samples[0].picture().shape[2] == 3
