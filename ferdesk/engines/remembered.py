"""Which engine was found fastest for which net, kept in the user's cache folder.

The file only chooses among engines that are checked whenever they are opened, so one that somebody
changed can make nets slower, not wrong. One that cannot be read is taken for none.
"""

import logging
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ferdesk import resources
from ferdesk.core.errors import EngineError
from ferdesk.engines.base import EngineName, Precision

log = logging.getLogger(__name__)

VERSION: Final = 1
_MOST_BYTES: Final = 262_144
_MOST_CHOICES: Final = 200

Device = Literal["CPU", "GPU", "CoreML", "CUDA", "MPS"]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Figure = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Plan(BaseModel):
    """One way to run a net.

    Attributes:
        engine: what runs it.
        device: on what.
        precision: see `ferdesk.engines.base.Precision`.
        threads: threads it may use on a CPU; 0 lets the engine choose.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineName
    device: Device
    precision: Precision = "f32"
    threads: Annotated[int, Field(ge=0, le=64)] = 0


class Remembered(BaseModel):
    """The fastest way that was found.

    Attributes:
        bundle: the bundle's name, for people.
        digest: see `Net.digest`.
        machine: see `Machine.key`.
        plan: how to run the net.
        median_ms: what one row took.
        difference: how far the answers are from the bundle's reference, at most.
        measured: when, as ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: Annotated[str, Field(max_length=100)]
    digest: Hash
    machine: Hash
    plan: Plan
    median_ms: Figure
    difference: Figure
    measured: Annotated[str, Field(max_length=40)]


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = VERSION
    choices: Annotated[tuple[Remembered, ...], Field(max_length=_MOST_CHOICES)] = ()


def path() -> Path:
    """Where the file lies; it need not exist."""
    return resources.user_cache() / "engines.json"


def load() -> tuple[Remembered, ...]:
    """All that is remembered; nothing where the file cannot be read, with a line in the log."""
    where = path()
    try:
        with where.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
        return _Content.model_validate_json(data).choices
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        first = error.errors()[0]
        where_in = ".".join(map(str, first["loc"])) or "the file"
        log.warning("%s is not used: %s: %s", where, where_in, first["msg"])
    except (OSError, ValueError) as error:
        log.warning("%s is not used: %s", where, error)
    return ()


def find(digest: str, machine: str) -> Remembered | None:
    """What is remembered for a net on a machine."""
    return next((one for one in load() if (one.digest, one.machine) == (digest, machine)), None)


def remember(found: Iterable[Remembered]) -> None:
    """Add what was found; it replaces what is known of the same nets on the same machine.

    Raises:
        EngineError: the file cannot be written; what it held before is still there.
    """
    fresh = {(one.digest, one.machine): one for one in found}
    kept = [one for one in load() if (one.digest, one.machine) not in fresh]
    content = _Content(choices=(*fresh.values(), *kept)[:_MOST_CHOICES])
    _replace(path(), content.model_dump_json(indent=2) + "\n")


def _replace(target: Path, text: str) -> None:
    """Write a file of mode 0600 under another name and give it its own."""
    draft: Path | None = None
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        draft = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(target)
    except OSError as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        raise EngineError(f"{target} cannot be written: {error.strerror or error}.") from error
