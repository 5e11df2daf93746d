"""What result files are called."""

import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import NamedTuple


class ResultFiles(NamedTuple):
    """Where one input's results go; not all of them come into being.

    Attributes:
        stem: what all their names begin with.
        table: the CSV.
        video: the annotated video.
        picture: the annotated picture, for a single one.
        folder: annotated pictures, for a folder of them.
    """

    stem: str
    table: Path
    video: Path
    picture: Path
    folder: Path


class ResultNames:
    """Gives each input names of its own: results replace neither an input nor each other.

    Args:
        out: the folder for results.
        inputs: what the user named; files among them are kept safe.
    """

    def __init__(self, out: Path, inputs: Iterable[str]) -> None:
        self._out = out
        self._kept = {_same(Path(spec)) for spec in inputs if "://" not in spec}
        self._taken = set[str]()

    def claim(self, stem: str) -> ResultFiles:
        """Names for one more input.

        Args:
            stem: the input's name without its ending; characters that some file system does not
                allow become "_".
        """
        plain = re.sub(r"[^\w.\- ]+", "_", stem).strip(". ") or "result"
        for number in count(1):
            name = plain if number == 1 else f"{plain}-{number}"
            files = self._files(name)
            # Compared without regard to case, for file systems that know none.
            free = name.casefold() not in self._taken
            if free and not self._kept.intersection(_same(path) for path in files[1:]):
                break
        self._taken.add(name.casefold())
        return files

    def keep(self, stem: str) -> None:
        """Give this name to nobody: results are there that stay."""
        self._taken.add(stem.casefold())

    def _files(self, name: str) -> ResultFiles:
        annotated = self._out / f"{name}_annotated"
        return ResultFiles(
            name,
            self._out / f"{name}.csv",
            annotated.with_name(f"{annotated.name}.mp4"),
            annotated.with_name(f"{annotated.name}.png"),
            annotated,
        )


def _same(path: Path) -> str:
    return str(path.resolve()).casefold()
