"""Extraction of action units: a row a picture, none twice, none lost."""

import json
import shutil
import signal

import cv2
import numpy as np
import pytest
from au_clips import faces_of
from au_fakes import LipEstimator

from ferdesk.core.errors import DataError
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load
from trainer import au_extract
from trainer.au_extract import PATCHES, Request, run
from trainer.au_table import read_au_table
from trainer.errors import StoppedError


class Watched(LipEstimator):
    """Remembers what it was shown, and asks to stop when it has seen enough."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.shown = []
        self.stop_after = stop_after

    def estimate(self, frame, time_s, faces, crops):
        self.shown.append((frame, faces[0], crops[0]))
        if len(self.shown) == self.stop_after:
            signal.raise_signal(signal.SIGTERM)
        return super().estimate(frame, time_s, faces, crops)


@pytest.fixture
def estimator(monkeypatch):
    found = Watched()
    monkeypatch.setattr(au_extract, "open_estimator", lambda *_, **__: found)
    return found


@pytest.fixture(scope="session")
def photographs(tmp_path_factory, demo_frames):
    """Four frames of the demo clip and one picture without a face, as a data set of photographs."""
    folder = tmp_path_factory.mktemp("photographs")
    lines = ["image,identity,expression"]
    for index in (0, 60, 150, 220):
        cv2.imwrite(str(folder / f"p{index}.png"), demo_frames[index].image)
        lines.append(f"p{index}.png,one,neutral")
    cv2.imwrite(str(folder / "wall.png"), np.full((200, 300, 3), 128, np.uint8))
    lines.append("wall.png,nobody,neutral")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def request_for(data, output, **changes):
    values = {"dataset": "faces", "data": data, "part": None, "estimator": "native"}
    return Request(**{**values, "output": output, **changes})


def test_a_row_a_picture(photographs, estimator, tmp_path):
    done = run(request_for(photographs, tmp_path / "aus.csv"))
    assert (done.rows, done.added, done.found, done.skipped) == (5, 5, 4, ())
    assert estimator.closed
    table = read_au_table(tmp_path / "aus.csv")
    assert table.estimator == "lips"
    assert table.names == ("p0.png", "p60.png", "p150.png", "p220.png", "wall.png")
    assert table.reliable.tolist() == [True] * 4 + [False]
    assert np.isnan(table.activation[4]).all()
    assert table.activation[2, 20] > table.activation[1, 20]  # surprise opens the lips further
    assert all(crop.image.shape == (PATCHES.size,) * 2 for _, _, crop in estimator.shown)
    assert all(frame.still for frame, _, _ in estimator.shown)


def test_a_stop_loses_nothing_and_nothing_is_done_twice(photographs, monkeypatch, tmp_path):
    first, second = Watched(stop_after=2), Watched()
    left = iter((first, second))
    monkeypatch.setattr(au_extract, "open_estimator", lambda *_, **__: next(left))
    with pytest.raises(StoppedError, match="SIGTERM; the rows so far are in"):
        run(request_for(photographs, tmp_path / "aus.csv"))
    assert first.closed
    assert len(read_au_table(tmp_path / "aus.csv")) == 2
    done = run(request_for(photographs, tmp_path / "aus.csv"))
    assert (done.rows, done.added, done.found) == (5, 3, 2)
    assert len(second.shown) == 2
    assert len(read_au_table(tmp_path / "aus.csv")) == 5


def test_a_crop_is_framed_and_is_the_patch_itself(demo_frames, estimator, tmp_path):
    """A face that is a crop already is found, and the patch is that crop, not one cut anew."""
    finder = OpenVinoFinder(load("auto"), 1)
    ((_, _, crop),) = faces_of(finder, [demo_frames[60]])
    finder.close()
    cv2.imwrite(str(tmp_path / "face.png"), crop.image)
    (tmp_path / "own.csv").write_text("path,label,cropped\nface.png,happiness,1\n")
    done = run(request_for(tmp_path / "own.csv", tmp_path / "aus" / "t.csv", dataset="csv"))
    assert done.found == 1
    ((frame, face, patch),) = estimator.shown
    np.testing.assert_array_equal(patch.image, crop.image)
    assert frame.image.shape == (288, 288, 3)
    eyes = (patch.from_frame[:, :2] @ face.landmarks[[33, 263], :2].T).T + patch.from_frame[:, 2]
    assert (eyes > 0).all() and (eyes < PATCHES.size).all()
    corner = np.array([48, 48, 1.0])  # where the border ends
    np.testing.assert_allclose(patch.from_frame @ corner, -0.5 + 0.125, atol=1e-9)


def test_bad_pictures_stop_it_unless_they_are_to_be_skipped(photographs, estimator, tmp_path):
    data = shutil.copytree(photographs, tmp_path / "data")
    (data / "p60.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"p60\.png"):
        run(request_for(data, tmp_path / "aus.csv"))
    done = run(request_for(data, tmp_path / "aus.csv", skip_bad=True))
    assert done.rows == 4
    assert len(done.skipped) == 1


def test_a_part_that_is_not_there(photographs, estimator, tmp_path):
    with pytest.raises(DataError, match="has no valid part of faces"):
        run(request_for(photographs, tmp_path / "aus.csv", part="valid"))
    assert not (tmp_path / "aus.csv").exists()


def test_the_command(photographs, estimator, tmp_path, command):
    arguments = ("au", "extract", "faces", "-d", photographs, "-o", tmp_path / "aus.csv")
    code, out, _ = command(*arguments, "--json")
    assert code == 0
    assert json.loads(out)["found"] == 4
    code, out, _ = command(*arguments)
    assert "5 rows, 0 new" in out
    code, _, err = command(*arguments, "-e", "guess")
    assert code == 2
    assert "There is no estimator 'guess'. Known: native, blendshapes" in err
    code, _, err = command(*arguments, "--part", "some")
    assert code == 2
