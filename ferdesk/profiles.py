"""Neutral profiles: what an estimator of action units reads from one person's face at rest.

They say something about a person, so they stay in the user's data folder, open to the user alone.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from ferdesk import resources
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.errors import ProfileError

_MAX_BYTES: Final = 100_000
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class NeutralProfile(BaseModel):
    """What an estimator reads from one person's neutral face.

    Attributes:
        name: plain, also the file's.
        estimator: which estimator read it; the profile is worth nothing to another one.
        baseline: the median raw activation by unit.
        spread: how far its values lie around it by unit, as a robust standard deviation.
        seconds: between the first and the last value.
        values: how many reliable values it rests on.
        recorded: when.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=f"^{_PLAIN_NAME.pattern}$")]
    estimator: Annotated[str, Field(min_length=1, max_length=200)]
    baseline: dict[int, Share] = Field(min_length=1)
    spread: dict[int, Share]
    seconds: PositiveFloat
    values: PositiveInt
    recorded: AwareDatetime

    @model_validator(mode="after")
    def _known_units(self) -> "NeutralProfile":
        if foreign := set(self.baseline) - set(AU_INDEX):
            raise ValueError(f"there is no AU{min(foreign)} in the table")
        if set(self.spread) != set(self.baseline):
            raise ValueError("baseline and spread are of different units")
        return self


class Listed(NamedTuple):
    """A profile in the list of all.

    Attributes:
        name: the profile's.
        profile: what it says; None where it cannot be read.
        trouble: why not.
    """

    name: str
    profile: NeutralProfile | None
    trouble: str = ""

    def why_not(self, estimator: str, tr: Callable[[str], str] = str) -> str:
        """Why it cannot be used with an estimator, for people; empty where it can.

        Args:
            estimator: what estimates the units now; empty where nothing does.
            tr: translates; English where it is left out.
        """
        return self.trouble if self.profile is None else why_not(self.profile, estimator, tr)

    def to_dict(self) -> dict[str, Any]:
        """All that is known, ready for JSON."""
        if self.profile is None:
            return {"name": self.name, "trouble": self.trouble}
        return {**self.profile.model_dump(mode="json"), "trouble": ""}


def why_not(profile: NeutralProfile, estimator: str, tr: Callable[[str], str] = str) -> str:
    """Why a profile cannot be used with an estimator, for people; empty where it can.

    Args:
        profile: whose.
        estimator: what estimates the units now; empty where nothing does.
        tr: translates; English where it is left out.
    """
    if profile.estimator == estimator:
        return ""
    if not estimator:
        return tr("No action units are estimated.")
    text = tr("It was recorded with {before!r}, not with {now!r}.")
    return text.format(before=profile.estimator, now=estimator)


def profile_path(name: str) -> Path:
    """Where a profile lies, or would lie.

    Raises:
        ProfileError: the name is not plain.
    """
    if not _PLAIN_NAME.fullmatch(name):
        raise ProfileError(
            f"{name[:100]!r} is no name for a neutral profile. Use letters, digits, dot, dash and "
            "underscore."
        )
    return _folder() / f"{name}.json"


def save_profile(profile: NeutralProfile) -> Path:
    """Write a profile into the user's data folder; one of the same name is replaced.

    Returns:
        Where it lies now.

    Raises:
        ProfileError: it cannot be written.
    """
    path = profile_path(profile.name)
    draft = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(profile.model_dump_json(indent=2) + "\n")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise ProfileError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def load_profile(name: str) -> NeutralProfile:
    """Read a profile by its name.

    Raises:
        ProfileError: there is none, or it is not sound.
    """
    path = profile_path(name)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ProfileError(f"{path} is too large to be a neutral profile. Record it again.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        known = ", ".join(profile_names()) or "none"
        raise ProfileError(
            f"No neutral profile named {name!r}. Recorded: {known}. "
            f"Record it: ferdesk calibrate {name} --source 0"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path} cannot be read: {error}.") from error
    try:
        return NeutralProfile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top level"
        raise ProfileError(f"{path}: {where}: {first['msg']}. Record it again.") from error


def profile_names() -> tuple[str, ...]:
    """The names of the recorded profiles, sorted."""
    found = (path.stem for path in _folder().glob("*.json"))
    return tuple(sorted(name for name in found if _PLAIN_NAME.fullmatch(name)))


def list_profiles() -> tuple[Listed, ...]:
    """All recorded profiles by name, also those that cannot be read."""
    return tuple(map(_listed, profile_names()))


def rename_profile(name: str, new: str) -> NeutralProfile:
    """Give a profile another name.

    Returns:
        The profile as it is now.

    Raises:
        ProfileError: there is none, the new name is not plain or taken, or it cannot be written.
    """
    profile = load_profile(name)
    if profile_path(new).exists():
        raise ProfileError(f"There is a neutral profile named {new!r} already. Choose another.")
    renamed = profile.model_copy(update={"name": new})
    save_profile(renamed)
    remove_profile(name)
    return renamed


def remove_profile(name: str) -> None:
    """Delete a profile.

    Raises:
        ProfileError: there is none, or it cannot be deleted.
    """
    path = profile_path(name)
    try:
        path.unlink()
    except OSError as error:
        raise ProfileError(f"{path} cannot be deleted: {error.strerror or error}.") from error


def _listed(name: str) -> Listed:
    try:
        return Listed(name, load_profile(name))
    except ProfileError as error:
        return Listed(name, None, str(error))


def _folder() -> Path:
    return resources.user_data() / "profiles"
