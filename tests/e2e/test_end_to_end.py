"""The whole way of a user through the window, under a real window system."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ferdesk.resources import face_model_folders
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import verify
from ferdesk.ui.models.face_models import any_installed

SCRIPT = Path(__file__).with_name("clicks_through.py")
STEPS = (
    "welcome",
    "picture",
    "calibrated",
    "neutral used",
    "recorded",
    "opened",
    "annotated",
    "exported",
)


@pytest.fixture
def display() -> Iterator[str]:
    """A window system of the test's own."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("needs Xvfb (on Debian: apt-get install xvfb)")
    reader, writer = os.pipe()
    with subprocess.Popen(
        [program, "-displayfd", str(writer), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(writer)
        with os.fdopen(reader) as numbers:
            number = numbers.readline().strip()
        assert number, "Xvfb did not start"
        try:
            yield f":{number}"
        finally:
            server.terminate()


@pytest.mark.timeout(400)
def test_a_user_clicks_through(tmp_path: Path, display: str) -> None:
    if not any_installed():
        pytest.skip("needs the face models: ferdesk models install")
    env = os.environ | {
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "FERDESK_CONFIG": str(tmp_path / "config.toml"),
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "FERDESK_MODELS": os.pathsep.join(str(one) for one in face_model_folders()),
        "XDG_VIDEOS_DIR": str(tmp_path / "videos"),
    }
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    reached = [line.removeprefix("reached: ") for line in ran.stdout.splitlines()]
    assert set(STEPS) <= set(reached), ran.stdout + ran.stderr
    assert "neutral: me is saved" in ran.stdout
    assert ran.returncode == 0, ran.stdout + ran.stderr
    noise = [line for line in ran.stderr.splitlines() if "qt" in line.lower() or "QObject" in line]
    assert not noise
    assert "Traceback" not in ran.stderr
    assert "still running" not in ran.stderr  # a thread that did not end
    (folder,) = tmp_path.rglob("*.ferdesk")
    assert verify(folder).whole
    with Session(folder) as session:
        notes = {(note.kind, note.text) for note in session.annotations()}
    assert ("marker", "") in notes
    assert any(text == "a smile" for _, text in notes)
    (table,) = tmp_path.rglob("*.csv")
    assert table.read_text().startswith("file,frame,time_s,face_id")
