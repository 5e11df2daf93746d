"""Programs of the trainer are taken; whatever else a stranger may send is not."""

import io
import json
import logging
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferdesk.core.errors import ModelError
from ferdesk.engines import program as program_module
from ferdesk.engines.program import open_program

torch = pytest.importorskip("torch")
MODEL = "archive/models/model.json"
WEIGHTS = "archive/data/weights/model_weights_config.json"
CONSTANTS = "archive/data/constants/model_constants_config.json"
SAMPLES = "archive/data/sample_inputs/model.pt"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program as the trainer writes it, of a small net."""
    from trainer.deploy import deploy
    from trainer.nets import build_net
    from trainer.program import write_program

    path = tmp_path_factory.mktemp("program") / "model.pt2"
    write_program(deploy(build_net("khorrami2015", size=16, dropout=0.5), 16), path)
    return path


def rewritten(sound: Path, path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A copy of the archive with some members changed."""
    with zipfile.ZipFile(sound) as archive:
        members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def edited(member: str, edit: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        content = json.loads(members[member])
        edit(content)
        members[member] = json.dumps(content).encode()

    return change


def test_a_program_of_the_trainer_is_taken(sound: Path, tmp_path: Path) -> None:
    module = torch.export.load(open_program(sound)).module()
    assert module(torch.zeros(3, 1, 16, 16))[0].shape == (3, 8)
    open_program(rewritten(sound, tmp_path / "same.pt2", lambda members: None))


class Touch:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_sample_inputs_that_run_code_are_refused(sound: Path, tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    content = io.BytesIO()
    torch.save(((Touch(trap),), {}), content)
    hostile = rewritten(
        sound, tmp_path / "hostile.pt2", lambda m: m.update({SAMPLES: content.getvalue()})
    )
    with pytest.raises(ModelError, match="sample inputs"):
        open_program(hostile)
    assert not trap.exists()
    # This is what the check is for: torch itself would have run it.
    logging.disable()
    try:
        torch.export.load(hostile)
    finally:
        logging.disable(logging.NOTSET)
    assert trap.exists()


def of_graph(edit: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    return edited(MODEL, lambda model: edit(model["graph_module"]["graph"]))


def of_weights(edit: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    return edited(WEIGHTS, lambda table: edit(next(iter(table["config"].values()))))


def deep(model: Any) -> None:
    model["range_constraints"] = inner = {}
    for _ in range(60):
        inner["a"] = inner = {}


HOSTILE = {
    "operator of torch": of_graph(lambda g: g["nodes"][0].update(target="torch.os.system")),
    "operator that opens files": of_graph(
        lambda g: g["nodes"][0].update(target="torch.ops.aten.from_file.default")
    ),
    "operator that is no text": of_graph(lambda g: g["nodes"][0].update(target=[])),
    "notes": of_graph(lambda g: g["nodes"][0]["metadata"].update(stack_trace="x")),
    "code in a name": of_graph(lambda g: g["nodes"][0].update(name="a=print()\n")),
    "code as a key": of_graph(lambda g: g["tensor_values"].update({"exit()": {}})),
    "an object": of_graph(
        lambda g: g["nodes"][0]["inputs"][0].update(arg={"as_custom_obj": {"name": "a"}})
    ),
    "objects": of_graph(lambda g: g.update(custom_obj_values={"a": {}})),
    "guards": edited(MODEL, lambda m: m.update(guards_code=["exit()"])),
    "an expression": edited(
        MODEL, lambda m: m.update(range_constraints={"s0": {"expr_str": "exit()"}})
    ),
    "another tree": edited(
        MODEL,
        lambda m: m["graph_module"]["module_call_graph"][0]["signature"].update(
            in_spec='[1, {"type": "os.system"}]'
        ),
    ),
    "no graph": edited(MODEL, lambda m: m.pop("graph_module")),
    "depth": edited(MODEL, deep),
    "no JSON": lambda members: members.update({MODEL: b"{"}),
    "no UTF-8": lambda members: members.update({MODEL: b"\xff\xfe\xfd"}),
    "a list": lambda members: members.update({MODEL: b"[]"}),
    "brackets": lambda members: members.update({MODEL: b"[" * 200_000}),
    "pickled weights": of_weights(lambda w: w.update(use_pickle=True)),
    "weights of another type": of_weights(lambda w: w["tensor_meta"].update(dtype=5)),
    "weights larger than their member": of_weights(
        lambda w: w["tensor_meta"].update(sizes=[{"as_int": 10**12}])
    ),
    "weights of no size": of_weights(lambda w: w["tensor_meta"].update(sizes=[{"as_int": True}])),
    "weights elsewhere": of_weights(lambda w: w.update(path_name="../../models/model.json")),
    "weights in a list": lambda members: members.update({WEIGHTS: b'{"config": []}'}),
    "constants": edited(CONSTANTS, lambda c: c["config"].update(a={"path_name": "opaque_obj_0"})),
    "machine code": lambda members: members.update({"archive/data/aotinductor/model/a.so": b"x"}),
    "old weights": lambda members: members.update({"archive/data/weights/model.pt": b"x"}),
    "another model": lambda members: members.update({"archive/models/other.json": b"{}"}),
    "a second root": lambda members: members.update({"model/models/model.json": b"{}"}),
    "no version": lambda members: members.pop("archive/archive_version") and None,
    "a long version": lambda members: members.update({"archive/archive_version": b"1" * 2000}),
    "nothing": lambda members: members.clear(),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_stranger_s_program_is_refused_in_one_line(
    sound: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    path = rewritten(sound, tmp_path / "model.pt2", change)
    with pytest.raises(ModelError, match=r"model\.pt2 (is refused|cannot be read)") as error:
        open_program(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_archives_that_are_no_such_archives(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pt2"
    for data in (b"", b"PK", pickle.dumps(1), sound.read_bytes()[:-100], b"\0" * 4096):
        path.write_bytes(data)
        with pytest.raises(ModelError, match="cannot be read as a torch program"):
            open_program(path)
    with pytest.raises(ModelError, match="cannot be read"):
        open_program(tmp_path / "nowhere.pt2")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/archive_version", "0")
    with pytest.raises(ModelError, match="a packed member"):
        open_program(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, about the name that is there twice
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/archive_version", "0")
            archive.writestr("archive/archive_version", "0")
    with pytest.raises(ModelError, match=r"the member 'archive/archive_version'"):
        open_program(path)
    monkeypatch.setattr(program_module, "MAX_BYTES", 1000)
    with pytest.raises(ModelError, match="larger than 1,000 bytes"):
        open_program(sound)


def test_what_was_judged_is_what_torch_gets(sound: Path) -> None:
    with zipfile.ZipFile(sound) as first, zipfile.ZipFile(open_program(sound)) as second:
        assert first.namelist() == second.namelist()
        assert all(first.read(name) == second.read(name) for name in first.namelist())
    assert np.frombuffer(open_program(sound).read(2), np.uint8).tolist() == [0x50, 0x4B]
