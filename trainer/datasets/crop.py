"""Cutting faces out of whole pictures exactly as the app does."""

import numpy as np

from ferdesk.core.align import CropRecipe, eye_aligned
from ferdesk.core.preprocess import extract
from ferdesk.core.types import Frame, ImageU8
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load

_MAX_FACES = 4  # found in a picture, of which the largest is taken


class FaceCropper:
    """The largest face of a picture as the grey patch that the app's nets get.

    Args:
        size: side of the patches in pixels.

    Raises:
        ModelError: the face models are not installed.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._finder = OpenVinoFinder(load("auto"), _MAX_FACES)
        self._seen = 0

    def __call__(self, picture: ImageU8) -> ImageU8 | None:
        """(h, w, 3) BGR to (size, size) grey, or None where no face is found."""
        frame = Frame(np.ascontiguousarray(picture), self._seen, 0, None, "", still=True)
        self._seen += 1
        faces = self._finder.find(frame)
        if not faces:
            return None
        place = eye_aligned(faces[0].landmarks, CropRecipe(), self._size)
        return extract(frame.image, place, self._size).image
