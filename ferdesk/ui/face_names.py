"""What the user calls the persons in the picture. No Qt."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ferdesk.core.types import FaceReading
from ferdesk.faces.region import overlap
from ferdesk.texts import tr

LONGEST: Final = 40
"""Characters of a name."""

_LEAST_OVERLAP: Final = 0.3
"""Two boxes are of one person where they share so much of the area that they cover together."""


class FaceNames:
    """Names by the person's number; live as long as the numbers mean the same persons."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    @property
    def given(self) -> Mapping[int, str]:
        """The names that were given, by number; does not change any more."""
        return MappingProxyType(dict(self._names))

    def of(self, number: int) -> str:
        """What to call a person: the name, or "Face 3" where none was given."""
        return self._names.get(number, unnamed(number))

    def give(self, number: int, name: str) -> str:
        """Call a person by a name; an empty one takes the name away.

        Args:
            number: the person's.
            name: as typed; spaces at its ends, line breaks and what is too long are left out.

        Returns:
            The name as it is kept.
        """
        kept = " ".join("".join(one if one.isprintable() else " " for one in name).split())
        kept = kept[:LONGEST].rstrip()
        if kept:
            self._names[number] = kept
        else:
            self._names.pop(number, None)
        return kept

    def carry_over(self, before: Sequence[FaceReading], after: Sequence[FaceReading]) -> None:
        """Persons are numbered anew: names stay with those who are where they were.

        Args:
            before: the faces of the last frame with the old numbers.
            after: those of the first frame with the new ones.
        """
        free = list(after)
        carried: dict[int, str] = {}
        for old in before:
            name = self._names.get(old.face.track_id)
            if name is None or not free:
                continue
            here = old.face.box
            nearest = max(free, key=lambda new: overlap(here, new.face.box))
            if overlap(here, nearest.face.box) >= _LEAST_OVERLAP:
                carried[nearest.face.track_id] = name
                free.remove(nearest)
        self._names = carried

    def clear(self) -> None:
        """Nobody has a name: another source begins."""
        self._names.clear()


def unnamed(number: int) -> str:
    """What a person without a name is called."""
    return tr("Face {number}").format(number=number)
