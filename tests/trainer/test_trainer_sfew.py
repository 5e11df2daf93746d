import pickle
import shutil

import pytest
from dataset_trees import crop, drawing, pack, save
from dataset_trees_b import SFEW, sfew_parts

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets import DATASETS
from trainer.datasets.base import DROPPED
from trainer.datasets.faces import gather
from trainer.datasets.sfew import read


@pytest.fixture
def root(tmp_path):
    return sfew_parts(tmp_path / "sfew")


def test_whole_pictures(root):
    table = read(root)
    assert (table.layout, table.cropped, len(table.samples)) == ("whole pictures", False, 28)
    assert DATASETS.get("sfew").read is read
    assert [s.part for s in table.samples] == ["train"] * 14 + ["valid"] * 14
    words = {s.name.split("/")[1]: EXPRESSIONS[s.label] for s in table.samples}
    assert words == dict(
        zip(
            SFEW,
            ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
            strict=True,
        )
    )
    sample = pickle.loads(pickle.dumps(table.samples[0]))  # noqa: S301
    assert sample.name == "Train/Angry/Film0_000000.png"
    assert sample.picture().shape == (40, 40, 3)
    valid = [s for s in table.samples if s.part == "valid"]
    assert gather("sfew", "valid", valid, table, 16, crop=crop).images.shape == (14, 16, 16)


@pytest.mark.parametrize(
    "folders",
    [
        ("Train_Aligned_Faces", "Val_Aligned_Faces"),
        ("Train_Aligned_Faces", "Val_Aligned_Faces_new"),
        ("Train/Train_Aligned_Faces", "Val/Val_Aligned_Faces"),
    ],
)
def test_aligned_faces(tmp_path, folders):
    table = read(sfew_parts(tmp_path / "sfew", folders))
    assert (table.layout, table.cropped, len(table.samples)) == ("aligned faces", True, 28)
    assert table.samples[-1].name.startswith(f"{folders[1]}/Surprise/")


def test_whole_pictures_win(root):
    sfew_parts(root, ("Train_Aligned_Faces", "Train/Train_Aligned_Faces"))
    table = read(root)
    assert (table.cropped, len(table.samples)) == (False, 28)


def test_test_part_has_no_labels(root):
    for number in range(3):
        save(root / "Test" / f"Film9_{number}.png", drawing(number, 40))
    samples = [s for s in read(root).samples if s.part == "test"]
    assert [s.label for s in samples] == [DROPPED] * 3


def test_zip(root, tmp_path):
    table = read(pack(root, tmp_path / "s.zip"))
    assert [s.name for s in table.samples] == [s.name for s in read(root).samples]


def test_wrong_layout(tmp_path):
    (tmp_path / "Train").mkdir()
    (tmp_path / "train.txt").write_text("x")
    with pytest.raises(DataError, match=r"expected Train and Val.*found Train, train\.txt\."):
        read(tmp_path)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("Train/Sad/Film0_000050.png", "Train/Bored/a.png", "no expression's folder: Bored"),
        ("Train/Sad/Film0_000050.png", "Train/a.png", "no expression's folder: none"),
        ("Train/Sad/Film0_000050.png", "Val/Sad/Film0_000050.png", "is in two parts: .*Train/Sad"),
    ],
)
def test_misplaced_picture_stops_or_is_skipped(root, source, target, message):
    (root / target).parent.mkdir(exist_ok=True)
    shutil.copy(root / source, root / target)
    with pytest.raises(DataError, match=message) as caught:
        read(root)
    assert "\n" not in str(caught.value)
    table = read(root, skip_bad=True)
    assert (len(table.samples), len(table.skipped)) == (28, 1)
