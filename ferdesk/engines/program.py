"""model.pt2, the torch program of a bundle, read without trusting whoever made it.

`torch.export.load` (torch 2.14) is not safe with a file from a stranger. Its own documentation says
so, and its source shows why: sample inputs that do not load with weights_only=True are unpickled
without it, weights and constants that say "use_pickle" are unpickled, texts go through SymPy's
`sympify` and become guards that are compiled as Python, names become the text of generated code, a
node's target may be any attribute of torch that can be reached by dots, and members below
aotinductor/ are machine code. A hash in bundle.json does not help, for a stranger writes both.

So the app loads only what `open_program` hands out. The trainer writes programs without sample
inputs, constants, guards and notes, of plain operators only; this file accepts that form and
nothing else, and copies what it accepted into a new archive, so that torch cannot see another file
than the one that was judged.
"""

import io
import json
import math
import re
import struct
import zipfile
from pathlib import Path
from typing import Any, Final

from ferdesk.core.errors import ModelError

MAX_BYTES: Final = 1_000_000_000
_MAX_TEXT: Final = 20_000_000
_MAX_MEMBERS: Final = 20_000
_MAX_DEPTH: Final = 40

_MODEL: Final = "models/model.json"
_WEIGHTS: Final = "data/weights/model_weights_config.json"
_CONSTANTS: Final = "data/constants/model_constants_config.json"
_SAMPLES: Final = "data/sample_inputs/model.pt"
_SMALL: Final = frozenset(
    {"archive_format", "archive_version", "byteorder", ".data/version", ".data/serialization_id"}
)
_WEIGHT: Final = re.compile(r"data/weights/(weight_[0-9]{1,6})", re.ASCII)

_TEXT: Final = re.compile(r"[\w.,>+-]{0,200}", re.ASCII)
"""Nothing that calls, indexes, quotes or ends a line, in whatever code it may end up."""
_SIZE: Final = re.compile(
    r"(Mul\(Integer\([0-9]{1,9}\), )?Symbol\('s[0-9]{1,6}', positive=True, integer=True\)(?(1)\))",
    re.ASCII,
)
"""The batch's open size or a multiple of it: all that a size or a step may be besides a number."""
_TREE: Final = re.compile(
    r'\[1, (?:[\[\]{}, :]|null|"(?:type|context|children_spec|builtins\.tuple|builtins\.dict|null'
    r'|\[\])")*\]'
)
_FORMS: Final = {"in_spec": _TREE, "out_spec": _TREE, "expr_str": _SIZE}
_ARGUMENTS: Final = frozenset(
    {
        "as_bool",
        "as_float",
        "as_int",
        "as_ints",
        "as_none",
        "as_scalar_type",
        "as_string",
        "as_tensor",
        "as_tensors",
    }
)
_EMPTY: Final = frozenset(
    {
        "metadata",
        "treespec_namedtuple_fields",
        "guards_code",
        "custom_obj_values",
        "sym_bool_values",
        "sym_float_values",
        "sym_int_values",
    }
)
OPERATORS: Final = frozenset(
    "torch.ops.aten." + name
    for name in (
        "adaptive_avg_pool2d.default",
        "add.Tensor",
        "add_.Tensor",
        "avg_pool2d.default",
        "avg_pool3d.default",
        "batch_norm.default",
        "cat.default",
        "conv2d.default",
        "conv_transpose2d.input",
        "div.Tensor",
        "dropout.default",
        "einsum.default",
        "expand.default",
        "flatten.using_ints",
        "leaky_relu.default",
        "leaky_relu_.default",
        "linear.default",
        "max_pool2d.default",
        "mean.dim",
        "mul.Tensor",
        "pad.default",
        "pow.Tensor_Scalar",
        "relu.default",
        "relu6.default",
        "relu_.default",
        "sigmoid.default",
        "squeeze.dim",
        "sub.Tensor",
        "tanh.default",
        "to.dtype",
        "unsqueeze.default",
        "upsample_bilinear2d.vec",
    )
)
"""What a program may compute with. None of them touches a file or runs anything else."""
_UNREADABLE: Final = (
    OSError,
    EOFError,
    RuntimeError,  # RecursionError too, which deep JSON gives
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)
_BYTES_OF: Final = {6: 2, 7: 4}  # torch's numbers for float16 and float32


