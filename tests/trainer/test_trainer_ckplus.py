import pickle

import cv2
import numpy as np
import pytest
from dataset_trees import (
    CK_EMOTIONS,
    ck48_tree,
    ck_sequence,
    ckplus_tree,
    crop,
    drawing,
    pack,
    save,
)

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DROPPED
from trainer.datasets.ckplus import read
from trainer.datasets.faces import app_crop, gather


@pytest.fixture
def tree(tmp_path):
    return ckplus_tree(tmp_path / "ck", subjects=2)


@pytest.fixture
def small(tmp_path):
    """One sequence of surprise."""
    ck_sequence(tmp_path / "ck", "S005", "001", 7, facs="")
    return tmp_path / "ck"


def code(root, kind):
    return next(root.rglob(f"*_{kind}.txt"))


def test_official_trees(tree):
    found = read(tree)
    assert not found.cropped
    assert found.layout == "official, with FACS codes"
    assert len(found.samples) == 2 * 8 * 5
    anger = [s for s in found.samples if s.sequence == "S001_001"]
    assert [s.frame for s in anger] == [0, 1, 2, 3, 4]
    assert {(s.subject, s.frames, EXPRESSIONS[s.label]) for s in anger} == {("S001", 5, "anger")}
    assert [dict(s.aus) for s in anger] == [{}] * 4 + [{1: 1.0, 25: 0.6}]
    words = {EXPRESSIONS[s.label] for s in found.samples if s.label != DROPPED}
    assert words == set(EXPRESSIONS) - {"neutral"}
    unlabelled = [s for s in found.samples if s.sequence == "S002_008"]
    assert {s.label for s in unlabelled} == {DROPPED}
    assert unlabelled[-1].aus


@pytest.mark.parametrize("packed", [False, True])
def test_trees_as_the_download_names_them(tmp_path, packed):
    names = ("Emotion_labels/Emotion", "FACS_labels/FACS")
    root = ckplus_tree(tmp_path / "ck", subjects=1, names=names)
    found = read(pack(root, tmp_path / "ck.zip") if packed else root)
    assert len(found.samples) == 40
    assert sum(bool(s.aus) for s in found.samples) == 8
    image = found.samples[0].picture()
    assert image.shape == (64, 64, 3)
    assert np.array_equal(image[:, :, 0], drawing(10_101, 64))


def test_faces_are_cut_out(tree):
    found = read(tree)
    faces = gather("ckplus", "all", found.samples[:3], found, 16, crop=crop)
    assert faces.images.shape == (3, 16, 16)
    assert faces.subjects == ("S001",) * 3


def test_a_sample_survives_pickling(tree, tmp_path):
    for where in (tree, pack(tree, tmp_path / "ck.zip")):
        sample = read(where).samples[4]
        again = pickle.loads(pickle.dumps(sample))  # noqa: S301  (our own bytes)
        assert again.aus == sample.aus
        assert np.array_equal(again.picture(), sample.picture())


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("emotion", "9\n", "expected one number of 0..7, found 9"),
        ("emotion", "2.5\n", "found 2.5"),
        ("emotion", "1 2\n", "found 1 2"),
        ("emotion", "\n", "found nothing"),
        ("emotion", "nan\n", "found nan"),
        ("emotion", "happy\n", "is no text of numbers"),
        ("emotion", "1" * 20_000, "larger than 10,000 bytes"),
        ("facs", "1 2 3\n", "expected an action unit and an intensity of 0..5, found 1 2 3"),
        ("facs", "1 6\n", "found 1 6"),
        ("facs", "0 1\n", "found 0 1"),
        ("facs", "1.5 1\n", "found 1.5 1"),
        ("facs", "4 nan\n", "found 4 nan"),
        ("facs", "4 x\n", "is no text of numbers"),
    ],
)
def test_bad_codes_stop_or_are_skipped(tree, kind, text, message):
    file = code(tree, kind)
    file.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read(tree)
    assert file.name in str(caught.value)
    found = read(tree, skip_bad=True)
    assert len(found.samples) == 80
    assert len(found.skipped) == 1


