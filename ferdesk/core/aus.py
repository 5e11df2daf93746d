"""The one home of facial action units: numbers, names, muscles, and the emotions they speak for.

P. Ekman, W. V. Friesen, J. C. Hager. "Facial Action Coding System." 2002: numbers, names and
muscles. G. Kyritsis's thesis, table 3.1: which units there are here, and their emotions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ferdesk.core.labels import EXPRESSIONS


@dataclass(frozen=True, slots=True)
class ActionUnit:
    """One movement of the face.

    Attributes:
        number: in FACS.
        name: in FACS.
        muscles: what moves, or goes slack.
        paired: whether it is done with the left and the right side separately; the others have no
            sides.
        emotions: those it is associated with in the thesis's table 3.1, in the canonical order.
    """

    number: int
    name: str
    muscles: str
    paired: bool
    emotions: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """Two digits and AU before them, "AU04": as in columns and files."""
        return f"AU{self.number:02d}"


_LIPS = "orbicularis oris"
_EYE = "orbicularis oculi"

ACTION_UNITS: Final = (
    ActionUnit(
        1,
        "Inner Brow Raiser",
        "frontalis, medial part",
        True,
        ("surprise", "sadness", "disgust", "fear"),
    ),
    ActionUnit(
        2,
        "Outer Brow Raiser",
        "frontalis, lateral part",
        True,
        ("surprise", "sadness", "fear"),
    ),
    ActionUnit(
        4,
        "Brow Lowerer",
        "corrugator supercilii, depressor supercilii, procerus",
        True,
        ("sadness", "anger", "disgust", "fear"),
    ),
    # The table calls it "Upper Lip Raiser", which is AU10; in FACS unit 5 raises the upper lid, and
    # its emotions there are a raised lid's too.
    ActionUnit(
        5,
        "Upper Lid Raiser",
        "levator palpebrae superioris",
        True,
        ("surprise", "anger", "fear"),
    ),
    ActionUnit(6, "Cheek Raiser", f"{_EYE}, orbital part", True, ("happiness", "sadness")),
    ActionUnit(7, "Lid Tightener", f"{_EYE}, palpebral part", True, ("fear",)),
    ActionUnit(9, "Nose Wrinkler", "levator labii superioris alaeque nasi", True, ("disgust",)),
    ActionUnit(10, "Upper Lip Raiser", "levator labii superioris", True, ("disgust",)),
    ActionUnit(11, "Nasolabial Deepener", "zygomaticus minor", True),
    ActionUnit(12, "Lip Corner Puller", "zygomaticus major", True, ("happiness",)),
    # "Check Puller" in the table.
    ActionUnit(13, "Sharp Lip Puller", "levator anguli oris", True),
    ActionUnit(14, "Dimpler", "buccinator", True, ("contempt",)),
    ActionUnit(
        15, "Lip Corner Depressor", "depressor anguli oris", True, ("sadness", "anger", "disgust")
    ),
    ActionUnit(16, "Lower Lip Depressor", "depressor labii inferioris", True),
    ActionUnit(17, "Chin Raiser", "mentalis", False, ("sadness", "anger", "disgust")),
    ActionUnit(18, "Lip Pucker", "incisivii labii superioris and inferioris", False),
    ActionUnit(20, "Lip Stretcher", "risorius, with platysma", True, ("fear",)),
    ActionUnit(21, "Neck Tightener", "platysma", False),
    ActionUnit(23, "Lip Tightener", _LIPS, False, ("anger",)),
    ActionUnit(24, "Lip Pressor", _LIPS, False),
    ActionUnit(
        25,
        "Lips Part",
        f"depressor labii inferioris; mentalis or {_LIPS} relaxed",
        False,
        ("happiness", "surprise"),
    ),
    ActionUnit(26, "Jaw Drop", "masseter, temporalis and internal pterygoid relaxed", False),
    ActionUnit(27, "Mouth Stretch", "pterygoids, digastric", False),
    ActionUnit(28, "Lip Suck", _LIPS, False),
    ActionUnit(29, "Jaw Thrust", "lateral pterygoid", False),
    ActionUnit(31, "Jaw Clencher", "masseter", False),
    ActionUnit(34, "Cheek Puff", f"buccinator relaxed, {_LIPS} closed", True),
    ActionUnit(38, "Nostril Dilator", "nasalis, alar part", True),
    ActionUnit(39, "Nostril Compressor", "nasalis, transverse part, depressor septi nasi", True),
    ActionUnit(
        43,
        "Eyes Closed",
        f"levator palpebrae superioris relaxed; {_EYE}, palpebral part",
        True,
    ),
)
"""The thirty units of the thesis's table 3.1. Every vector of action units follows this order."""

AU_NUMBERS: Final = tuple(unit.number for unit in ACTION_UNITS)
AU_INDEX: Final[Mapping[int, int]] = MappingProxyType(
    {number: index for index, number in enumerate(AU_NUMBERS)}
)
"""From a unit's number to its place in a vector."""

N_UNITS: Final = len(ACTION_UNITS)


def unit(number: int) -> ActionUnit:
    """The action unit of a number.

    Raises:
        KeyError: it is not among the thirty.
    """
    return ACTION_UNITS[AU_INDEX[number]]


def units_of(*emotions: str) -> tuple[int, ...]:
    """Numbers of the units that table 3.1 associates with any of some emotions, ascending.

    Neutral has none of its own: with another emotion, that one's count; alone, or only with itself,
    all that speak for some emotion do, for neutral is their absence.

    Args:
        emotions: names in `ferdesk.core.labels.EXPRESSIONS`.

    Raises:
        ValueError: no such expression.
    """
    if foreign := set(emotions) - set(EXPRESSIONS):
        raise ValueError(f"no such expression: {', '.join(sorted(foreign))}")
    wanted = set(emotions) - {"neutral"} or set(EXPRESSIONS)
    return tuple(one.number for one in ACTION_UNITS if wanted & set(one.emotions))
