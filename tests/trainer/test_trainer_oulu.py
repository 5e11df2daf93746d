import pickle
import shutil

import cv2
import numpy as np
import pytest
from dataset_trees import crop, pack
from dataset_trees_b import OULU, clip_folders

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets import DATASETS
from trainer.datasets.faces import gather
from trainer.datasets.oulu import read

STRONG = "OriginalImg/VL/Strong"
CROPPED = "PreProcess Img/VL_Acropped/Strong"


@pytest.fixture
def root(tmp_path):
    clip_folders(tmp_path / "oulu" / STRONG, ("P001", "P002"), OULU)
    return tmp_path / "oulu"


def test_frames_of_all_clips(root):
    table = read(root)
    assert (len(table.samples), table.cropped, table.skipped) == (2 * 6 * 3, False, ())
    assert table.layout == "OriginalImg/VL, strong light"
    assert DATASETS.get("oulu").read is read
    first = table.samples[0]
    assert (first.name, first.subject, first.sequence) == (
        "P001/Anger/000.jpeg",
        "P001",
        "P001/Anger",
    )
    assert [s.frame for s in table.samples[:4]] == [0, 1, 2, 0]
    assert {s.frames for s in table.samples} == {3}
    labels = {s.sequence.split("/")[1].lower(): EXPRESSIONS[s.label] for s in table.samples}
    assert labels == {word.lower(): word.lower() for word in OULU}
    whole = cv2.imread(str(root / STRONG / "P001" / "Anger" / "000.jpeg"))
    assert np.array_equal(pickle.loads(pickle.dumps(first)).picture(), whole)  # noqa: S301


@pytest.mark.parametrize("below", ["", "OriginalImg", "OriginalImg/VL", STRONG])
def test_path_may_be_any_of_its_folders(root, below):
    assert [s.name for s in read(root / below).samples] == [s.name for s in read(root).samples]


@pytest.mark.parametrize("folder", [CROPPED, "PreProcess_Img/VL_Acropped/Strong"])
def test_cropped_faces(tmp_path, folder):
    clip_folders(tmp_path / folder, ("P001",), OULU)
    for path in (tmp_path, (tmp_path / folder).parent, tmp_path / folder):
        assert read(path).cropped
    assert gather("oulu", "", read(tmp_path).samples, read(tmp_path), 24).images.shape[1:] == (
        24,
        24,
    )


def test_whole_pictures_are_cropped_by_the_crop_that_is_given(root):
    table = read(root)
    faces = gather("oulu", "all", table.samples, table, 16, crop=crop)
    assert faces.images.shape == (36, 16, 16)
    assert faces.subjects[0] == "P001"


def test_whole_pictures_win_and_other_cameras_and_lights_are_not_read(root):
    for other in (CROPPED, "OriginalImg/VL/Weak", "OriginalImg/NI/Strong"):
        clip_folders(root / other, ("P009",), OULU)
    table = read(root)
    assert not table.cropped
    assert {s.subject for s in table.samples} == {"P001", "P002"}


def test_zip(root, tmp_path):
    names = [s.name for s in read(root).samples]
    table = read(pack(root, tmp_path / "oulu.zip"))
    assert [s.name for s in table.samples] == names
    assert np.array_equal(table.samples[5].picture(), read(root).samples[5].picture())


def test_frames_count_by_number_and_other_files_are_passed_over(tmp_path):
    folder = tmp_path / STRONG / "P001" / "Fear"
    clip_folders(tmp_path / STRONG, ("P001",), ("Fear",), frames=3, first=9)
    (folder / "Thumbs.db").write_bytes(b"x")
    (tmp_path / STRONG / "change_log.txt").write_text("x")
    (folder / "009.jpeg").rename(folder / "9.jpeg")
    assert [s.name[-7:] for s in read(tmp_path).samples] == ["r/9.jpeg"[-7:], "10.jpeg", "11.jpeg"]


def test_wrong_layout_says_what_was_expected_and_found(tmp_path):
    (tmp_path / "NI").mkdir()
    (tmp_path / "VL").mkdir()
    with pytest.raises(DataError, match=r"expected OriginalImg/VL/Strong.*found NI, VL\."):
        read(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "nowhere")


def test_no_frames(tmp_path):
    (tmp_path / STRONG / "P001" / "Anger").mkdir(parents=True)
    with pytest.raises(DataError, match="no usable picture"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("P001/Boredom/000.jpeg", "P001/Boredom/000.jpeg is no frame of a clip: expected P001/"),
        ("P001/Anger/x.jpeg", "is no frame of a clip"),
        ("P001/000.jpeg", "is no frame of a clip"),
        ("P001/Anger/0.png", "is there twice"),
    ],
)
def test_misplaced_frame_stops_or_is_skipped(root, name, message):
    place = root / STRONG / name
    place.parent.mkdir(exist_ok=True)
    shutil.copy(root / STRONG / "P002/Anger/000.jpeg", place)
    with pytest.raises(DataError, match=message) as caught:
        read(root)
    assert "\n" not in str(caught.value)
    table = read(root, skip_bad=True)
    assert (len(table.samples), len(table.skipped)) == (36, 1)


def test_damaged_picture(root):
    (root / STRONG / "P001/Anger/001.jpeg").write_bytes(b"\xff\xd8\xff nothing")
    table = read(root)
    with pytest.raises(DataError, match=r"P001/Anger/001\.jpeg is damaged"):
        gather("oulu", "all", table.samples, table, 16, crop=crop)
    faces = gather("oulu", "all", table.samples, table, 16, crop=crop, skip_bad=True)
    assert (len(faces), len(faces.skipped)) == (35, 1)
