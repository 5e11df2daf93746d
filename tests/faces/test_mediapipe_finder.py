"""The opt-in runtime: the whole thing where it is installed, a clear line where it is not."""

import importlib.util
import logging
from pathlib import Path

import pytest

from ferdesk.core.errors import ModelError
from ferdesk.core.types import Frame
from ferdesk.faces.mediapipe_finder import NOTICE, MediaPipeFinder

INSTALLED = importlib.util.find_spec("mediapipe") is not None


@pytest.mark.skipif(INSTALLED, reason="the mediapipe runtime is installed")
def test_without_the_package_the_extra_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(ModelError, match=r"ferdesk\[mediapipe\]"),
    ):
        MediaPipeFinder(max_faces=1)
    assert NOTICE in caplog.text


@pytest.mark.skipif(not INSTALLED, reason="the mediapipe runtime is an extra")
def test_it_follows_the_face_of_the_demo(
    demo_frames: list[Frame], landmarker_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    finder = MediaPipeFinder(max_faces=2)
    found = [finder.find(frame) for frame in demo_frames[:30]]
    finder.close()
    assert all(len(faces) == 1 for faces in found)
    assert found[-1][0].landmarks.shape == (478, 3)
