"""Single pictures and folders, of all kinds."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferdesk.core.errors import SourceError
from ferdesk.sources import open_source
from ferdesk.sources.images import MAX_SIDE, load_image, natural_key
from ferdesk.sources.imagesize import image_size

RGB_GREEN = (0, 200, 0)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(path: Path, width: int, height: int, kind: int, depth: int, rows: bytes, *extra: bytes):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = b"".join(extra) + chunk(b"IDAT", zlib.compress(rows))
    magic = b"\x89PNG\r\n\x1a\n"
    path.write_bytes(magic + chunk(b"IHDR", header) + body + chunk(b"IEND", b""))
    return path


def corners() -> np.ndarray:
    """48 x 32, smooth enough for JPEG; its four quarters differ."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:16, :24], image[:16, 24:] = (255, 0, 0), (0, 255, 0)
    image[16:, :24], image[16:, 24:] = (0, 0, 255), (255, 255, 255)
    return image


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tiff", ".ppm", ".jpg"])
def test_formats(tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    assert cv2.imwrite(str(path), corners(), [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert image_size(path.read_bytes()) == (48, 32)
    source = open_source(str(path))
    with source:
        frame = source.read()
        assert frame is not None
        assert frame.still
        assert frame.source_time_s is None
        assert frame.name == path.name
        assert not frame.image.flags.writeable
        assert frame.image.flags.c_contiguous
        tolerance = 3 if suffix == ".jpg" else 0
        difference = frame.image[4:-4:8, 4:-4:8].astype(int) - corners()[4:-4:8, 4:-4:8]
        assert np.abs(difference).max() <= tolerance
        assert source.read() is None
    assert source.warning is None
    info = source.info
    assert (info.kind, info.width, info.height, info.frames) == ("images", 48, 32, 1)


def test_one_pixel(tmp_path):
    path = tmp_path / "dot.png"
    cv2.imwrite(str(path), np.full((1, 1, 3), 7, np.uint8))
    assert load_image(path).tolist() == [[[7, 7, 7]]]


def test_grey(tmp_path):
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.arange(12, dtype=np.uint8).reshape(3, 4))
    image = load_image(path)
    assert image.shape == (3, 4, 3)
    assert (image[:, :, 1] == np.arange(12).reshape(3, 4)).all()


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3)])
def test_16_bit_is_divided_by_256(tmp_path, shape):
    path = tmp_path / "deep.png"
    values = np.linspace(0, 65_535, int(np.prod(shape))).astype(np.uint16).reshape(shape)
    cv2.imwrite(str(path), values)
    image = load_image(path)
    expected = (values // 256).astype(np.uint8)
    assert image.dtype == np.uint8
    assert (image[:, :, 0] == (expected if len(shape) == 2 else expected[:, :, 0])).all()


def test_transparent_becomes_black(tmp_path):
    path = tmp_path / "alpha.png"
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, :3] = (200, 100, 50)
    pixels[0, :, 3] = (0, 128, 255)
    cv2.imwrite(str(path), pixels)
    assert load_image(path).tolist() == [[[0, 0, 0], [100, 50, 25], [200, 100, 50]]]


def test_16_bit_with_alpha(tmp_path):
    path = tmp_path / "deep_alpha.png"
    cv2.imwrite(str(path), np.full((2, 2, 4), 65_535, np.uint16))
    assert (load_image(path) == 255).all()


