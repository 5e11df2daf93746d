"""Which action units are shown, and in what order: one that can be read while it changes. No Qt."""

import math
from typing import Final

import numpy as np

from ferdesk.core.aus import ACTION_UNITS, AU_NUMBERS
from ferdesk.core.types import AuValues, FloatArray
from ferdesk.preferences.display import UnitOrder

EVERY_S: Final = 0.5
"""Units change places no oftener."""

OVERTAKE: Final = 0.08
"""A unit goes above another one when it is so much stronger."""

_CALM_S: Final = 0.6
"""Time constant of the mean that units are sorted by: a blink moves nothing."""


class UnitSorter:
    """The units of one face, sorted as the user likes.

    Attributes:
        order: by number, or the strongest first.
        chosen: numbers of those that are shown.
    """

    def __init__(self) -> None:
        self.order: UnitOrder = "number"
        self.chosen = frozenset(AU_NUMBERS)
        self._places: list[int] = []
        self._mean: FloatArray | None = None
        self._seen_s = self._sorted_s = -math.inf

    def configure(self, order: UnitOrder, chosen: frozenset[int]) -> None:
        """Sort like this, and show these, from the next values on."""
        if order != self.order:
            self.forget()
        self.order, self.chosen = order, chosen

    def forget(self) -> None:
        """Begin anew: another person's values come."""
        self._places = []
        self._mean = None
        self._seen_s = self._sorted_s = -math.inf

    def arrange(self, values: AuValues, time_s: float) -> tuple[int, ...]:
        """The units to show.

        Args:
            values: of the face.
            time_s: the time of its frame, on the source's clock.

        Returns:
            Their places in `ferdesk.core.aus.ACTION_UNITS`, the uppermost first.
        """
        known = tuple(
            index for index in estimated(values) if ACTION_UNITS[index].number in self.chosen
        )
        if self.order == "number":
            return known
        self._follow(values.activation, time_s)
        if set(known) != set(self._places):
            self._places = sorted(known, key=self._strength, reverse=True)
            self._sorted_s = time_s
        elif time_s - self._sorted_s >= EVERY_S:
            self._resort()
            self._sorted_s = time_s
        return tuple(self._places)

    def _follow(self, activation: FloatArray, time_s: float) -> None:
        # Another time before: a clip that begins again.
        if self._mean is None or time_s < self._seen_s:
            self.forget()
            self._mean = activation.copy()
        else:
            share = np.float32(1 - math.exp(-(time_s - self._seen_s) / _CALM_S))
            mean = np.where(np.isfinite(self._mean), self._mean, activation)
            self._mean = (mean + share * (activation - mean)).astype(np.float32)
        self._seen_s = time_s

    def _strength(self, index: int) -> float:
        return float(self._mean[index]) if self._mean is not None else 0.0

    def _resort(self) -> None:
        """Let each unit go up past those that it is clearly stronger than."""
        settled: list[int] = []
        for index in self._places:
            at = len(settled)
            while at > 0 and self._strength(index) > self._strength(settled[at - 1]) + OVERTAKE:
                at -= 1
            settled.insert(at, index)
        self._places = settled


def estimated(values: AuValues) -> tuple[int, ...]:
    """Places in `ferdesk.core.aus.ACTION_UNITS` of the units that are estimated, ascending."""
    return tuple(int(index) for index in np.flatnonzero(np.isfinite(values.activation)))
