import errno

import pytest

from ferdesk.core.errors import OutputError
from trainer import files
from trainer.errors import TrainError
from trainer.registry import Registry, nearest


def test_registry():
    table = Registry[int]("thing")
    table.add("one", 1)
    table.add("three", 3)
    assert table.get("three") == 3
    assert table.names() == ("one", "three")
    with pytest.raises(TrainError, match=r"thing 'one' already.*Taken: one, three"):
        table.add("one", 2)
    with pytest.raises(TrainError, match=r"no thing 'thre'\. Did you mean three"):
        table.get("thre")
    with pytest.raises(TrainError, match=r"no thing 'xyz'\. Known: one, three"):
        table.get("xyz")


def test_nearest_with_nothing_known():
    assert nearest("x", []) == "Known: none."


def test_a_file_appears_whole_with_fixed_permissions(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_one_line_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match=r"a\.txt: the disk is full") as caught:
        files.write_with(path, fail)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_is_one_line(tmp_path):
    with pytest.raises(OutputError, match=r"Cannot write .*No such file"):
        files.write_text(tmp_path / "nowhere" / "a.txt", "x")
