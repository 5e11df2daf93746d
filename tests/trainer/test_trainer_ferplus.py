import shutil
import zipfile

import cv2
import numpy as np
import pytest
from trainer_tree import COUNTS, zip_tree

from ferdesk.core.errors import DataError
from trainer.datasets import ferplus
from trainer.datasets.ferplus import load


@pytest.fixture
def copy(tree, tmp_path):
    return shutil.copytree(tree, tmp_path / "ferplus")


def table(root, part="FER2013Train"):
    return root / part / "label.csv"


def replace_row(root, index, text):
    lines = table(root).read_text().splitlines()
    lines[index] = text
    table(root).write_text("\n".join(lines) + "\n")


def row_with(name, votes):
    return f'{name},"(0, 0, 48, 48)",{votes}'


def same(one, other):
    return (
        np.array_equal(one.images, other.images)
        and np.array_equal(one.votes, other.votes)
        and one.names == other.names
    )


def test_folder(tree):
    data = load(tree, "train")
    assert data.images.shape == (COUNTS["train"], 48, 48)
    assert data.images.dtype == data.votes.dtype == np.uint8
    assert data.votes.sum(axis=1).tolist() == [10] * COUNTS["train"]
    assert data.skipped == ()
    first = cv2.imread(str(tree / "FER2013Train" / data.names[0]), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(data.images[0], first)


@pytest.mark.parametrize("prefix", ["", "some/where/"])
def test_zip(tree, tmp_path, prefix):
    zip_tree(tree, tmp_path / "all.zip", prefix)
    for part in ("train", "valid"):
        assert same(load(tmp_path / "all.zip", part), load(tree, part))


def test_one_part_folder(tree):
    assert same(load(tree / "FER2013Valid", "valid"), load(tree, "valid"))


def test_folder_of_zips_with_unrelated_ones_among_them(tree, tmp_path):
    for name in ("FER2013Train", "FER2013Valid"):
        zip_tree(tree / name, tmp_path / f"{name}.zip", f"{name}/")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("faces/a.txt", "x")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 nothing")
    for part in ("train", "valid"):
        assert same(load(tmp_path, part), load(tree, part))


def test_missing_folder(tmp_path):
    with pytest.raises(DataError, match="nowhere does not exist"):
        load(tmp_path / "nowhere", "train")


def test_wrong_layout_says_what_was_expected_and_found(tmp_path):
    (tmp_path / "angry").mkdir()
    with pytest.raises(DataError, match=r"expected FER2013Train.*found angry"):
        load(tmp_path, "train")


def test_missing_part_says_what_is_there(tree):
    with pytest.raises(DataError, match="no FER2013Test: found only FER2013Train, FER2013Valid"):
        load(tree, "test")


def test_part_that_lies_twice(copy):
    zip_tree(copy / "FER2013Train", copy / "more.zip", "FER2013Train/")
    with pytest.raises(DataError, match="FER2013Train is there twice"):
        load(copy, "train")


def test_not_a_zip(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"hello")
    with pytest.raises(DataError, match=r"Cannot open .*x\.zip as a zip"):
        load(tmp_path / "x.zip", "train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fer0000003.png,box,1,2", "line 4: 4 columns where FER\\+ has 12"),
        (row_with("fer0000003.png", "0,0,0,0,0,0,0,0,0,0"), "line 4 .*nobody voted"),
        (row_with("fer0000003.png", "-1,0,0,0,0,0,0,0,11,0"), "must lie in 0..255"),
        (row_with("fer0000003.png", "0,0,0,999,0,0,0,0,0,0"), "must lie in 0..255"),
        (row_with("fer0000003.png", "ten,0,0,0,0,0,0,0,0,0"), "whole numbers"),
        (row_with("../secret.png", "10,0,0,0,0,0,0,0,0,0"), "not a plain PNG file name"),
        (row_with("fer0000002.png", "10,0,0,0,0,0,0,0,0,0"), "listed twice"),
        (row_with("fer0000040.png", "10,0,0,0,0,0,0,0,0,0"), "listed in FER2013Valid too"),
        (row_with("fer0009999.png", "10,0,0,0,0,0,0,0,0,0"), "fer0009999.png: No such file"),
    ],
)
def test_bad_row_stops_or_is_skipped(copy, text, message):
    replace_row(copy, 3, text)
    with pytest.raises(DataError, match=message) as caught:
        load(copy, "train")
    assert "\n" not in str(caught.value)
    data = load(copy, "train", skip_bad=True)
    assert len(data.names) == COUNTS["train"] - 1
    assert len(data.skipped) == 1


def test_votes_need_not_sum_to_ten(copy):
    replace_row(copy, 3, row_with("fer0000003.png", "4,0,0,5,0,0,0,0,0,0"))
    assert load(copy, "train").votes[3].sum() == 9


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((48, 47), np.uint8), r"not 48 x 48 8-bit grey \(47 x 48\)"),
        (np.zeros((48, 48, 3), np.uint8), "not 48 x 48 8-bit grey"),
        (np.zeros((48, 48), np.uint16), "not 48 x 48 8-bit grey"),
    ],
)
def test_image_of_another_kind(copy, image, message):
    cv2.imwrite(str(copy / "FER2013Train" / "fer0000005.png"), image)
    with pytest.raises(DataError, match=message):
        load(copy, "train")
    assert len(load(copy, "train", skip_bad=True).skipped) == 1


def test_image_that_is_none(copy):
    path = copy / "FER2013Train" / "fer0000005.png"
    whole = path.read_bytes()
    for content, message in (
        (b"", "not a PNG"),
        (b"GIF89a" + bytes(60), "not a PNG"),
        (whole[:40], "cannot be decoded"),
        (bytes(200_000), "larger than 65,536 bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"fer0000005.png.*{message}"):
            load(copy, "train")


def test_bomb_in_a_zip_is_not_unpacked(copy, tmp_path):
    (copy / "FER2013Train" / "fer0000005.png").write_bytes(bytes(20_000_000))
    zip_tree(copy, tmp_path / "bomb.zip")
    with pytest.raises(DataError, match="larger than 65,536 bytes"):
        load(tmp_path / "bomb.zip", "train")


def test_damaged_member(tree, tmp_path):
    path = tmp_path / "all.zip"
    zip_tree(tree, path)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("FER2013Train/fer0000004.png")
    data = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start + 10 : start + 60] = bytes(50)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"all\.zip:FER2013Train/fer0000004\.png"):
        load(path, "train")


def test_too_large_a_table(copy, monkeypatch):
    monkeypatch.setattr(ferplus, "_MAX_CSV_BYTES", 100)
    with pytest.raises(DataError, match=r"label\.csv is larger than 100 bytes"):
        load(copy, "train")


def test_table_that_is_no_text(copy):
    table(copy).write_bytes(b"\xff\xfe\x00fer")
    with pytest.raises(DataError, match=r"label\.csv is not a CSV table"):
        load(copy, "train")


def test_empty_table(copy):
    table(copy).write_text("")
    with pytest.raises(DataError, match="lists no usable image"):
        load(copy, "train")
