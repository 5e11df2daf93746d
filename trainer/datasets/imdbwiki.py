"""IMDB-WIKI, faces with age and gender.

R. Rothe, R. Timofte, L. Van Gool. "DEX: Deep EXpectation of apparent age from a single image." ICCV
Workshops 2015. imdb.mat and wiki.mat each hold one struct: dob (MATLAB's day number), photo_taken
(year), full_path, gender (0 woman, 1 man, NaN unknown), name, face_score (-Inf without a face) and
second_face_score (NaN without a second face).

As its makers advise, age is that of the middle of the year (1 July) in which the photograph was
taken, and rows without a face, with a second one, without a gender or with an impossible age are
left out: they were gathered automatically, and such rows are no errors. The table's layout says how
many. The makers' crops are wider than the app's; they are taken as they are.
"""

import math
import re
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.errors import DataError
from ferdesk.core.types import ImageU8
from trainer.datasets.base import DataSet, Sample, Table, add_dataset
from trainer.datasets.faces import decode
from trainer.datasets.listing import MAX_PICTURE_BYTES, BadRows, make_table
from trainer.datasets.matfile import Value, read_mat
from trainer.datasets.sequences import kind, tops
from trainer.datasets.store import FolderStore

NAME: Final = "imdbwiki"
SETS: Final = ("imdb", "wiki")
AGES: Final = (0.0, 100.0)  # years

_CROP: Final = "_crop"
_NUMBERS: Final = ("dob", "photo_taken", "gender", "face_score", "second_face_score")
_TEXTS: Final = ("name", "celeb_names")  # either may be missing, and celeb_id too
_FIELDS: Final = frozenset((*_NUMBERS, *_TEXTS, "full_path", "celeb_id"))
_PATH: Final = re.compile(r"\d{1,3}/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}\.jpe?g", re.ASCII | re.I)
_MAX_BYTES: Final = 1_000_000_000
_DAY_ONE: Final = 366
"""MATLAB counts its days from year 0, Python from year 1."""
_YEAR: Final = 365.2425  # days


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All usable faces that lie at `path`; see `trainer.datasets.base.Reader`.

    Labels are DROPPED, since the set names no expressions.

    Args:
        path: imdb.mat or wiki.mat; a folder with one or both, and the numbered folders beside them;
            or a folder with imdb_crop and wiki_crop, or imdb and wiki, or one of these. Where
            crops and whole pictures lie there, the crops are read.
        skip_bad: leave malformed rows out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, fields of another shape, a path that is none, a
            gender that does not exist, or a picture that is listed twice.
    """
    files = _find(path)
    bad = BadRows(skip_bad)
    samples: list[Sample] = []
    layouts = [_read_one(file, samples, bad) for file in files]
    cropped = _is_crop(files[0])
    return make_table(path, "; ".join(layouts), samples, bad, cropped=cropped)


def _is_crop(file: Path) -> bool:
    return file.resolve().parent.name.endswith(_CROP)


def _find(path: Path) -> list[Path]:
    """The tables; all of crops or all of whole pictures."""
    if kind(path) == "file":
        if path.stem not in SETS:
            raise DataError(f"{path} is neither imdb.mat nor wiki.mat.")
        return [path]
    if kind(path) != "folder":
        raise DataError(f"{path} does not exist; expected a folder with imdb.mat or wiki.mat.")
    for places in (
        [path / f"{name}.mat" for name in SETS],
        [path / f"{name}{_CROP}" / f"{name}.mat" for name in SETS],
        [path / name / f"{name}.mat" for name in SETS],
    ):
        found = [place for place in places if kind(place) == "file"]
        if found:
            return found
    names = ", ".join(tops(FolderStore(path))[:5]) or "nothing"
    raise DataError(
        f"{path} is not laid out like IMDB-WIKI: expected imdb.mat or wiki.mat beside its numbered "
        f"folders, or imdb_crop and wiki_crop with these; found {names}."
    )


def _read_one(file: Path, samples: list[Sample], bad: BadRows) -> str:
    """Add a table's rows, and say in words what was there."""
    table = read_mat(file, (file.stem,), limit=_MAX_BYTES, fields=_FIELDS).get(file.stem)
    if not isinstance(table, dict):
        raise DataError(f"{file} has no struct {file.stem}.")
    paths = table.get("full_path")
    if not isinstance(paths, list):
        raise DataError(f"{file}: expected full_path to be a cell array of texts.")
    numbers = {name: _row(table.get(name), name, len(paths), file) for name in _NUMBERS}
    names = _people(table, len(paths), file)
    ages = _ages(numbers["dob"], numbers["photo_taken"])
    keep, layout = _usable(numbers, ages)
    folder = file.parent
    seen: set[str] = set()
    for i in np.flatnonzero(keep):
        where, name, gender = f"{file}, row {i + 1}", paths[i], numbers["gender"][i]
        if not isinstance(name, str) or not _PATH.fullmatch(name):
            bad.add(DataError(f"{where}: full_path {str(name)[:60]!r} is not 00/name.jpg."))
        elif gender not in (0, 1):
            bad.add(DataError(f"{where}: gender is {gender:g}, not 0 or 1."))
        elif name in seen:
            bad.add(DataError(f"{where}: {name} is listed twice."))
        else:
            seen.add(name)
            samples.append(
                Sample(
                    f"{file.stem}/{name}",
                    partial(_picture, folder, name),
                    subject=names[i],
                    gender=int(gender),
                    age=float(ages[i]),
                )
            )
    pictures = "crops" if _is_crop(file) else "whole pictures"
    return f"{file.stem}, {pictures}: {layout}"


