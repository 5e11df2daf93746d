import pickle

import pytest
from dataset_trees import crop, pack
from dataset_trees_b import BU4DFE, clip_folders

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets import DATASETS
from trainer.datasets.bu4dfe import read
from trainer.datasets.faces import gather


@pytest.fixture
def root(tmp_path):
    root = clip_folders(tmp_path / "bu4dfe", ("F001", "M043"), BU4DFE, suffix=".jpg")
    (root / "F001" / "Angry" / "000.wrl").write_text("#VRML V2.0 utf8")
    (root / "BU_WrlViewer").mkdir()
    (root / "BU_WrlViewer" / "logo.jpg").write_bytes(b"x")
    return root


def test_pictures_beside_the_scans(root):
    table = read(root)
    assert (len(table.samples), table.cropped) == (2 * 6 * 3, False)
    assert DATASETS.get("bu4dfe").read is read
    assert {s.subject for s in table.samples} == {"F001", "M043"}
    words = {s.sequence.split("/")[1]: EXPRESSIONS[s.label] for s in table.samples}
    assert words == dict(
        zip(
            BU4DFE,
            ("anger", "disgust", "fear", "happiness", "sadness", "surprise"),
            strict=True,
        )
    )
    sample = pickle.loads(pickle.dumps(table.samples[-1]))  # noqa: S301
    assert (sample.sequence, sample.frame, sample.frames) == ("M043/Surprise", 2, 3)
    assert sample.picture().shape == (40, 40, 3)
    assert gather("bu4dfe", "", table.samples, table, 16, crop=crop).images.shape == (36, 16, 16)


def test_zip_and_a_folder_around_it(root, tmp_path):
    names = [s.name for s in read(root).samples]
    assert [s.name for s in read(pack(root, tmp_path / "b.zip")).samples] == names
    outer = tmp_path / "outer"
    outer.mkdir()
    root.rename(outer / "BU4DFE")
    assert [s.name for s in read(outer).samples] == names


def test_wrong_layout(tmp_path):
    (tmp_path / "S001").mkdir()
    (tmp_path / "S002").mkdir()
    with pytest.raises(DataError, match=r"expected F001/Angry/000\.jpg.*found S001, S002\."):
        read(tmp_path)


def test_expression_that_does_not_exist(root):
    (root / "F001" / "Sad").rename(root / "F001" / "Bored")
    with pytest.raises(DataError, match=r"Bored/000\.jpg is no frame.*one of angry, disgust"):
        read(root)
    table = read(root, skip_bad=True)
    assert (len(table.samples), len(table.skipped)) == (33, 3)
