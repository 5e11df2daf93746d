import pickle
import re
from datetime import date

import numpy as np
import pytest
from dataset_trees import crop, drawing, save
from dataset_trees_b import cells, save_mat, wiki_struct

from ferdesk.core.errors import DataError
from trainer.datasets import DATASETS
from trainer.datasets.base import DROPPED
from trainer.datasets.faces import gather
from trainer.datasets.imdbwiki import read

pytest.importorskip("scipy")

NAN, INF = float("nan"), float("inf")


def day(year, month, number):
    """MATLAB's datenum."""
    return date(year, month, number).toordinal() + 366


ROWS = [
    # full_path, dob, photo_taken, gender, name, face_score, second_face_score
    ("01/10001_1980-07-01_2010.jpg", day(1980, 7, 1), 2010, 1, "Ada", 3.5, NAN),
    ("02/10002_1990-01-01_2000.jpg", day(1990, 1, 1), 2000, 0, "", 2.0, NAN),
    ("02/10003.jpg", day(1980, 7, 1), 2010, 1, "No Face", -INF, NAN),
    ("02/10004.jpg", day(1980, 7, 1), 2010, 1, "Two Faces", 3.0, 1.5),
    ("02/10005.jpg", day(1980, 7, 1), 2010, NAN, "No Gender", 3.0, NAN),
    ("02/10006.jpg", day(1880, 7, 1), 2010, 1, "Too Old", 3.0, NAN),
    ("02/10007.jpg", day(2012, 7, 1), 2010, 1, "Unborn", 3.0, NAN),
    ("02/10008.jpg", NAN, 2010, 1, "No Birthday", 3.0, NAN),
    ("02/10009.jpg", day(1980, 7, 1), 0, 1, "No Year", 3.0, NAN),
]
LEFT = (
    "9 rows, left out 1 without a face, 1 with a second face, 1 without a gender, "
    "4 with no age or one outside 0 to 100"
)


def make(folder, rows=ROWS, set_name="wiki", **more):
    for place, row in enumerate(rows):
        if re.fullmatch(r"\d\d/\w[\w-]*\.jpg", row[0]):
            save(folder / row[0], drawing(place, 40))
    return save_mat(folder / f"{set_name}.mat", {set_name: wiki_struct(rows, **more)})


def test_age_gender_and_name(tmp_path):
    make(tmp_path / "wiki_crop")
    table = read(tmp_path / "wiki_crop")
    assert table.layout == f"wiki, crops: {LEFT}"
    assert (len(table.samples), table.cropped, table.skipped) == (2, True, ())
    assert DATASETS.get("imdbwiki").read is read
    ada, other = table.samples
    assert (ada.name, ada.subject, ada.gender, ada.label) == (
        "wiki/01/10001_1980-07-01_2010.jpg",
        "Ada",
        1,
        DROPPED,
    )
    assert (other.subject, other.gender) == ("", 0)
    assert ada.age == pytest.approx(30, abs=0.01)
    assert other.age == pytest.approx(10.5, abs=0.01)
    assert pickle.loads(pickle.dumps(ada)).picture().shape == (40, 40, 3)  # noqa: S301
    faces = gather("imdbwiki", "all", table.samples, table, 24)
    assert faces.gender.tolist() == [1, 0]
    assert faces.age == pytest.approx([30, 10.5], abs=0.01)


def test_both_sets_and_whole_pictures(tmp_path):
    make(tmp_path / "imdb_crop", ROWS[:1], "imdb")
    make(tmp_path / "wiki_crop")
    make(tmp_path / "imdb", ROWS[:2], "imdb")
    table = read(tmp_path)
    assert [s.name[:5] for s in table.samples] == ["imdb/", "wiki/", "wiki/"]
    assert table.layout.startswith("imdb, crops: 1 rows, left out 0 without a face, ")
    assert f"; wiki, crops: {LEFT}" in table.layout
    whole = read(tmp_path / "imdb" / "imdb.mat")
    assert (len(whole.samples), whole.cropped) == (2, False)
    assert gather("imdbwiki", "", whole.samples, whole, 16, crop=crop).images.shape == (2, 16, 16)


def test_people_by_number(tmp_path):
    more = {"celeb_names": cells(["Zoe", "Max"]), "celeb_id": np.array([[1.0, 2.0]])}
    make(tmp_path, ROWS[:2], "imdb", **more)
    assert [s.subject for s in read(tmp_path).samples] == ["Ada", "Max"]


def test_wrong_layout(tmp_path):
    (tmp_path / "00").mkdir()
    with pytest.raises(DataError, match=r"expected imdb\.mat or wiki\.mat.*found 00\."):
        read(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"neither imdb\.mat nor wiki\.mat"):
        read(save_mat(tmp_path / "other.mat", {"x": 1}))
    with pytest.raises(DataError, match=r"wiki\.mat has no struct wiki"):
        read(save_mat(tmp_path / "wiki.mat", {"imdb": wiki_struct(ROWS)}))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"dob": np.zeros((1, 3))}, r"expected dob of 2 numbers; found \(1, 3\)"),
        ({"gender": "male"}, "expected gender of 2 numbers; found none"),
        ({"full_path": "01/a.jpg"}, "full_path to be a cell array"),
        ({"name": cells(["Ada"])}, "expected 2 names; found 1"),
        ({"name": np.zeros((1, 2))}, "name to be a cell array"),
        ({"celeb_id": np.zeros((2, 2))}, "expected celeb_id of 2 numbers"),
    ],
)
def test_field_of_another_shape(tmp_path, more, message):
    make(tmp_path, ROWS[:2], **more)
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path)
    assert "wiki.mat" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("../../etc/passwd.jpg", *ROWS[0][1:]), "row 2: full_path '../../etc/passwd.jpg' is not"),
        (("/etc/passwd.jpg", *ROWS[0][1:]), "row 2: full_path"),
        (("01/../a.jpg", *ROWS[0][1:]), "row 2: full_path"),
        (("01/..\\a.jpg", *ROWS[0][1:]), "row 2: full_path"),
        (("01/a.mat", *ROWS[0][1:]), "row 2: full_path"),
        ((ROWS[0][0], *ROWS[1][1:]), "row 2: 01/10001_1980-07-01_2010.jpg is listed twice"),
        ((ROWS[1][0], *ROWS[1][1:3], 2, *ROWS[1][4:]), "row 2: gender is 2, not 0 or 1"),
    ],
)
def test_bad_row_stops_or_is_skipped(tmp_path, row, message):
    make(tmp_path / "wiki_crop", [ROWS[0], row, ROWS[1]][: 2 if row[0] == ROWS[1][0] else 3])
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)
    assert len(read(tmp_path, skip_bad=True).skipped) == 1


def test_picture_that_is_missing_or_leads_elsewhere(tmp_path):
    make(tmp_path / "wiki_crop", ROWS[:2])
    first, second = read(tmp_path).samples
    place = tmp_path / "wiki_crop" / ROWS[0][0]
    secret = save(tmp_path / "secret.jpg", drawing(1, 40))
    place.unlink()
    with pytest.raises(DataError, match="No such file"):
        first.picture()
    place.symlink_to(secret)
    with pytest.raises(DataError, match="leads out of"):
        first.picture()
    assert second.picture().shape == (40, 40, 3)
