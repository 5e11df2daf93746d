"""Pictures of stored frames: the right one, from the video or from the numbers."""

import random
import shutil
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from review_fakes import a_clip, a_reading, even, marker, numbers_only
from session_fakes import some_meta, some_result

from ferdesk.core.errors import SourceError
from ferdesk.core.types import Box, Pose
from ferdesk.review.opening import open_session
from ferdesk.review.pictures import Pictures
from ferdesk.sessions import schema
from ferdesk.sessions.readings import FrameReading
from ferdesk.sessions.store import SessionStore
from ferdesk.sessions.writer import SessionWriter
from ferdesk.sources import seek
from ferdesk.sources.seek import SeekableVideo

UNEVEN = list(accumulate([0.0, *random.Random(4).choices([1 / 30, 1 / 60, 0.21, 1e-4], k=199)]))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("clip") / "a.ferdesk", UNEVEN, lossless=True)


@pytest.mark.parametrize("kept", [0, 64_000_000])
def test_every_frame_is_found_in_any_order(
    clip: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(seek, "_CACHE_BYTES", kept)
    order = [*range(60), *range(199, 120, -1), *random.Random(1).choices(range(200), k=60)]
    with SeekableVideo(clip / schema.VIDEO) as video:
        for index in order:
            picture = video.picture_at(UNEVEN[index])
            assert picture is not None
            assert marker(picture) == index % 160


def test_a_step_decodes_little(tmp_path: Path) -> None:
    folder = a_clip(tmp_path / "a.ferdesk", even(150))
    with SeekableVideo(folder / schema.VIDEO) as video:
        video.picture_at(100 / 30)
        assert video.decoded <= 13  # from the key frame before, 0.4 s at most
        video.picture_at(101 / 30)
        assert video.decoded <= 14
        before = video.decoded
        video.picture_at(100 / 30)
        assert video.decoded == before


def test_a_time_without_a_picture_has_none(tmp_path: Path) -> None:
    folder = a_clip(tmp_path / "a.ferdesk", even(30))
    with SeekableVideo(folder / schema.VIDEO) as video:
        assert video.picture_at(0.05) is None
        assert video.picture_at(7.0) is None
        first = video.picture_at(0.0)
        assert first is not None
        assert marker(first) == 0


def test_a_recording_that_was_cut_off_can_be_sought(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "a.ferdesk", some_meta())
    for index in range(90):
        writer.write(some_result(index))
    copy = tmp_path / "cut.mp4"
    shutil.copy(tmp_path / "a.ferdesk" / schema.VIDEO, copy)
    writer.close()
    with SeekableVideo(copy) as video:
        found = [video.picture_at(index / 30) for index in (70, 10, 71, 40)]
        assert [marker(one) for one in found if one is not None] == [70, 10, 71, 40]
        assert video.picture_at(89 / 30) is None  # was not written yet
        assert video.picture_at(0.0) is not None


def test_what_is_no_video_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    with pytest.raises(SourceError, match="cannot be played"):
        SeekableVideo(tmp_path / "a.mp4")
    with pytest.raises(SourceError, match="There is no"):
        SeekableVideo(tmp_path / "b.mp4")


def test_faces_are_drawn_where_they_are_wanted(clip: Path) -> None:
    with Pictures(open_session(clip)) as pictures:
        plain, drawn = pictures.picture(3, False), pictures.picture(3, True)
        assert marker(plain.image) == 3
        assert not plain.drawn
        assert (plain.image != drawn.image).any(axis=2).sum() > 50
        assert [face.face.track_id for face in drawn.faces] == [1]


def test_without_a_video_the_points_are_drawn(tmp_path: Path) -> None:
    folder = numbers_only(tmp_path / "a.ferdesk", ["happiness", None])
    with Pictures(open_session(folder)) as pictures:
        one, nobody = pictures.picture(0, False), pictures.picture(1, False)
    assert one.drawn
    assert one.image.shape == (120, 160, 4)
    assert len(np.unique(one.image[..., :3].reshape(-1, 3), axis=0)) > 1
    assert len(np.unique(nobody.image[..., :3].reshape(-1, 3), axis=0)) == 1


def test_a_broken_video_is_said_and_the_numbers_are_shown(tmp_path: Path) -> None:
    folder = a_clip(tmp_path / "a.ferdesk", even(30))
    (folder / schema.VIDEO).write_bytes(b"overwritten")
    with Pictures(open_session(folder)) as pictures:
        picture = pictures.picture(7, True)
    assert picture.drawn
    assert "cannot be played" in picture.trouble


@pytest.mark.parametrize("size", [(0, 0), (100_000, 100_000), (640, 1)])
def test_numbers_of_another_program_may_lack_anything(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    nothing = np.full(8, np.nan, np.float32)
    bare = replace(a_reading("fear", 1, 0.0, False), raw=nothing, probabilities=nothing)
    nan = float("nan")
    nowhere = replace(
        bare.face,
        box=Box(nan, nan, nan, nan),
        pose=Pose(nan, nan, nan),
        score=nan,
        landmarks=np.zeros((0, 3), np.float32),
    )
    faces = (bare, replace(bare, face=nowhere, aus=None, verdict=None))
    meta = some_meta(video="none", source_kind="import", width=size[0], height=size[1])
    folder = tmp_path / "a.ferdesk"
    folder.mkdir()
    with SessionStore(folder / schema.DATABASE, meta) as store:
        store.add(FrameReading(0, 0, 0.0, None, 0, 0, None, False, faces))
    with Pictures(open_session(folder)) as pictures:
        picture = pictures.picture(0, True)
    assert max(picture.image.shape) <= 1280
    assert [face.label for face in picture.faces] == ["", ""]
