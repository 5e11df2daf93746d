"""Tables of action units: ours, OpenFace 2's and py-feat's, and what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest

from ferdesk.aus.base import au_values
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.errors import DataError, OutputError
from trainer import au_table
from trainer.au_table import OPENFACE, PYFEAT, AuTableWriter, read_au_table

UNITS = (1, 12, 25)


def some_values(smile=0.25, reliable=True):
    return au_values("e", {1: 0.5, 25: 1.0}, {12: (smile, 1.0)}, 0.0, reliable)


def write(path, *names, estimator="e", units=UNITS):
    writer = AuTableWriter(path, estimator, units)
    for name in names:
        writer.write(name, some_values())
    writer.close()


def csv_file(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return path


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "aus.csv"
    writer = AuTableWriter(path, "e", UNITS)
    writer.write("a/1.png", some_values())
    writer.write("nobody.png", None)
    writer.write('odd, "name".png', some_values(0.75, reliable=False))
    writer.close()
    head = path.read_text().splitlines()[0]
    assert head == (
        "image,estimator,reliable,AU01,AU01_left,AU01_right,AU12,AU12_left,AU12_right,AU25"
    )
    table = read_au_table(path)
    assert (table.estimator, len(table)) == ("e", 3)
    assert table.names == ("a/1.png", "nobody.png", 'odd, "name".png')
    assert table.reliable.tolist() == [True, False, False]
    assert table.activation.dtype == np.float32
    smile, brow, chin = AU_INDEX[12], AU_INDEX[1], AU_INDEX[17]
    np.testing.assert_allclose(table.activation[:, smile], [0.625, math.nan, 0.875], atol=1e-4)
    np.testing.assert_allclose(table.left[:, smile], [0.25, math.nan, 0.75], atol=1e-4)
    np.testing.assert_allclose(table.right[[0, 2], smile], 1.0)
    np.testing.assert_allclose(table.activation[[0, 2], brow], 0.5)
    assert np.isnan(table.left[:, brow]).all()
    assert np.isnan(table.activation[:, chin]).all()
    assert np.isnan(table.activation[1]).all()


def test_rows_are_found_by_name(tmp_path):
    write(tmp_path / "aus.csv", "a.png", "b.png")
    table = read_au_table(tmp_path / "aus.csv").at(["b.png", "elsewhere.png", "a.png", "b.png"])
    assert table.names == ("b.png", "elsewhere.png", "a.png", "b.png")
    assert table.reliable.tolist() == [True, False, True, True]
    assert np.isnan(table.activation[1]).all()
    assert table.activation[0, AU_INDEX[25]] == 1


def test_a_writer_goes_on_where_another_was_killed(tmp_path):
    path = tmp_path / "aus.csv"
    write(path, "a.png", "b.png")
    whole = path.read_bytes()
    path.write_bytes(whole + b"c.png,e,1,0.5")
    writer = AuTableWriter(path, "e", UNITS)
    assert writer.done == {"a.png", "b.png"}
    writer.write("c.png", some_values())
    writer.close()
    assert path.read_bytes().startswith(whole)
    assert read_au_table(path).names == ("a.png", "b.png", "c.png")
    path.write_bytes(whole[:20])
    writer = AuTableWriter(path, "e", UNITS)
    assert writer.done == frozenset()
    writer.close()
    writer = AuTableWriter(path, "e", UNITS)
    assert writer.done == frozenset()
    writer.close()
    assert path.read_bytes() == whole[: whole.index(b"\n") + 1]


def test_a_writer_leaves_another_table_alone(tmp_path):
    path = tmp_path / "aus.csv"
    write(path, "a.png")
    before = path.read_bytes()
    with pytest.raises(DataError, match="is of e, not of other"):
        AuTableWriter(path, "other", UNITS)
    with pytest.raises(DataError, match="other columns"):
        AuTableWriter(path, "e", (1, 2))
    assert path.read_bytes() == before
    (tmp_path / "notes.txt").write_text("mine\n")
    with pytest.raises(DataError, match="other columns"):
        AuTableWriter(tmp_path / "notes.txt", "e", UNITS)
    assert (tmp_path / "notes.txt").read_text() == "mine\n"
    with pytest.raises(OutputError):
        AuTableWriter(tmp_path, "e", UNITS)


@pytest.mark.parametrize("name", ["", "two\nlines.png", "x" * 2000])
def test_a_name_that_no_row_can_hold_is_refused(tmp_path, name):
    writer = AuTableWriter(tmp_path / "aus.csv", "e", UNITS)
    with pytest.raises(DataError, match="expected a name"):
        writer.write(name, some_values())
    writer.close()


HEAD = "image,estimator,reliable,AU12,AU12_left,AU12_right\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no table of action units.*found nothing"),
        ("a,b,c\n1,2,3\n", "no table of action units.*found a, b, c"),
        ("image,estimator,reliable\na,e,1\n", "no column of action units"),
        ("image,estimator,reliable,AU12,AU12\n", "'AU12' is there twice"),
        ("image,estimator,reliable,AU99\na,e,1,0\n", "'AU99' is no column"),
        ("image,estimator,reliable,AU25_left\na,e,1,0\n", "'AU25_left' is no column"),
        ("image,estimator,reliable,smile\na,e,1,0\n", "'smile' is no column"),
        (HEAD, "has no rows"),
        (HEAD + "a,e,1,0.5,0.5\n", "line 2: 5 columns"),
        (HEAD + "a,e,1,nan,,\n", "line 2: expected a number of 0..1, found 'nan'"),
        (HEAD + "a,e,1,inf,,\n", "found 'inf'"),
        (HEAD + "a,e,1,1.5,,\n", "found '1.5'"),
        (HEAD + "a,e,1,-0.1,,\n", "found '-0.1'"),
        (HEAD + "a,e,1,much,,\n", "expected a number, found 'much'"),
        (HEAD + "a,e,yes,0,,\n", "expected 0 or 1, found 'yes'"),
        (HEAD + ",e,1,0,,\n", "expected a name"),
        (HEAD + "a,,1,0,,\n", "expected a name"),
        (HEAD + "a,e,1,0,,\na,e,1,0,,\n", "line 3: a is listed twice"),
        (HEAD + "a,e,1,0,,\nb,f,1,0,,\n", "line 3: another estimator"),
        (HEAD + "a" * 200_000 + ",e,1,0,,\n", "a line of more than"),
        ("frame,AU01_r\n1,0.5\n", "has no column confidence, success"),
        ("AU01,AU02\n0,0\n", "has no column input, frame"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        read_au_table(csv_file(tmp_path, text))


def test_a_table_that_is_missing_or_too_long_is_refused(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="No such file"):
        read_au_table(tmp_path / "missing.csv")
    write(tmp_path / "aus.csv", "a", "b", "c")
    monkeypatch.setattr(au_table, "_MAX_ROWS", 2)
    with pytest.raises(DataError, match="line 4: more than 2 rows"):
        read_au_table(tmp_path / "aus.csv")
    monkeypatch.setattr(au_table, "_MAX_CHARACTERS", 60)
    with pytest.raises(DataError, match="larger than 60"):
        read_au_table(tmp_path / "aus.csv")


OPENFACE_HEAD = "frame, face_id, timestamp, confidence, success, AU01_r, AU45_r, AU01_c, AU28_c\n"


def test_openface_intensities_become_activations(tmp_path):
    text = OPENFACE_HEAD + (
        "1, 0, 0.0, 0.98, 1, 2.5, 1.0, 1, 0\n"
        "2, 0, 0.04, 0.1, 0, -nan(ind), 0, 0, 0\n"
        "3, 0, 0.08, 0.4, 1, 5.0, 0, 1, 1\n"
        "4, 0, 0.12, 0.98, 1, 5.0, 0, 1, 1\n"
    )
    table = read_au_table(csv_file(tmp_path, text))
    assert table.estimator == OPENFACE
    assert table.names == ("1", "2", "3", "4")
    assert table.reliable.tolist() == [True, False, False, True]
    brow, lips = AU_INDEX[1], AU_INDEX[28]
    np.testing.assert_allclose(table.activation[:, brow], [0.5, math.nan, math.nan, 1])
    np.testing.assert_allclose(table.activation[:, lips], [0, math.nan, math.nan, 1])
    assert np.isnan(table.left).all()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1, 0, 0, 0.9, 1, 5.5, 0, 1, 0", "0..5, found '5.5'"),
        ("1, 0, 0, 0.9, 1, -nan(ind), 0, 1, 0", "expected a number"),
        ("1, 0, 0, nan, 1, 1, 0, 1, 0", "found 'nan'"),
        ("1, 0, 0, 0.9, 1, 1, 0, 1, 0\n1, 1, 0, 0.9, 1, 1, 0, 1, 0", "1 is listed twice"),
    ],
)
def test_openface_rows_that_make_no_sense_are_refused(tmp_path, row, said):
    with pytest.raises(DataError, match=said):
        read_au_table(csv_file(tmp_path, OPENFACE_HEAD + row + "\n"))


def test_py_feat_pictures_and_clips(tmp_path):
    head = "FaceRectX,AU01,AU12,AU45,anger,input,frame\n"
    text = head + "1,0.5,1.0,0.3,0.1,/some/where/a.png,0\n,,,,,C:\\there\\b.jpg,1\n"
    table = read_au_table(csv_file(tmp_path, text))
    assert table.estimator == PYFEAT
    assert table.names == ("a.png", "b.jpg")
    assert table.reliable.tolist() == [True, False]
    assert table.activation[0, AU_INDEX[12]] == 1
    assert np.isnan(table.activation[1]).all()
    clip = head + "1,0.5,1,0,0,talk.mp4,0\n1,0.25,1,0,0,talk.mp4,1\n"
    assert read_au_table(csv_file(tmp_path, clip)).names == ("talk.mp4#0", "talk.mp4#1")
    two = head + "1,0.5,1,0,0,a.png,0\n9,0.25,1,0,0,a.png,0\n"
    with pytest.raises(DataError, match=r"a\.png is listed twice"):
        read_au_table(csv_file(tmp_path, two))


def test_a_full_disk_is_one_line(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    writer = AuTableWriter(tmp_path / "aus.csv", "e", UNITS)
    writer.close()
    writer._file = Path("/dev/full").open("w")  # noqa: SIM115
    writer._csv = au_table.csv.writer(writer._file)
    with pytest.raises(OutputError, match="disk is full"):
        writer.write("a.png", None)
