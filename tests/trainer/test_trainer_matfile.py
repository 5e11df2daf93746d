import json
import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from dataset_trees_b import cells, save_mat

from ferdesk.core.errors import DataError
from trainer.datasets import matfile
from trainer.datasets.matfile import read_mat
from trainer.errors import TrainError

pytest.importorskip("scipy")

LIMIT = 1_000_000
FIELDS = ("dob", "full_path", "blank")
CONTENT = {
    "images": np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4),
    "wide": np.array([[1.5, -2.0, np.nan]]),
    "yes": np.array([[True, False]]),
    "text": "héllo",
    "table": {
        "dob": np.array([[1.0, 2.0]]),
        "full_path": cells(["a/ü.jpg", "", " b "]),
        "blank": cells([np.zeros((0, 0))] * 2_000),
        "extra": 3.0,
    },
}
SEED = 1
"""With SciPy 1.17.1 two of the first twenty changes end the process that reads them."""


def child(tmp_path, monkeypatch, text):
    """Another program in the child's place."""
    (tmp_path / "child.py").write_text(f"import json, os, signal, sys, time\n{text}\n")
    monkeypatch.setattr(matfile, "_CHILD", tmp_path / "child.py")
    return save_mat(tmp_path / "a.mat", {"x": 1.0})


@pytest.mark.parametrize("compressed", [False, True])
def test_numbers_text_cells_and_structs(tmp_path, compressed):
    path = save_mat(tmp_path / "a.mat", CONTENT, do_compression=compressed)
    found = read_mat(path, (*CONTENT, "other"), limit=LIMIT, fields=FIELDS)
    assert set(found) == set(CONTENT)
    assert np.array_equal(found["images"], CONTENT["images"])
    assert found["images"].dtype == found["yes"].dtype == np.uint8
    assert np.array_equal(found["wide"], CONTENT["wide"], equal_nan=True)
    assert found["yes"].tolist() == [[1, 0]]
    assert found["text"] == "héllo"
    assert set(found["table"]) == set(FIELDS)
    assert found["table"]["full_path"] == ["a/ü.jpg", "", " b "]
    assert [cell.shape for cell in found["table"]["blank"]] == [(0, 0)] * 2_000
    assert np.array_equal(found["table"]["dob"], [[1.0, 2.0]])


def test_nothing_but_data_comes_back(tmp_path, monkeypatch):
    files = {}

    def keep(folder, path):
        files.update({file.name: file.read_bytes() for file in folder.iterdir()})
        for file in folder.glob("*.npy"):
            assert np.load(file, allow_pickle=False).dtype.kind in "iuf"
        return {}

    monkeypatch.setattr(matfile, "_taken", keep)
    path = save_mat(tmp_path / "a.mat", CONTENT)
    assert read_mat(path, ("images", "text", "table"), limit=LIMIT, fields=FIELDS) == {}
    answer = json.loads(files.pop("found.json"))
    assert set(answer) == {"found"}
    assert set(answer["found"]) == {"images", "text", "table"}
    assert sorted(files) == ["1.npy", "2.npy", "3.npy"]  # images, dob, and one for all blanks


def test_scipy_stays_in_the_child(tmp_path):
    path = save_mat(tmp_path / "a.mat", {"x": 1.0})
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from trainer.datasets.matfile import read_mat\n"
        "found = read_mat(Path(sys.argv[1]), ('x',), limit=1_000)\n"
        "assert found['x'].tolist() == [[1.0]]\n"
        "assert 'scipy.io' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)


def test_without_scipy(tmp_path, monkeypatch):
    monkeypatch.setattr(matfile.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TrainError, match=r"scipy is not installed: pip install"):
        read_mat(tmp_path / "a.mat", ("x",), limit=LIMIT)


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
    assert found.dtype == np.dtype(np.float64)
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
    with pytest.raises(DataError, match=r"Cannot read .*b\.mat: No such file"):
        read_mat(tmp_path / "b.mat", ("x",), limit=LIMIT)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([[1j]]), "complex"),
        (np.zeros((2, 2), dtype=[("a", "O")]), "not a single struct"),
        (np.array(["ab", "cd"]), "not one line of text"),
        (cells([cells([cells([cells([cells([cells(["deep"])])])])])]), "too deeply"),
        (cells([1.0] * 1_001), "more than 1,000 arrays"),
        ("sparse", "not numbers, text, cells or a struct"),
    ],
)
def test_kinds_that_are_not_expected(tmp_path, value, message):
    if isinstance(value, str):
        from scipy.sparse import eye

        value = eye(3)
    path = save_mat(tmp_path / "a.mat", {"x": value})
    with pytest.raises(DataError, match=rf"a\.mat cannot be used: .*{message}"):
        read_mat(path, ("x",), limit=LIMIT, fields=("a",))


