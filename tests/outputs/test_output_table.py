"""The CSV table."""

import csv
import os
import stat
import sys
from dataclasses import replace

import numpy as np
import pytest
from au_fakes import values

from ferdesk.core.errors import OutputError
from ferdesk.core.types import Frame, Verdict
from ferdesk.outputs.table import Table, cell, columns

HEADER = (
    "file,frame,time_s,face_id,box_x,box_y,box_w,box_h,yaw,pitch,roll,label,confidence,"
    "p_neutral,p_happiness,p_surprise,p_sadness,p_anger,p_disgust,p_fear,p_contempt,"
    "net_label,contested,margin,au_estimator,au_reliable,au_time_s"
)
NO_AUS = "happiness,,,,,"


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
            f"clip.mp4,0,0.000000,1,10.13,20.00,30.00,40.50,{start},{odds},{NO_AUS}",
            f"clip.mp4,0,0.000000,2,11.13,20.00,30.00,40.50,{start},{odds},{NO_AUS}",
            f'"grüße, 世界.mp4",2,1.234568,1,10.13,20.00,30.00,40.50,{start},{odds},{NO_AUS}',
            f"a.png,3,,1,10.13,20.00,30.00,40.50,{start},{odds},{NO_AUS}",
            f"clip.mp4,4,2.500000,1,10.13,20.00,30.00,40.50,{start},{odds},{NO_AUS}",
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


def with_units(make_result, verdict=None, index=0, time_s=0.0, **au):
    """A result whose face has units."""
    result = make_result(index, time_s=time_s)
    face = replace(result.faces[0], aus=values(**au), verdict=verdict)
    return replace(result, faces=(face,))


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_unit_columns_follow_the_ones_of_before(tmp_path):
    with Table(tmp_path / "out.csv", (4, 25)):
        pass
    assert (tmp_path / "out.csv").read_text() == (
        HEADER + ",AU04,AU04_raw,AU04_left,AU04_right,AU25,AU25_raw\n"
    )


def test_units_to_the_letter(tmp_path, make_result):
    verdict = Verdict(
        "fear", ("fear", "surprise"), "surprise", False, 1.25, (), np.full(8, 0.125, np.float32)
    )
    with Table(tmp_path / "out.csv", (4, 12, 25, 43)) as table:
        table.write(
            with_units(
                make_result,
                verdict,
                time_s=2.0,
                whole={25: 0.5, 43: 0},
                sides={4: (0.25, 0.75)},
                estimator="=native",
            )
        )
        table.write(make_result(1, time_s=2.5))
    lines = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert lines[1][-20:] == [
        *("fear", "fear|surprise", "1.250000", "./=native", "1", "0.000000"),
        *("0.500000", "0.500000", "0.250000", "0.750000"),  # AU04, its sides known
        *("", "", "", ""),  # AU12, not estimated
        *("0.500000", "0.500000"),  # AU25
        *("0.000000", "0.000000", "", ""),  # AU43, at rest, sides unknown
    ]
    assert lines[2][-20:] == ["happiness", *[""] * 19]
    assert {len(line) for line in lines} == {len(columns((4, 12, 25, 43)))}
    assert "nan" not in (tmp_path / "out.csv").read_text()


def test_what_was_not_contested_has_no_margin(tmp_path, make_result):
    verdict = Verdict("fear", (), "fear", False, 0.0, (), np.full(8, 0.125, np.float32))
    with Table(tmp_path / "out.csv") as table:
        table.write(with_units(make_result, verdict, reliable=False))
    (row,) = rows(tmp_path / "out.csv")
    assert (row["net_label"], row["contested"], row["margin"]) == ("fear", "", "")
    assert (row["au_estimator"], row["au_reliable"]) == ("fake", "0")


def test_a_corrected_unit_beside_its_raw_one(tmp_path, make_result):
    result = with_units(make_result, whole={25: 0.5})
    aus = replace(result.faces[0].aus, activation=np.full(30, 0.125, np.float32))
    result = replace(result, faces=(replace(result.faces[0], aus=aus),))
    with Table(tmp_path / "out.csv", (25,)) as table:
        table.write(result)
    (row,) = rows(tmp_path / "out.csv")
    assert (row["AU25"], row["AU25_raw"]) == ("0.125000", "0.500000")


def test_the_time_of_units_is_on_the_tables_clock(tmp_path, make_result):
    """A camera's frames have the machine's time, the table's begins with the recording."""
    with Table(tmp_path / "out.csv", (25,)) as table:
        late = with_units(make_result, time_s=None, whole={25: 0.5})
        frame = Frame(late.frame.image, 7, 1_000_500_000_000, None, "cam")
        aus = replace(late.faces[0].aus, time_s=1000.25)
        table.write(replace(late, frame=frame, faces=(replace(late.faces[0], aus=aus),)), 3.5)
        table.write(with_units(make_result, time_s=None, whole={25: 0.5}))
    live, picture = rows(tmp_path / "out.csv")
    assert (live["time_s"], live["au_time_s"]) == ("3.500000", "3.250000")
    assert (picture["time_s"], picture["au_time_s"]) == ("", "")
