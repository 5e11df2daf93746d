"""What was read of each person in the last minute, for the plots. No Qt."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FaceResult, FloatArray

Times = NDArray[np.float64]

SPAN_S: Final = 60.0
_MOST: Final = 4096
"""Frames a person: a minute at 68 a second; at more the plot is shorter."""
_PEOPLE: Final = 16


class _Person:
    def __init__(self) -> None:
        self.times = np.empty(_MOST, np.float64)
        self.odds = np.empty((_MOST, len(EXPRESSIONS)), np.float32)
        self.units = np.empty((_MOST, len(ACTION_UNITS)), np.float32)
        self.begin = self.end = 0

    def add(self, time_s: float, result: FaceResult) -> None:
        if self.end == _MOST:  # close up
            kept = slice(max(self.begin, _MOST // 4), _MOST)
            size = kept.stop - kept.start
            for array in (self.times, self.odds, self.units):
                array[:size] = array[kept].copy()
            self.begin, self.end = 0, size
        self.times[self.end] = time_s
        self.odds[self.end] = result.probabilities
        self.units[self.end] = result.aus.activation if result.aus is not None else np.nan
        self.end += 1
        while self.times[self.begin] < time_s - SPAN_S:
            self.begin += 1


class History:
    """The last minute of up to 16 people, the latest seen.

    Attributes:
        largest: number of the face that was largest last; 0 for none.
        changes: rises with every change.
    """

    def __init__(self) -> None:
        self.largest = 0
        self.changes = 0
        self._people: OrderedDict[int, _Person] = OrderedDict()

    def add(self, time_s: float, faces: Sequence[FaceResult]) -> None:
        """Add a frame's faces, largest first; a time that jumps back begins a person anew."""
        for result in faces:
            number = result.face.track_id
            person = self._people.get(number)
            if person is None or (person.end and time_s < person.times[person.end - 1]):
                person = self._people[number] = _Person()
            person.add(time_s, result)
            self._people.move_to_end(number)
        while len(self._people) > _PEOPLE:
            self._people.popitem(last=False)
        if faces:
            self.largest = faces[0].face.track_id
        self.changes += 1

    def people(self) -> tuple[int, ...]:
        """Numbers of those that are known, ascending."""
        return tuple(sorted(self._people))

    def of(self, number: int) -> tuple[Times, FloatArray, FloatArray]:
        """Times (n,) in seconds, probabilities (n, 8) and activations (n, 30) of a person.

        Views: they change with the next `add`.
        """
        person = self._people.get(number) or _Person()
        span = slice(person.begin, person.end)
        return person.times[span], person.odds[span], person.units[span]

    def clear(self) -> None:
        """Forget everybody: another source begins."""
        self._people.clear()
        self.largest = 0
        self.changes += 1
