"""What several test folders share: real pixels, and the material that lies beside the checkout."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["LANGUAGE"] = "C"  # before any text is made: tests compare with the English ones

import pytest
from material import SHARED, decode

from ferdesk import resources
from ferdesk.core.types import Frame
from ferdesk.faces import store


@pytest.fixture(scope="session", autouse=True)
def nobodys_preferences(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, nor any process that one starts, reads or changes what the user prefers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERDESK_CONFIG", str(tmp_path_factory.mktemp("nobody") / "config.toml"))
        patch.setenv("FERDESK_CACHE", str(tmp_path_factory.mktemp("nothing-measured")))
        yield


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Gives a file of ../shared, or skips the test where that is missing."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs {name}, which is no part of the project")
        return path

    return find


@pytest.fixture(scope="session")
def demo_frames() -> list[Frame]:
    """The demo clip, decoded once."""
    return list(decode(resources.demo_clip()))


@pytest.fixture(scope="session")
def landmarker_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the landmarker set: the installed one, else that of ../shared."""
    if all(store.verify(file) is None for file in store.LANDMARKER.files):
        detector = store.find_file(store.LANDMARKER.detector)
        assert detector is not None
        return detector.parent
    archive = SHARED / "models" / "face_landmarker.task"
    if not archive.exists():
        pytest.skip("the landmarker set is not installed (only its address on the web has it)")
    folder = tmp_path_factory.mktemp("landmarker")
    store.unpack(archive, store.LANDMARKER, folder)
    return folder
