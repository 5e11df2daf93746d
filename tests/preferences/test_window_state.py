"""How the window was left."""

import os
import stat
from pathlib import Path

import pytest

from ferdesk.core.errors import PreferencesError
from ferdesk.preferences.state import WindowState, load_state, save_state, state_path

LEFT = WindowState(
    geometry=bytes(range(256)),
    workspace="review",
    splitters={"live": (700, 300)},
    switches={"plots": True},
    last_camera="camera:HD Webcam",
    sessions=("/elsewhere/one.ferdesk",),
    welcome_seen=True,
)


def test_it_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "made" / "config.window.json"
    assert load_state(path) == WindowState()
    save_state(LEFT, path)
    assert load_state(path) == LEFT
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_lies_beside_the_preferences(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FERDESK_CONFIG", str(tmp_path / "kiosk.toml"))
    assert state_path() == tmp_path / "kiosk.window.json"
    save_state(LEFT)
    assert load_state() == LEFT


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"geometry": "###"}', '{"splitters": {"a": [-1]}}', "{" * 9000, "x" * 300_000],
)
def test_one_that_is_broken_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    assert load_state(path) == WindowState()


def test_a_newer_versions_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"workspace": "live", "moods": 3}')
    assert load_state(path).workspace == "live"


def test_what_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PreferencesError, match="cannot be written"):
        save_state(LEFT, tmp_path / "file" / "state.json")
