import pickle
import shutil

import cv2
import numpy as np
import pytest
from dataset_trees import (
    CODES,
    drawing,
    fer2013_csv,
    fer2013_folders,
    fer2013_row,
    pack,
    save,
)

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets import listing
from trainer.datasets.faces import gather, load_faces
from trainer.datasets.fer2013 import read
from trainer.datasets.listing import expression


@pytest.fixture
def table(tmp_path):
    return fer2013_csv(tmp_path / "data" / "fer2013.csv")


def add(table, row):
    table.write_text(table.read_text() + row + "\n")


def test_csv(table):
    found = read(table)
    assert found.cropped
    assert [s.part for s in found.samples] == ["train"] * 7 + ["valid"] * 7 + ["test"] * 7
    assert [s.label for s in found.samples[:7]] == [expression(code) for code in CODES]
    assert EXPRESSIONS[found.samples[4].label] == "sadness"
    assert found.samples[20].name == "fer0000020.png"
    image = found.samples[8].picture()
    assert image.dtype == np.uint8
    assert np.array_equal(image, drawing(101))


@pytest.mark.parametrize("packed", [False, True])
def test_the_other_header_in_a_folder_or_a_zip(tmp_path, packed):
    path = fer2013_csv(tmp_path / "all" / "icml_face_data.csv", "emotion, Usage, pixels")
    text = path.read_text().splitlines()
    moved = [",".join((a, c, b)) for a, b, c in (row.split(",") for row in text[1:])]
    path.write_text("\n".join([text[0], *moved]) + "\n")
    where = pack(tmp_path / "all", tmp_path / "all.zip") if packed else tmp_path / "all"
    found = read(where)
    assert len(found.samples) == 21
    assert np.array_equal(found.samples[0].picture(), drawing(0))


def test_faces_of_a_part(table):
    faces = load_faces("fer2013", table, "valid", 48)
    assert faces.images.shape == (7, 48, 48)
    assert np.array_equal(faces.images[3], drawing(103))


def test_a_sample_survives_pickling(table, tmp_path):
    for where in (table, pack(table.parent, tmp_path / "x.zip")):
        sample = read(where).samples[2]
        again = pickle.loads(pickle.dumps(sample))  # noqa: S301  (our own bytes)
        assert again.name == sample.name
        assert np.array_equal(again.picture(), sample.picture())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (fer2013_row(1, 7, "Training"), "line 23: emotion must be 0..6, found '7'"),
        (fer2013_row(1, -1, "Training"), "emotion must be 0..6"),
        (fer2013_row(1, 3, "Secret"), "Usage must be Training, PublicTest .* found 'Secret'"),
        ("3,1 2 3,Training", "line 23: 3 pixels where 48 x 48 are 2,304"),
        ("3," + "256 " * 2304 + ",Training", "must lie in 0..255, found 256"),
        ("3," + "9" * 40 + " 1" * 2303 + ",Training", "must lie in 0..255"),
        ("3," + "-1 " * 2304 + ",Training", "whole numbers"),
        ("3," + "1.5 " * 2304 + ",Training", "whole numbers"),
        ("3,,Training", "whole numbers"),
        ("3,4", "line 23: 2 columns where the header has 3"),
    ],
)
def test_bad_row_stops_or_is_skipped(table, row, message):
    add(table, row)
    with pytest.raises(DataError, match=message) as caught:
        read(table)
    assert "fer2013.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    found = read(table, skip_bad=True)
    assert len(found.samples) == 21
    assert len(found.skipped) == 1


def test_names_count_bad_rows_too(table):
    lines = table.read_text().splitlines()
    lines[1] = "3,1 2 3,Training"
    table.write_text("\n".join(lines) + "\n")
    assert read(table, skip_bad=True).samples[0].name == "fer0000001.png"


def test_tables_that_are_none(table, tmp_path, monkeypatch):
    for text, message in (
        ("", "another header: expected emotion, pixels, usage, found nothing"),
        ("a,b\n1,2\n", "found a, b"),
        ("emotion,pixels,Usage\n", "has no usable picture"),
        ("emotion,pixels,Usage\n3," + "1 " * 60_000 + ",Training\n", "a line of more than"),
    ):
        table.write_text(text)
        with pytest.raises(DataError, match=message):
            read(table)
    table.write_bytes(b"emotion,pixels,Usage\n\xff\xfe\n")
    with pytest.raises(DataError, match="is not a CSV table"):
        read(table)
    fer2013_csv(table)
    monkeypatch.setattr("trainer.datasets.fer2013._MAX_TABLE", 20_000)
    with pytest.raises(DataError, match=r"fer2013\.csv is larger than 20,000 bytes"):
        read(table)


def test_damaged_zip(table, tmp_path):
    path = pack(table.parent, tmp_path / "all.zip")
    data = bytearray(path.read_bytes())
    data[300:400] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"all\.zip:data/fer2013\.csv"):
        read(path)


def test_two_tables(table):
    shutil.copy(table, table.parent / "icml_face_data.csv")
    with pytest.raises(DataError, match=r"the table twice \(fer2013\.csv, icml_face_data\.csv\)"):
        read(table.parent)


@pytest.mark.parametrize("packed", [False, True])
def test_folders(tmp_path, packed):
    root = fer2013_folders(tmp_path / "archive")
    found = read(pack(root, tmp_path / "archive.zip") if packed else root)
    assert len(found.samples) == 28
    assert {s.part for s in found.samples} == {"train", "test"}
    assert "PublicTest and PrivateTest together" in found.layout
    sad = next(s for s in found.samples if s.name.endswith("train/sad/sad_1.png"))
    assert EXPRESSIONS[sad.label] == "sadness"
    faces = gather("fer2013", "train", [sad], found, 48)
    stored = cv2.imread(str(root / "train/sad/sad_1.png"), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(faces.images[0], stored)


@pytest.mark.parametrize("name", ["valid", "validation"])
def test_folders_with_a_valid_part(tmp_path, name):
    found = read(fer2013_folders(tmp_path / "a", ("train", name, "test")))
    assert {s.part for s in found.samples} == {"train", "valid", "test"}
    assert "together" not in found.layout


def test_folders_that_are_odd(tmp_path):
    root = fer2013_folders(tmp_path / "a")
    save(root / "train" / "contempt" / "x.png", drawing(900))
    save(root / "stray.png", drawing(901))
    with pytest.raises(DataError, match=r"stray\.png lies in no class folder"):
        read(root)
    found = read(root, skip_bad=True)
    assert len(found.samples) == 28
    assert len(found.skipped) == 2
    fer2013_folders(root / "copy", ("train",))
    with pytest.raises(DataError, match="has the train part twice"):
        read(root, skip_bad=True)


def test_another_layout(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"not laid out like FER2013: expected .* found notes\.txt"):
        read(tmp_path / "x")
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "nowhere")


def test_huge_picture_is_not_read(tmp_path, monkeypatch):
    root = fer2013_folders(tmp_path / "a", ("train",), each=1)
    monkeypatch.setattr(listing, "MAX_PICTURE_BYTES", 100)
    with pytest.raises(DataError, match="larger than 100 bytes"):
        read(root).samples[0].picture()
