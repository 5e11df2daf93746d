"""The CSV table."""

import csv
import os
import stat
import sys

import pytest

from ferdesk.core.errors import OutputError
from ferdesk.outputs.table import Table, cell

HEADER = (
    "file,frame,time_s,face_id,box_x,box_y,box_w,box_h,yaw,pitch,roll,label,confidence,"
    "p_neutral,p_happiness,p_surprise,p_sadness,p_anger,p_disgust,p_fear,p_contempt"
)


def test_header_and_rows_to_the_letter(tmp_path, make_result):
    path = tmp_path / "out.csv"
    with Table(path) as table:
        table.write(make_result(0, faces=2, time_s=0.0))
        table.write(make_result(1, faces=0))
        table.write(make_result(2, time_s=1.23456789, name="grüße, 世界.mp4"))
        table.write(make_result(3, time_s=None, name="a.png"))
        table.write(make_result(4, time_s=None), 2.5)
    start = "-12.50,3.25,0.00,happiness,0.400000"
    odds = "0.100000,0.400000,0.050000,0.050000,0.100000,0.100000,0.100000,0.100000"
    assert path.read_bytes().decode() == "".join(
        f"{line}\n"
        for line in (
            HEADER,
            f"clip.mp4,0,0.000000,1,10.13,20.00,30.00,40.50,{start},{odds}",
            f"clip.mp4,0,0.000000,2,11.13,20.00,30.00,40.50,{start},{odds}",
            f'"grüße, 世界.mp4",2,1.234568,1,10.13,20.00,30.00,40.50,{start},{odds}',
            f"a.png,3,,1,10.13,20.00,30.00,40.50,{start},{odds}",
            f"clip.mp4,4,2.500000,1,10.13,20.00,30.00,40.50,{start},{odds}",
        )
    )


@pytest.mark.parametrize("name", ["=1+1.mp4", "+x.mp4", "-x.mp4", "@x.mp4", "\t=x.mp4"])
def test_names_never_become_formulas(tmp_path, make_result, name):
    with Table(tmp_path / "out.csv") as table:
        table.write(make_result(name=name))
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1][0] == f"./{name}"
    assert cell("plain=1.mp4") == "plain=1.mp4"


def test_a_name_that_is_no_valid_text(tmp_path, make_result):
    with Table(tmp_path / "out.csv") as table:
        table.write(make_result(name=os.fsdecode(b"bad\xff.mp4")))
    assert "bad?.mp4" in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_rows_are_in_the_file_at_once(tmp_path, make_result):
    path = tmp_path / "out.csv"
    with Table(path) as table:
        assert path.read_text().count("\n") == 1
        table.write(make_result(faces=3))
        assert path.read_text().count("\n") == 4


@pytest.mark.skipif(sys.platform == "win32", reason="no such file modes on Windows")
def test_for_the_user_alone(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o644)
    Table(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == HEADER + "\n"


def test_cannot_be_made(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        Table(tmp_path / "missing" / "out.csv")
    with pytest.raises(OutputError, match="cannot be written"):
        Table(tmp_path)
