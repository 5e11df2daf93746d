"""Where on a face the net's patch lies: from landmarks to an affine map."""

from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, PositiveFloat

from ferdesk.core.types import FloatArray, Matrix

OUTER_EYE_CORNERS: Final = (33, 263)
"""Face-mesh points: the outer corner of the eye at the image's left, and of that at its right."""


class CropRecipe(BaseModel):
    """An eye-aligned box in units of the eye distance (e2e), after Ng et al. 2015, section 3.1.

    e2e is the distance between the outer eye corners. Theirs is 0.62 beside, 0.9 above and 1.35
    below; a box a fifth smaller about the same centre suits nets better that were trained on FER+
    (docs/decisions/0006-crop.md). Stored in every bundle, so that the app cuts faces the way the
    net expects them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["eye_aligned"] = "eye_aligned"
    beside: PositiveFloat = 0.4
    """From each outer eye corner to the box's side."""
    above: PositiveFloat = 0.67
    """From the eye line up to the box's top."""
    below: PositiveFloat = 1.12
    """From the eye line down to the box's bottom."""


def eye_aligned(landmarks: FloatArray, recipe: CropRecipe, size: int) -> Matrix:
    """Place the patch so that the eyes are level.

    Args:
        landmarks: (n >= 264, 2 or 3) float32 in frame pixels, face-mesh numbering. With depth, the
            eye distance is taken in space, so that a turned head does not shrink the box.
        recipe: the box's sides.
        size: side of the square patch in pixels.

    Returns:
        (2, 3) float64, maps frame pixels to patch pixels.
    """
    left, right = (landmarks[i].astype(np.float64) for i in OUTER_EYE_CORNERS)
    across = right - left
    e2e = max(float(np.linalg.norm(across)), 1e-6)
    in_plane = across[:2]
    level = in_plane / max(float(np.linalg.norm(in_plane)), 1e-6)
    down = np.array([-level[1], level[0]])
    middle = (left[:2] + right[:2]) / 2
    width = (1 + 2 * recipe.beside) * e2e
    height = (recipe.above + recipe.below) * e2e
    side = (width + height) / 2  # the paper's box is square to half a percent; nets need it exact
    centre = middle + down * (recipe.below - recipe.above) / 2 * e2e
    linear = np.stack([level, down]) * (size / side)
    offset = (size - 1) / 2 - linear @ centre
    return np.concatenate([linear, offset[:, None]], axis=1)
