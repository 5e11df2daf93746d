"""Video files: true times, rotation, damage."""

import itertools
import logging
import time

import numpy as np
import pytest

from ferdesk import resources
from ferdesk.core.errors import SourceError
from ferdesk.core.types import Frame
from ferdesk.sources import open_source
from ferdesk.sources.base import Source


def frames_of(source: Source) -> list[Frame]:
    with source:
        return list(iter(source.read, None))


def test_every_frame_comes_in_order_with_its_pixels(make_clip):
    source = open_source(str(make_clip()))
    assert source.info.kind == "video"
    assert (source.info.width, source.info.height, source.info.frames) == (96, 64, 25)
    assert source.info.fps == pytest.approx(25)
    assert source.info.name == "clip.mp4"
    assert not source.info.live
    before = time.monotonic_ns()
    frames = frames_of(source)
    assert [frame.index for frame in frames] == list(range(25))
    for index, frame in enumerate(frames):
        assert frame.image.shape == (64, 96, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert not frame.image.flags.writeable
        assert frame.name == "clip.mp4"
        assert not frame.still
        assert before <= frame.captured_ns <= time.monotonic_ns()
        assert np.abs(frame.image[20, 10].astype(int) - (40, 80, 160)).max() <= 6
        assert abs(int(frame.image[20, 80, 1]) - (8 * index + 16)) <= 5
    assert source.warning is None
    assert source.read() is None


@pytest.mark.parametrize(("width", "height"), [(98, 50), (32, 32), (642, 362)])
def test_sizes_whose_rows_are_padded(make_clip, width, height):
    frame = frames_of(open_source(str(make_clip(times=[0.0], width=width, height=height))))[0]
    assert frame.image.shape == (height, width, 3)
    assert frame.image.flags.c_contiguous


def test_variable_rate_keeps_true_times(make_clip):
    times = [0.0, 0.02, 0.5, 0.51, 1.25, 3.0, 3.04]
    frames = frames_of(open_source(str(make_clip(times=times))))
    assert [frame.source_time_s for frame in frames] == pytest.approx(times, abs=1e-4)


def test_times_start_at_the_first_frame(make_clip):
    frames = frames_of(open_source(str(make_clip(times=[5.0, 5.1, 5.3], name="late.mkv"))))
    assert [frame.source_time_s for frame in frames] == pytest.approx([0.0, 0.1, 0.3], abs=2e-3)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotation_is_undone(make_clip, rotation):
    source = open_source(str(make_clip(times=[0.0, 0.04], rotation=rotation)))
    size = (64, 96) if rotation != 180 else (96, 64)
    assert (source.info.width, source.info.height) == size
    image = frames_of(source)[0].image
    assert image.shape == (size[1], size[0], 3)
    # The coloured half is stored at the left; FFmpeg's angle is counter-clockwise.
    at = {90: (80, 32), 180: (32, 80), -90: (10, 32)}[rotation]
    assert np.abs(image[at].astype(int) - (40, 80, 160)).max() <= 6


def test_truncated_file_gives_what_is_there_and_says_how_much(make_clip, tmp_path):
    times = [i / 25 for i in range(100)]
    whole = make_clip(times=times, faststart=True, noise=True).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    source = open_source(str(cut))
    frames = frames_of(source)
    assert 40 <= len(frames) <= 75
    assert source.warning is not None
    assert "the file ends after 2." in source.warning
    assert "of 4.0 s" in source.warning


def test_damaged_packets_are_skipped_and_counted(make_clip, tmp_path):
    data = bytearray(make_clip(times=[i / 25 for i in range(60)], noise=True).read_bytes())
    start = data.index(b"mdat") + 4
    # Zeros where the lengths of the pictures' parts should be.
    middle = start + (len(data) - start) // 2
    data[middle : middle + 6000] = bytes(6000)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    source = open_source(str(path))
    frames = frames_of(source)
    assert 20 <= len(frames) < 60
    assert source.warning is not None
    assert "damaged part" in source.warning
    times = [frame.source_time_s for frame in frames]
    assert all(a < b for a, b in itertools.pairwise(times))


def test_times_that_begin_anew_go_on(make_clip, tmp_path):
    parts = [make_clip(times=[i / 25 for i in range(50)], name=f"{n}.ts") for n in "ab"]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = frames_of(open_source(str(path)))
    times = [frame.source_time_s for frame in frames]
    assert len(times) >= 99
    assert all(a < b for a, b in itertools.pairwise(times))
    assert times[-1] == pytest.approx(3.96, abs=0.1)


def test_a_file_whose_index_is_missing_says_so(make_clip, tmp_path):
    whole = make_clip().read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="its index is missing"):
        open_source(str(path))


