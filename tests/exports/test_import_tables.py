"""Sessions from other programs' tables: the same numbers, or one clear line."""

import csv
import json
import math

import numpy as np
import pytest

from ferdesk.core.aus import AU_INDEX
from ferdesk.core.errors import DataError, OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.exports import csv_in
from ferdesk.exports.formats import FORMATS, export
from ferdesk.exports.imports import import_table
from ferdesk.sessions.readings import Annotation
from ferdesk.sessions.session import Session

OPENFACE = (
    "frame, face_id, timestamp, confidence, success, pose_Rx, pose_Ry, pose_Rz, AU12_r, AU45_r"
)
PYFEAT = "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,AU12,happiness,neutral"


def table(tmp_path, *lines, name="a.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def session_of(path, **how):
    folder = path.with_name(f"{path.stem}.ferdesk")
    import_table(path, folder, **how)
    return Session(folder)


@pytest.mark.parametrize("name", ["pyfeat", "openface"])
def test_there_and_back_again(make_session, tmp_path, name):
    """What both sides have comes back to the last printed digit."""
    labels = ["neutral", None, "fear", "happiness", None, *["surprise"] * 20]
    session = make_session(labels, people=3, step_s=1 / 29.97)
    export(session, name, tmp_path / "a.csv")
    with session_of(tmp_path / "a.csv") as back:
        export(back, name, tmp_path / "b.csv")
        assert (back.meta.source_kind, back.meta.video) == ("import", "none")
        assert back.meta.finished is not None
        assert [len(frame.faces) for frame in back.frames()] == [
            0 if label is None else 3 for label in labels
        ]
    with (tmp_path / "a.csv").open(newline="") as a, (tmp_path / "b.csv").open(newline="") as b:
        first, second = list(csv.DictReader(a)), list(csv.DictReader(b))
    # OpenFace's table has no intensity of AU28, only that it was there.
    shared = [column for column in first[0] if column != "AU28_c"]
    assert [[row[column] for column in shared] for row in first] == [
        [row[column] for column in shared] for row in second
    ]


def test_from_one_dialect_to_the_other(make_session, tmp_path):
    session = make_session(["fear", None, "neutral"])
    export(session, "pyfeat", tmp_path / "a.csv")
    with session_of(tmp_path / "a.csv") as back:
        export(back, "openface", tmp_path / "b.csv")
        export(session, "openface", tmp_path / "c.csv")
        found = next(back.frames()).faces[0]
        assert back.meta.source == "talk.mp4"
        assert (back.meta.width, back.meta.height) == (640, 360)
        assert len(back.meta.units) == 20
    assert (found.label, found.net_label) == ("fear", "fear")
    assert found.probabilities[EXPRESSIONS.index("contempt")] == 0
    assert found.aus.activation[AU_INDEX[4]] == pytest.approx(0.5)
    assert math.isnan(found.aus.activation[AU_INDEX[5]])
    assert math.isnan(found.aus.left[AU_INDEX[4]])
    with (tmp_path / "b.csv").open() as b, (tmp_path / "c.csv").open() as c:
        first, second = next(csv.DictReader(b)), next(csv.DictReader(c))
    for name in ("pose_Rx", "pose_Ry", "pose_Rz", "x_30", "y_8", "AU12_r", "AU04_c", "AU45_r"):
        assert float(first[name]) == pytest.approx(float(second[name]), abs=1e-5), name


def test_openface_has_no_expressions(tmp_path):
    path = table(
        tmp_path, OPENFACE, "1, 0, 0.0, 0.98, 1, 0.1, 0, 0, 2.5, 5", "2,0,.04,0,0,0,0,0,0,0"
    )
    with session_of(path) as session:
        first, second = session.frames()
        (face,) = first.faces
        assert (face.label, face.net_label, second.faces) == ("", "", ())
        assert np.isnan(face.probabilities).all()
        assert math.isnan(face.confidence)
        assert all(map(math.isnan, face.face.box))
        assert face.face.pose == pytest.approx((0, -math.degrees(0.1), 0), abs=1e-6)
        assert face.aus.activation[AU_INDEX[12]] == 0.5
        assert face.aus.activation[AU_INDEX[43]] == 1
        assert session.meta.units == (12, 43)
        assert "divided by 5" in session.meta.au_scale
        assert "NaN" not in json.dumps(face.to_dict())
        for name in FORMATS:
            pytest.importorskip("pyarrow" if name == "parquet" else "numpy")
            export(session, name, tmp_path / f"out.{name}")
    with (tmp_path / "out.ferdesk").open() as file:
        (row,) = csv.DictReader(file)
    blank = ("label", "confidence", "p_neutral", "net_label", "box_x")
    assert [row[name] for name in blank] == [""] * 5
    assert "No expressions were judged" in (tmp_path / "out.report").read_text()
    assert "neutral" not in (tmp_path / "out.vtt").read_text()


def test_what_is_not_read_is_said(tmp_path):
    path = table(
        tmp_path, f"{OPENFACE},gaze_0_x,eye_lmk_x_0,eye_lmk_x_1", "1,0,0,1,1,0,0,0,1,1,3,4,5"
    )
    made = import_table(path, tmp_path / "a.ferdesk")
    assert made == ("OpenFace 2", 1, 1, ("gaze_*_x", "eye_lmk_x_*"))


def test_pyfeat_without_times_takes_a_frame_rate(tmp_path):
    path = table(tmp_path, f"{PYFEAT},frame", "1,2,3,4,.9,.5,,,0", "1,2,3,4,.9,.5,,,5")
    with pytest.raises(DataError, match=r"a\.csv, row 2, frame: it has no time.*--fps"):
        import_table(path, tmp_path / "a.ferdesk")
    with session_of(path, fps=25.0) as session:
        assert [frame.time_s for frame in session.frames()] == [0, 0.2]
        face = next(session.frames()).faces[0]
    assert (face.face.track_id, face.label) == (1, "")


def test_detector_v2_and_mesh(tmp_path):
    mesh = [f"mesh_{axis}_{i}" for axis in "xyz" for i in range(478)]
    names = ["Anger", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"]
    head = f"{PYFEAT.rsplit(',', 2)[0]},{','.join(names + mesh)},frame"
    cells = ["10", "20", "30", "40", ".9", ".5", "0", "0", "0", ".9", "0", "0", ".1"]
    path = table(tmp_path, head, ",".join([*cells, *(str(i % 100) for i in range(1434)), "0"]))
    with session_of(path, fps=30.0) as session:
        (face,) = next(session.frames()).faces
    assert (face.label, face.face.landmarks.shape) == ("happiness", (478, 3))


def test_angles_of_an_old_pyfeat_are_not_taken(tmp_path):
    """Before it gave X, Y and Z it wrote degrees."""
    head = f"{PYFEAT},Pitch,Roll,Yaw"
    old = table(tmp_path, f"{head},frame", "1,2,3,4,.9,.5,,,-14.6,-5.6,3.8,0", name="old.csv")
    new = table(tmp_path, f"{head},X,frame", "1,2,3,4,.9,.5,,,.5,.25,-1,,0", name="new.csv")
    wrong = table(tmp_path, f"{head},X,frame", "1,2,3,4,.9,.5,,,-14.6,0,0,,0", name="wrong.csv")
    with session_of(old, fps=30.0) as session:
        assert all(map(math.isnan, next(session.frames()).faces[0].face.pose))
    with session_of(new, fps=30.0) as session:
        pose = next(session.frames()).faces[0].face.pose
        assert pose == pytest.approx(tuple(map(math.degrees, (1, 0.5, -0.25))))
    with pytest.raises(DataError, match=r"row 2, Pitch: -14\.6 is not within"):
        session_of(wrong, fps=30.0)


ROW = "1,0,0,1,1,0,0,0,1,1"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([OPENFACE, ROW, "2,0,.1,1,1,0,0,0,much,1"], "row 3, AU12_r: 'much' is no number"),
        ([OPENFACE, ROW, "2,0,.1,1,1,0,0,0,5.5,1"], "row 3, AU12_r: 5.5 is not within 0 and 5"),
        ([OPENFACE, ROW, "2,0,.1,1,1,inf,0,0,1,1"], "row 3, pose_Rx: inf is not within"),
        ([OPENFACE, ROW, "2,0,.1,1,1,1e300,0,0,1,1"], "row 3, pose_Rx: 1e300 is not within"),
        ([OPENFACE, ROW, "2,0,-1,1,1,0,0,0,1,1"], "row 3, timestamp: -1 is not within 0"),
        ([OPENFACE, ROW, "2,0,.1,2,1,0,0,0,1,1"], "row 3, confidence: 2 is not within"),
        ([OPENFACE, ROW, "2.5,0,.1,1,1,0,0,0,1,1"], "row 3, frame: '2.5' is no whole number"),
        ([OPENFACE, ROW, ",0,.1,1,1,0,0,0,1,1"], "row 3, frame: '' is no whole number"),
        ([OPENFACE, "2,0,1,1,1,0,0,0,1,1", ROW], "row 3, frame: frames go back"),
        ([OPENFACE, ROW, "2,0,0,1,1,0,0,0,1,1"], "row 3, frame: its time is not after"),
        ([OPENFACE, ROW, ROW], "row 3, frame: the same person twice"),
        ([OPENFACE, ROW, "2,0,.1"], "row 3: 3 cells, and the header has 10"),
        ([OPENFACE, ",".join(ROW.split(",")[:2])], "row 2: 2 cells"),
        ([OPENFACE], "has no rows"),
        ([OPENFACE + ",AU12_r"], "two columns of the name 'AU12_r'"),
        (["a,b,c", "1,2,3"], "of no known program. Say which: --from"),
        (["frame;success;timestamp", "1;1;1"], "no table with commas: 1 columns"),
        ([""], "no table with commas"),
        ([f"{PYFEAT},frame,time_s", "1,2,3,4,.9,.5,1,,0,0"], "row 2, anger: some emotions"),
        ([f"{PYFEAT},frame,time_s", "1,2,3,4,.9,1.5,,,0,0"], "row 2, AU12: 1.5 is not within"),
        ([f"{PYFEAT},frame,time_s,Identity", "1,2,3,4,.9,,,,0,0,=x"], "row 2, Identity: '=x'"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, lines, says):
    path = table(tmp_path, *lines)
    with pytest.raises(DataError) as caught:
        import_table(path, tmp_path / "a.ferdesk")
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_named_dialect_needs_its_columns(tmp_path):
    path = table(tmp_path, OPENFACE, ROW)
    with pytest.raises(DataError, match="has no column 'FaceRectX', as py-feat writes it"):
        import_table(path, tmp_path / "a.ferdesk", "pyfeat")


def test_hostile_files(tmp_path, monkeypatch):
    endless = tmp_path / "endless.csv"
    endless.write_bytes(b"x" * (csv_in.MAX_LINE + 10))
    quoted = table(tmp_path, OPENFACE, '1,"' + "\n".join(["x" * 500] * 500), name="quoted.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(bytes(range(256)) * 100)
    crowd = [f"1,{i},0,1,1,0,0,0,1,1" for i in range(65)]
    for path, says in (
        (endless, "no table"),
        (quoted, "no table"),
        (binary, "no table|no known"),
        (tmp_path, "cannot be read"),
        (tmp_path / "missing.csv", "cannot be read"),
        (table(tmp_path, OPENFACE, *crowd, name="crowd.csv"), "row 66, frame: more than 64 faces"),
    ):
        with pytest.raises(DataError, match=says):
            import_table(path, tmp_path / "a.ferdesk")
    monkeypatch.setattr(csv_in, "MAX_ROWS", 3)
    many = table(tmp_path, OPENFACE, *(f"{i},0,{i},1,1,0,0,0,1,1" for i in range(1, 9)))
    with pytest.raises(DataError, match="more than 3 rows"):
        import_table(many, tmp_path / "a.ferdesk")
    assert not list(tmp_path.glob("*.ferdesk"))


def test_where_it_may_go(tmp_path):
    path = table(tmp_path, OPENFACE, ROW)
    with pytest.raises(OutputError, match=r"must end in \.ferdesk"):
        import_table(path, tmp_path / "a")
    import_table(path, tmp_path / "a.ferdesk")
    assert (tmp_path / "a.ferdesk").stat().st_mode & 0o077 == 0
    assert "OpenFace 2" in (tmp_path / "a.ferdesk" / "README.txt").read_text()
    with pytest.raises(OutputError, match="there already"):
        import_table(path, tmp_path / "a.ferdesk")
    with Session(tmp_path / "a.ferdesk", write=True) as session:
        session.annotate(Annotation(0.0, "note", "fine"))
