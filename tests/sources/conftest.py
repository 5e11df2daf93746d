"""Small real videos, made by the tests."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

MakeClip = Callable[..., Path]


def picture(index: int, width: int, height: int) -> np.ndarray:
    """A smooth picture that tells its index: the grey level of the right half is 8 x index."""
    image = np.full((height, width, 3), (40, 80, 160), np.uint8)
    image[:, width // 2 :] = 8 * (index % 28) + 16
    return image


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """`make_clip(times=..., width=..., rotation=..., faststart=..., name=...) -> Path`."""

    def make(
        times: Sequence[float] = tuple(i / 25 for i in range(25)),
        width: int = 96,
        height: int = 64,
        rotation: int = 0,
        faststart: bool = False,
        name: str = "clip.mp4",
        gop: int = 5,
        noise: bool = False,
    ) -> Path:
        path = tmp_path / name
        options = {"movflags": "faststart"} if faststart else {}
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream("libx264", rate=25, options={"crf": "10", "bf": "2"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.gop_size = gop
            stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
            if rotation:
                stream.set_display_rotation(rotation)
            for index, time_s in enumerate(times):
                image = picture(index, width, height)
                if noise:  # so that the file has a size worth cutting
                    rng = np.random.default_rng(index)
                    image[: height // 2] = rng.integers(0, 256, (height // 2, width, 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = round(time_s * 90_000), Fraction(1, 90_000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


def _chunked(data: bytes, at: int, extra: bytes) -> bytes:
    return data[:at] + extra + data[at:]


@pytest.fixture
def exif_jpeg(tmp_path: Path) -> Callable[[np.ndarray, int], Path]:
    """Writes a JPEG with an EXIF orientation."""

    def make(image: np.ndarray, orientation: int) -> Path:
        good, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 98])
        assert good
        exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01"
        exif += orientation.to_bytes(2, "big") + b"\0\0\0\0\0\0"
        segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
        path = tmp_path / f"turned{orientation}.jpg"
        path.write_bytes(_chunked(data.tobytes(), 2, segment))
        return path

    return make
