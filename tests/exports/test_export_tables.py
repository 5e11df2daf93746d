"""Tables for other programs, and what describes their columns."""

import csv
import importlib
import json
import math
import sys

import numpy as np
import pytest

from ferdesk.core.errors import OutputError
from ferdesk.core.types import Pose
from ferdesk.exports import native, openface
from ferdesk.exports.formats import export
from ferdesk.outputs.table import columns

# A file of FeatureExtraction's, all of it switched on, has these names in this order.
EYES = 56
OPENFACE = [
    *("frame", "face_id", "timestamp", "confidence", "success"),
    *(f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"),
    *("gaze_angle_x", "gaze_angle_y"),
    *(f"eye_lmk_{axis}_{i}" for axis in "xy" for i in range(EYES)),
    *(f"eye_lmk_{axis}_{i}" for axis in "XYZ" for i in range(EYES)),
    *(f"pose_{kind}{axis}" for kind in "TR" for axis in "xyz"),
    *(f"{axis}_{i}" for axis in "xy" for i in range(68)),
    *(f"{axis}_{i}" for axis in "XYZ" for i in range(68)),
    *("p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty"),
    *(f"p_{i}" for i in range(34)),
    *(f"AU{n:02d}_r" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)),
    *(f"AU{n:02d}_c" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)),
]


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_our_table_has_the_columns_of_the_live_one(make_session, tmp_path):
    session = make_session(["neutral", None, "fear"], people=2)
    assert export(session, "ferdesk", tmp_path / "a.csv") == (
        "landmarks",
        "frames without a face",
    )
    found = rows(tmp_path / "a.csv")
    assert tuple(found[0]) == columns(session.meta.units)
    assert [(row["frame"], row["face_id"]) for row in found] == [
        ("0", "1"),
        ("0", "2"),
        ("2", "1"),
        ("2", "2"),
    ]
    assert (found[0]["file"], found[2]["time_s"], found[2]["label"]) == (
        "talk.mp4",
        "0.200000",
        "fear",
    )
    assert (found[2]["au_time_s"], found[2]["AU12"]) == ("0.200000", "0.150000")
    assert found[0]["AU13_left"] == ""


@pytest.mark.parametrize("name", ["ferdesk", "pyfeat", "openface"])
def test_each_table_is_described_beside_it(make_session, tmp_path, name):
    session = make_session(consent='"yes" <b>', au_scale="activation, 0 to 1")
    export(session, name, tmp_path / "a.csv")
    described = json.loads((tmp_path / "a.csv-metadata.json").read_text(encoding="utf-8"))
    with (tmp_path / "a.csv").open(newline="") as file:
        header = next(csv.reader(file))
    listed = described["tableSchema"]["columns"]
    assert described["url"] == "a.csv"
    assert [column["name"] for column in listed] == header
    assert {column["datatype"] for column in listed} <= {"string", "integer", "number", "boolean"}
    assert all(column["dc:description"] for column in listed)
    assert "activation, 0 to 1" in described["dc:description"]
    assert described["dc:rights"] == '"yes" <b>'