def test_grey_with_alpha_and_palette(tmp_path):
    both = png(tmp_path / "la.png", 2, 1, 4, 8, b"\0\x80\xff\x80\x00")
    assert load_image(both).tolist() == [[[128] * 3, [0] * 3]]
    palette = chunk(b"PLTE", bytes([255, 0, 0, *RGB_GREEN]))
    indexed = png(tmp_path / "p.png", 2, 1, 3, 1, b"\0\x40", palette)
    assert load_image(indexed).tolist() == [[[0, 0, 255], [0, 200, 0]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_like_opencv_does_it(exif_jpeg, orientation):
    path = exif_jpeg(corners(), orientation)
    expected = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert (load_image(path) == expected).all()


def test_exif_orientation_6_turns_clockwise(exif_jpeg):
    image = load_image(exif_jpeg(corners(), 6))
    assert image.shape == (48, 32, 3)
    assert np.abs(image[4, -4].astype(int) - (255, 0, 0)).max() < 8  # was at the top left


def test_very_wide(tmp_path):
    path = tmp_path / "wide.png"
    cv2.imwrite(str(path), np.full((40, 20_000, 3), 9, np.uint8))
    assert load_image(path).shape == (40, 20_000, 3)


@pytest.mark.parametrize(
    ("width", "height"), [(100_000, 100_000), (20_000, 20_000), (MAX_SIDE + 1, 1)]
)
def test_too_large_is_refused_before_it_is_decoded(tmp_path, monkeypatch, width, height):
    path = png(tmp_path / "huge.png", width, height, 2, 8, bytes(100))
    monkeypatch.setattr(cv2, "imdecodeWithMetadata", None)
    with pytest.raises(SourceError, match=rf"huge\.png has {width} x {height} pixels; at most"):
        open_source(str(path))


def test_damaged_picture(tmp_path, capfd):
    for suffix in (".png", ".jpg", ".webp", ".tiff", ".bmp"):
        good, data = cv2.imencode(suffix, np.random.default_rng(0).integers(0, 255, (64, 64, 3)))
        assert good
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(data.tobytes()[: len(data) // 2])
        with pytest.raises(SourceError, match="damaged") as caught:
            open_source(str(path))
        assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_float_tiff_is_refused(tmp_path):
    path = tmp_path / "float.tiff"
    cv2.imwrite(str(path), np.ones((4, 4, 3), np.float32))
    with pytest.raises(SourceError, match="float32"):
        open_source(str(path))


@pytest.mark.parametrize("name", ["empty.png", "text.jpg", "phone.heic"])
def test_no_picture(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"" if name.startswith("empty") else b"hello " * 50)
    with pytest.raises(SourceError, match=r"is empty|no PNG, JPEG"):
        open_source(str(path))


def test_a_picture_is_known_by_its_content(tmp_path):
    path = tmp_path / "picture.mp4"
    good, data = cv2.imencode(".png", corners())
    assert good
    path.write_bytes(data.tobytes())
    with open_source(str(path)) as source:
        assert source.info.kind == "images"


def test_folder_in_natural_order_with_bad_ones_counted(tmp_path):
    for name in ("shot10.png", "shot9.png", "Shot1.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 6, 3), np.uint8))
    (tmp_path / "shot2.jpg").write_bytes(b"broken")
    (tmp_path / "shot3.heic").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._shot9.png").write_bytes(b"of macOS")
    (tmp_path / "folder.d").mkdir()
    with open_source(str(tmp_path)) as source:
        frames = list(iter(source.read, None))
    assert [frame.name for frame in frames] == ["Shot1.png", "shot9.png", "shot10.png"]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert source.warning is not None
    assert source.warning.startswith("2 of 5 pictures were skipped, first: ")
    assert "shot2.jpg" in source.warning
    assert source.info.name == tmp_path.name
    assert (source.info.width, source.info.frames) == (0, 5)


def test_folder_without_pictures(tmp_path):
    with pytest.raises(SourceError, match="no pictures"):
        open_source(str(tmp_path))


def test_folder_of_broken_pictures_only(tmp_path):
    (tmp_path / "a.png").write_bytes(b"broken")
    with open_source(str(tmp_path)) as source, pytest.raises(SourceError, match="No picture in"):
        source.read()


def test_closed_folder_gives_nothing(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), corners())
    source = open_source(str(tmp_path))
    source.close()
    assert source.read() is None


def test_natural_key():
    names = ["b", "a10", "a9", "A1", "a", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "A1", "a9", "a10", "b"]


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF0000WEBPVP8X", b"II*\0", b"P6 1"],
)
def test_size_of_a_header_that_is_cut_short(data):
    assert image_size(data) is None