def open_program(path: Path) -> io.BytesIO:
    """Judge a program and copy it; the copy is fit for `torch.export.load`.

    Args:
        path: a bundle's model.pt2, its hash already compared.

    Returns:
        A new archive in memory of what was accepted. Its program takes (n, 1, size, size) float32
        with n from 1 to 1024 and returns a tuple of float32, in the order of the bundle's outputs.

    Raises:
        ModelError: unreadable, or anything in it is not as the trainer writes it.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than {MAX_BYTES:,} bytes; no net here is.")
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path)
            _judge(archive, members, path)
            return _copy(archive, members)
    except _UNREADABLE as error:
        raise ModelError(f"{path} cannot be read as a torch program: {error}.") from error


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The members by their name below the archive's one root folder."""
    entries = archive.infolist()
    found: dict[str, zipfile.ZipInfo] = {}
    root = entries[0].filename.partition("/")[0] + "/" if entries else ""
    if len(entries) > _MAX_MEMBERS or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise _refusal(path, "more or larger members than any net here has")
    for entry in entries:
        name = entry.filename.removeprefix(root)
        known = name in _SMALL or name in (_MODEL, _WEIGHTS, _CONSTANTS, _SAMPLES)
        if not (known or _WEIGHT.fullmatch(name)) or name in found:
            raise _refusal(path, f"the member {entry.filename[:80]!r}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise _refusal(path, f"a packed member, {name}")
        small = 1_000 if name in _SMALL else _MAX_TEXT
        if not _WEIGHT.fullmatch(name) and entry.file_size > small:
            raise _refusal(path, f"a member {name} of {entry.file_size:,} bytes")
        found[name] = entry
    missing = {_MODEL, _WEIGHTS, _CONSTANTS, _SAMPLES, *_SMALL} - found.keys()
    if missing:
        raise _refusal(path, f"no member {min(missing)}")
    return found


def _judge(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], path: Path) -> None:
    if members[_SAMPLES].file_size:
        raise _refusal(path, "sample inputs, which torch would unpickle")
    if json.loads(archive.read(members[_CONSTANTS])) != {"config": {}}:
        raise _refusal(path, "constants")
    _judge_weights(json.loads(archive.read(members[_WEIGHTS])), members, path)
    model = json.loads(archive.read(members[_MODEL]))
    _judge_value(model, path, 0)
    for key in ("guards_code", "graph_module"):
        if not isinstance(model, dict) or key not in model:
            raise _refusal(path, f"no {key}")


def _judge_weights(config: Any, members: dict[str, zipfile.ZipInfo], path: Path) -> None:
    """Every weight is a plain float array that fills its member."""
    entries = config.get("config") if isinstance(config, dict) else None
    if not isinstance(entries, dict) or config.keys() != {"config"}:
        raise _refusal(path, "another table of weights")
    _judge_value(config, path, 0)
    for name, entry in entries.items():
        try:
            member = members[f"data/weights/{entry['path_name']}"]
            meta = entry["tensor_meta"]
            sizes = [size["as_int"] for size in meta["sizes"]]
            plain = entry["use_pickle"] is False and all(type(n) is int and n > 0 for n in sizes)
            fits = plain and math.prod(sizes) * _BYTES_OF[meta["dtype"]] == member.file_size
        except (KeyError, TypeError, AttributeError):
            fits = False
        if not fits:
            raise _refusal(path, f"a weight {name[:80]!r} that is no plain array of floats")


def _judge_value(value: Any, path: Path, depth: int, key: str = "") -> None:
    """Go through a JSON value; `key` is the name it stands under."""
    if depth > _MAX_DEPTH:
        raise _refusal(path, "values within values within values")
    if key in _EMPTY and value:
        raise _refusal(path, f"{key}, which the trainer leaves empty")
    if key == "target" and not (isinstance(value, str) and value in OPERATORS):
        raise _refusal(path, f"the operator {str(value)[:80]!r}")
    if isinstance(value, dict):
        for name, inner in value.items():
            _judge_name(name, key, path)
            _judge_value(inner, path, depth + 1, name)
    elif isinstance(value, list):
        for inner in value:
            _judge_value(inner, path, depth + 1, key)
    elif isinstance(value, str) and not _FORMS.get(key, _TEXT).fullmatch(value):
        raise _refusal(path, f"the text {value[:80]!r}")


def _judge_name(name: str, above: str, path: Path) -> None:
    if not _TEXT.fullmatch(name):
        raise _refusal(path, f"the name {name[:80]!r}")
    if above == "arg" and name.startswith("as_") and name not in _ARGUMENTS:
        raise _refusal(path, f"an argument {name}")


def _copy(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> io.BytesIO:
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for name, entry in members.items():
            target.writestr(f"archive/{name}", archive.read(entry))
    copy.seek(0)
    return copy


def _refusal(path: Path, found: str) -> ModelError:
    return ModelError(f"{path} is refused: it has {found}, unlike the programs of ferdesk-train.")
