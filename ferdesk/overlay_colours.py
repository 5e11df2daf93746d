"""The colours of the expressions, in two sets: the one home of both."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

RGB = tuple[int, int, int]

ColourSet = Literal["standard", "safe"]

EXPRESSION_COLOURS: Final[Mapping[str, RGB]] = MappingProxyType(
    {
        "neutral": (176, 184, 196),
        "happiness": (250, 204, 21),
        "surprise": (251, 146, 60),
        "sadness": (96, 165, 250),
        "anger": (248, 82, 82),
        "disgust": (74, 222, 128),
        "fear": (192, 132, 252),
        "contempt": (45, 212, 191),
    }
)
"""Each expression's colour as (red, green, blue), 0..255: bright, for dark grounds."""

UNKNOWN: Final[RGB] = (176, 184, 196)
"""Of a face whose expression was not estimated."""

SAFE_COLOURS: Final[Mapping[str, RGB]] = MappingProxyType(
    {
        "neutral": (230, 230, 230),
        "happiness": (240, 228, 66),
        "surprise": (230, 159, 0),
        "sadness": (86, 180, 233),
        "anger": (213, 94, 0),
        "disgust": (0, 158, 115),
        "fear": (204, 121, 167),
        "contempt": (0, 114, 178),
    }
)
"""The same for people who see few colours: M. Okabe, K. Ito. "Color Universal Design (CUD): How to
make figures and presentations that are friendly to colorblind people." 2008. Its black, which
nobody would see on a dark ground, is a light grey here."""

_BLACK: Final = (16, 16, 16)
_DARKER: Final = 0.65
"""All by the same factor: these colours are told apart by how light they are, too."""

SAFE_ON_LIGHT: Final[Mapping[str, RGB]] = MappingProxyType(
    {
        name: (round(red * _DARKER), round(green * _DARKER), round(blue * _DARKER))
        for name, (red, green, blue) in SAFE_COLOURS.items()
    }
    | {"neutral": _BLACK}
)
"""The safe set for light grounds, with its black."""

_SETS: Final[Mapping[ColourSet, Mapping[str, RGB]]] = MappingProxyType(
    {"standard": EXPRESSION_COLOURS, "safe": SAFE_COLOURS}
)


def expression_colours(which: ColourSet) -> Mapping[str, RGB]:
    """Each expression's colour for dark grounds, by its name."""
    return _SETS[which]
