"""The annotated MP4: true times, odd sizes, errors that reach the caller, no thread left."""

import os
import stat
import subprocess
import sys
import threading
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from ferdesk.core.errors import OutputError
from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.outputs.mp4 import Mp4File, encoder_threads
from ferdesk.outputs.video import VideoWriter


def image_of(result: FrameResult) -> ImageU8:
    return result.frame.image


def read(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.time_base == Fraction(1, 90_000)
        return list(container.decode(stream))


def test_pixels_order_and_true_times(tmp_path, make_result):
    times = [0.0, 0.04, 0.5, 0.501, 2.0, 7.25]
    path = tmp_path / "out.mp4"
    with VideoWriter(path, fps=25, draw=image_of) as writer:
        for index, time_s in enumerate(times):
            image = np.full((60, 80, 3), (20, 30 * index + 40, 120), np.uint8)
            writer.write(make_result(index, image=image), time_s)
    frames = read(path)
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-5)
    for index, frame in enumerate(frames):
        pixel = frame.to_ndarray(format="bgr24")[30, 40].astype(int)
        assert np.abs(pixel - (20, 30 * index + 40, 120)).max() <= 4


def test_many_frames_none_dropped(tmp_path, make_result):
    path = tmp_path / "out.mp4"
    result = make_result(image=np.zeros((32, 32, 3), np.uint8))
    with VideoWriter(path, fps=30, draw=image_of) as writer:
        for index in range(300):
            writer.write(result, index / 30)
    assert len(read(path)) == 300


@pytest.mark.parametrize(("width", "height"), [(81, 61), (1, 1), (3, 2), (80, 61)])
def test_odd_sizes_are_padded(tmp_path, width, height):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    image = cv2.blur(image, (9, 9))
    file = Mp4File(tmp_path / "out.mp4", fps=25)
    for index in range(3):
        file.write(image, index / 25)
    file.close()
    frames = read(tmp_path / "out.mp4")
    assert len(frames) == 3
    assert (frames[0].width, frames[0].height) == (width + width % 2, height + height % 2)


def test_pictures_of_another_size_are_scaled(tmp_path):
    file = Mp4File(tmp_path / "out.mp4", fps=25)
    for index, shape in enumerate([(60, 80), (30, 40), (90, 31)]):
        file.write(np.full((*shape, 3), 100, np.uint8), index / 25)
    file.close()
    assert {(frame.width, frame.height) for frame in read(tmp_path / "out.mp4")} == {(80, 60)}


def test_times_that_do_not_rise_are_moved_on(tmp_path):
    file = Mp4File(tmp_path / "out.mp4", fps=25)
    for time_s in (0.0, 1.0, 1.0, 0.5, 1.5):
        file.write(np.zeros((32, 32, 3), np.uint8), time_s)
    file.close()
    assert [frame.pts for frame in read(tmp_path / "out.mp4")] == [0, 90000, 90001, 90002, 135000]


@pytest.mark.skipif(sys.platform == "win32", reason="no such file modes on Windows")
def test_for_the_user_alone(tmp_path):
    file = Mp4File(tmp_path / "out.mp4", fps=25)
    file.write(np.zeros((32, 32, 3), np.uint8), 0.0)
    file.close()
    assert stat.S_IMODE((tmp_path / "out.mp4").stat().st_mode) == 0o600


def test_without_a_picture_no_file_is_left(tmp_path):
    VideoWriter(tmp_path / "out.mp4", fps=25, draw=image_of).close()
    assert not (tmp_path / "out.mp4").exists()


def test_cannot_be_made_and_no_thread_is_started(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        VideoWriter(tmp_path / "missing" / "out.mp4", fps=25, draw=image_of)


def test_an_error_in_the_thread_reaches_the_caller(tmp_path, make_result):
    def fail(result: FrameResult) -> ImageU8:
        if result.frame.index == 3:
            raise OutputError("no more")
        return result.frame.image

    writer = VideoWriter(tmp_path / "out.mp4", fps=25, draw=fail)
    with pytest.raises(OutputError, match="no more"):
        for index in range(100):
            writer.write(make_result(index), index / 25)
    with pytest.raises(OutputError, match="no more"):
        writer.close()
    writer.close()
    assert len(read(tmp_path / "out.mp4")) == 3


def test_write_waits_while_the_encoder_is_behind(tmp_path, make_result):
    gate = threading.Event()

    def slow(result: FrameResult) -> ImageU8:
        gate.wait(10)
        return result.frame.image

    written = []
    with VideoWriter(tmp_path / "out.mp4", fps=25, draw=slow) as writer:

        def produce() -> None:
            for index in range(40):
                writer.write(make_result(index), index / 25)
                written.append(index)

        producer = threading.Thread(target=produce)
        producer.start()
        producer.join(0.3)
        assert len(written) < 15
        gate.set()
        producer.join()
    assert len(read(tmp_path / "out.mp4")) == 40


KILLED = """
import os, sys
import numpy as np
from pathlib import Path
from ferdesk.outputs.mp4 import Mp4File
file = Mp4File(Path(sys.argv[1]), fps=25)
for index in range(100):
    file.write(np.random.default_rng(index).integers(0, 256, (64, 64, 3), np.uint8), index / 25)
os._exit(9)
"""


def test_a_killed_program_leaves_a_video_that_plays(tmp_path):
    path = tmp_path / "out.mp4"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], timeout=120, check=False)
    assert done.returncode == 9
    assert len(read(path)) >= 60


def test_most_of_the_machine_is_left_to_the_analysis(monkeypatch):
    for cores, threads in ((1, 1), (2, 1), (8, 2), (64, 4)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert encoder_threads() == threads
