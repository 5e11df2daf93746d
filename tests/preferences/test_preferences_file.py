"""The file of preferences: what is written is read, and nothing of the user's is lost."""

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from material import ROOT

from ferdesk.core.errors import PreferencesError
from ferdesk.preferences import file as preferences_file
from ferdesk.preferences.file import config_path, load, write
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import TABLE, Value, by_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "config.toml"


def given(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_without_a_file_all_is_default(path: Path) -> None:
    loaded = load(path)
    assert loaded.preferences == Preferences()
    assert not loaded.warnings
    assert not path.exists()


def test_what_is_written_is_read(path: Path) -> None:
    changes: dict[str, Value | None] = {
        "faces.max_faces": 3,
        "display.boxes": False,
        "smoothing.seconds": 0.5,
        "display.theme": "light",
        "recording.consent": 'Anna said "yes",\nBen too: \\ é',
    }
    assert write(changes, path) is None
    loaded = load(path)
    assert not loaded.warnings
    for key, row in TABLE.items():
        assert row.value(loaded.preferences) == changes.get(key, row.default)


def test_only_what_differs_is_stored(path: Path) -> None:
    write({"faces.max_faces": 3, "display.boxes": True, "display.theme": "dark"}, path)
    assert tomllib.loads(path.read_text()) == {
        "faces": {"max_faces": 3},
        "display": {"theme": "dark"},
    }
    write({"faces.max_faces": by_key("faces.max_faces").default, "display.theme": None}, path)
    assert tomllib.loads(path.read_text()) == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_it_is_the_users_alone(path: Path) -> None:
    write({"faces.max_faces": 3}, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    write({"faces.max_faces": 4}, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_comments_and_keys_of_a_newer_version_stay(path: Path) -> None:
    before = (
        "# mine\n[faces]\nmax_faces = 4 # four are enough\nwink = true\n\n"
        "[future]\nx = [1, 2]\n\n[display]\n# dark\n"
    )
    given(path, before)
    loaded = load(path)
    assert loaded.preferences.faces.max_faces == 4
    assert not loaded.warnings
    assert [line.split(": ")[1] for line in loaded.unknown] == ["line 4", "future. List them"]
    write({"faces.max_faces": 5, "smoothing.seconds": 1.0}, path)
    after = path.read_text()
    assert after.startswith(before.replace("= 4", "= 5"))
    write({"faces.max_faces": None, "smoothing.seconds": None}, path)
    assert (
        path.read_text().strip() == before.replace("max_faces = 4 # four are enough\n", "").strip()
    )


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("[faces]\n\nmax_faces = 900\n", 3, "faces.max_faces"),
        ("[faces]\nmax_faces = true\n", 2, "faces.max_faces"),
        ('display.theme = "pink"\n', 1, "display.theme"),
        ("# a\nsmoothing = { seconds = nan }\n", 2, "smoothing.seconds"),
        ('[display]\nboxes = "no"\n[outputs]\nosc_port = 0\n', 4, "outputs.osc_port"),
        ("[nets]\nbundle = 1979-05-27\n", 2, "nets.bundle"),
    ],
)
def test_an_unsound_value_is_named_and_only_that_is_left_out(
    path: Path, text: str, line: int, key: str
) -> None:
    given(path, text + "[recording]\nlossless = true\n")
    loaded = load(path)
    warning = loaded.warnings[-1]
    assert warning.startswith(f"{path}: line {line}: {key}: ")
    assert "default" in warning
    assert loaded.preferences.recording.lossless
    assert by_key(key).value(loaded.preferences) == by_key(key).default
    write({"privacy.hide_faces": "blurred"}, path)
    assert text.splitlines()[-1] in path.read_text()  # for the user to mend
    write({key: None}, path)
    assert not [one for one in load(path).warnings if key in one]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[faces]\nmax_faces = \n", "line 2"),
        ("faces = 3\n", "line 1: faces has to be a table"),
        ("[[faces]]\nmax_faces = 3\n", "faces has to be a table"),
        ("a = " + "[" * 3000, "nested too deeply"),
        ("a = " + "9" * 5000, "digits"),
        (b"\xff\xfe\x00", "cannot be read"),
        ("#" * 300_000, "bytes"),
    ],
)
def test_a_broken_file_is_kept_aside(path: Path, text: str | bytes, said: str) -> None:
    given(path, text)
    before = path.read_bytes()
    loaded = load(path)
    assert loaded.preferences == Preferences()
    assert len(loaded.warnings) == 1
    assert said in loaded.warnings[0]
    assert str(path) in loaded.warnings[0]
    assert path.read_bytes() == before  # reading changes nothing
    kept = write({"faces.max_faces": 3}, path)
    assert kept is not None
    assert kept.read_bytes() == before
    assert load(path).preferences.faces.max_faces == 3
    given(path, text)
    assert write({"faces.max_faces": 3}, path) != kept  # that one is not lost either
    assert kept.read_bytes() == before


def test_a_mark_of_byte_order_is_no_fault(path: Path) -> None:
    given(path, b"\xef\xbb\xbf[faces]\nmax_faces = 3\n")
    assert load(path).preferences.faces.max_faces == 3
    assert not load(path).warnings


def test_a_folder_in_its_place_is_a_warning_and_an_error(path: Path) -> None:
    path.mkdir(parents=True)
    assert "cannot be read" in load(path).warnings[0]
    kept = write({"faces.max_faces": 3}, path)
    assert kept is not None
    assert kept.is_dir()


def test_what_cannot_be_written_says_so_and_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"faces.max_faces": 3}, path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PreferencesError, match="No space left"):
        write({"faces.max_faces": 4}, path)
    assert load(path).preferences.faces.max_faces == 3
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_wrong_changes_touch_no_file(path: Path) -> None:
    for changes in ({"faces.max_faces": 65}, {"faces.most": 3}, {"faces.max_faces": "3"}):
        with pytest.raises(PreferencesError):
            write(changes, path)  # type: ignore[arg-type]
    assert not path.exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    write({"faces.max_faces": 3}, path)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    write({"faces.max_faces": 4}, link)
    assert link.is_symlink()
    assert load(path).preferences.faces.max_faces == 4


def test_the_environment_names_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(preferences_file.VARIABLE, "~/kiosk.toml")
    assert config_path() == Path.home() / "kiosk.toml"
    monkeypatch.delenv(preferences_file.VARIABLE)
    assert config_path().parts[-2:] == ("ferdesk", "config.toml")


WRITER = """
import sys
from pathlib import Path
from ferdesk.preferences.file import write
print("ready", flush=True)
sys.stdin.readline()
for number in range(1, 41):
    write({sys.argv[2]: number, "recording.consent": sys.argv[2] * 500}, Path(sys.argv[1]))
"""


def test_two_writers_leave_a_whole_file(path: Path) -> None:
    keys = ("faces.max_faces", "nets.threads")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for key in keys
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "ready\n"
        writer.stdin.write("\n")
        writer.stdin.flush()
    while any(writer.poll() is None for writer in writers):
        assert not load(path).warnings
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    last = load(path).preferences
    assert not load(path).warnings
    assert 40 in (last.faces.max_faces, last.nets.threads)
    assert last.recording.consent in [key * 500 for key in keys]
    assert [one.name for one in path.parent.iterdir()] == [path.name]