def _row(value: Value | None, name: str, count: int, file: Path) -> NDArray[Any]:
    """(count,) float64."""
    if not isinstance(value, np.ndarray) or value.shape not in ((1, count), (count, 1)):
        found = f"{value.shape}" if isinstance(value, np.ndarray) else "none"
        raise DataError(f"{file}: expected {name} of {count} numbers; found {found}.")
    return value.reshape(-1).astype(np.float64)


def _people(table: dict[str, Value], count: int, file: Path) -> list[str]:
    """Who is shown, or ""; by name, since the two sets share no other key."""
    own = list(_texts(table.get("name"), "name", file))
    if own and len(own) != count:
        raise DataError(f"{file}: expected {count} names; found {len(own)}.")
    known = list(_texts(table.get("celeb_names"), "celeb_names", file))
    if "celeb_id" not in table:
        return own or [""] * count
    ids = _row(table["celeb_id"], "celeb_id", count, file)
    listed = [
        known[int(number) - 1] if 1 <= number <= len(known) and number == int(number) else ""
        for number in ids
    ]
    return [name or other for name, other in zip(own or [""] * count, listed, strict=True)]


def _texts(value: Value | None, name: str, file: Path) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, list):
        raise DataError(f"{file}: expected {name} to be a cell array of texts.")
    for cell in value:
        # [] stands for an empty text
        yield cell.strip() if isinstance(cell, str) else ""


def _ages(births: NDArray[Any], years: NDArray[Any]) -> NDArray[Any]:
    """Years from birth to 1 July of the year of the photograph; NaN where one is unknown."""
    days = {
        year: date(int(year), 7, 1).toordinal() + _DAY_ONE
        for year in np.unique(years)
        if 1 <= year <= 9999 and year == int(year)
    }
    taken = np.array([days.get(year, math.nan) for year in years.tolist()], np.float64)
    return np.asarray((taken - births) / _YEAR, np.float64)


def _usable(numbers: dict[str, NDArray[Any]], ages: NDArray[Any]) -> tuple[NDArray[np.bool_], str]:
    """Which rows are kept, and in words how many were left out for which reason."""
    low, high = AGES
    keep = np.ones(len(ages), np.bool_)
    counts: list[str] = []
    for reason, fine in (
        ("without a face", np.isfinite(numbers["face_score"])),
        ("with a second face", np.isnan(numbers["second_face_score"])),
        ("without a gender", ~np.isnan(numbers["gender"])),
        (f"with no age or one outside {low:g} to {high:g}", (ages >= low) & (ages <= high)),
    ):
        counts.append(f"{np.count_nonzero(keep & ~fine):,} {reason}")
        keep &= fine
    return keep, f"{len(ages):,} rows, left out {', '.join(counts)}"


def _picture(folder: Path, name: str) -> ImageU8:
    where = folder / name
    try:
        outside = not where.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise DataError(f"Cannot read {where}: {error}.") from error
    if outside:
        raise DataError(f"{where} leads out of {folder}; such a link is refused.")
    return decode(FolderStore(folder).read(name, MAX_PICTURE_BYTES), str(where))


add_dataset(
    DataSet(
        name=NAME,
        title="IMDB-WIKI (Rothe et al. 2015): age and gender",
        where="from its makers' page at ETH Zurich: imdb_crop and wiki_crop, or the whole pictures",
        terms=(
            "for academic research only; the pictures were gathered from the web and belong to "
            "their owners"
        ),
        layout=(
            "imdb_crop/ with imdb.mat and the folders 00 to 99, wiki_crop/ with wiki.mat and the "
            "same, or a folder with both",
            "imdb/ and wiki/ with the same: whole pictures",
        ),
        # Before rows that cannot be used are left out.
        published={"images": 460_723 + 62_328},
        source="Kyritsis, section 3.3: 460,723 from IMDb and 62,328 from Wikipedia",
        read=read,
    )
)
