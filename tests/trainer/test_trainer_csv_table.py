import math
import pickle

import numpy as np
import pytest
from dataset_trees import crop, drawing, own_table

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS, FERPLUS_VOTES
from trainer.datasets.base import DROPPED
from trainer.datasets.faces import gather, load_faces
from trainer.datasets.table import read

EIGHT = ",".join(EXPRESSIONS)
TEN = ",".join(FERPLUS_VOTES)


def test_labels(tmp_path):
    path = own_table(
        tmp_path, "path,label", "sub/a0.png,happiness", "sub/a1.png,Sad", "sub/a2.png,"
    )
    found = read(path)
    assert not found.cropped
    assert found.layout == "a table with labels"
    assert [s.name for s in found.samples] == ["sub/a0.png", "sub/a1.png", "sub/a2.png"]
    assert [s.label for s in found.samples] == [1, 3, DROPPED]
    assert {(s.subject, s.part, s.fold, s.gender) for s in found.samples} == {("", "", -1, -1)}
    assert math.isnan(found.samples[0].age)
    assert read(tmp_path).samples[0].name == "sub/a0.png"
    faces = gather("csv", "all", found.samples, found, 16, crop=crop)
    assert np.array_equal(faces.images[1], drawing(1)[:16, :16])


def test_everything(tmp_path):
    header = "Path, Label ,subject,part,fold,AU1,AU04,gender,age,cropped"
    found = read(
        own_table(
            tmp_path,
            header,
            "sub/a0.png,anger,ann,train,0,1,0.5,woman,31.5,1",
            "sub/a1.png,fear,bob,VALID,1,0,,1,,1",
        )
    )
    assert found.cropped
    ann, bob = found.samples
    assert (ann.subject, ann.part, ann.fold, ann.gender, ann.age) == ("ann", "train", 0, 0, 31.5)
    assert dict(ann.aus) == {1: 1.0, 4: 0.5}
    assert (bob.part, bob.gender, dict(bob.aus)) == ("valid", 1, {1: 0.0})
    assert math.isnan(bob.age)


@pytest.mark.parametrize("columns", [EIGHT, TEN])
def test_votes(tmp_path, columns):
    tail = ",0" * (len(columns.split(",")) - 8)
    path = own_table(
        tmp_path,
        f"part,{columns},path,cropped",
        f"train,2,7,1,0,0,0,0,0{tail},sub/a0.png,1",
        f"train,0,0,0,4,4,0,0,2{tail},sub/a1.png,1",
    )
    found = read(path)
    assert found.samples[0].votes == (2, 7, 1, 0, 0, 0, 0, 0, 0, 0)
    assert [s.label for s in found.samples] == [1, 3]
    faces = load_faces("csv", path, "train", 48)
    assert faces.labels.tolist() == [1, 3]
    assert faces.votes is not None
    assert faces.votes.shape == (2, 10)


def test_votes_for_no_face(tmp_path):
    path = own_table(tmp_path, f"path,{TEN}", "sub/a0.png,1,0,0,0,0,0,0,0,0,9")
    assert read(path).samples[0].label == DROPPED


def test_a_sample_survives_pickling(tmp_path):
    sample = read(own_table(tmp_path, "path,label", "sub/a2.png,fear")).samples[0]
    again = pickle.loads(pickle.dumps(sample))  # noqa: S301  (our own bytes)
    assert np.array_equal(again.picture()[:, :, 0], drawing(2))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("path", "expected either a column label or columns of votes"),
        (f"path,label,{EIGHT}", "expected either a column label or columns of votes"),
        ("label", "has no column path; found label"),
        ("path,label,label", "column 'label' is there twice"),
        ("path,label,AU1,AU01", "column AU1 is there twice"),
        ("path,label,AU46", "unknown column 'au46'"),
        ("path,lable", "unknown column 'lable'; expected path, label"),
        ("path;label", "unknown column 'path;label'"),
        ("path,neutral,fear", "missing happiness, surprise"),
        (f"path,{EIGHT},unknown", "missing not-a-face"),
    ],
)
def test_bad_header(tmp_path, header, message):
    with pytest.raises(DataError, match=message) as caught:
        read(own_table(tmp_path, header, "sub/a0.png,fear"), skip_bad=True)
    assert "my.csv" in str(caught.value)