def test_parquet_is_typed_and_described(make_session, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    session = make_session(["neutral", None, "fear"])
    export(session, "parquet", tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert tuple(table.column_names) == columns(session.meta.units)
    kinds = {field.name: str(field.type) for field in table.schema}
    wanted = {"frame": "int64", "time_s": "double", "label": "string", "au_reliable": "bool"}
    assert wanted.items() <= kinds.items()
    assert table.schema.metadata[b"au_scale"].decode() == session.meta.au_scale
    meaning = table.schema.field("AU12_left").metadata[b"description"]
    assert meaning == b"the person's own left side"
    assert table.column("AU13_left").null_count == 2
    by_csv = list(native.rows(session))
    assert table.column("p_fear").to_pylist() == [
        row[columns(()).index("p_fear")] for row in by_csv
    ]


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [("parquet", "pyarrow", "table"), ("report", "matplotlib", "report"), ("report", "jinja2", "")],
)
def test_a_missing_library_is_one_line(make_session, tmp_path, monkeypatch, name, library, extra):
    real = importlib.import_module

    def without(module, package=None):
        if module.partition(".")[0] == library:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return real(module, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(OutputError, match=rf"{library} is not installed: .*ferdesk\[{extra}"):
        export(make_session(), name, tmp_path / "a")
    assert list(tmp_path.glob("a*")) == []


def test_openface_columns_are_openfaces_in_its_order(make_session, tmp_path):
    session = make_session(units=tuple(range(1, 44)))
    export(session, "openface", tmp_path / "a.csv")
    header = list(rows(tmp_path / "a.csv")[0])
    # AU05 and the like are given too, as soon as an estimator gives them.
    given = [
        name
        for name in OPENFACE
        if not name.startswith(("gaze", "eye_lmk", "pose_T", "X_", "Y_", "Z_", "p_"))
    ]
    assert header == given


def test_openface_values(make_session, tmp_path):
    session = make_session(["neutral", None, "fear"])
    missing = export(session, "openface", tmp_path / "a.csv")
    assert "expressions" in missing
    assert "units without a column (AU13)" in missing
    first, empty, last = rows(tmp_path / "a.csv")
    assert [first[name] for name in ("frame", "face_id", "timestamp", "confidence", "success")] == [
        *("1", "0", "0.000000", "0.875000", "1")
    ]
    assert (empty["frame"], empty["success"], empty["confidence"]) == ("2", "0", "0.000000")
    assert float(last["AU04_r"]) == pytest.approx(2.5, abs=1e-5)
    assert (last["AU04_c"], last["AU01_c"], last["AU28_c"]) == ("1", "0", "1")
    assert float(last["AU45_r"]) == pytest.approx(2.5, abs=1e-5)  # AU43's
    assert "AU28_r" not in last
    assert "AU02_r" not in last
    with (tmp_path / "a.csv").open() as file:
        assert {len(row) for row in csv.reader(file)} == {len(last)}


@pytest.mark.parametrize(
    ("pose", "axis", "sign"),
    [
        (Pose(0, 10, 0), 0, -1),  # looks up: in OpenFace a positive pose_Rx looks down
        (Pose(10, 0, 0), 1, -1),  # to the right of the picture
        (Pose(0, 0, 10), 2, 1),  # clockwise in the picture
    ],
)
def test_openface_signs(pose, axis, sign):
    angles = openface.to_openface(pose)
    assert angles[axis] == pytest.approx(sign * math.radians(10))
    assert sum(map(abs, angles)) == pytest.approx(math.radians(10))


def test_openface_rotation_is_the_same_rotation():
    """Built from first principles: R = Rz(roll) Ry(-yaw) Rx(-pitch) is Rx Ry Rz of the angles."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        yaw, pitch, roll = rng.uniform(-80, 80, 3).tolist()
        about = openface.to_openface(Pose(yaw, pitch, roll))
        ours = turn("z", math.radians(roll)) @ turn("y", math.radians(-yaw))
        ours = ours @ turn("x", math.radians(-pitch))
        theirs = turn("x", about[0]) @ turn("y", about[1]) @ turn("z", about[2])
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
        assert openface.from_openface(*about) == pytest.approx((yaw, pitch, roll), abs=1e-9)


def turn(axis, angle):
    c, s = math.cos(angle), math.sin(angle)
    return np.array(
        {
            "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


def test_pyfeat_table_for_pandas(make_session, tmp_path):
    pandas = pytest.importorskip("pandas")
    session = make_session(["neutral", None, "fear"], people=2)
    missing = export(session, "pyfeat", tmp_path / "a.csv")
    assert "contempt" in missing
    table = pandas.read_csv(tmp_path / "a.csv")
    assert list(table["frame"]) == [0, 0, 1, 2, 2]
    assert list(table["Identity"].fillna("-")) == [
        "Person_0",
        "Person_1",
        "-",
        *["Person_0"],
        "Person_1",
    ]
    assert table["FaceRectX"].isna().tolist() == [False, False, True, False, False]
    assert table["approx_time"].tolist() == ["00:00"] * 5
    first = table.iloc[0]
    assert first["Yaw"] == pytest.approx(
        -math.radians(20), abs=1e-6
    )  # our + is the picture's right
    assert first["Pitch"] == pytest.approx(math.radians(-12.5), abs=1e-6)
    assert first["Roll"] == pytest.approx(-math.radians(7.25), abs=1e-6)
    assert first["neutral"] == pytest.approx(0.65)
    assert (first["FrameHeight"], first["FrameWidth"]) == (360, 640)
    assert table["AU05"].isna().all()


def test_pyfeat_itself_reads_it(make_session, tmp_path):
    io = pytest.importorskip(
        "feat.utils.io", reason="py-feat is not installed", exc_type=ImportError
    )
    session = make_session(["neutral", None, "fear"], people=2)
    export(session, "pyfeat", tmp_path / "a.csv")
    fex = io.read_feat(str(tmp_path / "a.csv"))
    assert fex.aus.shape == (5, 20)
    assert fex.emotions.iloc[0].idxmax() == "neutral"
    assert fex.faceboxes.shape == (5, 5)
    assert fex.landmarks.shape == (5, 136)
    assert fex.poses.shape == (5, 6)
    assert fex.identities.iloc[1] == "Person_1"
    assert fex.inputs.iloc[0] == "talk.mp4"
    x, y = fex.landmarks_dlib68_xy(fex.iloc[0])
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()


def test_pyfeat_reads_the_openface_table(make_session, tmp_path):
    io = pytest.importorskip(
        "feat.utils.io", reason="py-feat is not installed", exc_type=ImportError
    )
    export(make_session(), "openface", tmp_path / "a.csv")
    fex = io.read_openface(str(tmp_path / "a.csv"))
    assert fex.landmarks.shape == (4, 136)


@pytest.mark.skipif(sys.platform == "win32", reason="no such file modes on Windows")
def test_for_the_user_alone(make_session, tmp_path):
    session = make_session()
    for name in ("ferdesk", "pyfeat", "openface", "vtt", "elan"):
        export(session, name, tmp_path / name)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "pyfeat-metadata.json").stat().st_mode & 0o777 == 0o600
