"""The colours of the expressions: two sets, and what people choose instead; their one home."""

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
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

_LIGHTEST: Final = 0.42
"""On light grounds the standard colours are no lighter, as HSL has it."""


def _darkened(colour: RGB) -> RGB:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    red, green, blue = colorsys.hls_to_rgb(hue, min(lightness, _LIGHTEST), saturation)
    return round(255 * red), round(255 * green), round(255 * blue)


STANDARD_ON_LIGHT: Final[Mapping[str, RGB]] = MappingProxyType(
    {name: _darkened(colour) for name, colour in EXPRESSION_COLOURS.items()}
)
"""The standard set for light grounds."""

_SETS: Final[Mapping[ColourSet, tuple[Mapping[str, RGB], Mapping[str, RGB]]]] = MappingProxyType(
    {
        "standard": (EXPRESSION_COLOURS, STANDARD_ON_LIGHT),
        "safe": (SAFE_COLOURS, SAFE_ON_LIGHT),
    }
)
"""Each set for dark and for light grounds."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Which colour each expression has.

    Attributes:
        base: the set that holds where no other colour was chosen.
        own: expressions whose colour was chosen, with it; the same on dark and light grounds.
    """

    base: ColourSet = "standard"
    own: tuple[tuple[str, RGB], ...] = ()

    def colours(self, light: bool = False) -> Mapping[str, RGB]:
        """Each expression's colour by its name, in the canonical order.

        Args:
            light: whether they are for a light ground.
        """
        return _colours(self, light)


USUAL: Final = Palette()
"""The standard set."""


@lru_cache(maxsize=64)
def _colours(palette: Palette, light: bool) -> Mapping[str, RGB]:
    chosen = _SETS[palette.base][light]
    return MappingProxyType({**chosen, **dict(palette.own)})


def from_hex(text: str) -> RGB:
    """The colour that "#rrggbb" means.

    Raises:
        ValueError: it means none.
    """
    value = bytes.fromhex(text.removeprefix("#"))
    if len(value) != 3:
        raise ValueError(f"{text!r} is no colour such as #ffcc00")
    return value[0], value[1], value[2]
