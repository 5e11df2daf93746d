"""What result files are called."""

import re
from collections.abc import Collection, Iterable
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

SESSION_ENDING: Final = ".ferdesk"
"""What the names of sessions end with."""


class ResultFiles(NamedTuple):
    """Where one input's results go; not all of them come into being.

    Attributes:
        stem: what all their names begin with.
        table: the CSV.
        video: the annotated video.
        picture: the annotated picture, for a single one.
        folder: annotated pictures, for a folder of them.
        session: the recorded session, a folder too.
    """

    stem: str
    table: Path
    video: Path
    picture: Path
    folder: Path
    session: Path


class ResultNames:
    """Gives each input names of its own: results replace neither an input nor each other.

    Args:
        out: the folder for results.
        inputs: what the user named; files among them are kept safe.
        name: what the user calls the results; empty: they are called like the input.
    """

    def __init__(self, out: Path, inputs: Iterable[str], name: str = "") -> None:
        self._out = out
        self._name = name
        self._kept = set[str]()
        self._taken = set[str]()
        self.guard(inputs)

    def guard(self, inputs: Iterable[str]) -> None:
        """Keep these inputs safe as well."""
        for spec in inputs:
            if "://" not in spec:
                # Its folder too: a session that is replaced is one, with the video in it.
                self._kept.update((_same(Path(spec)), _same(Path(spec).parent)))

    def claim(self, stem: str, others: Collection[str] = ()) -> ResultFiles:
        """Names for one more input.

        Args:
            stem: the input's name without its ending; characters that some file system does not
                allow become "_".
            others: names that belong to somebody else, without regard to case.
        """
        plain = re.sub(r"[^\w.\- ]+", "_", self._name or stem).strip(". ") or "result"
        for number in count(1):
            name = plain if number == 1 else f"{plain}-{number}"
            files = self._files(name)
            # Compared without regard to case, for file systems that know none.
            free = name.casefold() not in self._taken and name.casefold() not in others
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
            self._out / f"{name}{SESSION_ENDING}",
        )


def _same(path: Path) -> str:
    return str(path.resolve()).casefold()
