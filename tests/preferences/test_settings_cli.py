"""`ferdesk settings`, and that commands follow what it sets."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ferdesk.cli import app
from ferdesk.commands.options import DEFAULT, STANDARD, chosen, stated
from ferdesk.commands.settings import settings_app
from ferdesk.commands.streams import stream_choice
from ferdesk.core.errors import FerdeskError, PreferencesError
from ferdesk.live.watch import Watch
from ferdesk.preferences.file import load
from ferdesk.preferences.table import TABLE
from ferdesk.settings import Settings
from ferdesk.streams.choice import StreamChoice

NOTHING = {
    "lsl": None,
    "osc": None,
    "osc_to": None,
    "websocket": None,
    "host": "127.0.0.1",
    "port": None,
    "token": "",
    "origins": None,
    "virtual_camera": None,
}


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("FERDESK_CONFIG", str(path))
    return path


def settings(*args: str) -> str:
    """What `ferdesk settings ...` prints."""
    done = CliRunner().invoke(settings_app, args)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_set_get_reset(path: Path) -> None:
    assert settings("get", "faces.max_faces") == "8\n"
    assert settings("set", "faces.max_faces", "3") == "faces.max_faces = 3\n"
    assert settings("set", "display.boxes", "off") == "display.boxes = false\n"
    assert settings("get", "faces.max_faces") == "3\n"
    assert settings("get", "display.boxes") == "false\n"
    assert load(path).preferences.faces.max_faces == 3
    assert settings("reset", "faces.max_faces") == "faces.max_faces = 8\n"
    assert not load(path).preferences.display.boxes
    assert "defaults" in settings("reset")
    assert load(path).preferences.display.boxes


def test_what_is_printed_can_be_set_again() -> None:
    for key in TABLE:
        if value := settings("get", key).removesuffix("\n"):
            settings("set", key, value)
    assert not [row for row in json.loads(settings("list", "--json")) if row["changed"]]


def test_list() -> None:
    settings("set", "display.theme", "dark")
    rows = {row["key"]: row for row in json.loads(settings("list", "--json"))}
    assert list(rows) == list(TABLE)
    assert rows["display.theme"]["value"] == "dark"
    assert rows["display.theme"]["default"] == "system"
    assert [key for key, row in rows.items() if row["changed"]] == ["display.theme"]
    lines = settings("list").splitlines()
    assert len(lines) == len(TABLE)
    assert [line for line in lines if line.startswith("*")] == [
        f"* {'display.theme':24} dark  (default: system)"
    ]


def test_path(path: Path) -> None:
    assert settings("path") == f"{path}\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("get", "display.them"), "Did you mean display.theme"),
        (("set", "max_faces", "3"), r"faces\.max_faces"),
        (("set", "faces.max_faces", "many"), "valid integer"),
        (("reset", "qqq"), "settings list"),
    ],
)
def test_what_is_wrong_is_said(args: tuple[str, ...], said: str, path: Path) -> None:
    with pytest.raises(PreferencesError, match=said):
        settings(*args)
    assert not path.exists()


def test_a_broken_file_is_warned_of_and_kept(path: Path) -> None:
    path.write_text("[faces]\nmax_faces = 900\nmost = 3\n")
    done = CliRunner().invoke(settings_app, ["list"])
    assert f"{path}: line 2: faces.max_faces: " in done.stderr
    assert "not known to this version, kept" in done.stderr
    path.write_text("[faces\n")
    done = CliRunner().invoke(settings_app, ["set", "faces.max_faces", "3"])
    assert "kept as" in done.stderr
    assert len(list(path.parent.iterdir())) == 2


def test_options_win_over_preferences_and_these_over_defaults() -> None:
    assert chosen(**DEFAULT._asdict()) == Settings()
    settings("set", "faces.max_faces", "3")
    settings("set", "smoothing.seconds", "1")
    assert chosen(**DEFAULT._asdict()) == Settings(max_faces=3, smoothing_s=1.0)
    said = {**DEFAULT._asdict(), "max_faces": 5, "smoothing_s": 0.0}
    assert chosen(**said) == Settings(max_faces=5, smoothing_s=0.0)
    with pytest.raises(FerdeskError, match="max_faces"):
        chosen(max_faces=0)


def test_thresholds_are_numbers_or_left_to_the_bundle(path: Path) -> None:
    path.write_text("[nets]\nt2 = 0.3\n")
    assert chosen().t2 == 0.3
    assert chosen(t2="auto").t2 == "auto"
    assert chosen(t2="0.45", t3="0").t3 == 0
    assert stated(t2="0.45").t2 == 0.45
    for wrong, said in (("1.2", "less than or equal to 1"), ("soon", "valid number")):
        with pytest.raises(FerdeskError, match=f"t2: .*{said}"):
            stated(t2=wrong)


def test_there_is_an_option_for_every_setting() -> None:
    assert set(DEFAULT._fields) == set(Settings.model_fields)
    assert Settings() == STANDARD


def test_outputs_follow_the_preferences() -> None:
    assert stream_choice(**NOTHING) == StreamChoice()  # type: ignore[arg-type]
    for key, value in (("osc", "on"), ("osc_port", "9100"), ("websocket", "on")):
        settings("set", f"outputs.{key}", value)
    assert stream_choice(**NOTHING) == StreamChoice(osc=True, osc_port=9100, websocket=True)  # type: ignore[arg-type]
    said = {**NOTHING, "websocket": False, "osc_to": "10.0.0.9:7000", "lsl": True}
    assert stream_choice(**said) == StreamChoice(  # type: ignore[arg-type]
        lsl=True, osc=True, osc_host="10.0.0.9", osc_port=7000
    )
    # The preferences switched the WebSocket on, so its options make sense.
    assert stream_choice(**{**NOTHING, "port": 9999}).websocket_port == 9999  # type: ignore[arg-type]
    with pytest.raises(FerdeskError, match="--port belongs to --websocket"):
        stream_choice(**{**NOTHING, "websocket": False, "port": 9999})  # type: ignore[arg-type]


def test_stream_watches_as_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def begin(_: Watch, spec: str, **how: object) -> None:
        opened.append((spec, how))
        raise FerdeskError("seen enough")

    monkeypatch.setattr(Watch, "__init__", begin)
    monkeypatch.setattr("ferdesk.pipeline.build_pipeline", lambda made: FakeMade(made))
    monkeypatch.setattr("ferdesk.commands.streams.open_outputs", lambda *_, **__: [])
    settings("set", "source.default", "clip.mp4")
    settings("set", "source.camera_size", "640x480")
    settings("set", "faces.max_faces", "2")
    done = CliRunner().invoke(app, ["stream", "--osc"])
    assert str(done.exception) == "seen enough"
    done = CliRunner().invoke(app, ["stream", "--osc", "-s", "other.mp4", "--max-faces", "4"])
    assert [spec for spec, _ in opened] == ["clip.mp4", "other.mp4"]
    assert opened[0][1]["opener"].keywords["size"] == (640, 480)
    assert [made.max_faces for made in FakeMade.of] == [2, 4]


class FakeMade:
    """A pipeline that was built and is not used."""

    of: list[Settings] = []  # noqa: RUF012
    units = ()
    au_estimator = bundle = ""

    def __init__(self, made: Settings) -> None:
        self.of.append(made)

    def close(self) -> None: ...


def test_recording_follows_the_preferences(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []

    def record(spec: str, folder: Path, made: Settings, **how: object) -> None:
        seen.append((spec, folder, made, how))
        raise FerdeskError("seen enough")

    monkeypatch.setattr("ferdesk.record.record", record)
    settings("set", "recording.folder", str(tmp_path / "mine"))
    settings("set", "recording.video", "blurred")
    settings("set", "recording.lossless", "on")
    settings("set", "nets.aus", "off")
    CliRunner().invoke(app, ["record"])
    spec, folder, made, how = seen[0]
    assert (spec, folder.parent, made.aus) == ("0", tmp_path / "mine", "off")
    assert (how["video"], how["lossless"], how["consent"]) == ("blurred", True, "")
    CliRunner().invoke(app, ["record", "--video", "raw", "--no-lossless", "--consent", "yes"])
    assert [seen[1][3][name] for name in ("video", "lossless", "consent")] == ["raw", False, "yes"]


def test_files_are_analysed_the_same_for_everybody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = []

    def stop(_: object, __: object, made: Settings, *___: object, **____: object) -> None:
        seen.append(made)
        raise FerdeskError("seen enough")

    monkeypatch.setattr("ferdesk.batch.analyze_batch", stop)
    settings("set", "faces.max_faces", "3")
    for more in ([], ["--max-faces", "4"]):
        CliRunner().invoke(app, ["analyze", "demo", "-o", str(tmp_path / "out"), *more])
    assert seen == [Settings(), Settings(max_faces=4)]
