"""ModelBundle: a folder with a net, its labels, its preprocessing and what is known about it.

The only link from the trainer to the app. Bundles come from strangers as well: everything is
checked before a byte of it is used, and nothing in it is ever executed.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from ferdesk.core.align import CropRecipe
from ferdesk.core.errors import BundleError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.preprocess import Normalisation

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "bundle.json"
REFERENCE: Final = "reference.npz"
"""Inputs `x` (n, 1, size, size) and the net's `logits` (n, labels) for them, both float32: what an
engine has to give before it is trusted."""
MODEL: Final = "model.onnx"
PROGRAM: Final = "model.pt2"
"""The same net as a torch program, for GPUs; not every bundle has it. Its hash says that it is the
file the bundle was made with, not that its maker means well: see `ferdesk.engines.program`."""
LOGITS: Final = "logits"
CAM: Final = "cam"
"""Class-activation maps (labels, h, w): how much each place adds to each logit, the bias left out
(B. Zhou et al., CVPR 2016, equation 2). Their mean over places plus the bias is the logits."""
_MAX_MANIFEST_BYTES: Final = 1_000_000
_FIX: Final = "Copy the bundle again or choose another one (ferdesk bundles list)."
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

B = TypeVar("B", bound="Bundle")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _canonical(labels: tuple[str, ...]) -> tuple[str, ...]:
    if labels != EXPRESSIONS:
        raise ValueError(f"labels must be {', '.join(EXPRESSIONS)} in this order")
    return labels


ExpressionLabels = Annotated[tuple[str, ...], AfterValidator(_canonical)]
"""All expressions in the canonical order; no other labels are sound."""


class Strict(BaseModel):
    """Part of a bundle description: frozen, and without anything unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputSpec(Strict):
    """What the net eats: (n, 1, size, size) float32, normalised grey."""

    size: PositiveInt
    channels: Literal[1] = 1
    normalisation: Normalisation = "per_image"
    crop: CropRecipe = CropRecipe()


class OutputSpec(Strict):
    """One output of the net, its batch axis left out."""

    name: str
    shape: tuple[PositiveInt, ...]


class TrainingData(Strict):
    """A data set the net has seen, and on which terms it may be used."""

    name: str
    part: str
    images: PositiveInt
    terms: str


class Metric(Strict):
    """One measured figure set, with all that is needed to compare it."""

    dataset: str
    part: str
    protocol: str
    n: PositiveInt
    accuracy: float = Field(ge=0, le=1)
    accuracy_ci95: tuple[float, float]
    top2: float = Field(ge=0, le=1)
    top3: float = Field(ge=0, le=1)
    macro_f1: float = Field(ge=0, le=1)
    balanced_accuracy: float = Field(ge=0, le=1)
    ece: float = Field(ge=0, le=1)


class Bundle(Strict):
    """What every bundle.json says, whatever the bundle is for.

    Attributes:
        name: also its folder's name where it is installed.
        title: one line for people.
        task: what it is for.
        files: each file's plain name and its SHA-256.
        recipe: how it was made.
        paper: what the recipe follows.
        training_data: what it has seen.
        licence: on which terms it may be used.
        notes: what else a user should know.
    """

    NEEDED: ClassVar[tuple[str, ...]] = ()
    """Files that every bundle of this kind has."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    title: str
    task: str
    files: dict[str, Sha256]
    recipe: dict[str, str | int | float | bool | None]
    paper: str
    training_data: tuple[TrainingData, ...]
    licence: str
    notes: str = ""

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not _PLAIN_NAME.fullmatch(name):
            raise ValueError("a name has letters, digits, dot, dash and underscore only")
        return name

    @field_validator("files")
    @classmethod
    def _plain_files(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            if not _PLAIN_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a plain file name")
        for name in cls.NEEDED:
            if name not in files:
                raise ValueError(f"{name} is not listed")
        return files


class ModelBundle(Bundle):
    """An expression net.

    `files` has model.onnx and reference.npz always, model.pt2 where there is one. `outputs` are the
    net's: `logits` first, then `cam` where the net has maps.
    """

    NEEDED: ClassVar = (MODEL, REFERENCE)

    task: Literal["expression"]
    labels: ExpressionLabels
    input: InputSpec
    outputs: tuple[OutputSpec, ...]
    temperature: PositiveFloat
    metrics: tuple[Metric, ...]

    @field_validator("outputs")
    @classmethod
    def _known(cls, outputs: tuple[OutputSpec, ...]) -> tuple[OutputSpec, ...]:
        n = len(EXPRESSIONS)
        if not outputs or (outputs[0].name, outputs[0].shape) != (LOGITS, (n,)):
            raise ValueError(f"the first output must be {LOGITS!r} of shape ({n},)")
        for output in outputs[1:]:
            if output.name != CAM or len(output.shape) != 3 or output.shape[0] != n:
                raise ValueError(f"besides {LOGITS!r} there is only {CAM!r} of shape ({n}, h, w)")
        if len(outputs) > 2:
            raise ValueError(f"{CAM!r} is there twice")
        return outputs

    @property
    def map_shape(self) -> tuple[int, ...] | None:
        """(labels, h, w) of the class-activation maps, or None where the net has none."""
        return self.outputs[1].shape if len(self.outputs) > 1 else None


def sha256(path: Path) -> str:
    """The file's SHA-256 in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bundle(folder: Path, kind: type[B]) -> B:
    """Read and check a bundle: its schema, its labels and the hash of every file.

    Args:
        folder: the bundle's folder.
        kind: what it has to be, e.g. ModelBundle.

    Raises:
        BundleError: with the reason and what to do about it.
    """
    bundle = read_description(folder, kind)
    for name, expected in bundle.files.items():
        path = folder / name
        if not path.is_file() or path.is_symlink():
            raise BundleError(f"{path} is missing. {_FIX}")
        if sha256(path) != expected:
            raise BundleError(f"{path} was altered or cut short (wrong SHA-256). {_FIX}")
    return bundle


def read_description(folder: Path, kind: type[B]) -> B:
    """Read and check what a bundle says of itself; its files are not looked at.

    Args:
        folder: the bundle's folder.
        kind: what it has to be, e.g. ModelBundle.

    Raises:
        BundleError: with the reason and what to do about it.
    """
    manifest = folder / MANIFEST
    content = _content(manifest)
    wanted = get_args(kind.model_fields["task"].annotation)[0]
    if isinstance(content, dict) and content.get("task", wanted) != wanted:
        said = str(content["task"])[:40]
        raise BundleError(f"{folder} is a bundle for the task {said!r}, not for {wanted!r}. {_FIX}")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top level"
        raise BundleError(f"{manifest}: {where}: {first['msg']}. {_FIX}") from error


def read_task(folder: Path) -> str:
    """What a bundle is for, nothing else of it checked; "" where it does not say.

    Raises:
        BundleError: there is no readable description.
    """
    content = _content(folder / MANIFEST)
    task = content.get("task") if isinstance(content, dict) else None
    return task if isinstance(task, str) else ""


def _content(manifest: Path) -> object:
    try:
        if manifest.stat().st_size > _MAX_MANIFEST_BYTES:
            raise BundleError(f"{manifest} is too large to be a bundle description. {_FIX}")
        content: object = json.loads(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"No bundle at {manifest.parent}: {error.strerror}. {_FIX}") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{manifest} is not valid JSON. {_FIX}") from error
    return content


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write bundle.json; the files it lists must lie in `folder` already."""
    text = json.dumps(bundle.model_dump(mode="json"), indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