def test_intensities(small):
    code(small, "facs").write_text("1 0\n2 1\n4 2.5\n5 5\n4 1\n")
    assert read(small).samples[-1].aus == {1: 1.0, 2: 0.2, 4: 0.5, 5: 1.0}


def test_neutral_has_a_number_too(small):
    code(small, "emotion").write_text("0\n")
    assert {s.label for s in read(small).samples} == {0}


def test_codes_of_no_frames_or_twice(small):
    emotion = code(small, "emotion")
    other = emotion.with_name("S005_002_00000005_emotion.txt")
    other.write_text("1\n")
    with pytest.raises(DataError, match="there are no frames of S005_002"):
        read(small)
    other.rename(emotion.with_name("S005_001_00000004_emotion.txt"))
    with pytest.raises(DataError, match="S005_001 has another emotion file too"):
        read(small)


def test_frames_without_emotions(small):
    code(small, "emotion").unlink()
    with pytest.raises(DataError, match="has frames but no emotions: expected a tree"):
        read(small)


def test_without_facs(small):
    code(small, "facs").unlink()
    assert read(small).layout == "official, without FACS codes"


def test_frames_elsewhere_or_twice(small):
    save(small / "more" / "S005" / "002" / "S005_001_00000001.png", drawing(1))
    save(small / "readme.png", drawing(2))
    save(small / "more" / "S005" / "001" / "S005_001_00000001.png", drawing(3))
    with pytest.raises(DataError, match="is there twice: also"):
        read(small)
    assert len(read(small, skip_bad=True).skipped) == 3
    (small / "more" / "S005" / "001" / "S005_001_00000001.png").unlink()
    with pytest.raises(DataError, match=r"S005_001_00000001\.png is not where CK\+ has frames"):
        read(small)


def test_ck48(tmp_path):
    root = ck48_tree(tmp_path / "CK+48", subjects=2)
    found = read(root)
    assert found.cropped
    assert len(found.samples) == 2 * 7 * 3
    happy = [s for s in found.samples if s.sequence == "S002_005"]
    assert [s.frame for s in happy] == [0, 1, 2]
    assert {(s.subject, s.frames, EXPRESSIONS[s.label]) for s in happy} == {
        ("S002", 3, "happiness")
    }
    assert found.samples[0].picture().shape == (48, 48, 3)
    assert len(CK_EMOTIONS) == len({s.label for s in found.samples})
    assert len(read(pack(root, tmp_path / "ck48.zip")).samples) == len(found.samples)


def test_ck48_that_is_odd(tmp_path):
    root = ck48_tree(tmp_path / "CK+48", subjects=2)
    save(root / "fear" / "face.png", drawing(1))
    save(root / "sadness" / "S001_001_00000015.png", drawing(2))
    save(root / "sadness" / "S001_001_00000018.png", drawing(3))
    with pytest.raises(DataError, match=r"face\.png is not where CK\+48 has faces"):
        read(root)
    found = read(root, skip_bad=True)
    assert len(found.samples) == 42
    assert "S001_001_00000015.png is there twice" in found.skipped[1]
    assert "S001_001 lies under anger too" in found.skipped[2]


def test_another_layout(tmp_path):
    save(tmp_path / "x" / "face.png", drawing(1))
    with pytest.raises(DataError, match=r"not laid out like CK\+: expected .* found face\.png"):
        read(tmp_path / "x")


def test_real_photographs_are_cropped_as_the_app_crops(
    tree, shared, landmarker_folder, monkeypatch
):
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    photograph = shared("media/single_face.jpg")
    frame = next(tree.rglob("S001_001_00000005.png"))
    save(frame, cv2.imread(str(photograph)))
    found = read(tree)
    sample = next(s for s in found.samples if s.name.endswith(frame.name))
    faces = gather("ckplus", "all", [sample], found, 48)
    assert faces.images.shape == (1, 48, 48)
    assert faces.images.std() > 10
    empty = next(s for s in found.samples if s is not sample)
    with pytest.raises(DataError, match="no face found in it"):
        gather("ckplus", "all", [empty], found, 48, crop=app_crop(48))