PLAYLIST = (
    b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.txt", b"not a video\n" * 100),
        ("list.m3u8", PLAYLIST),
        ("list.ffconcat", b"ffconcat version 1.0\nfile clip.mp4\n"),
        ("noise.mp4", np.random.default_rng(0).integers(0, 256, 40_000, np.uint8).tobytes()),
        ("zeros.avi", bytes(10_000)),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is not a video") as caught:
        open_source(str(path))
    assert "\n" not in str(caught.value)


def test_empty_file(tmp_path):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match=r"empty\.mp4 is empty"):
        open_source(str(tmp_path / "empty.mp4"))


def test_video_without_frames(make_clip):
    with pytest.raises(SourceError):
        open_source(str(make_clip(times=[])))


def test_sound_alone_is_no_video(tmp_path):
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        for i in range(20):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 44_100, i * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="no video track"):
        open_source(str(path))


def test_loop_goes_on_with_rising_times(make_clip):
    with open_source(str(make_clip(times=[0.0, 0.04, 0.08])), loop=True) as source:
        frames = [source.read() for _ in range(8)]
    times = [frame.source_time_s for frame in frames if frame is not None]
    assert times == pytest.approx([0.04 * i for i in range(8)], abs=1e-3)
    assert [frame.index for frame in frames if frame is not None] == list(range(8))


def test_close_ends_reading_and_may_be_repeated(make_clip):
    source = open_source(str(make_clip()), loop=True)
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None


def test_nothing_is_written_to_the_terminal(make_clip, tmp_path, capfd):
    logging.getLogger("libav").setLevel(logging.DEBUG)
    path = tmp_path / "junk.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    with pytest.raises(SourceError):
        open_source(str(path))
    frames_of(open_source(str(make_clip())))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "frames", "last_s"),
    [("face.mp4", 472, 19.645), ("single_face.mp4", 72, 2.367), ("no_face.mp4", 95, 3.917)],
)
def test_shared_clips(shared, name, frames, last_s):
    source = open_source(str(shared(f"media/{name}")))
    read = frames_of(source)
    assert len(read) == frames
    assert read[-1].source_time_s == pytest.approx(last_s, abs=2e-3)
    assert source.warning is None


def test_shared_clip_of_variable_rate_and_hevc(shared):
    source = open_source(str(shared("media/face_noface.mov")))
    read = frames_of(source)
    assert len(read) == 169
    steps = np.diff([frame.source_time_s for frame in read])
    assert steps.min() > 0
    assert steps.max() > 1.5 * steps.min()


def test_demo_clip():
    if not resources.demo_clip().is_file():
        pytest.skip("the demo clip has not been made (resources/demo)")
    source = open_source("demo")
    assert (source.info.kind, source.info.name, source.info.live) == ("demo", "demo", False)
    assert len(frames_of(source)) == source.info.frames
    assert source.warning is None


def test_missing_demo_clip_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(resources, "demo_clip", lambda: tmp_path / "demo.mp4")
    with pytest.raises(SourceError, match="Install ferdesk again"):
        open_source("demo")
