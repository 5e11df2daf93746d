"""From MediaPipe's 52 face blendshapes to action units.

The names and their order are those of MediaPipe's face blendshape net (Apache-2.0), which follows
Apple's ARKit. Which unit each stands for follows M. Özel's "ARKit to FACS" cheat sheet and the
descriptions of the units in P. Ekman, W. V. Friesen, J. C. Hager, "Facial Action Coding System",
2002. Shapes that the net leaves near 0 on everybody (cheekSquint for AU6, noseSneer for AU9,
cheekPuff for AU34, jawForward for AU29) stand for nothing here: a unit that cannot be told is left
out, not 0. Where a shape moves but never far, a gain helps. The rule: if not one face in a thousand
of FER+ valid (3,297 faces found in 3,579 pictures) and of 6,655 photographs brings a unit to 0.6,
the gain puts the higher of the two sets' 99.9 % points at 1. Those points are 0.54 for eyeWide
(both sides' mean), 0.42 for mouthDimple, 0.59 for mouthPress and 0.88 for jawOpen, of whose upper
half AU27 is read.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ferdesk.core.types import FloatArray

BLENDSHAPES: Final = (
    "_neutral",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
)


class Shape(NamedTuple):
    """How a unit's activation is read off blendshapes: clip(gain * (mean - start), 0, 1).

    Attributes:
        names: their mean is taken; with `sided`, each has a Left and a Right.
        sided: whether the two sides are told apart.
        start: the shape's value from which the unit begins to act.
        gain: brings shapes that the net never gives large values to the scale of the others.
    """

    names: tuple[str, ...]
    sided: bool = True
    start: float = 0.0
    gain: float = 1.0


AU_SHAPES: Final[Mapping[int, Shape]] = {
    1: Shape(("browInnerUp",), sided=False),
    2: Shape(("browOuterUp",)),
    4: Shape(("browDown",)),
    5: Shape(("eyeWide",), gain=1.9),
    7: Shape(("eyeSquint",)),
    10: Shape(("mouthUpperUp",)),
    12: Shape(("mouthSmile",)),
    14: Shape(("mouthDimple",), gain=2.4),
    15: Shape(("mouthFrown",)),
    16: Shape(("mouthLowerDown",)),
    17: Shape(("mouthShrugLower",), sided=False),
    18: Shape(("mouthPucker",), sided=False),
    20: Shape(("mouthStretch",)),
    24: Shape(("mouthPressLeft", "mouthPressRight"), sided=False, gain=1.7),
    26: Shape(("jawOpen",), sided=False),
    27: Shape(("jawOpen",), sided=False, start=0.5, gain=2.6),
    28: Shape(("mouthRollLower", "mouthRollUpper"), sided=False),
    43: Shape(("eyeBlink",)),
}
"""Units that can be read off blendshapes. Lips that part (AU25) are read off the landmarks."""

_INDEX: Final = {name: index for index, name in enumerate(BLENDSHAPES)}


def whole_units(values: FloatArray) -> dict[int, float]:
    """Activations of the units without sides, from (52,) float32 blendshapes."""
    return {au: _read(values, shape, "") for au, shape in AU_SHAPES.items() if not shape.sided}


def sided_units(values: FloatArray) -> dict[int, tuple[float, float]]:
    """Activations (left, right) of the units with sides, from (52,) float32 blendshapes."""
    return {
        au: (_read(values, shape, "Left"), _read(values, shape, "Right"))
        for au, shape in AU_SHAPES.items()
        if shape.sided
    }


def _read(values: FloatArray, shape: Shape, side: str) -> float:
    mean = sum(float(values[_INDEX[name + side]]) for name in shape.names) / len(shape.names)
    return min(max(shape.gain * (mean - shape.start), 0.0), 1.0)
