"""The command, as a user starts it."""

import csv
import json
import os
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from au_fakes import write_machines
from material import ROOT, decode

from ferdesk import resources
from ferdesk.core.svm_bundle import SVMS
from ferdesk.faces import store
from ferdesk.outputs.mp4 import Mp4File

CSV_HEAD = (
    "file,frame,time_s,face_id,box_x,box_y,box_w,box_h,yaw,pitch,roll,label,confidence,"
    "p_neutral,p_happiness,p_surprise,p_sadness,p_anger,p_disgust,p_fear,p_contempt,"
    "net_label,contested,margin,au_estimator,au_reliable,au_time_s"
)


def ferdesk(*args: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the command without a display."""
    clean = {key: value for key, value in os.environ.items() if key not in SCREEN}
    return subprocess.run(
        [sys.executable, "-m", "ferdesk", *args],
        cwd=cwd,
        env={**clean, **env, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


SCREEN = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def one_line(done: "subprocess.CompletedProcess[str]") -> str:
    """The only line of a failure: exit code 2, no traceback."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_without_a_display_the_demo_is_analysed(tmp_path: Path) -> None:
    done = ferdesk(cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "ferdesk-output"
    table = (out / "demo.csv").read_text().splitlines()
    assert table[0].startswith(f"{CSV_HEAD},AU")
    assert ",AU12,AU12_raw,AU12_left,AU12_right," in table[0]
    assert len(table) == 351
    assert (out / "demo_annotated.mp4").stat().st_size > 100_000
    assert str(out) in done.stdout.replace("\n", "")


def test_analyze_json_has_what_programs_need(tmp_path: Path) -> None:
    done = ferdesk(
        *("analyze", str(resources.demo_clip()), "--no-video", "--json", "-o", "out"), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["frames"] == summary["frames_with_face"] == 350
    assert summary["faces_max"] == 1
    assert summary["fps"] > 0
    stages = {"decode", "faces", "track", "crop", "expression", "aus", "smooth"}
    assert set(summary["stage_ms"]) >= stages
    assert summary["au_estimator"] == "native au-native"
    assert summary["neutral"] == ""
    assert summary["faces_backend"] in ("landmarker", "classic")
    assert summary["engine"].startswith("openvino")
    assert summary["bundle"] == "compact-ferplus"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["demo.csv"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nothing.mp4", None, "No such file"),
        ("text.mp4", b"this is no video", "text.mp4"),
        ("empty.mp4", b"", "empty.mp4"),
        ("empty.png", b"", "empty.png"),
    ],
)
def test_bad_input_gets_one_line(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = ferdesk("analyze", name, "-o", "out", cwd=tmp_path)
    assert said in one_line(done)


def test_an_output_that_is_a_file_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    done = ferdesk("analyze", "demo", "-o", "out", cwd=tmp_path)
    assert "out" in one_line(done)
    assert (tmp_path / "out").read_text() == "in the way"


def test_missing_face_models_get_one_line(tmp_path: Path) -> None:
    done = ferdesk("analyze", "demo", "-o", "out", cwd=tmp_path, XDG_DATA_HOME=str(tmp_path))
    if "FERDESK_MODELS" in os.environ or sys.platform != "linux":
        pytest.skip("the models are where this test cannot hide them")
    assert "ferdesk models install" in one_line(done)


def test_an_altered_bundle_gets_one_line(tmp_path: Path) -> None:
    folder = Path(
        shutil.copytree(resources.root() / "models" / "khorrami2015-ferplus", tmp_path / "mine")
    )
    (folder / "model.onnx").write_bytes(b"something else")
    done = ferdesk("analyze", "demo", "-o", "out", "--bundle", str(folder), cwd=tmp_path)
    assert "altered or cut short" in one_line(done)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--max-faces", "0", "max_faces"),
        ("--min-face", "-1", "min_face"),
        ("--smoothing", "-1", "smoothing"),
        ("--disambiguate", "no-such", "No bundle named 'no-such'"),
        ("--neutral", "no-such", "No neutral profile named 'no-such'"),
        ("--neutral", "../x", "no name for a neutral profile"),
    ],
)
def test_settings_that_cannot_be_get_one_line(
    tmp_path: Path, option: str, value: str, said: str
) -> None:
    done = ferdesk("analyze", "demo", "-o", "out", option, value, cwd=tmp_path)
    assert said in one_line(done)


@pytest.mark.skipif(sys.platform != "linux", reason="the user's data folder cannot be moved")
def test_a_neutral_face_is_recorded_and_taken_off(tmp_path: Path) -> None:
    """The demo's first second is at rest; what follows is not."""
    home = {"XDG_DATA_HOME": str(tmp_path / "data")}
    set_up = ("--aus", "blendshapes", "--precision", "f32")
    models = face_models()
    if models is None:
        pytest.skip("blendshapes need the landmarker set")
    home["FERDESK_MODELS"] = models
    smile = clip_of(tmp_path / "smile.mp4", 40, 65)
    rest = clip_of(tmp_path / "rest.mp4", 0, 30)
    args = ("--seconds", "1", *set_up)
    done = ferdesk("calibrate", "anna", "--source", str(rest), *args, cwd=tmp_path, **home)
    assert done.returncode == 0, done.stderr
    assert "Recorded anna" in done.stdout
    listed = json.loads(ferdesk("profiles", "list", "--json", cwd=tmp_path, **home).stdout)
    assert [(one["name"], one["estimator"]) for one in listed] == [("anna", "blendshapes")]
    done = ferdesk(
        *("analyze", str(smile), "-o", "out", "--no-video", "--neutral", "anna", *set_up),
        cwd=tmp_path,
        **home,
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "smile.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    rest_of = listed[0]["baseline"]["2"]
    assert rest_of > 0.02
    for row in rows:
        raw, shown = float(row["AU02_raw"]), float(row["AU02"])
        assert shown == pytest.approx(max(0, (raw - rest_of) / (1 - rest_of)), abs=2e-6)
    assert ferdesk("profiles", "remove", "anna", cwd=tmp_path, **home).returncode == 0
    assert not list((tmp_path / "data").rglob("anna*"))


def test_calibrate_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    args = ("--source", "demo")
    assert "is no name" in one_line(ferdesk("calibrate", "a/b", *args, cwd=tmp_path))
    off = ferdesk("calibrate", "anna", *args, "--aus", "off", cwd=tmp_path)
    assert "without action units" in one_line(off)
    none = ferdesk("profiles", "list", cwd=tmp_path, XDG_DATA_HOME=str(tmp_path))
    assert (none.returncode, none.stdout) == (0, "")


def face_models() -> str | None:
    """Where the landmarker set lies, for a run with a data folder of its own."""
    file = store.find_file(store.LANDMARKER.detector)
    return str(file.parent) if file and store.installed(store.LANDMARKER) else None


def clip_of(path: Path, start: int, end: int) -> Path:
    """Some frames of the demo clip as a clip of their own."""
    file = Mp4File(path, fps=25)
    for index, frame in enumerate(islice(decode(resources.demo_clip()), start, end)):
        file.write(frame.image, index / 25)
    file.close()
    return path


def test_models_commands(tmp_path: Path) -> None:
    listed = ferdesk("models", "list", "--json", cwd=tmp_path)
    rows = json.loads(listed.stdout)
    assert {row["set"] for row in rows} == {"landmarker", "classic"}
    assert any(row["state"] == "whole" for row in rows)
    assert ferdesk("models", "verify", cwd=tmp_path).returncode == 0
    shown = ferdesk("models", "path", cwd=tmp_path, FERDESK_MODELS=str(tmp_path / "here"))
    assert shown.stdout.strip() == str(tmp_path / "here")
    missing = ferdesk("models", "install", "--from", "nothing.task", cwd=tmp_path)
    assert "No such file" in one_line(missing)
    again = ferdesk("models", "install", "--missing", cwd=tmp_path)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_doctor_knows_what_is_here(tmp_path: Path) -> None:
    done = ferdesk("doctor", "--json", cwd=tmp_path)
    findings = json.loads(done.stdout)
    assert {one["area"] for one in findings} >= {
        *("version", "engine", "face models", "bundle", "action units", "SVM bundle"),
        *("camera", "window", "folder"),
    }
    assert all(one["ok"] is not False for one in findings), findings
    assert any("khorrami2015-ferplus" in one["text"] for one in findings)


def test_doctor_says_how_to_mend(tmp_path: Path) -> None:
    done = ferdesk("doctor", "--json", cwd=tmp_path, XDG_DATA_HOME=str(tmp_path))
    if "FERDESK_MODELS" in os.environ or sys.platform != "linux":
        pytest.skip("the models are where this test cannot hide them")
    assert done.returncode == 1
    bad = [one for one in json.loads(done.stdout) if one["ok"] is False]
    assert [one["fix"] for one in bad] == ["ferdesk models install"]


def test_no_torch_in_the_app(tmp_path: Path) -> None:
    """The base install has none, so nothing on the way of a frame may ask for it."""
    script = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'matplotlib', 'scipy', 'pandas'):\n"
        "    sys.modules[name] = None\n"
        "sys.argv = ['ferdesk', 'analyze', 'demo', '--no-video', '-o', 'out']\n"
        "from ferdesk.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the user's data folder cannot be moved")
def test_doctor_looks_at_machines_and_nets(tmp_path: Path) -> None:
    bundles = tmp_path / "data" / "ferdesk" / "bundles"
    write_machines(bundles / "good", "native au-native", (12, 25), "0" * 64)
    (write_machines(bundles / "cut", "native au-native", (12,), "0" * 64) / SVMS).write_bytes(b"")
    net = bundles / "broken-net"
    net.mkdir()
    (net / "bundle.json").write_text('{"task": "action_units"}')
    done = ferdesk("doctor", "--json", cwd=tmp_path, XDG_DATA_HOME=str(tmp_path / "data"))
    findings = [one for one in json.loads(done.stdout) if one["area"] == "SVM bundle"]
    (good,) = (one for one in findings if one["text"].startswith("good: on the units"))
    (cut,) = (one for one in findings if "cut" in one["text"] and "altered" in one["text"])
    assert good["ok"] is True
    assert cut["ok"] is False
    units = [one for one in json.loads(done.stdout) if one["area"] == "action units"]
    assert any(one["ok"] is False and "broken-net" in one["text"] for one in units)
    assert any("py-feat" in one["text"] for one in units)
    assert done.returncode == 1
