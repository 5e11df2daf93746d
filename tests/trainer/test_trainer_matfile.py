import random
import struct
import zlib

import numpy as np
import pytest
from dataset_trees_b import cells, save_mat

from ferdesk.core.errors import DataError
from trainer.datasets import matfile
from trainer.datasets.matfile import read_mat

pytest.importorskip("scipy")

LIMIT = 1_000_000
CONTENT = {
    "images": np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4),
    "wide": np.array([[1.5, -2.0, np.nan]]),
    "text": "héllo",
    "table": {"dob": np.array([[1.0, 2.0]]), "full_path": cells(["a/ü.jpg", ""]), "extra": 3.0},
}


@pytest.mark.parametrize("compressed", [False, True])
def test_numbers_text_cells_and_structs(tmp_path, compressed):
    path = save_mat(tmp_path / "a.mat", CONTENT, do_compression=compressed)
    found = read_mat(path, tuple(CONTENT), limit=LIMIT, fields=("dob", "full_path"))
    assert np.array_equal(found["images"], CONTENT["images"])
    assert found["images"].dtype == np.uint8
    assert np.array_equal(found["wide"], CONTENT["wide"], equal_nan=True)
    assert found["text"] == "héllo"
    assert set(found["table"]) == {"dob", "full_path"}
    assert found["table"]["full_path"][0] == "a/ü.jpg"
    assert np.array_equal(found["table"]["dob"], [[1.0, 2.0]])


def test_only_what_is_wanted(tmp_path):
    path = save_mat(tmp_path / "a.mat", CONTENT, do_compression=True)
    assert set(read_mat(path, ("text", "other"), limit=LIMIT)) == {"text"}


def test_numbers_in_fewer_bytes_than_their_class_and_the_other_byte_order(tmp_path):
    """MATLAB stores whole doubles as bytes; this is such a variable, written by hand."""

    def element(kind, data):
        return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

    content = (
        element(6, struct.pack(">II", 6, 0))
        + element(5, struct.pack(">ii", 1, 3))
        + struct.pack(">HH", 1, 1)  # type and size swap places in the other order
        + b"x\0\0\0"
        + struct.pack(">HH", 3, 2)
        + b"\x07\x08\xff\0"
    )
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI" + element(14, content))
    found = read_mat(path, ("x",), limit=LIMIT)["x"]
    assert found.dtype == np.float64
    assert found.tolist() == [[7.0, 8.0, 255.0]]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512), r"7\.3 \(HDF5\) file; .*with -v7"),
        (b"\x89HDF\r\n\x1a\n".ljust(600), "HDF5"),
        (b"hello", "is not a MATLAB file"),
        (b"", "is not a MATLAB file"),
        (b"MATLAB 5.0 MAT-file".ljust(128), "is not a MATLAB file"),
    ],
)
def test_other_files(tmp_path, head, message):
    (tmp_path / "a.mat").write_bytes(head)
    with pytest.raises(DataError, match=message):
        read_mat(tmp_path / "a.mat", ("x",), limit=LIMIT)
    with pytest.raises(DataError, match="No such file"):
        read_mat(tmp_path / "b.mat", ("x",), limit=LIMIT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"x": np.array([[1j]])}, "complex"),
        ({"x": np.zeros((2, 2), dtype=[("a", "O")])}, "not a single struct"),
        ({"x": np.array(["ab", "cd"])}, "not one line of text"),
        ({"x": cells([cells([cells([cells([cells([cells(["deep"])])])])])])}, "too deeply"),
    ],
)
def test_kinds_that_are_not_expected(tmp_path, content, message):
    path = save_mat(tmp_path / "a.mat", content)
    with pytest.raises(DataError, match=message):
        read_mat(path, ("x",), limit=LIMIT, fields=("a",))


def test_sparse(tmp_path):
    from scipy.sparse import eye

    with pytest.raises(DataError, match="of a kind that is not expected"):
        read_mat(save_mat(tmp_path / "a.mat", {"x": eye(3)}), ("x",), limit=LIMIT)


def test_sizes_are_capped(tmp_path, monkeypatch):
    path = save_mat(tmp_path / "a.mat", {"x": np.zeros((100, 100))}, do_compression=True)
    with pytest.raises(DataError, match=r"a\.mat holds 80,0\d\d bytes; more than 10,000"):
        read_mat(path, ("x",), limit=10_000)
    assert read_mat(path, ("y",), limit=10_000) == {}
    with pytest.raises(DataError, match="larger than 50 bytes"):
        read_mat(path, ("x",), limit=50)
    monkeypatch.setattr(matfile, "_MAX_CELLS", 2)
    path = save_mat(tmp_path / "b.mat", {"x": cells(["a", "b", "c"])})
    with pytest.raises(DataError, match="has 3 cells"):
        read_mat(path, ("x",), limit=10_000)


def test_cut_anywhere(tmp_path):
    for compressed in (False, True):
        whole = save_mat(tmp_path / "a.mat", CONTENT, do_compression=compressed).read_bytes()
        for size in range(120, len(whole), 7):
            (tmp_path / "b.mat").write_bytes(whole[:size])
            try:
                found = read_mat(tmp_path / "b.mat", tuple(CONTENT), limit=LIMIT)
            except DataError:
                continue
            assert len(found) < len(CONTENT)


@pytest.mark.parametrize("compressed", [False, True])
def test_changed_bytes_are_found_or_harmless(tmp_path, compressed):
    """Bytes are changed inside the unpacked variables, whose checksums are then right again."""
    whole = save_mat(tmp_path / "a.mat", CONTENT).read_bytes()
    rng = random.Random(3)
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(128, len(data))] = rng.randrange(256)
        if compressed:
            packed = zlib.compress(bytes(data[128:]), 1)
            data[128:] = struct.pack("<II", 15, len(packed)) + packed
        (tmp_path / "b.mat").write_bytes(data)
        try:
            read_mat(tmp_path / "b.mat", tuple(CONTENT), limit=LIMIT, fields=("dob", "full_path"))
        except DataError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 50