def test_sizes_are_capped(tmp_path):
    path = save_mat(tmp_path / "a.mat", {"x": np.zeros((100, 100))}, do_compression=True)
    with pytest.raises(DataError, match=r"a\.mat is larger than 50 bytes"):
        read_mat(path, ("x",), limit=50)
    with pytest.raises(DataError, match=r"a\.mat cannot be used: .*more than 10,000 bytes"):
        read_mat(path, ("x",), limit=10_000)
    assert read_mat(path, ("y",), limit=10_000) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="others may not limit a process's memory")
def test_memory_is_capped(tmp_path):
    """A few KB that say they unpack to 2 GB."""
    size = 2_100_000_000
    head = struct.pack("<IIIIIIII", 14, size + 48, 6, 8, 9, 0, 5, 8)
    head += struct.pack("<iiHH4sII", 1, size, 1, 1, b"x\0\0\0", 2, size)
    packer = zlib.compressobj(1)
    packed = packer.compress(head) + packer.compress(bytes(1 << 24)) + packer.flush()
    data = struct.pack("<II", 15, len(packed)) + packed
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + data)
    with pytest.raises(DataError, match="does not fit into memory"):
        read_mat(tmp_path / "a.mat", ("x",), limit=LIMIT)


def test_variable_that_is_there_twice(tmp_path):
    data = save_mat(tmp_path / "a.mat", {"x": 1.0}).read_bytes()
    (tmp_path / "a.mat").write_bytes(data + data[128:])
    with pytest.raises(DataError, match="it is damaged"):
        read_mat(tmp_path / "a.mat", ("x", "y"), limit=LIMIT)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL"])
def test_child_that_is_ended_by_a_signal(tmp_path, monkeypatch, name):
    path = child(tmp_path, monkeypatch, f"os.kill(os.getpid(), signal.{name})")
    with pytest.raises(DataError) as caught:
        read_mat(path, ("x",), limit=LIMIT)
    assert str(caught.value) == f"{path} cannot be read as a MATLAB file: it is damaged."


def test_child_that_finds_no_end(tmp_path, monkeypatch):
    monkeypatch.setattr(matfile, "_TIMEOUT", 0.5)
    path = child(tmp_path, monkeypatch, "time.sleep(60)")
    with pytest.raises(DataError, match=r"a\.mat cannot .*: no end after 0\.5 seconds"):
        read_mat(path, ("x",), limit=LIMIT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "open(folder + '/found.json', 'w').write('{')",
        "open(folder + '/found.json', 'w').write('{\"found\": {\"x\": {\"array\": 1}}}')\n"
        "import numpy as np\n"
        "np.save(folder + '/1.npy', np.array([{}], object), allow_pickle=True)",
    ],
)
def test_what_comes_back_is_not_trusted(tmp_path, monkeypatch, text):
    path = child(tmp_path, monkeypatch, f"folder = json.loads(sys.argv[1])['folder']\n{text}")
    with pytest.raises(DataError) as caught:
        read_mat(path, ("x",), limit=LIMIT)
    assert "a.mat" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("compressed", "size"), [(False, 150), (False, 400), (True, 300)])
def test_cut_short(tmp_path, compressed, size):
    whole = save_mat(tmp_path / "a.mat", CONTENT, do_compression=compressed).read_bytes()
    (tmp_path / "a.mat").write_bytes(whole[:size])
    with pytest.raises(DataError, match=r"a\.mat cannot be read as a MATLAB file: it is damaged"):
        read_mat(tmp_path / "a.mat", tuple(CONTENT), limit=LIMIT, fields=FIELDS)


def test_changed_bytes_are_found_or_harmless(tmp_path):
    small = {name: CONTENT[name] for name in ("images", "wide", "text")}
    small["table"] = {
        "dob": np.array([[1.0, 2.0]]),
        "full_path": cells(["a/ü.jpg", ""]),
        "extra": 3.0,
    }
    whole = save_mat(tmp_path / "a.mat", small).read_bytes()
    rng = random.Random(SEED)
    refused = 0
    for _ in range(20):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(128, len(data))] = rng.randrange(256)
        (tmp_path / "b.mat").write_bytes(data)
        try:
            found = read_mat(tmp_path / "b.mat", tuple(small), limit=LIMIT, fields=FIELDS)
        except DataError as error:
            refused += 1
            assert "b.mat" in str(error)
            assert "\n" not in str(error)
        else:
            assert set(found) <= set(small)
    assert 0 < refused <= 20