ROW = "path,label,subject,part,fold,AU1,gender,age,cropped"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("../my.png,fear,,train,0,,,,0", "is no plain path: expected one below the table's"),
        ("sub/../../x.png,fear,,train,0,,,,0", "no plain path"),
        ("/etc/x.png,fear,,train,0,,,,0", "no plain path"),
        ("C:/x.png,fear,,train,0,,,,0", "no plain path"),
        ("sub\\a1.png,fear,,train,0,,,,0", "no plain path"),
        ("sub//a1.png,fear,,train,0,,,,0", "no plain path"),
        ("sub/gone.png,fear,,train,0,,,,0", "sub/gone.png is not there"),
        ("sub/link.png,fear,,train,0,,,,0", "leads through a link"),
        ("tunnel/out.png,fear,,train,0,,,,0", "leads through a link"),
        ("my.csv,fear,,train,0,,,,0", "expected a picture's path, found 'my.csv'"),
        ("sub/a0.png,fear,,train,0,,,,0", "sub/a0.png is listed twice"),
        ("sub/a1.png,bored,,train,0,,,,0", "label must be one of neutral, .* found 'bored'"),
        ("sub/a1.png,fear,,,0,,,,0", "part must be one of train, valid, test, found ''"),
        ("sub/a1.png,fear,,secret,0,,,,0", "found 'secret'"),
        ("sub/a1.png,fear,,train,-1,,,,0", "fold must be a whole number of 0..999, found '-1'"),
        ("sub/a1.png,fear,,train,,,,,0", "fold must be a whole number"),
        ("sub/a1.png,fear,,train,0,2,,,0", "AU1 must lie in 0..1, found '2'"),
        ("sub/a1.png,fear,,train,0,nan,,,0", "AU1 must lie in 0..1, found 'nan'"),
        ("sub/a1.png,fear,,train,0,x,,,0", "AU1 must be a number, found 'x'"),
        ("sub/a1.png,fear,,train,0,,cat,,0", "gender must be woman, man, 0 or 1, found 'cat'"),
        ("sub/a1.png,fear,,train,0,,,200,0", "age must lie in 0..130"),
        ("sub/a1.png,fear,,train,0,,,,yes", "cropped must be 0 or 1, found 'yes'"),
        ("sub/a1.png,fear,,train,0,,,,1", "cropped must be the same in all rows"),
        ("sub/a1.png,fear", "line 3: 2 columns where the header has 9"),
    ],
)
def test_bad_row_stops_or_is_skipped(tmp_path, row, message):
    path = own_table(tmp_path, ROW, "sub/a0.png,fear,,train,0,1,,,0", row)
    outside = tmp_path.parent / f"{tmp_path.name}_outside"
    outside.mkdir()
    (outside / "out.png").write_bytes(b"secret")
    (tmp_path / "sub" / "link.png").symlink_to(outside / "out.png")
    (tmp_path / "tunnel").symlink_to(outside)
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert "my.csv, line 3" in str(caught.value)
    assert "\n" not in str(caught.value)
    found = read(path, skip_bad=True)
    assert len(found.samples) == len(found.skipped) == 1


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ("0,0,0,0,0,0,0,0", "line 2: nobody voted"),
        ("-1,9,0,0,0,0,0,0", "votes must be whole numbers"),
        ("0.5,9,0,0,0,0,0,0", "votes must be whole numbers"),
        (",9,0,0,0,0,0,0", "votes must be whole numbers"),
        ("999,9,0,0,0,0,0,0", "votes must lie in 0..255, found 999"),
        ("99999999999,9,0,0,0,0,0,0", "votes must be whole numbers"),
    ],
)
def test_bad_votes(tmp_path, votes, message):
    with pytest.raises(DataError, match=message):
        read(own_table(tmp_path, f"path,{EIGHT}", f"sub/a0.png,{votes}"))


def test_no_table(tmp_path):
    with pytest.raises(DataError, match="expected a CSV table, or a folder with one; found none"):
        read(tmp_path)
    own_table(tmp_path, "path,label", "sub/a0.png,fear")
    (tmp_path / "other.csv").write_text("path,label\n")
    with pytest.raises(DataError, match=r"found my\.csv, other\.csv"):
        read(tmp_path)
    with pytest.raises(DataError, match="has no usable picture"):
        read(tmp_path / "other.csv")
    with pytest.raises(DataError, match="found none"):
        read(tmp_path / "nowhere.csv")
