"""Names of results, pictures and the folder."""

import stat
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferdesk.core.errors import OutputError
from ferdesk.outputs.files import make_folder
from ferdesk.outputs.names import ResultNames
from ferdesk.outputs.picture import PictureFolder, write_picture


def test_the_same_stem_gets_a_number(tmp_path):
    names = ResultNames(tmp_path, [])
    assert names.claim("face").table == tmp_path / "face.csv"
    assert names.claim("Face").table == tmp_path / "Face-2.csv"
    assert names.claim("face").video == tmp_path / "face-3_annotated.mp4"


def test_an_input_is_never_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ResultNames(tmp_path, ["x.mp4", "x_annotated.mp4", "http://host/x"])
    assert names.claim("x").video == tmp_path / "x-2_annotated.mp4"
    names = ResultNames(Path(), ["x.png", str(tmp_path / "x_annotated.png")])
    assert names.claim("x").picture.name == "x-2_annotated.png"


@pytest.mark.parametrize(
    ("stem", "name"),
    [("cam: 1/2", "cam_ 1_2"), ("..", "result"), ("", "result"), ("größe 世界", "größe 世界")],
)
def test_names_every_file_system_takes(tmp_path, stem, name):
    assert ResultNames(tmp_path, []).claim(stem).table.name == f"{name}.csv"


def test_picture_folder(tmp_path, make_result):
    folder = PictureFolder(tmp_path / "out", lambda result: result.frame.image)
    for name in ("a.jpg", "a.png", "b.png"):
        folder.write(make_result(name=name))
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == ["a-2.png", "a.png", "b.png"]


def test_picture_is_lossless_and_private(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    path = tmp_path / "größe.png"
    write_picture(path, image)
    assert (cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) == image).all()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_picture_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_picture(tmp_path / "missing" / "a.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(OutputError, match="cannot be written"):
        write_picture(tmp_path / "a.nonsense", np.zeros((2, 2, 3), np.uint8))


def test_folder_is_made_for_the_user_alone(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_file_in_the_folders_place(tmp_path):
    (tmp_path / "a").write_text("in the way")
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(OutputError, match="cannot be written"):
            make_folder(path)
